from dataclasses import dataclass
from decimal import Decimal

from domains.ap.approvals import Signatory


@dataclass(frozen=True)
class Payer:
    """Who asks, and up to what, in home currency; None is no limit."""

    signatory: Signatory
    limit: Decimal | None = None
