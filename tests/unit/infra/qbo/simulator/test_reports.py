"""Reports of a company small enough to reckon by hand. It is 2 March 2026."""

from decimal import Decimal
from typing import Any

import pytest

from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.faults import ServiceFault
from tests.unit.infra.qbo.simulator.report_reading import ask, group, outline, rows_of, texts, total
from tests.unit.infra.qbo.simulator.small_company import (
    CHECKING,
    RENT,
    TAX,
    MovableClock,
    bill,
    bill_payment,
    invoice,
    make_company,
    make_file,
    payment,
    ref,
)

YEAR = {"start_date": "2026-01-01", "end_date": "2026-12-31"}
OFTEN = "2026-02-20"


def late_bills(company: Company) -> None:
    """Norton: 10 not yet due, 20 five days late, 40 on the edge of 31. Bessie: 80 of which 30 are paid."""
    for amount, due in (("10", "2026-03-02"), ("20", "2026-02-25"), ("40", "2026-01-30")):
        company.create("Bill", bill(amount, TxnDate="2026-01-10", DueDate=due))
    old = company.create("Bill", bill("80", vendor="57", TxnDate="2025-10-01", DueDate="2025-10-31"))
    company.create("BillPayment", bill_payment("30", [(old, "30")], vendor="57") | {"TxnDate": OFTEN})


def test_payables_stand_under_how_long_they_are_due(company: Company) -> None:
    late_bills(company)
    assert [texts(row) for row in rows_of(ask(company, "AgedPayables")) if "ColData" in row] == [
        ["Books by Bessie", "", "", "", "", "50.00", "50.00"],
        ["Norton Lumber", "10.00", "20.00", "40.00", "", "", "70.00"],
    ]


def test_a_day_before_the_payment_knows_nothing_of_it(company: Company) -> None:
    late_bills(company)
    before = ask(company, "AgedPayables", report_date="2026-02-19", vendor="57")
    assert total(before, "GrandTotal") == Decimal(80)
    assert before["Header"]["Vendor"] == "57"
    assert total(ask(company, "AgedPayables", report_date=OFTEN, vendor="57"), "GrandTotal") == Decimal(50)


def test_the_current_aging_method_looks_from_today(company: Company) -> None:
    late_bills(company)
    shown = ask(company, "AgedPayables", report_date="2026-01-31", aging_method="Current")
    assert texts(rows_of(shown)[0]) == ["Books by Bessie", "", "", "", "", "50.00", "50.00"]


def test_periods_of_an_aging_are_chosen(company: Company) -> None:
    late_bills(company)
    shown = ask(company, "AgedPayables", aging_period="10", num_periods="3")
    titles = [column["ColTitle"] for column in shown["Columns"]["Column"]]
    assert titles == ["", "Current", "1 - 10", "11 - 20", "21 and over", "Total"]
    assert texts(rows_of(shown)[1]) == ["Norton Lumber", "10.00", "20.00", "", "40.00", "70.00"]


def test_a_credit_is_negative_and_ages_from_its_day(company: Company) -> None:
    company.create("VendorCredit", bill("25", TxnDate="2026-02-01"))
    company.create("BillPayment", bill_payment("5", []))
    assert texts(rows_of(ask(company, "AgedPayables"))[0]) == ["Norton Lumber", "-5.00", "-25.00", "", "", "", "-30.00"]


def test_detail_lists_the_oldest_first(company: Company) -> None:
    late_bills(company)
    shown = ask(company, "AgedPayableDetail")
    assert [texts(row["Header"])[0] for row in rows_of(shown) if "Header" in row] == [
        "91 or more days past due",
        "31 - 60 days past due",
        "1 - 30 days past due",
        "Current",
    ]
    first = rows_of(shown)[0]["Rows"]["Row"][0]
    assert texts(first) == ["2025-10-01", "Bill", "", "Books by Bessie", "2025-10-31", "122", "80.00", "50.00"]
    assert first["ColData"][3]["id"] == "57"
    assert texts(rows_of(shown)[-1]["Summary"])[-2:] == ["150.00", "120.00"]


