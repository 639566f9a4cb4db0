"""ProfitAndLoss: income and expense of a period, on either basis."""

from collections.abc import Mapping

from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.store import Body
from infra.qbo.simulator.reports import rendering
from infra.qbo.simulator.reports.accounts import AccountTree
from infra.qbo.simulator.reports.parameters import ReportRequest
from infra.qbo.simulator.reports.rendering import Amounts, Column, Node, add_columns, less, plus, section, total_row
from infra.qbo.simulator.reports.statements import (
    BY_PERIOD,
    Amount,
    account_nodes,
    activity,
    amounts_over,
    columns_by_name,
    period_columns,
    periods_of,
    refuse_summary,
)

_ALLOWED = BY_PERIOD | {"Customers", "Vendors"}
_SECTIONS = (
    ("Income", "Income", "Income"),
    ("COGS", "Cost of Goods Sold", "Cost of Goods Sold"),
    ("Expenses", "Expense", "Expenses"),
    ("OtherIncome", "Other Income", "Other Income"),
    ("OtherExpenses", "Other Expense", "Other Expenses"),
)


def profit_and_loss(company: Company, request: ReportRequest, *, time: str) -> Body:
    refuse_summary(request, allowed=_ALLOWED)
    tree = AccountTree(company.stores)
    columns, amounts = _columns(company, tree, request)
    nodes = {
        group: rendering.sorted_nodes(account_nodes(tree.roots(account_type), amounts), request)
        for group, account_type, _ in _SECTIONS
    }
    has_data = any(nodes.values())
    header = rendering.header("ProfitAndLoss", request, time=time, summary=request.summarize_by)
    header["Option"] = rendering.options(("AccountingStandard", "GAAP"), has_data=has_data)
    rows = _rows(nodes, len(columns)) if has_data else []
    return rendering.report(header, [Column("", "Account", "account"), *columns], rows)


def _columns(company: Company, tree: AccountTree, request: ReportRequest) -> tuple[list[Column], Amount]:
    if request.summarize_by not in BY_PERIOD:
        return columns_by_name(company, tree, request)
    columns = period_columns(request)
    spans = periods_of(request)
    if request.summarize_by != "Total":
        columns, spans = [*columns, Column("Total", "Money", "total")], [*spans, request.period]
    return columns, amounts_over(activity(company, tree, request), [(span.start, span.end) for span in spans])


def _rows(nodes: Mapping[str, list[Node]], width: int) -> list[Body]:
    """Income and expenses always stand; the other groups and what follows from them when there is something in them."""
    totals: dict[str, Amounts] = {
        group: add_columns([[None] * width, *(node.totals() for node in inside)]) for group, inside in nodes.items()
    }
    shown = {
        group: section(title, rendering.node_rows(nodes[group]), totals[group], group=group)
        for group, _, title in _SECTIONS
        if nodes[group] or group in {"Income", "Expenses"}
    }
    gross = less(totals["Income"], totals["COGS"])
    operating = less(gross, totals["Expenses"])
    other = less(totals["OtherIncome"], totals["OtherExpenses"])
    rows = [shown["Income"]]
    rows += [shown["COGS"]] if "COGS" in shown else []
    rows += [total_row("Gross Profit", gross, group="GrossProfit"), shown["Expenses"]]
    rows.append(total_row("Net Operating Income", operating, group="NetOperatingIncome"))
    others = [shown[group] for group in ("OtherIncome", "OtherExpenses") if group in shown]
    if others:
        rows += [*others, total_row("Net Other Income", other, group="NetOtherIncome")]
    return [*rows, total_row("Net Income", plus(operating, other), group="NetIncome")]
