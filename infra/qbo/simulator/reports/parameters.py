"""A report's query parameters, read and checked. Names QBO does not know are ignored, values it cannot take are refused."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from infra.qbo.simulator import faults
from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.reports.periods import Period, fiscal_year_start, macro_period

_BASES: Final = {"cash": "Cash", "accrual": "Accrual"}
_SUMMARIES: Final = {
    "total": "Total", "month": "Month", "months": "Month", "week": "Week", "weeks": "Week", "days": "Days",
    "day": "Days", "quarter": "Quarter", "quarters": "Quarter", "year": "Year", "years": "Year",
    "customers": "Customers", "vendors": "Vendors", "classes": "Classes", "departments": "Departments",
    "employees": "Employees", "productsandservices": "ProductsAndServices",
}  # fmt: skip
_UNTRACKED: Final = ("class", "department", "item", "employee")
_AGING: Final = {"report_date": "Report_Date", "current": "Current"}
_SORTS: Final = {"ascend": "ascend", "descend": "descend"}
_MONTHS: Final = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_YEARS: Final = (1900, 2200)
_MOST_PERIODS: Final = 100
_ANY_TIME: Final = Period(date.min, date.max)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRequest:
    """`report_on` is the day an aging looks at; `date_macro` is None when the request gave dates of its own."""

    today: date
    first_month: int
    period: Period
    report_on: date
    date_macro: str | None
    basis: str
    summarize_by: str = "Total"
    sort_order: str | None = None
    sorts_by: str = "total"
    customers: frozenset[str] = frozenset()
    vendors: frozenset[str] = frozenset()
    accounts: frozenset[str] = frozenset()
    columns: tuple[str, ...] = ()
    aging_method: str = "Report_Date"
    counts_later_payments: bool = False
    aging_days: int = 30
    aging_periods: int = 4
    past_due_over: int | None = None
    due: Period = _ANY_TIME
    ages_from_txn_date: bool = False


def read_request(params: Mapping[str, str], *, company: Company, default_macro: str) -> ReportRequest:
    """Raises:
    ServiceFault: 2010, 2170 or 5020, naming the parameter.
    """
    behaviour = company.behaviour
    values = {name.lower(): value.strip() for name, value in params.items() if value.strip()}
    given = _Given(values, lenient=behaviour.report_bad_values == "ignore")
    for name in _UNTRACKED:
        if name in values:
            raise faults.not_in_plan(f"The report filter {name}")
    today, first_month = company.today(), fiscal_first_month(company)
    macro_wins = behaviour.report_dates == "macro" and "date_macro" in values
    period, macro = _period(
        given, today=today, first_month=first_month, default_macro=default_macro, macro_wins=macro_wins
    )
    report_on = None if macro_wins else given.date("report_date")
    if report_on is not None:
        period, macro = Period(report_on, report_on), None
    aging_method = given.choice("aging_method", _AGING, default="Report_Date")
    return ReportRequest(
        today=today,
        first_month=first_month,
        period=period,
        report_on=report_on or period.end,
        date_macro=macro,
        basis=given.choice("accounting_method", _BASES, default=_preferred_basis(company)),
        summarize_by=given.choice("summarize_column_by", _SUMMARIES, default="Total"),
        sort_order=given.choice("sort_order", _SORTS, default="") or None,
        sorts_by=behaviour.report_sorts_by,
        customers=given.ids("customer"),
        vendors=given.ids("vendor"),
        accounts=given.ids("account"),
        columns=given.words("columns"),
        aging_method=aging_method,
        counts_later_payments=aging_method == "Current" and behaviour.aging_current_counts_payments,
        aging_days=given.whole("aging_period", most=10_000) or 30,
        aging_periods=given.whole("num_periods", most=_MOST_PERIODS) or 4,
        past_due_over=given.whole("past_due", most=100_000),
        due=Period(given.date("start_duedate") or _ANY_TIME.start, given.date("end_duedate") or _ANY_TIME.end),
        ages_from_txn_date=_report_preferences(company).get("CalcAgingReportFromTxnDate") is True,
    )


def fiscal_first_month(company: Company) -> int:
    info = next(iter(company.stores["CompanyInfo"].records.values())).body
    name = str(info.get("FiscalYearStartMonth", "January")).lower()
    return _MONTHS.index(name) + 1 if name in _MONTHS else 1


def _preferred_basis(company: Company) -> str:
    return _BASES.get(str(_report_preferences(company).get("ReportBasis", "")).lower(), "Accrual")


def _report_preferences(company: Company) -> Mapping[str, Any]:
    body = next(iter(company.stores["Preferences"].records.values())).body
    preferences: Mapping[str, Any] = body.get("ReportPrefs") or {}
    return preferences


def _period(
    given: "_Given", *, today: date, first_month: int, default_macro: str, macro_wins: bool
) -> tuple[Period, str | None]:
    """An end alone begins with its fiscal year, a start alone ends today."""
    macro, named = given.macro(default_macro, today=today, first_month=first_month)
    start, end = given.date("start_date"), given.date("end_date")
    if macro_wins or (start is None and end is None):
        return named, macro
    end = end or max(today, start or today)
    start = start or fiscal_year_start(end, first_month=first_month)
    if start > end:
        raise faults.unsupported_property("start_date", "should not be after end_date")
    return Period(start, end), None


@dataclass(frozen=True, slots=True)
class _Given:
    """A request's parameters by lower-case name. `lenient`: a value that cannot be read counts as not given."""

    values: Mapping[str, str]
    lenient: bool

    def macro(self, default: str, *, today: date, first_month: int) -> tuple[str, Period]:
        wanted = self.values.get("date_macro", default)
        named = macro_period(wanted, today=today, first_month=first_month)
        if named is None and self.lenient:
            wanted, named = default, macro_period(default, today=today, first_month=first_month)
        if named is None:
            raise faults.not_in_enumeration("date_macro", wanted)
        return wanted.lower(), named

    def date(self, name: str) -> date | None:
        text = self.values.get(name)
        if text is None:
            return None
        try:
            day = date.fromisoformat(text)
        except ValueError:
            self._refuse(name, f"{text} should be a date as YYYY-MM-DD")
            return None
        if not _YEARS[0] <= day.year <= _YEARS[1]:
            self._refuse(name, f"{text} should be of the years {_YEARS[0]} to {_YEARS[1]}")
            return None
        return day

    def choice(self, name: str, choices: Mapping[str, str], *, default: str) -> str:
        text = self.values.get(name)
        chosen = default if text is None else choices.get(text.lower())
        if chosen is None and not self.lenient:
            raise faults.not_in_enumeration(name, text or "")
        return chosen if chosen is not None else default

    def whole(self, name: str, *, most: int) -> int | None:
        text = self.values.get(name)
        if text is None:
            return None
        if not text.isdecimal() or not 0 < int(text[:9]) <= most:
            self._refuse(name, f"{text} should be a whole number from 1 to {most}")
            return None
        return int(text)

    def words(self, name: str) -> tuple[str, ...]:
        return tuple(part.strip() for part in self.values.get(name, "").split(",") if part.strip())

    def ids(self, name: str) -> frozenset[str]:
        return frozenset(self.words(name))

    def _refuse(self, name: str, problem: str) -> None:
        if not self.lenient:
            raise faults.unsupported_property(name, problem)
