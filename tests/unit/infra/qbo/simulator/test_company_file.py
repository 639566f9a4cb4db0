import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from infra import exact_json
from infra.qbo.simulator.files.company_file import CompanyFileError, read_company_file
from tests.unit.infra.qbo.simulator.documents_read_twice import balances, open_amounts

GUIDE = Path(__file__).parents[5] / "docs" / "guide" / "company-file.md"
TODAY = date(2026, 4, 1)


def example() -> dict[str, Any]:
    found = re.search(r"```json\n(.*?)```", GUIDE.read_text(), flags=re.DOTALL)
    assert found is not None
    parsed: dict[str, Any] = exact_json.loads(found.group(1))
    return parsed


def write(folder: Path, company: dict[str, Any]) -> Path:
    file = folder / "company.json"
    file.write_bytes(exact_json.dumps(company))
    return file


def test_the_guides_example_loads_and_its_books_balance(tmp_path: Path) -> None:
    company = read_company_file(write(tmp_path, example()), today=TODAY)
    totals = balances(company)
    assert sum(totals.values()) == 0
    assert {a: totals[a] for a in ("1", "2", "3", "4", "5")} == {
        "1": Decimal("5125.50"), "2": Decimal("364.00"), "3": 0, "4": 0, "5": 0,
    }  # fmt: skip
    assert open_amounts(company)["2"] == ("Invoice", Decimal("364.00"))


def test_amounts_keep_every_digit(tmp_path: Path) -> None:
    raw = example()
    raw["transactions"][2]["body"]["Line"][0]["Amount"] = Decimal("310.50001")
    company = read_company_file(write(tmp_path, raw), today=TODAY)
    assert str(company.transactions[2].body["Line"][0]["Amount"]) == "310.50001"


def test_every_date_moves_by_the_same_days(tmp_path: Path) -> None:
    company = read_company_file(write(tmp_path, example()), today=date(2026, 5, 11))
    invoice = company.transactions[1]
    assert (invoice.body["TxnDate"], invoice.body["DueDate"]) == ("2026-04-14", "2026-05-14")
    assert invoice.created_at == datetime(2026, 4, 14, 18, 12, 40, tzinfo=UTC)
    assert company.ledger[0].txn_on == company.last_day == date(2026, 5, 10)


def test_the_last_day_may_be_today(tmp_path: Path) -> None:
    company = read_company_file(write(tmp_path, example() | {"last_day_is": "today"}), today=TODAY)
    assert company.ledger[0].txn_on == TODAY


def test_dates_stay_as_dated_or_without_a_last_day(tmp_path: Path) -> None:
    file = write(tmp_path, example())
    kept = read_company_file(file, today=date(2030, 1, 1), as_dated=True)
    assert kept.transactions[0].body["TxnDate"] == "2026-03-01"
    raw = example()
    del raw["last_day"]
    undated = read_company_file(write(tmp_path, raw), today=date(2030, 1, 1))
    assert undated.transactions[0].body["TxnDate"] == "2026-03-01"


def test_the_word_demo_is_the_demo_company() -> None:
    assert read_company_file("demo", today=TODAY).company["CompanyName"] == "Marrow Street Bakehouse"


def spoil(place: str, value: object) -> Callable[[dict[str, Any]], None]:
    def change(raw: dict[str, Any]) -> None:
        *steps, last = place.split(".")
        target: Any = raw
        for step in steps:
            target = target[int(step)] if isinstance(target, list) else target[step]
        target[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (spoil("format", "oodaloo-company/9"), r"company.json: format: .*oodaloo-company/1"),
        (spoil("accounts", {}), r"accounts: .*list"),
        (spoil("acounts", []), r"acounts: .*not permitted"),
        (spoil("vendors.0.DisplayName", ""), r"vendors\[0\].DisplayName: is missing"),
        (spoil("accounts.1.Id", "1"), r"accounts\[1\].Id: '1' is used twice"),
        (spoil("accounts.1.Id", "A-1"), r"accounts\[1\].Id: should be a string of digits, not 'A-1'"),
        (spoil("transactions.0.body.Id", 1), r"transactions\[0\].body.Id: should be a string of digits, not 1"),
        (
            spoil("items.0.IncomeAccountRef.value", "77"),
            r"items\[0\].IncomeAccountRef: none of accounts has the Id '77'",
        ),
        (spoil("tax_accounts.1", "77"), r"tax_accounts.1: no account has the Id '77'"),
        (spoil("transactions.2.entity", "Estimate"), r"transactions\[2\].entity: should be one of Bill"),
        (spoil("transactions.2.body.Id", "2"), r"transactions\[2\].body.Id: '2' is used twice"),
        (spoil("transactions.2.body.TxnDate", "6 March"), r"transactions\[2\].body.TxnDate: .*YYYY-MM-DD"),
        (spoil("transactions.2.body.VendorRef.value", "9"), r"body.VendorRef: none of vendors has the Id '9'"),
        (
            spoil("transactions.2.body.Line.0.AccountBasedExpenseLineDetail.AccountRef.value", "77"),
            r"transactions\[2\].body.Line\[0\].AccountRef: none of accounts",
        ),
        (spoil("transactions.4.body.CheckPayment.BankAccountRef.value", "77"), r"CheckPayment.BankAccountRef: none of"),
        (
            spoil("transactions.3.body.Line.0.LinkedTxn.0.TxnId", "6"),
            r"transactions\[3\].body.Line\[0\].LinkedTxn: no earlier transaction has the Id '6'",
        ),
        (
            spoil("ledger.0.postings.0.debit", Decimal("63.99")),
            r"ledger\[0\]: debits 63.99 and credits 64.00? should be",
        ),
        (spoil("ledger.0.postings.0.debit", -1), r"ledger.0.postings.0.debit: .*zero or more"),
        (spoil("ledger.0.postings.0.account_id", "77"), r"ledger\[0\].postings: no account has the Id '77'"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused_by_place(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], message: str
) -> None:
    raw = example()
    change(raw)
    with pytest.raises(CompanyFileError, match=message):
        read_company_file(write(tmp_path, raw), today=TODAY)


@pytest.mark.parametrize(
    ("content", "message"), [(b"", "should be JSON"), (b"<html>", "should be JSON"), (b"[]", "should be a JSON object")]
)
def test_what_is_no_company_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "company.json"
    file.write_bytes(content)
    with pytest.raises(CompanyFileError, match=message):
        read_company_file(file, today=TODAY)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CompanyFileError, match=r"nowhere.json: file: No such file"):
        read_company_file(tmp_path / "nowhere.json", today=TODAY)