def test_detail_takes_columns_and_bounds(company: Company) -> None:
    late_bills(company)
    chosen = ask(company, "AgedPayableDetail", columns="vend_name,due_date,unheard_of", past_due="20")
    assert [column["ColTitle"] for column in chosen["Columns"]["Column"]] == ["Vendor", "Due Date"]
    rows = [texts(row) for section in rows_of(chosen) for row in section.get("Rows", {}).get("Row", [])]
    assert rows == [["Books by Bessie", "2025-10-31"], ["Norton Lumber", "2026-01-30"]]
    due = ask(company, "AgedPayableDetail", start_duedate="2026-02-01", end_duedate="2026-03-01")
    assert len(rows_of(due)) == 2


def test_a_half_paid_invoice_is_half_income_on_the_cash_basis(company: Company) -> None:
    made = company.create("Invoice", invoice("100", TxnDate="2026-01-05"))
    company.create("Payment", payment("40", [(made, "40")]) | {"TxnDate": "2026-02-05"})
    assert total(ask(company, "ProfitAndLoss", **YEAR), "NetIncome") == Decimal(100)
    assert total(ask(company, "ProfitAndLoss", accounting_method="Cash", **YEAR), "NetIncome") == Decimal(40)
    january = {"start_date": "2026-01-01", "end_date": "2026-01-31", "accounting_method": "cash"}
    assert ask(company, "ProfitAndLoss", **january)["Rows"] == {}
    sheet = ask(company, "BalanceSheet", accounting_method="Cash", **YEAR)
    assert (total(sheet, "AR"), total(sheet, "TotalAssets")) == (Decimal(0), Decimal(40))


def test_cash_basis_shares_a_payment_among_lines_to_the_cent(company: Company) -> None:
    """A third of 10 and 20 cannot be paid exactly; in the end each line is whole."""
    lines = [bill("10")["Line"][0], bill("20")["Line"][0]]
    lines[1]["AccountBasedExpenseLineDetail"] = {"AccountRef": ref(TAX)}
    made = company.create("Bill", bill(TxnDate="2026-01-01") | {"Line": lines})
    for day, amount in (("2026-01-02", "0.01"), ("2026-01-03", "9.99"), ("2026-01-04", "20")):
        company.create("BillPayment", bill_payment(amount, [(made, amount)]) | {"TxnDate": day})
    paid = [
        total(
            ask(company, "ProfitAndLoss", start_date="2026-01-01", end_date=day, accounting_method="Cash"), "Expenses"
        )
        for day in ("2026-01-02", "2026-01-03", "2026-01-04")
    ]
    assert paid == [Decimal("0.00"), Decimal("3.33"), Decimal(10)]


def test_money_ahead_of_its_document_waits_as_unapplied(company: Company) -> None:
    made = company.create("Invoice", invoice("100", TxnDate="2026-02-10"))
    company.create("Payment", payment("100", [(made, "100")]) | {"TxnDate": "2026-01-10"})
    cash = {"accounting_method": "Cash", "start_date": "2026-01-01", "summarize_column_by": "Month"}
    income = group(ask(company, "ProfitAndLoss", end_date="2026-02-28", **cash), "Income")
    assert [texts(row) for row in income["Rows"]["Row"]] == [
        ["Sales", "", "100.00", "100.00"],
        ["Unapplied Cash Payment Income", "100.00", "-100.00", "0.00"],
    ]


def test_income_of_closed_years_is_retained() -> None:
    company = make_company(MovableClock())
    for day, amount in (("2024-05-01", "7"), ("2025-12-31", "30"), ("2026-01-01", "500")):
        company.create("Invoice", invoice(amount, TxnDate=day))
    equity = group(ask(company, "BalanceSheet", end_date="2026-02-01"), "Equity")
    assert [texts(row) for row in equity["Rows"]["Row"]] == [["Retained Earnings", "37.00"], ["Net Income", "500.00"]]
    trial = ask(company, "TrialBalance", end_date="2026-02-01")
    assert [texts(row) for row in rows_of(trial) if "ColData" in row] == [
        ["Accounts Receivable (A/R)", "537.00", ""],
        ["Retained Earnings", "", "37.00"],
        ["Sales", "", "500.00"],
    ]


