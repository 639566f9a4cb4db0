"""Credits not yet applied, set against what is open, oldest first. For the forecast only: the books stay as they are."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from infra.money import ZERO
from runway.calculators.ageing import OpenDocument, UnappliedCredit
from runway.calculators.figures import Basis, Figure


@dataclass(frozen=True)
class AfterCredits:
    """Attributes:
    documents: with what credits left of them, those used up included at zero; in order of due date, date and id.
    applied: what the credits took off.
    left_over: credits beyond what their party owes: money we may have to give back, never an inflow or outflow here.
    """

    documents: tuple[OpenDocument, ...]
    applied: Figure
    left_over: Figure


def after_credits(
    documents: Iterable[OpenDocument], credits_left: Sequence[UnappliedCredit], *, basis: Basis
) -> AfterCredits:
    """Works for either side: customers' payments and credit memos on invoices, vendors' credits on bills."""
    left: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for credit in credits_left:
        left[credit.party_id] += credit.amount
    ordered = sorted(documents, key=lambda item: (item.ages_from, item.issued_on, item.external_id))
    reduced, applied = [], ZERO
    for document in ordered:
        used = max(ZERO, min(left[document.party_id], document.open_amount))
        left[document.party_id] -= used
        applied += used
        # Few have a credit: a large company's tens of thousands need no copies.
        reduced.append(replace(document, open_amount=document.open_amount - used) if used else document)
    n, over = len(credits_left), sum((amount for amount in left.values() if amount > 0), ZERO)
    return AfterCredits(
        documents=tuple(reduced),
        applied=basis.figure(applied, basis.currency, n=n, n_of="credits", note="oldest document first"),
        left_over=basis.figure(over, basis.currency, n=n, n_of="credits"),
    )
