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
    customers: frozenset[str] = frozenset()
    vendors: frozenset[str] = frozenset()
    accounts: frozenset[str] = frozenset()
    columns: tuple[str, ...] = ()
    aging_method: str = "Report_Date"
    aging_days: int = 30
    aging_periods: int = 4
    past_due_over: int | None = None
    due: Period = _ANY_TIME
    ages_from_txn_date: bool = False


def read_request(params: Mapping[str, str], *, company: Company, default_macro: str) -> ReportRequest:
    """Raises:
    ServiceFault: 2010, 2170 or 5020, naming the parameter.
    """
    given = {name.lower(): value.strip() for name, value in params.items() if value.strip()}
    for name in _UNTRACKED:
        if name in given:
            raise faults.not_in_plan(f"The report filter {name}")
    today, first_month = company.today(), fiscal_first_month(company)
    period, macro = _period(given, today=today, first_month=first_month, default_macro=default_macro)
    report_on = _date(given, "report_date")
    if report_on is not None:
        period, macro = Period(report_on, report_on), None
    start_due, end_due = _date(given, "start_duedate"), _date(given, "end_duedate")
    return ReportRequest(
        today=today,
        first_month=first_month,
        period=period,
        report_on=report_on or period.end,
        date_macro=macro,
        basis=_choice(given, "accounting_method", _BASES, default=_preferred_basis(company)),
        summarize_by=_choice(given, "summarize_column_by", _SUMMARIES, default="Total"),
        sort_order=_choice(given, "sort_order", _SORTS, default="") or None,
        customers=_ids(given, "customer"),
        vendors=_ids(given, "vendor"),
        accounts=_ids(given, "account"),
        columns=tuple(part.strip() for part in given.get("columns", "").split(",") if part.strip()),
        aging_method=_choice(given, "aging_method", _AGING, default="Report_Date"),
        aging_days=_whole(given, "aging_period", default=30, most=10_000),
        aging_periods=_whole(given, "num_periods", default=4, most=_MOST_PERIODS),
        past_due_over=_whole(given, "past_due", default=0, most=100_000) if "past_due" in given else None,
        due=Period(start_due or _ANY_TIME.start, end_due or _ANY_TIME.end),
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
    given: Mapping[str, str], *, today: date, first_month: int, default_macro: str
) -> tuple[Period, str | None]:
    """Dates of one's own win over a macro; an end alone begins with its fiscal year, a start alone ends today."""
    macro = given.get("date_macro")
    named = macro_period(macro or default_macro, today=today, first_month=first_month)
    if named is None:
        raise faults.not_in_enumeration("date_macro", macro or "")
    start, end = _date(given, "start_date"), _date(given, "end_date")
    if start is None and end is None:
        return named, (macro or default_macro).lower()
    end = end or max(today, start or today)
    start = start or fiscal_year_start(end, first_month=first_month)
    if start > end:
        raise faults.unsupported_property("start_date", "should not be after end_date")
    return Period(start, end), None


def _date(given: Mapping[str, str], name: str) -> date | None:
    text = given.get(name)
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise faults.unsupported_property(name, f"{text} should be a date as YYYY-MM-DD") from error
    if not _YEARS[0] <= day.year <= _YEARS[1]:
        raise faults.unsupported_property(name, f"{text} should be of the years {_YEARS[0]} to {_YEARS[1]}")
    return day


def _choice(given: Mapping[str, str], name: str, choices: Mapping[str, str], *, default: str) -> str:
    text = given.get(name)
    if text is None:
        return default
    if text.lower() not in choices:
        raise faults.not_in_enumeration(name, text)
    return choices[text.lower()]


def _whole(given: Mapping[str, str], name: str, *, default: int, most: int) -> int:
    text = given.get(name)
    if text is None:
        return default
    if not text.isdecimal() or not 0 < int(text[:9]) <= most:
        raise faults.unsupported_property(name, f"{text} should be a whole number from 1 to {most}")
    return int(text)


def _ids(given: Mapping[str, str], name: str) -> frozenset[str]:
    return frozenset(part.strip() for part in given.get(name, "").split(",") if part.strip())
