from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from infra import exact_json
from infra.qbo.simulator.files.company_file import CompanyFile, CompanyFileError, read_company_file
from tests.unit.infra.qbo.simulator.documents_read_twice import balances, movements, open_amounts

SAMPLES = Path(__file__).parents[6] / "shared" / "qbo" / "samples"
LEDGER = SAMPLES / "craigs_transactions.json"
TODAY = date(2026, 11, 21)
needs_samples = pytest.mark.skipif(not LEDGER.exists(), reason=f"the sample ledger {LEDGER} is not there")


@pytest.fixture(scope="module")
def craigs() -> CompanyFile:
    return read_company_file(LEDGER, today=TODAY)


def name_balances(company: CompanyFile) -> dict[str, Decimal]:
    totals = balances(company)
    return {a["Name"]: totals[a["Id"]] for a in company.accounts}


@needs_samples
def test_the_accounts_show_what_qbo_shows(craigs: CompanyFile) -> None:
    shown = name_balances(craigs)
    assert shown["Accounts Receivable (A/R)"] == Decimal("5281.52")
    assert shown["Accounts Payable (A/P)"] == Decimal("-1602.67")
    assert shown["Checking"] == Decimal("1201.00")
    assert shown["Savings"] == Decimal("800.00")
    assert shown["Undeposited Funds"] == Decimal("2062.52")
    assert shown["Mastercard"] == Decimal("-157.72")
    assert sum(balances(craigs).values()) == 0


@needs_samples
def test_open_documents_add_up_to_receivables_and_payables(craigs: CompanyFile) -> None:
    totals: dict[str, Decimal] = defaultdict(Decimal)
    for entity, amount in open_amounts(craigs).values():
        assert amount >= 0
        totals[entity] += amount
    assert totals["Invoice"] - totals["CreditMemo"] - totals["Payment"] == Decimal("5281.52")
    assert totals["Bill"] - totals["VendorCredit"] - totals["BillPayment"] == Decimal("1602.67")


@needs_samples
def test_every_account_ends_where_the_general_ledger_ends(craigs: CompanyFile) -> None:
    totals, printed = (
        balances(craigs),
        dict(_printed_totals(exact_json.loads((SAMPLES / "general_ledger.json").read_bytes())["Rows"])),
    )
    assert len(printed) > 40
    for account_id, total in printed.items():
        assert abs(totals[account_id]) == abs(total), account_id


def _printed_totals(rows: dict[str, Any], above: str = "") -> Iterator[tuple[str, Decimal]]:
    """Each account's own total; where it has sub-accounts, its own rows stand in a section without a header."""
    for section in rows.get("Row", []):
        if section.get("type") == "Section":
            inner = section["Rows"]
            own = section.get("Header", {}).get("ColData", [{}])[0].get("id", "" if "Header" in section else above)
            if own and inner["Row"][0].get("type") == "Data":
                yield own, Decimal(section["Summary"]["ColData"][6]["value"])
            yield from _printed_totals(inner, own)


@needs_samples
def test_each_transaction_posts_what_the_ledger_posted(craigs: CompanyFile) -> None:
    """Per transaction and account, the size of the movement; signs are proved by the balances."""
    original = exact_json.loads(LEDGER.read_bytes())["transactions"]
    for entry in original:
        expected: dict[str, Decimal] = defaultdict(Decimal)
        for posting in entry["Postings"]:
            expected[posting["AccountId"]] += Decimal(posting["Amount"])
        part = craigs.model_copy(
            update={
                "transactions": [t for t in craigs.transactions if t.body["Id"] == entry["Id"]],
                "ledger": [e for e in craigs.ledger if e.id == entry["Id"]],
            }
        )
        got = balances(part)
        assert {a: abs(x) for a, x in got.items() if x} == {a: abs(x) for a, x in expected.items() if x}, entry["Id"]
        assert sum(got.values()) == 0


@needs_samples
def test_links_are_those_of_the_sandbox(craigs: CompanyFile) -> None:
    captured = exact_json.loads((SAMPLES / "sandbox_capture_2023.json").read_bytes())
    ours = {t.body["Id"]: t.body for t in craigs.transactions}
    checked = 0
    for entity in ("BillPayment", "Payment", "Deposit"):
        for body in captured[entity]:
            if body["Id"] in ours:
                assert _links(ours[body["Id"]]) == _links(body), f"{entity} {body['Id']}"
                checked += 1
    assert checked >= 14


def _links(body: dict[str, Any]) -> set[tuple[str, Decimal]]:
    return {(link["TxnId"], line["Amount"]) for line in body["Line"] for link in line.get("LinkedTxn", ())}


@needs_samples
def test_a_partial_payment_settles_an_invoice_that_was_entered_before_it(craigs: CompanyFile) -> None:
    left = open_amounts(craigs)
    assert left["13"][1] == Decimal("4.00")
    assert left["92"][1] == Decimal("81.00")


@needs_samples
def test_the_last_transaction_is_yesterday_unless_as_dated(craigs: CompanyFile) -> None:
    assert max(day for day, _, _ in movements(craigs)) == date(2026, 11, 20)
    as_dated = read_company_file(LEDGER, today=TODAY, as_dated=True)
    assert max(day for day, _, _ in movements(as_dated)) == date(2024, 3, 15)


