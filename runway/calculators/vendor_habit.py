"""How long after their due day bills are paid by habit: for a business whose forecast is to go by what it does, not by what it owes."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import date

from runway.calculators.ageing import OpenDocument
from runway.calculators.outlook import HORIZON_DAYS
from runway.calculators.payers import Payer, PayerBook

MIN_PAID = 3
_MEDIAN = 500


def usual_days_late(vendor: Payer) -> int:
    """The median of its paid bills, drawn towards that of all vendors; 0 of one with fewer than three.

    One that is itself paid in time keeps its due days, however late the others are paid: no plan comes before or after it.
    """
    if vendor.n < MIN_PAID or vendor.own.quantile(_MEDIAN) <= 0:
        return 0
    return max(vendor.mixed.quantile(_MEDIAN), 0)


def late_by_habit(
    bills: Iterable[OpenDocument], vendors: PayerBook, *, as_of: date, planned: AbstractSet[str]
) -> Mapping[str, int]:
    """By the rail's id: how many days after its due day each bill is paid that the habit moves, and none but those.

    Args:
        bills: open ones; of those that fall due after the horizon nothing is told.
        vendors: as whose "customers" the vendors are held, of the bills paid.
        as_of: a bill whose usual day has come is paid today, like any that is overdue, so the habit does not move it.
        planned: bills with a day of their own: scheduled, or those that must be paid when due.
    """
    usual: dict[str, int] = {}
    found: dict[str, int] = {}
    for bill in bills:
        late = (as_of - bill.ages_from).days
        if bill.external_id in planned or not bill.open_amount or late < -HORIZON_DAYS:
            continue
        if bill.party_id not in usual:
            usual[bill.party_id] = usual_days_late(vendors.of(bill.party_id))
        if usual[bill.party_id] > max(late, 0):
            found[bill.external_id] = usual[bill.party_id]
    return found
