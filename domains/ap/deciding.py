"""What a person brings when they decide on a bill, and what comes of it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from domains.ap.approval_errors import NotAsSeen
from domains.ap.approvals import Signatory, Standing
from domains.ap.duplicates import Duplicate


@dataclass(frozen=True)
class Seen:
    """What a person had before them when they decided; None: not told. `vendor` is the rail's id or the name."""

    amount: Decimal | None = None
    due_on: date | None = None
    vendor: str | None = None
    fingerprint: str | None = None
    tells_due_on: bool = False  # `due_on` None then means that they saw none


@dataclass(frozen=True)
class Deciding:
    """Who decides, for which business, in which request. `limit` is theirs, in home currency; `as_of`: how old the books were.

    `figures` are those that they saw before they decided, frozen; None: not told.
    """

    business_id: UUID
    by: Signatory
    request_id: str
    limit: Decimal | None = None
    as_of: datetime | None = None
    figures: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Approved:
    """How the bill stands now, and what it looks like: `duplicates` were no reason to stop, or a reason was given."""

    standing: Standing
    duplicates: Sequence[Duplicate] = ()


def refuse_other_than_seen(standing: Standing, seen: Seen | None) -> None:
    """Compare what the person told; the fingerprint only where nothing else says more.

    Raises:
        NotAsSeen: the bill is another than they looked at.
    """
    if seen is None:
        return
    bill = standing.bill
    changed: dict[str, tuple[Any, Any]] = {}
    if seen.amount is not None and seen.amount != bill.total:
        changed["amount"] = (seen.amount, bill.total)
    if seen.tells_due_on and seen.due_on != bill.due_on:
        changed["due_on"] = (seen.due_on, bill.due_on)
    if seen.vendor is not None and seen.vendor not in {bill.vendor_external_id, bill.vendor_name}:
        changed["vendor"] = (seen.vendor, bill.vendor_name or bill.vendor_external_id)
    now = None if standing.material is None else standing.material.fingerprint
    if not changed and seen.fingerprint is not None and seen.fingerprint != now:
        changed["fingerprint"] = (seen.fingerprint, now)
    if changed:
        raise NotAsSeen(bill.words, changed)


def told_of(found: Duplicate) -> dict[str, Any]:
    """As the log keeps it."""
    other = found.other
    return {
        "kind": other.kind.value,
        "external_id": other.external_id,
        "doc_number": other.doc_number,
        "on": other.on,
        "amount": other.amount,
        "signs": [sign.value for sign in found.signs],
        "strength": found.strength.name.lower(),
    }
