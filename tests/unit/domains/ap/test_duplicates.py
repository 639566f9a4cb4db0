"""Worked by hand from the rule: same vendor, and the number, or the amount near in time."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from domains.ap.duplicates import Sign, Strength, find_duplicates, fold_name, fold_number, number_end
from domains.core.lookalikes import Lookalike, LookalikeKind

BILL = Lookalike(
    kind=LookalikeKind.BILL,
    id=UUID(int=1),
    external_id="1",
    doc_number="INV-0042",
    party_external_id="31",
    party_name="Harbor Supply",
    on=date(2026, 3, 15),
    amount=Decimal("120.50"),
    currency="USD",
)


def other(**changes: object) -> Lookalike:
    """Another bill with nothing in common but the vendor."""
    plain = replace(BILL, id=uuid4(), external_id="2", doc_number="9", on=date(2025, 6, 1), amount=Decimal(7))
    return replace(plain, **changes)  # type: ignore[arg-type]  # a test's own fields


def found(one: Lookalike) -> tuple[Strength, tuple[Sign, ...]] | None:
    duplicates = find_duplicates(BILL, [one])
    return (duplicates[0].strength, duplicates[0].signs) if duplicates else None


@pytest.mark.parametrize(
    "number", ["INV-0042", "inv 42", "42", "#42", "INV-000042", "Invoice No. 0042", "0042", "BILL42"]
)
def test_the_same_number_and_amount_is_strong_however_it_is_written_and_however_old(number: str) -> None:
    assert found(other(doc_number=number, amount=Decimal("120.50"))) == (Strength.STRONG, (Sign.NUMBER,))


@pytest.mark.parametrize("number", ["INV-0420", "142", "42A", "", None, "000", "INV"])
def test_another_number_is_none(number: str | None) -> None:
    assert found(other(doc_number=number)) is None


def test_a_number_that_says_nothing_is_no_number() -> None:
    bill = replace(BILL, doc_number="000")
    assert find_duplicates(bill, [other(doc_number="000")]) == []


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        ("120.50", (Strength.STRONG, (Sign.NUMBER,))),
        ("120.51", (Strength.STRONG, (Sign.NUMBER,))),
        ("120.49", (Strength.STRONG, (Sign.NUMBER,))),
        ("120.52", (Strength.LIKELY, (Sign.NUMBER,))),
    ],
)
def test_a_cent_is_no_difference_and_two_are(amount: str, expected: object) -> None:
    assert found(other(doc_number="42", amount=Decimal(amount))) == expected


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        (date(2026, 3, 5), (Strength.LIKELY, (Sign.AMOUNT_AND_DATE, Sign.SPENT_LATELY))),  # 10 days before
        (date(2026, 3, 15), (Strength.LIKELY, (Sign.AMOUNT_AND_DATE, Sign.SPENT_LATELY))),
        (date(2026, 3, 25), (Strength.LIKELY, (Sign.AMOUNT_AND_DATE,))),  # 10 days after
        (date(2026, 3, 26), None),
        (date(2026, 3, 4), (Strength.WEAK, (Sign.SPENT_LATELY,))),  # 11 days before
        (date(2026, 1, 29), (Strength.WEAK, (Sign.SPENT_LATELY,))),  # 45 days before
        (date(2026, 1, 28), None),
    ],
)
def test_the_same_amount_counts_for_so_many_days(on: date, expected: object) -> None:
    assert found(other(amount=BILL.amount, on=on)) == expected


def test_an_amount_in_another_currency_is_another_amount() -> None:
    assert found(other(doc_number="42", amount=BILL.amount, on=BILL.on, currency="EUR")) == (
        Strength.LIKELY,
        (Sign.NUMBER,),
    )


@pytest.mark.parametrize(
    "name", ["HARBOR SUPPLY", "The Harbor Supply Co., Inc.", "Harbor-Supply LLC", "harbor  supply"]
)
def test_a_vendor_is_the_same_by_id_or_by_name_without_its_legal_form(name: str) -> None:
    assert found(other(party_external_id="77", party_name=name, amount=BILL.amount, on=BILL.on)) is not None


@pytest.mark.parametrize("name", ["Harbour Supply", "Harbor", "", None])
def test_another_vendor_is_never_the_same(name: str | None) -> None:
    assert found(other(party_external_id="77", party_name=name, doc_number="42", amount=BILL.amount)) is None


def test_vendors_without_a_name_are_not_one_vendor() -> None:
    bill = replace(BILL, party_name=None)
    assert find_duplicates(bill, [other(party_external_id="77", party_name=None, doc_number="42")]) == []


def test_itself_is_left_out_and_the_strongest_come_first_then_the_nearest() -> None:
    weak = other(external_id="weak", amount=BILL.amount, on=date(2026, 2, 1))
    likely = other(external_id="likely", doc_number="42")
    strong = other(external_id="strong", doc_number="42", amount=BILL.amount)
    nearer = replace(strong, id=uuid4(), external_id="nearer", on=date(2026, 1, 1))
    purchase = replace(weak, id=uuid4(), kind=LookalikeKind.PURCHASE, external_id="card", on=date(2026, 3, 1))
    duplicates = find_duplicates(BILL, [weak, likely, strong, BILL, purchase, nearer])
    assert [one.other.external_id for one in duplicates] == ["nearer", "strong", "likely", "card", "weak"]
    assert duplicates[3].words == "purchase 9 of 2026-03-01 for 120.50"


def test_names_and_numbers_are_folded_by_hand() -> None:
    assert [fold_number(number) for number in ("A-001", "No. 7", "PO 12/3", "INV", None)] == [
        "a1",
        "7",
        "po123",
        "inv",
        "",
    ]
    assert [fold_name(name) for name in ("O'Brien & Sons Ltd", "The Co", "Bank of America Corp.")] == [
        "obrien sons",
        "the co",
        "bank america",
    ]


@pytest.mark.parametrize(
    ("written", "end"), [("HS-0118", "118"), ("INV 042a", "42a"), ("rent", "rent"), ("A7-B100", "100"), ("0", "")]
)
def test_every_writing_of_a_number_ends_the_same(written: str, end: str) -> None:
    assert number_end(fold_number(written)) == end
