"""Both answers of every switch that changes a report. It is 2 March 2026."""

from typing import Any

import pytest

from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.faults import ServiceFault
from tests.unit.infra.qbo.simulator.report_reading import Report, ask, rows_of, texts
from tests.unit.infra.qbo.simulator.small_company import MovableClock, bill, bill_payment, make_company


@pytest.fixture
def company() -> Company:
    """Bessie: 80 due in October, 30 of it paid on 20 February. Norton: 10 due in January."""
    company = make_company(MovableClock())
    old = company.create("Bill", bill("80", vendor="57", TxnDate="2025-10-01", DueDate="2025-10-31"))
    company.create("BillPayment", bill_payment("30", [(old, "30")], vendor="57") | {"TxnDate": "2026-02-20"})
    company.create("Bill", bill("10", TxnDate="2026-01-10", DueDate="2026-01-25"))
    return company


def behave(company: Company, **switches: Any) -> None:
    company.behaviour = company.behaviour.changed(switches)


def names(report: Report) -> list[str]:
    return [texts(row)[0] for row in rows_of(report) if "ColData" in row]


@pytest.mark.parametrize(("counts", "open_"), [("true", "50.00"), ("false", "80.00")])
def test_the_current_aging_method_may_leave_later_payments_out(company: Company, counts: str, open_: str) -> None:
    behave(company, aging_current_counts_payments=counts)
    shown = ask(company, "AgedPayables", report_date="2026-01-31", aging_method="Current")
    assert texts(rows_of(shown)[0]) == ["Books by Bessie", "", "", "", "", open_, open_]
    assert texts(rows_of(shown)[1]) == ["Norton Lumber", "", "", "10.00", "", "", "10.00"]  # 36 days from today


@pytest.mark.parametrize(
    ("by", "order", "expected"),
    [
        ("total", "ascend", ["Norton Lumber", "Books by Bessie"]),
        ("total", "descend", ["Books by Bessie", "Norton Lumber"]),
        ("name", "ascend", ["Books by Bessie", "Norton Lumber"]),
        ("name", "descend", ["Norton Lumber", "Books by Bessie"]),
    ],
)
def test_an_order_is_by_total_or_by_name(company: Company, by: str, order: str, expected: list[str]) -> None:
    behave(company, report_sorts_by=by)
    assert names(ask(company, "AgedPayables", sort_order=order)) == expected


@pytest.mark.parametrize(("wins", "start"), [("dates", "2025-10-01"), ("macro", "2026-03-01")])
def test_dates_or_the_macro_win(company: Company, wins: str, start: str) -> None:
    behave(company, report_dates=wins)
    both = {"date_macro": "This Month", "start_date": "2025-10-01", "end_date": "2025-12-31"}
    header = ask(company, "ProfitAndLoss", **both)["Header"]
    assert (header["StartPeriod"], "DateMacro" in header) == (start, wins == "macro")


@pytest.mark.parametrize(("wins", "end"), [("dates", "2026-01-31"), ("macro", "2026-03-01")])
def test_the_day_of_an_aging_or_the_macro_wins(company: Company, wins: str, end: str) -> None:
    behave(company, report_dates=wins)
    shown = ask(company, "AgedPayables", date_macro="Yesterday", report_date="2026-01-31")
    assert {"Name": "report_date", "Value": end} in shown["Header"]["Option"]


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("ProfitAndLoss", {"start_date": "soon"}),
        ("ProfitAndLoss", {"date_macro": "This Century"}),
        ("ProfitAndLoss", {"accounting_method": "Guess"}),
        ("AgedPayables", {"num_periods": "many"}),
        ("AgedPayables", {"report_date": "0001-01-01"}),
    ],
)
def test_values_that_cannot_be_read_may_be_ignored(company: Company, name: str, params: dict[str, str]) -> None:
    with pytest.raises(ServiceFault):
        ask(company, name, **params)
    behave(company, report_bad_values="ignore")
    assert ask(company, name, **params) == ask(company, name)


def test_a_report_of_too_many_cells_is_refused(company: Company) -> None:
    behave(company, report_largest_cells=21)  # two vendors and the total, seven cells each
    assert names(ask(company, "AgedPayables"))
    behave(company, report_largest_cells=20)
    with pytest.raises(ServiceFault, match="10100"):
        ask(company, "AgedPayables")


def test_totals_of_an_aged_detail_may_be_sections(company: Company) -> None:
    behave(company, aged_detail_form="titled")
    shown = ask(company, "AgedPayableDetail", columns="vend_name,subt_neg_open_bal")
    titles = [texts(row["Header"]) for row in rows_of(shown)]
    assert titles == [
        ["91 or more days past due", ""],
        ["Total for 91 or more days past due", "50.00"],
        ["31 - 60 days past due", ""],
        ["Total for 31 - 60 days past due", "10.00"],
    ]
    assert shown["Columns"]["Column"][0] == {"ColTitle": "Vendor", "ColType": "vend_name"}
