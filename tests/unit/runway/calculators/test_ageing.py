from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runway.calculators.ageing import (
    Application,
    Bucket,
    OpenDocument,
    UnappliedCredit,
    age,
    bucket_of,
    control_difference,
    due_days_of,
    open_balance_as_of,
)
from tests.unit.runway.calculators.making import BASIS, T


def make_document(amount: Decimal | int, days_overdue: int | None = 0, **more: Any) -> OpenDocument:
    due_on = None if days_overdue is None else T - timedelta(days=days_overdue)
    fields: dict[str, Any] = {
        "external_id": "1",
        "party_id": "acme",
        "party_name": "Acme",
        "issued_on": date(2025, 1, 2),
    }
    return OpenDocument(due_on=due_on, open_amount=Decimal(amount), **fields | more)


def decimals(*values: int) -> list[Decimal]:
    return [Decimal(value) for value in values]


def make_credit(amount: Decimal | int, party_id: str = "acme") -> UnappliedCredit:
    return UnappliedCredit("9", party_id, party_id.title(), Decimal(amount))


@pytest.mark.parametrize(
    ("days_overdue", "bucket", "label"),
    [
        (-400, Bucket.CURRENT, "Current"),
        (0, Bucket.CURRENT, "Current"),
        (1, Bucket.DAYS_1_30, "1\N{EN DASH}30"),
        (30, Bucket.DAYS_1_30, "1\N{EN DASH}30"),
        (31, Bucket.DAYS_31_60, "31\N{EN DASH}60"),
        (60, Bucket.DAYS_31_60, "31\N{EN DASH}60"),
        (61, Bucket.DAYS_61_90, "61\N{EN DASH}90"),
        (90, Bucket.DAYS_61_90, "61\N{EN DASH}90"),
        (91, Bucket.DAYS_91_PLUS, "90+"),
        (4000, Bucket.DAYS_91_PLUS, "90+"),
    ],
)
def test_bucket_boundaries(days_overdue: int, bucket: Bucket, label: str) -> None:
    assert (bucket_of(days_overdue), bucket.label) == (bucket, label)


@pytest.mark.parametrize("days_overdue", [-400, -1, 0, 1, 30, 31, 60, 61, 90, 91, 4000])
def test_a_due_day_is_within_the_days_of_its_own_bucket_alone(days_overdue: int) -> None:
    due_on = T - timedelta(days=days_overdue)
    ranges = {bucket: due_days_of(bucket, T) for bucket in Bucket}
    held = [
        bucket
        for bucket, (first, last) in ranges.items()
        if (first is None or first <= due_on) and (last is None or due_on <= last)
    ]
    assert held == [bucket_of(days_overdue)]


def test_totals_per_bucket_party_and_side() -> None:
    documents = [make_document(100), make_document(40, 31), make_document(7, 95, party_id="zeta", party_name="Zeta")]
    result = age(documents, [make_credit(30)], basis=BASIS)
    assert [item.amount.value for item in result.buckets] == [100, 0, 40, 0, 7]
    assert [item.amount.n for item in result.buckets] == [1, 0, 1, 0, 1]
    assert [result.unapplied.value, result.total.value, result.overdue.value] == decimals(-30, 117, 47)
    assert [(row.party_name, row.buckets, row.unapplied, row.total) for row in result.rows] == [
        ("Acme", tuple(decimals(100, 0, 40, 0, 0)), Decimal(-30), Decimal(110)),
        ("Zeta", tuple(decimals(0, 0, 0, 0, 7)), Decimal(0), Decimal(7)),
    ]


@pytest.mark.parametrize(
    ("terms_days", "issued_ago", "days_overdue"),
    [(30, 40, 10), (30, 30, 0), (None, 40, 40), (0, 40, 40)],
)
def test_a_missing_due_date_takes_terms_then_its_own_date(
    terms_days: int | None, issued_ago: int, days_overdue: int
) -> None:
    issued_on = T - timedelta(days=issued_ago)
    result = age([make_document(50, None, issued_on=issued_on, terms_days=terms_days)], [], basis=BASIS)
    (aged,) = result.documents
    assert (aged.days_overdue, aged.is_due_date_assumed) == (days_overdue, True)
    assert [result.assumed_due.value, result.total.value] == decimals(50, 50)
    assert result.assumed_due.n == 1
    assert "1 without a due date" in (result.assumed_due.note or "")


def test_a_due_date_wins_over_terms() -> None:
    (aged,) = age([make_document(50, 3, terms_days=90)], [], basis=BASIS).documents
    assert (aged.days_overdue, aged.is_due_date_assumed) == (3, False)


def test_two_parties_of_one_name_stay_apart_and_a_credit_alone_makes_a_row() -> None:
    documents = [make_document(1, party_id="a"), make_document(2, party_id="b")]
    result = age(documents, [make_credit(5, "c")], basis=BASIS)
    assert {row.party_id: row.total for row in result.rows} == dict(zip("abc", decimals(1, 2, -5), strict=True))


def test_settled_documents_are_left_out() -> None:
    result = age([make_document(0, 50)], [make_credit(0)], basis=BASIS)
    assert (result.rows, result.total.value, result.total.n) == ((), Decimal(0), 0)


def test_an_as_of_balance_knows_nothing_of_later_receipts() -> None:
    applied = [Application(T - timedelta(days=1), Decimal(30)), Application(T, Decimal(20))]
    applied.append(Application(T + timedelta(days=1), Decimal(50)))
    balance = open_balance_as_of(Decimal(100), issued_on=T, applied=applied, as_of=T)
    assert balance == Decimal(50)
    assert open_balance_as_of(Decimal(100), issued_on=T + timedelta(days=1), applied=[], as_of=T) == 0


def test_a_break_against_the_control_account_has_sign_and_size() -> None:
    result = age([make_document(100)], [make_credit(30)], basis=BASIS)
    assert control_difference(result, Decimal(70), basis=BASIS).value == 0
    assert control_difference(result, Decimal("70.01"), basis=BASIS).value == Decimal("0.01")
    assert control_difference(result, Decimal(60), basis=BASIS).value == -10


AMOUNTS = st.decimals(min_value="0.01", max_value=99999, places=2)
DOCUMENTS = st.lists(
    st.builds(
        make_document,
        AMOUNTS,
        st.none() | st.integers(min_value=-400, max_value=400),
        party_id=st.sampled_from("abc"),
        terms_days=st.none() | st.integers(min_value=0, max_value=90),
    ),
    max_size=30,
)
CREDITS = st.lists(st.builds(make_credit, AMOUNTS, st.sampled_from("abcd")), max_size=8)


@given(DOCUMENTS, CREDITS)
def test_buckets_and_unapplied_sum_to_the_total(
    documents: list[OpenDocument], credits_left: list[UnappliedCredit]
) -> None:
    result = age(documents, credits_left, basis=BASIS)
    expected = sum(d.open_amount for d in documents) - sum(c.amount for c in credits_left)
    assert result.total.value == expected
    assert sum(row.total for row in result.rows) == expected
    assert control_difference(result, Decimal(expected), basis=BASIS).value == 0
    for index, total in enumerate(result.buckets):
        assert sum(row.buckets[index] for row in result.rows) == total.amount.value
    assert sum(total.amount.n for total in result.buckets) == len(documents)


@given(st.integers(min_value=-1000, max_value=1000))
def test_a_day_later_never_moves_to_a_younger_bucket(days_overdue: int) -> None:
    order = list(Bucket)
    assert order.index(bucket_of(days_overdue)) <= order.index(bucket_of(days_overdue + 1))