def test_the_fiscal_year_decides_what_is_retained() -> None:
    from infra.qbo.simulator.books.loading import load_company

    file = make_file()
    file.company["FiscalYearStartMonth"] = "July"
    company = load_company(file, clock=MovableClock())
    company.create("Invoice", invoice("7", TxnDate="2025-06-30"))
    company.create("Invoice", invoice("30", TxnDate="2025-07-01"))
    sheet = ask(company, "BalanceSheet", date_macro="This Fiscal Year-to-date")
    assert sheet["Header"]["StartPeriod"] == "2025-07-01"
    assert total(sheet, "NetIncome") == Decimal(30)


def test_columns_by_month_add_up_to_the_total(company: Company) -> None:
    for day, amount in (("2026-01-15", "10"), ("2026-03-01", "5")):
        company.create("Invoice", invoice(amount, TxnDate=day))
    shown = ask(company, "ProfitAndLoss", start_date="2026-01-01", end_date="2026-03-02", summarize_column_by="Month")
    titles = [column["ColTitle"] for column in shown["Columns"]["Column"]]
    assert titles == ["", "Jan 2026", "Feb 2026", "Mar 1 - 2, 2026", "Total"]
    assert {"Name": "StartDate", "Value": "2026-02-01"} in shown["Columns"]["Column"][2]["MetaData"]
    assert ("Income",) in dict(outline(rows_of(shown)))
    assert texts(group(shown, "Income")["Rows"]["Row"][0]) == ["Sales", "10.00", "", "5.00", "15.00"]
    assert texts(group(shown, "NetIncome")["Summary"]) == ["Net Income", "10.00", "0.00", "5.00", "15.00"]
    sheet = ask(company, "BalanceSheet", start_date="2026-01-01", end_date="2026-03-02", summarize_column_by="Month")
    assert texts(group(sheet, "AR")["Summary"]) == ["Total Accounts Receivable", "10.00", "10.00", "15.00"]


def test_columns_by_customer_and_a_customer_alone(company: Company) -> None:
    company.create("Invoice", invoice("10", customer="1"))
    company.create("Invoice", invoice("5", customer="2"))
    company.create("Bill", bill("3"))
    shown = ask(company, "ProfitAndLoss", summarize_column_by="Customers", **YEAR)
    titles = [column["ColTitle"] for column in shown["Columns"]["Column"]]
    assert titles == ["", "Amy's Birds", "Bill's Surf", "Not Specified", "Total"]
    assert texts(group(shown, "NetIncome")["Summary"])[1:] == ["10.00", "5.00", "-3.00", "12.00"]
    assert total(ask(company, "ProfitAndLoss", customer="2", **YEAR), "NetIncome") == Decimal(5)


def test_a_purchase_belongs_to_its_vendor(company: Company) -> None:
    line = bill("9")["Line"]
    entity = {"value": "57", "type": "Vendor"}
    body = {"PaymentType": "Check", "AccountRef": ref(CHECKING), "EntityRef": entity, "Line": line, "DocNumber": "7"}
    company.create("Purchase", {**body, "PrivateNote": "books"})
    assert total(ask(company, "ProfitAndLoss", vendor="57", **YEAR), "NetIncome") == Decimal(-9)
    checking = rows_of(ask(company, "GeneralLedger", account=CHECKING, **YEAR))[0]
    assert texts(checking["Rows"]["Row"][0]) == [
        "2026-03-02", "Check", "7", "Books by Bessie", "books", "Rent", "-9.00", "-9.00",
    ]  # fmt: skip


