from runway.calculators.to_come import ToCome
from runway.calculators.unplanned import WeekdayProfile

_BILLS = "Open bills are paid on the day they are scheduled for, else on their due date; overdue ones today."
_BILLS_BY_HABIT = (
    "Open bills are paid on the day they are scheduled for, else as many days after their due date as their vendor is "
    "usually paid late; must-pays on their due date, and what is past its day today."
)


def assumptions_of(
    sales: WeekdayProfile | None,
    *,
    collected: ToCome,
    paid: ToCome,
    counts_to_come: bool,
    waits: bool = False,
    bills_by_habit: bool = False,
) -> tuple[str, ...]:
    """What a forecast supposes, in words, in the order of its rows. `waits`: money is not banked on the day on which it comes."""
    said = ["Open invoices come as their customers have paid before, given that they have not paid yet."]
    if waits:
        said.append("What customers pay is cash once it is banked, after as many days in Undeposited Funds as lately.")
    if sales is not None:
        said.append("Sales without an invoice go on as in a usual week.")
    if collected.shares:
        said.append("New invoices are written and paid as in the last 13 weeks.")
    said.append(_BILLS_BY_HABIT if bills_by_habit else _BILLS)
    if paid.shares:
        said.append("New bills come and are paid as in the last 13 weeks.")
    if not counts_to_come:
        said.append("Nothing is counted that is not invoiced or billed yet.")
    said.append("Payments that came in a rhythm come again; the rest of what goes out is that of a usual week.")
    return tuple(said)
