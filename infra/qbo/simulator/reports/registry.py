"""The reports there are, by the names in their URLs."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Final

from infra.qbo.simulator import faults
from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.store import Body
from infra.qbo.simulator.reports.aging import PAYABLES, RECEIVABLES, aged_summary, name_balances
from infra.qbo.simulator.reports.aging_detail import aged_detail
from infra.qbo.simulator.reports.balance_sheet import balance_sheet
from infra.qbo.simulator.reports.cash_flow import cash_flow
from infra.qbo.simulator.reports.general_ledger import general_ledger
from infra.qbo.simulator.reports.parameters import read_request
from infra.qbo.simulator.reports.profit_and_loss import profit_and_loss
from infra.qbo.simulator.reports.trial_balance import trial_balance

_YEAR_TO_DATE: Final = "this calendar year-to-date"
_MONTH_TO_DATE: Final = "this month-to-date"
# Name -> (the date macro of a request without dates, what makes the report).
REPORTS: Final[dict[str, tuple[str, Callable[..., Body]]]] = {
    "AgedPayables": ("today", partial(aged_summary, side=PAYABLES, name="AgedPayables")),
    "AgedReceivables": ("today", partial(aged_summary, side=RECEIVABLES, name="AgedReceivables")),
    "AgedPayableDetail": ("today", partial(aged_detail, side=PAYABLES, name="AgedPayableDetail")),
    "AgedReceivableDetail": ("today", partial(aged_detail, side=RECEIVABLES, name="AgedReceivableDetail")),
    "BalanceSheet": (_YEAR_TO_DATE, balance_sheet),
    "ProfitAndLoss": (_YEAR_TO_DATE, profit_and_loss),
    "TrialBalance": (_MONTH_TO_DATE, trial_balance),
    "CashFlow": ("this fiscal year-to-date", cash_flow),
    "GeneralLedger": (_MONTH_TO_DATE, general_ledger),
    "VendorBalance": ("all", partial(name_balances, side=PAYABLES, name="VendorBalance")),
    "CustomerBalance": ("all", partial(name_balances, side=RECEIVABLES, name="CustomerBalance")),
}
_BY_ANY_CASE: Final = {name.lower(): name for name in REPORTS}


def run_report(company: Company, name: str, params: Mapping[str, str], *, time: str) -> Body:
    """The report as QBO answers it; `time` is the instant to print in its header.

    Raises:
        ServiceFault: unknown report, a parameter that it cannot take, or more cells than QBO gives out.
    """
    known = _BY_ANY_CASE.get(name.lower())
    if known is None or (name != known and not company.behaviour.report_name_any_case):
        raise faults.no_such_report()
    default_macro, make = REPORTS[known]
    request = read_request(params, company=company, default_macro=default_macro)
    made = make(company, request, time=time)
    if sum(_cells(made["Rows"])) > company.behaviour.report_largest_cells:
        raise faults.report_too_large()
    return made


def _cells(rows: Body) -> Iterator[int]:
    for row in rows.get("Row", ()):
        yield from (
            len(line["ColData"]) for line in (row, row.get("Header"), row.get("Summary")) if line and "ColData" in line
        )
        yield from _cells(row.get("Rows", {}))