def test_the_ledger_begins_with_what_was_there(company: Company) -> None:
    company.create("Bill", bill("0.50", TxnDate="2025-12-01"))
    company.create("Bill", bill("2", TxnDate="2026-01-01"))
    shown = ask(company, "GeneralLedger", columns="tx_date,account_name,debt_amt,credit_amt,rbal_nat_amount", **YEAR)
    payable = rows_of(shown)[0]["Rows"]["Row"]
    assert [texts(row) for row in payable] == [
        ["Beginning Balance", "", "", "", ".50"],
        ["2026-01-01", "Accounts Payable (A/P)", "", "2.00", "2.50"],
    ]
    rent = next(row for row in rows_of(shown) if texts(row["Header"])[0] == "Rent")
    assert rent["Header"]["ColData"][0]["id"] == RENT
    assert texts(rent["Rows"]["Row"][0])[-1] == "2.00"


def test_rows_are_sorted_by_total_on_demand(company: Company) -> None:
    late_bills(company)
    for order, first in (("ascend", "Books by Bessie"), ("descend", "Norton Lumber")):
        assert texts(rows_of(ask(company, "AgedPayables", sort_order=order))[0])[0] == first


def test_balances_by_name(company: Company) -> None:
    late_bills(company)
    shown = ask(company, "VendorBalance")
    assert [texts(row) for row in rows_of(shown)[:2]] == [["Books by Bessie", "50.00"], ["Norton Lumber", "70.00"]]
    assert (shown["Header"]["DateMacro"], total(shown, "GrandTotal")) == ("all", Decimal(120))
    assert ask(company, "CustomerBalance")["Rows"] == {}


def test_a_report_of_nothing_says_so(company: Company) -> None:
    for name in ("AgedPayables", "AgedReceivableDetail", "BalanceSheet", "ProfitAndLoss", "CashFlow", "GeneralLedger"):
        shown = ask(company, name)
        assert shown["Rows"] == {}
        assert {"Name": "NoReportData", "Value": "true"} in shown["Header"]["Option"]


def test_the_company_may_age_from_the_transactions_date(company: Company) -> None:
    late_bills(company)
    _prefer(company, CalcAgingReportFromTxnDate=True)
    norton = rows_of(ask(company, "AgedPayables"))[1]
    assert texts(norton) == ["Norton Lumber", "", "", "70.00", "", "", "70.00"]


def test_the_preferred_basis_is_the_default(company: Company) -> None:
    _prefer(company, ReportBasis="Cash")
    assert ask(company, "ProfitAndLoss")["Header"]["ReportBasis"] == "Cash"


def _prefer(company: Company, **preferences: Any) -> None:
    token = company.get("Preferences", "1").body["SyncToken"]
    company.update("Preferences", {"Id": "1", "SyncToken": token, "ReportPrefs": preferences}, sparse=True)


@pytest.mark.parametrize(
    ("name", "params", "code"),
    [
        ("AgedUnicorns", {}, "5020"),
        ("ProfitAndLoss", {"start_date": "01/02/2026"}, "2010"),
        ("ProfitAndLoss", {"start_date": "2026-02-01", "end_date": "2026-01-01"}, "2010"),
        ("ProfitAndLoss", {"date_macro": "This Century"}, "2170"),
        ("ProfitAndLoss", {"accounting_method": "Guess"}, "2170"),
        ("ProfitAndLoss", {"summarize_column_by": "Weather"}, "2170"),
        ("ProfitAndLoss", {"summarize_column_by": "Classes"}, "5020"),
        ("ProfitAndLoss", {"class": "1"}, "5020"),
        ("BalanceSheet", {"summarize_column_by": "Customers"}, "5020"),
        ("BalanceSheet", {"start_date": "1900-01-01", "summarize_column_by": "Days"}, "10100"),
        ("AgedPayables", {"num_periods": "0"}, "2010"),
        ("AgedPayables", {"aging_method": "Never"}, "2170"),
        ("AgedPayables", {"report_date": "0001-01-01"}, "2010"),
    ],
)
def test_what_a_report_cannot_take_is_refused(company: Company, name: str, params: dict[str, str], code: str) -> None:
    with pytest.raises(ServiceFault) as refused:
        ask(company, name, **params)
    assert refused.value.code == code
