"""What the digest's parts are called, in the reader's language. The page and the paper say the same."""

from collections.abc import Mapping
from decimal import Decimal

from runway.calculators.bridge_causes import BridgeCause
from runway.calculators.burn_runway import RunwayState
from runway.calculators.digest import Digest, DigestDue, DigestOverdue
from runway.calculators.figures import DAYS, Figure
from runway.calculators.outlook import PathRow
from runway.language.formats import NOTHING, day, days, money, number
from runway.language.headline import headline
from runway.language.strings import _, keyed, ngettext

_CAUSES: Mapping[BridgeCause, str] = {
    BridgeCause.EXPECTED: keyed("Time passed as expected"),
    BridgeCause.RECEIPTS_EARLIER: keyed("Customers paid earlier"),
    BridgeCause.RECEIPTS_LATER: keyed("Customers pay later"),
    BridgeCause.RECEIPTS_UNBANKED: keyed("Paid, not in the bank yet"),
    BridgeCause.INVOICES_CHANGED: keyed("Invoices changed"),
    BridgeCause.NEW_INVOICES: keyed("New invoices"),
    BridgeCause.BILLS_PAID: keyed("Bills paid"),
    BridgeCause.BILLS_PUT_OFF: keyed("Bills put off"),
    BridgeCause.BILLS_CHANGED: keyed("Bills changed"),
    BridgeCause.NEW_BILLS: keyed("New bills"),
    BridgeCause.DATES_CHANGED: keyed("Expected days changed"),
    BridgeCause.PAY_AND_TAXES: keyed("Pay and taxes"),
    BridgeCause.OTHER_INCOME: keyed("Other income"),
    BridgeCause.UNPLANNED: keyed("What was not planned"),
    BridgeCause.NOT_OPERATING: keyed("Owner, loans and transfers"),
    BridgeCause.SETTINGS: keyed("Settings"),
    BridgeCause.UNEXPLAINED: keyed("Not explained by documents"),
    BridgeCause.MODEL: keyed("The model, worked out anew"),
}
_STATES: Mapping[RunwayState, str] = {
    RunwayState.BELOW_FLOOR: keyed("Below the floor"),
    RunwayState.CASH_POSITIVE: keyed("No cash-out in sight"),
    RunwayState.BEYOND_CAP: keyed("Over 24 months"),
    RunwayState.NOT_ENOUGH_HISTORY: keyed("Too little history"),
    RunwayState.CASH_UNKNOWN: keyed("Cash is not known"),
}
_ROWS: Mapping[PathRow, str] = {
    PathRow.BILLS: keyed("bill"),
    PathRow.PAYROLL: keyed("pay"),
    PathRow.TAX: keyed("tax"),
    PathRow.RECURRING: keyed("comes again"),
    PathRow.OTHER_OUT: keyed("planned"),
}


def state_in_words(state: RunwayState, middle: Decimal | None) -> str:
    """The runway on a card or in a row: `middle` in days (P50) where there is a number of them, else why there is none."""
    return days(middle) if state is RunwayState.FINITE else _(_STATES[state])


def cause_in_words(cause: BridgeCause) -> str:
    return _(_CAUSES[cause])


def shown(figure: Figure | None, *, signed: bool = False) -> str:
    """A figure as text: days with their word, money with its currency; a dash where it has no value."""
    if figure is None or figure.value is None:
        return NOTHING
    if figure.unit == DAYS:
        n = int(figure.value)
        sign = "+" if signed and n > 0 else ""
        return sign + ngettext("%(n)s day", "%(n)s days", abs(n)) % {"n": number(n)}
    currency, _slash, per = figure.unit.partition("/")
    text = money(figure.value, currency, signed=signed)
    return f"{text} / {_(per)}" if per else text


def due_in_words(item: DigestDue) -> str:
    """Whom and what: Harbor Supply, bill 2231."""
    kind = _(_ROWS.get(item.row, item.row.replace("_", " ")))
    number_ = f" {item.document.doc_number}" if item.document and item.document.doc_number else ""
    late = _(", overdue since %(day)s") % {"day": day(item.overdue_since)} if item.overdue_since else ""
    return f"{item.what}, {kind}{number_}{late}"


def overdue_in_words(item: DigestOverdue) -> str:
    if item.document is not None and item.document.doc_number:
        return _("%(customer)s, invoice %(number)s") % {"customer": item.customer, "number": item.document.doc_number}
    return item.customer


def subject_of(digest: Digest) -> str:
    """The headline in one line, for a list of letters."""
    line = f"{digest.business}: {headline(digest.runway.display)}"
    moved = digest.change.runway.change if digest.change is not None else None
    if moved is None or moved.value is None:
        return line
    n = int(moved.value)
    if n == 0:
        return _("%(line)s, as last week") % {"line": line}
    days = ngettext("%(n)s day", "%(n)s days", abs(n)) % {"n": abs(n)}
    text = _("%(line)s, %(days)s more than last week") if n > 0 else _("%(line)s, %(days)s less than last week")
    return text % {"line": line, "days": days}