@needs_samples
def test_kinds_without_an_entity_stay_in_the_ledger(craigs: CompanyFile) -> None:
    kinds = [entry.type for entry in craigs.ledger]
    assert kinds.count("Inventory Qty Adjust") == 4
    assert kinds.count("Sales Tax Payment") == 2
    assert kinds.count("Refund") == 1
    assert kinds.count("Invoice") == 3
    assert len(craigs.transactions) == 120


def test_an_unknown_account_gets_its_side_from_balance(tmp_path: Path) -> None:
    file = tmp_path / "ledger.json"
    file.write_bytes(
        exact_json.dumps({"transactions": [
            entry("1", "Deposit", [("1", "Checking", "100.00"), ("2", "Angel money", "100.00")]),
            entry("2", "Expense", [("1", "Checking", "-30.00"), ("2", "Angel money", "-30.00")]),
        ]})
    )  # fmt: skip
    company = read_company_file(file, today=TODAY)
    assert name_balances(company)["Angel money"] == Decimal("-70.00")


def test_a_payment_dated_before_its_bill_is_entered_after_it(tmp_path: Path) -> None:
    file = tmp_path / "ledger.json"
    ap = ("3", "Accounts Payable (A/P)")
    file.write_bytes(
        exact_json.dumps({"transactions": [
            entry("1", "Bill", [(*ap, "40.00"), ("2", "Fuel", "40.00")], on="2024-02-10", name="Oil"),
            entry("2", "Bill Payment (Check)", [("1", "Checking", "-40.00"), (*ap, "-40.00")], on="2024-02-01", name="Oil"),
        ]})
    )  # fmt: skip
    company = read_company_file(file, today=TODAY)
    assert [t.entity for t in company.transactions] == ["Bill", "BillPayment"]
    assert open_amounts(company)["1"] == ("Bill", Decimal(0))


def test_kinds_that_the_sample_lacks(tmp_path: Path) -> None:
    """A vendor credit set off by a payment of zero, a transfer, and a payment that no Payment could have posted."""
    file = tmp_path / "ledger.json"
    ap, ar = ("3", "Accounts Payable (A/P)"), ("4", "Accounts Receivable (A/R)")
    bank, fuel, savings = ("1", "Checking"), ("2", "Fuel"), ("5", "Savings")
    file.write_bytes(
        exact_json.dumps({"transactions": [
            entry("1", "Bill", [(*ap, "40.00"), (*fuel, "40.00")], name="Oil"),
            entry("2", "Vendor Credit", [(*ap, "-15.00"), (*fuel, "-15.00")], name="Oil"),
            entry("3", "Bill Payment (Check)", [(*ap, "0.00")], name="Oil"),
            entry("4", "Transfer", [(*bank, "-9.00"), (*savings, "9.00")]),
            entry("5", "Payment", [(*ar, "-20.00"), (*bank, "18.00"), (*fuel, "2.00")], name="Annie"),
        ]})
    )  # fmt: skip
    company = read_company_file(file, today=TODAY)
    assert [t.entity for t in company.transactions] == ["Bill", "VendorCredit", "BillPayment", "Transfer"]
    assert open_amounts(company)["1"] == ("Bill", Decimal("25.00"))
    assert open_amounts(company)["2"] == ("VendorCredit", Decimal(0))
    assert [e.type for e in company.ledger] == ["Payment"]
    shown = name_balances(company)
    assert (shown["Checking"], shown["Savings"]) == (Decimal("9.00"), Decimal("9.00"))
    assert (shown["Fuel"], shown["Accounts Payable (A/P)"]) == (Decimal("27.00"), Decimal("-25.00"))


def test_accounts_of_one_name_stand_under_different_parents(tmp_path: Path) -> None:
    file = tmp_path / "ledger.json"
    bank, soil = ("1", "Checking"), "Plants and Soil"
    file.write_bytes(
        exact_json.dumps({"transactions": [
            entry("1", "Check", [(*bank, "-7.00"), ("6", soil, "7.00")]),
            entry("2", "Sales Receipt", [(*bank, "8.00"), ("7", soil, "8.00")], name="Annie"),
        ]})
    )  # fmt: skip
    accounts = {a["Id"]: a for a in read_company_file(file, today=TODAY).accounts}

    def path(account_id: str) -> str:
        above = accounts[account_id].get("ParentRef")
        return (path(above["value"]) + ":" if above else "") + str(accounts[account_id]["Name"])

    assert path("6") == "Job Expenses:Job Materials:Plants and Soil"
    assert path("7") == "Landscaping Services:Job Materials:Plants and Soil"
    assert (accounts["6"]["AccountType"], accounts["7"]["AccountType"]) == ("Expense", "Income")


def test_what_cannot_balance_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "ledger.json"
    file.write_bytes(
        exact_json.dumps({"transactions": [entry("1", "Check", [("1", "Checking", "-5.00"), ("2", "Fuel", "4.00")])]})
    )
    with pytest.raises(CompanyFileError, match=r"transactions\[0\]: no choice of sides"):
        read_company_file(file, today=TODAY)


def entry(
    identifier: str,
    kind: str,
    postings: list[tuple[str, str, str]],
    *,
    on: str = "2024-02-01",
    name: str | None = None,
) -> dict[str, Any]:
    return {
        "Id": identifier,
        "Type": kind,
        "TxnDate": on,
        "Name": name,
        "NameId": name and str(70 + len(name)),
        "DocNumber": None,
        "Postings": [
            {"AccountId": account, "Account": label, "Amount": Decimal(amount), "Memo": None}
            for account, label, amount in postings
        ],
    }
