"""CashFlow: from net income to the change of cash, indirectly. Cash is the bank accounts and Undeposited Funds."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from infra.money import ZERO
from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.store import Body
from infra.qbo.simulator.reports import rendering
from infra.qbo.simulator.reports.accounts import AccountTree, ReportAccount
from infra.qbo.simulator.reports.movements import Activity
from infra.qbo.simulator.reports.parameters import ReportRequest
from infra.qbo.simulator.reports.periods import Period
from infra.qbo.simulator.reports.rendering import Amounts, Column, Node, add_columns, plus, section, total_row
from infra.qbo.simulator.reports.statements import BY_PERIOD, activity, period_columns, periods_of, refuse_summary

_ADJUSTED = frozenset({
    "Accounts Receivable", "Other Current Asset", "Accounts Payable", "Credit Card", "Other Current Liability",
})  # fmt: skip
_INVESTING = frozenset({"Fixed Asset", "Other Asset"})
_FINANCING = frozenset({"Long Term Liability", "Equity"})
_ADJUSTMENTS = "Adjustments to reconcile Net Income to Net Cash provided by operations:"


def cash_flow(company: Company, request: ReportRequest, *, time: str) -> Body:
    """It has no accounting method: always accrual."""
    refuse_summary(request, allowed=BY_PERIOD)
    request = replace(request, basis="Accrual")
    tree = AccountTree(company.stores)
    flow = _Flow(tree, activity(company, tree, request), request)
    rows = flow.rows()
    header = rendering.header("CashFlow", request, time=time, with_basis=False, summary=request.summarize_by)
    header["Option"] = rendering.options(has_data=bool(rows))
    columns = [*period_columns(request), *([Column("Total", "Money", "total")] if flow.has_total else [])]
    return rendering.report(header, [Column("", "Account", "account"), *columns], rows)


class _Flow:
    def __init__(self, tree: AccountTree, found: Activity, request: ReportRequest) -> None:
        self._tree, self._found = tree, found
        self.has_total = request.summarize_by != "Total"
        self._spans: list[Period] = [*periods_of(request), *([request.period] if self.has_total else [])]

    def rows(self) -> list[Body]:
        """Empty when nothing moved in the period and there is no cash."""
        net: Amounts = [-self._sum([account.key for account in self._tree.periodic()], span) for span in self._spans]
        adjustments, investing, financing = (self._nodes(kinds) for kinds in (_ADJUSTED, _INVESTING, _FINANCING))
        start, end = self._cash()
        if not (any(net) or adjustments or investing or financing or any(start) or any(end)):
            return []
        rows = [self._operating(net, adjustments)]
        increase = add_columns([net, *(node.amounts for node in (*adjustments, *investing, *financing))])
        if investing:
            rows.append(_activities("investing", investing, group="InvestingActivities"))
        if financing:
            rows.append(_activities("financing", financing, group="FinancingActivites"))  # QBO's own spelling
        rows.append(total_row("Net cash increase for period", increase, group="CashIncrease"))
        if any(start):
            rows.append(total_row("Cash at beginning of period", start, group="BeginningCash"))
        return [*rows, total_row("Cash at end of period", plus(start, increase), group="EndingCash")]

    def _operating(self, net: Amounts, adjustments: list[Node]) -> Body:
        inside = rendering.node_rows([Node("Net Income", net)])
        if adjustments:
            inside.append({
                "Header": rendering.heading(_ADJUSTMENTS, len(net)),
                "Rows": {"Row": rendering.node_rows(adjustments)},
                "type": "Section",
                "group": "OperatingAdjustments",
            })  # fmt: skip
        total = add_columns([net, *(node.amounts for node in adjustments)])
        label = "Net cash provided by operating activities"
        return section("OPERATING ACTIVITIES", inside, total, group="OperatingActivities", label=label)

    def _nodes(self, kinds: frozenset[str]) -> list[Node]:
        """What each account gave to cash: a rise of a debt gives, a rise of an asset takes."""
        nodes = []
        for account in self._tree.in_order():
            if account.type in kinds and not account.is_cash:
                moved = [self._moved(account, span) for span in self._spans]
                if any(amount is not None for amount in moved):
                    nodes.append(Node(account.full_name, moved, account.shown_id))
        return nodes

    def _moved(self, account: ReportAccount, span: Period) -> Decimal | None:
        moved = self._found.over(account.key, since=span.start, until=span.end)
        return None if moved is None else -moved

    def _cash(self) -> tuple[Amounts, Amounts]:
        keys = [account.key for account in self._tree.by_key.values() if account.is_cash]
        before: Amounts = [
            self._found.sum_over(keys, since=None, until=span.start - timedelta(1)) for span in self._spans
        ]
        after: Amounts = [self._found.sum_over(keys, since=None, until=span.end) for span in self._spans]
        return before, after

    def _sum(self, keys: list[str], span: Period) -> Decimal:
        return self._found.sum_over(keys, since=span.start, until=span.end) or ZERO


def _activities(kind: str, nodes: list[Node], *, group: str) -> Body:
    totals = add_columns(node.amounts for node in nodes)
    label = f"Net cash provided by {kind} activities"
    return section(f"{kind.upper()} ACTIVITIES", rendering.node_rows(nodes), totals, group=group, label=label)
