"""TrialBalance: every account's balance on one side. Income and expense count from the start of the fiscal year."""

from decimal import Decimal

from infra.money import ZERO
from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.store import Body
from infra.qbo.simulator.reports import rendering
from infra.qbo.simulator.reports.accounts import RETAINED_EARNINGS, AccountTree
from infra.qbo.simulator.reports.balance_sheet import retained_and_net
from infra.qbo.simulator.reports.movements import Activity
from infra.qbo.simulator.reports.parameters import ReportRequest
from infra.qbo.simulator.reports.periods import fiscal_year_start
from infra.qbo.simulator.reports.rendering import Column
from infra.qbo.simulator.reports.statements import activity, refuse_summary

_COLUMNS = (Column("", "Account"), Column("Debit", "Money"), Column("Credit", "Money"))


def trial_balance(company: Company, request: ReportRequest, *, time: str) -> Body:
    refuse_summary(request, allowed=frozenset({"Total"}))
    tree = AccountTree(company.stores)
    balances = _balances(tree, activity(company, tree, request), request)
    header = rendering.header("TrialBalance", request, time=time)
    header["Option"] = rendering.options(has_data=bool(balances))
    rows: list[Body] = []
    for key, balance in balances.items():
        account = tree.by_key[key]
        sides = (balance, None) if balance >= ZERO else (None, -balance)
        rows.append({"ColData": rendering.line(account.full_name, list(sides), identifier=account.shown_id)})
    if rows:
        debits = sum((balance for balance in balances.values() if balance > ZERO), ZERO)
        credits_ = -sum((balance for balance in balances.values() if balance < ZERO), ZERO)
        rows.append(rendering.total_row("TOTAL", [debits, credits_], group="GrandTotal"))
    return rendering.report(header, _COLUMNS, rows)


def _balances(tree: AccountTree, found: Activity, request: ReportRequest) -> dict[str, Decimal]:
    """Signed debits of the accounts that anything was posted to, in the order of the chart."""
    end = request.period.end
    year = fiscal_year_start(end, first_month=request.first_month)
    retained, _ = retained_and_net(found, tree, end, first_month=request.first_month)
    balances = {}
    for account in tree.in_order():
        balance = found.over(account.key, since=year if account.is_periodic else None, until=end)
        if account.key == tree.substitute(RETAINED_EARNINGS) and retained:
            balance = (balance or ZERO) - retained
        if balance is not None:
            balances[account.key] = balance
    return balances
