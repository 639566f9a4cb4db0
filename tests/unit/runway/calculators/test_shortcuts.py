"""What is done in a shorter way for tens of thousands of documents gives what the plain way gives."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.money import to_cents
from runway.calculators.ageing import Bucket, age, bucket_of
from runway.calculators.consequence import _without
from runway.calculators.draws import draw, seed_of
from runway.calculators.outlook import HORIZON_DAYS, DatedFlow, PathRow, cash_path, inside
from tests.unit.runway.calculators.making import BASIS, T
from tests.unit.runway.calculators.test_forecast import make_document

FEW = settings(max_examples=25, deadline=None)
AMOUNTS = st.decimals(-900, 900, places=5)
DAYS = st.integers(-40, HORIZON_DAYS + 20)
FLOWS = st.lists(
    st.builds(
        lambda days, amount, row, key: DatedFlow(T + timedelta(days=days), amount, row, key),
        DAYS,
        AMOUNTS,
        st.sampled_from(PathRow),
        st.sampled_from("abc"),
    ),
    max_size=12,
)


def by_day(flows: Sequence[DatedFlow]) -> list[int]:
    days = [0] * (HORIZON_DAYS + 1)
    for flow in inside(flows, T):
        days[(flow.on - T).days] += int(to_cents(flow.amount).scaleb(2))
    return days


@FEW
@given(FLOWS, FLOWS, FLOWS)
def test_shifting_adds_and_takes_away_each_flow_in_cents(
    fixed: list[DatedFlow], added: list[DatedFlow], taken: list[DatedFlow]
) -> None:
    draws = draw(Decimal(1000), [*fixed, *taken], receipts=[], seed=seed_of("acme", T), as_of=T)
    assert draws.fixed == tuple(by_day([*fixed, *taken]))
    shifted = draws.shifted(added, without=taken).fixed
    assert shifted == tuple(a + b for a, b in zip(by_day(fixed), by_day(added), strict=True))


@FEW
@given(FLOWS, st.data())
def test_what_is_removed_is_found_by_itself_or_by_its_equal(flows: list[DatedFlow], data: st.DataObject) -> None:
    numbers = data.draw(st.sets(st.integers(0, len(flows) - 1))) if flows else set()
    own = [flows[number] for number in numbers]
    left = _without(flows, own)
    assert sorted(map(repr, left)) == sorted(map(repr, _without(flows, [replace(flow) for flow in own])))
    assert sorted(map(repr, [*left, *own])) == sorted(map(repr, flows))


def test_what_was_never_there_cannot_be_removed() -> None:
    flow = DatedFlow(T, Decimal(-5), PathRow.BILLS, "a")
    with pytest.raises(ValueError, match="not in the baseline"):
        _without([flow], [replace(flow, key="b")])
    with pytest.raises(ValueError, match="not in the baseline"):
        _without([flow], [flow, flow])


@FEW
@given(FLOWS, DAYS)
def test_what_is_owed_until_a_day_is_what_a_look_at_all_flows_finds(flows: list[DatedFlow], days: int) -> None:
    path, last = cash_path(Decimal(0), flows, as_of=T), T + timedelta(days=days)
    rows = {PathRow.BILLS, PathRow.PAYROLL, PathRow.TAX, PathRow.RECURRING, PathRow.OTHER_OUT}
    plain = [flow for flow in path.flows if flow.row in rows and flow.amount < 0 and flow.on <= last]
    assert list(path.owed_until(last)) == plain
    assert path.weeks() == path.weeks()


@FEW
@given(st.lists(st.tuples(st.integers(1, 500), st.integers(-60, 120)), max_size=12), DAYS, DAYS)
def test_documents_due_between_two_days(made: list[tuple[int, int]], first: int, last: int) -> None:
    side = age([make_document(str(n), amount, due) for n, (amount, due) in enumerate(made)], [], basis=BASIS)
    begin, end = T + timedelta(days=first), T + timedelta(days=last)
    plain = sorted(
        (item for item in side.documents if begin <= item.due_on <= end),
        key=lambda item: (item.due_on, -item.document.open_amount, item.document.external_id),
    )
    assert list(side.due_between(begin, end)) == plain
    not_due = {item.document.external_id for item in side.due_between(T, date.max)}
    assert not_due == {item.document.external_id for item in side.documents if item.bucket is Bucket.CURRENT}


def test_buckets_end_where_they_end() -> None:
    edges = {0: Bucket.CURRENT, 1: Bucket.DAYS_1_30, 30: Bucket.DAYS_1_30, 31: Bucket.DAYS_31_60, 61: Bucket.DAYS_61_90}
    assert {days: bucket_of(days) for days in edges} == edges
    assert [bucket_of(days) for days in (-9, 60, 90, 91, 900)] == [
        Bucket.CURRENT,
        Bucket.DAYS_31_60,
        Bucket.DAYS_61_90,
        Bucket.DAYS_91_PLUS,
        Bucket.DAYS_91_PLUS,
    ]
