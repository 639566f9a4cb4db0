from datetime import timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from runway.calculators.exposure import OriginalAmount, concentration, converted_total
from runway.calculators.outlook import DatedFlow, PathRow
from tests.unit.runway.calculators.making import BASIS, T, whole

EURO = {"EUR": Decimal("1.1")}
AMOUNTS = st.lists(
    st.builds(
        OriginalAmount,
        st.sampled_from("abc"),
        st.decimals(min_value=-999, max_value=999, places=2),
        st.sampled_from(["USD", "EUR"]),
    )
)


def make_receipt(amount: int, party: str | None) -> DatedFlow:
    return DatedFlow(T + timedelta(days=1), Decimal(amount), PathRow.INVOICES, "1", party)


def test_foreign_amounts_are_converted_and_their_share_told() -> None:
    amounts = [OriginalAmount("2", Decimal(100), "EUR"), OriginalAmount("1", Decimal(330), "USD")]
    got = converted_total(amounts, EURO, basis=BASIS)
    assert [(row.original.key, whole(row.home)) for row in got.rows] == [("1", 330), ("2", 110)]
    assert (whole(got.total.value), whole(got.foreign_share.value)) == (440, 25)
    assert got.total.note == "converted at the rates of 2025-11-21"


def test_a_missing_rate_blocks_the_total() -> None:
    amounts = [OriginalAmount("1", Decimal(100), "GBP"), OriginalAmount("2", Decimal(100), "EUR")]
    got = converted_total(amounts, EURO, basis=BASIS)
    assert (got.total.value, got.total.reason, got.missing_rates) == (None, "No rate for GBP on 2025-11-21", ("GBP",))


def test_one_customer_above_forty_percent_is_noted() -> None:
    flows = [make_receipt(41, "acme"), make_receipt(39, "bolt"), make_receipt(20, None), make_receipt(-500, "acme")]
    got = concentration(flows, basis=BASIS)
    assert got is not None
    assert (got.party_id, got.note) == ("acme", "41.00 % of what is expected in comes from one customer")
    even = concentration([make_receipt(40, "acme"), make_receipt(60, None)], basis=BASIS)
    assert even is not None
    assert even.note is None
    assert concentration([make_receipt(40, None)], basis=BASIS) is None


@given(AMOUNTS)
def test_the_total_is_that_of_its_rows_in_any_order(amounts: list[OriginalAmount]) -> None:
    got = converted_total(amounts, EURO, basis=BASIS)
    assert got == converted_total(amounts[::-1], EURO, basis=BASIS)
    assert got.total.value == sum((row.home or 0 for row in got.rows), Decimal(0))
