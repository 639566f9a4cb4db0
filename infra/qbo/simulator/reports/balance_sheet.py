"""BalanceSheet: what stands at the end of each column. Income of earlier fiscal years is retained, this year's is net income."""

from datetime import date, timedelta
from decimal import Decimal

from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.store import Body
from infra.qbo.simulator.reports import rendering
from infra.qbo.simulator.reports.accounts import RETAINED_EARNINGS, AccountTree, ReportAccount
from infra.qbo.simulator.reports.movements import Activity
from infra.qbo.simulator.reports.parameters import ReportRequest
from infra.qbo.simulator.reports.periods import fiscal_year_start
from infra.qbo.simulator.reports.rendering import Amounts, Column, Node, add_columns, section
from infra.qbo.simulator.reports.statements import (
    account_nodes,
    activity,
    amounts_over,
    period_columns,
    periods_of,
    refuse_summary,
)

_CURRENT_ASSETS = (
    ("BankAccounts", "Bank", "Bank Accounts"),
    ("AR", "Accounts Receivable", "Accounts Receivable"),
    ("OtherCurrentAssets", "Other Current Asset", "Other current assets"),
)
_OTHER_ASSETS = (("FixedAssets", "Fixed Asset", "Fixed Assets"), ("OtherAssets", "Other Asset", "Other Assets"))
_CURRENT_LIABILITIES = (
    ("AP", "Accounts Payable", "Accounts Payable"),
    ("CreditCards", "Credit Card", "Credit Cards"),
    ("OtherCurrentLiabilities", "Other Current Liability", "Other Current Liabilities"),
)
_LONG_TERM = (("LongTermLiabilities", "Long Term Liability", "Long-Term Liabilities"),)
Part = tuple[Body, Amounts]
"""A section and its totals."""


def balance_sheet(company: Company, request: ReportRequest, *, time: str) -> Body:
    refuse_summary(request)
    tree = AccountTree(company.stores)
    sheet = _Sheet(tree, activity(company, tree, request), request)
    assets, claims = sheet.assets(), sheet.claims()
    rows = [part[0] for part in (assets, claims) if part is not None]
    header = rendering.header("BalanceSheet", request, time=time, summary=request.summarize_by)
    header["Option"] = rendering.options(("AccountingStandard", "GAAP"), has_data=bool(rows))
    return rendering.report(header, [Column("", "Account", "account"), *period_columns(request)], rows)


def retained_and_net(found: Activity, tree: AccountTree, end: date, *, first_month: int) -> tuple[Decimal, Decimal]:
    """Income (positive) of the fiscal years before that of `end`, and of the year so far."""
    keys = [account.key for account in tree.periodic()]
    year = fiscal_year_start(end, first_month=first_month)
    earlier = -found.sum_over(keys, since=None, until=year - timedelta(1))
    return earlier, -found.sum_over(keys, since=year, until=end)


class _Sheet:
    def __init__(self, tree: AccountTree, found: Activity, request: ReportRequest) -> None:
        self._tree = tree
        self._request = request
        ends = [span.end for span in periods_of(request)]
        self._amounts = amounts_over(found, [(None, end) for end in ends])
        self._rolled = [retained_and_net(found, tree, end, first_month=request.first_month) for end in ends]

    def assets(self) -> Part | None:
        current = self._group("CurrentAssets", "Current Assets", self._typed(_CURRENT_ASSETS))
        return self._group("TotalAssets", "ASSETS", [current, *self._typed(_OTHER_ASSETS)], label="TOTAL ASSETS")

    def claims(self) -> Part | None:
        current = self._group("CurrentLiabilities", "Current Liabilities", self._typed(_CURRENT_LIABILITIES))
        liabilities = self._group("Liabilities", "Liabilities", [current, *self._typed(_LONG_TERM)])
        title = "LIABILITIES AND EQUITY"
        return self._group("TotalLiabilitiesAndEquity", title, [liabilities, self._equity()], label=f"TOTAL {title}")

    def _equity(self) -> Part | None:
        """Net income has a row of its own without an account; retained earnings takes in the earlier years'."""
        nodes = account_nodes(self._tree.roots("Equity"), self._equity_amounts)
        net: Amounts = [amount for _, amount in self._rolled]
        if nodes or any(net):
            nodes = [*rendering.sorted_nodes(nodes, self._request), Node("Net Income", net, group="NetIncome")]
        return self._leaf_section("Equity", "Equity", nodes)

    def _equity_amounts(self, account: ReportAccount) -> Amounts:
        own = self._amounts(account)
        if account.key != self._tree.substitute(RETAINED_EARNINGS):
            return own
        earlier: Amounts = [retained or None for retained, _ in self._rolled]
        return add_columns([own, earlier])

    def _typed(self, kinds: tuple[tuple[str, str, str], ...]) -> list[Part | None]:
        return [
            self._leaf_section(
                group,
                title,
                rendering.sorted_nodes(account_nodes(self._tree.roots(account_type), self._amounts), self._request),
            )
            for group, account_type, title in kinds
        ]

    def _leaf_section(self, group: str, title: str, nodes: list[Node]) -> Part | None:
        if not nodes:
            return None
        totals = add_columns(node.totals() for node in nodes)
        return section(title, rendering.node_rows(nodes), totals, group=group), totals

    def _group(self, group: str, title: str, parts: list[Part | None], *, label: str | None = None) -> Part | None:
        there = [part for part in parts if part is not None]
        if not there:
            return None
        totals = add_columns(part[1] for part in there)
        return section(title, [part[0] for part in there], totals, group=group, label=label), totals
