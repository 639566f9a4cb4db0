"""What the statements share: columns, and accounts with their amounts in each."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal

from infra.money import ZERO
from infra.qbo.simulator import faults
from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.ledger import Key
from infra.qbo.simulator.reports.accounts import AccountTree, ReportAccount
from infra.qbo.simulator.reports.cash_basis import cash_movements
from infra.qbo.simulator.reports.movements import Activity, Movement, accrual_movements, accrual_totals
from infra.qbo.simulator.reports.names import name_label
from infra.qbo.simulator.reports.parameters import ReportRequest
from infra.qbo.simulator.reports.periods import Period, split
from infra.qbo.simulator.reports.rendering import Amounts, Column, Node

BY_PERIOD = frozenset({"Total", "Month", "Week", "Days", "Quarter", "Year"})
_BY_NAME = {"Customers": "Customer", "Vendors": "Vendor"}
_MOST_DAYS = 5_000  # some eighty accounts, in so many columns, are QBO's 400,000 cells
Amount = Callable[[ReportAccount], Amounts]
"""An account's own amounts, one a money column, in its natural sign."""


def movements(company: Company, tree: AccountTree, basis: str) -> Iterable[Movement]:
    return cash_movements(company, tree) if basis == "Cash" else accrual_movements(company)


def activity(company: Company, tree: AccountTree, request: ReportRequest) -> Activity:
    """All movements on the request's basis, of its customers and vendors where it names any."""
    wanted = wanted_names(request)
    if not wanted and request.basis == "Accrual":
        return Activity(accrual_totals(company))
    moved = movements(company, tree, request.basis)
    return Activity((each.day, each.account_key, each.amount) for each in moved if not wanted or each.name in wanted)


def wanted_names(request: ReportRequest) -> frozenset[Key]:
    """Empty: everybody."""
    customers = {("Customer", identifier) for identifier in request.customers}
    return frozenset(customers | {("Vendor", identifier) for identifier in request.vendors})


def period_columns(request: ReportRequest) -> list[Column]:
    cut = split(request.period, request.summarize_by, first_month=request.first_month)
    if request.summarize_by == "Total":
        return [Column("Total", "Money", "total")]
    return [
        Column(title, "Money", title, (("StartDate", start.isoformat()), ("EndDate", end.isoformat())))
        for title, (start, end) in cut
    ]


def periods_of(request: ReportRequest) -> list[Period]:
    return [column.period for column in split(request.period, request.summarize_by, first_month=request.first_month)]


def refuse_summary(request: ReportRequest, *, allowed: frozenset[str] = BY_PERIOD) -> None:
    """Raises:
    ServiceFault: 5020 when columns by something the report does not have were asked for, 10100 for too many.
    """
    if request.summarize_by not in allowed:
        raise faults.not_in_plan(f"summarize_column_by {request.summarize_by} of this report")
    days = (request.period.end - request.period.start).days
    if request.summarize_by in {"Days", "Week"} and days > _MOST_DAYS:
        raise faults.report_too_large()


def columns_by_name(
    company: Company, tree: AccountTree, request: ReportRequest
) -> tuple[list[Column], Callable[[ReportAccount], Amounts]]:
    """One column for each customer or vendor that something moved for in the period, then those without, then Total."""
    kind = _BY_NAME[request.summarize_by]
    wanted = wanted_names(request)
    moved: defaultdict[str | None, defaultdict[str, Decimal]] = defaultdict(lambda: defaultdict(lambda: ZERO))
    periodic = {account.key for account in tree.periodic()}
    for each in movements(company, tree, request.basis):
        if each.account_key not in periodic or not request.period.start <= each.day <= request.period.end:
            continue
        if not wanted or each.name in wanted:
            whose = each.name[1] if each.name is not None and each.name[0] == kind else None
            moved[whose][each.account_key] += each.amount
    labels = {whose: name_label(company, (kind, whose)) for whose in moved if whose is not None}
    order: list[str | None] = [*sorted(labels, key=lambda whose: labels[whose].lower())]
    columns = [Column(labels[whose], "Money", whose) for whose in order if whose is not None]
    if None in moved:
        order.append(None)
        columns.append(Column("Not Specified", "Money", "0"))

    def amounts(account: ReportAccount) -> Amounts:
        own: Amounts = [moved[whose].get(account.key) for whose in order]
        known = [amount for amount in own if amount is not None]
        return [*_natural(account, own), account.natural(sum(known, ZERO)) if known else None]

    return [*columns, Column("Total", "Money", "total")], amounts


def amounts_over(found: Activity, spans: list[tuple[date | None, date]]) -> Amount:
    return lambda account: _natural(
        account, [found.over(account.key, since=since, until=until) for since, until in spans]
    )


def account_nodes(accounts: Iterable[ReportAccount], amounts: Amount) -> list[Node]:
    """Those with something to show, or over one that has."""
    nodes = []
    for account in accounts:
        node = Node(account.name, amounts(account), account.shown_id, None, account_nodes(account.children, amounts))
        if node.children or any(amount is not None for amount in node.amounts):
            nodes.append(node)
    return nodes


def _natural(account: ReportAccount, amounts: Amounts) -> Amounts:
    return [None if amount is None else account.natural(amount) for amount in amounts]
