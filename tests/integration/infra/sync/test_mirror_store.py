"""What a delivery may and may not do to the mirror and its log, one object at a time."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from infra import exact_json
from infra.sync.mirror_store import StoreOutcome
from infra.sync.spec import RailRecord
from tests.integration.infra.sync.bill_mirror import START, BillMirror, at, bill, gone


async def test_a_new_object_is_a_row_and_a_log_row(mirror: BillMirror) -> None:
    assert await mirror.put(bill(Balance=Decimal("90.00"))) == StoreOutcome(created=1)
    row, (entry,) = await mirror.get(), await mirror.log()
    assert (row.version, row.balance, row.rail_version, row.synced_at) == (1, Decimal(90), 0, at(100))
    assert (entry.entity_id, entry.version, entry.transaction_type) == (row.id, 1, "created")
    assert (entry.source, entry.actor, entry.request_id) == ("qbo", "test", "run-1")
    assert (entry.snapshot, entry.changes) == (row.payload, {})


async def test_a_changed_object_is_logged_with_what_differed(mirror: BillMirror) -> None:
    await mirror.put(bill(Balance=Decimal("90.00"), PrivateNote="was here", TotalAmt=Decimal("90.00")))
    newer = bill(version=1, updated=5, Balance=Decimal("10.00"), TotalAmt=Decimal("90.00"), Extra=True)
    del newer.payload["PrivateNote"]
    assert await mirror.put(newer, fetched=110) == StoreOutcome(updated=1)
    row, entry = await mirror.get(), (await mirror.log())[1]
    assert (row.version, row.balance, row.memo, row.synced_at) == (2, Decimal(10), None, at(110))
    changed = dict(entry.changes)
    assert set(changed) == {"Balance", "PrivateNote", "Extra", "SyncToken", "MetaData"}
    assert changed["Balance"] == [Decimal("90.00"), Decimal("10.00")]
    assert changed["PrivateNote"] == ["was here", None]
    assert changed["Extra"] == [None, True]
    assert entry.snapshot == newer.payload


async def test_an_unchanged_object_writes_nothing_at_all(mirror: BillMirror) -> None:
    page = [bill(str(number)) for number in range(20)]
    await mirror.put(*page)
    before = await mirror.physical_rows()
    assert await mirror.put(*page, fetched=500) == StoreOutcome(unchanged=20)
    assert await mirror.physical_rows() == before
    assert await mirror.log_count() == 20


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        pytest.param((1, 9), (2, 3), id="the SyncToken decides, whatever the time says"),
        pytest.param((9, 3), (10, 3), id="as a number, not as text"),
        pytest.param((2, 3), (2, 4), id="the same SyncToken: LastUpdatedTime decides"),
    ],
)
async def test_newest_wins_in_any_order(mirror: BillMirror, older: tuple[int, int], newer: tuple[int, int]) -> None:
    old = bill(version=older[0], updated=older[1], Balance=Decimal(1))
    new = bill(version=newer[0], updated=newer[1], Balance=Decimal(2))
    assert (await mirror.put(old, fetched=10)).created == 1
    assert (await mirror.put(new, fetched=5)).updated == 1  # fetched earlier, yet newer
    before = await mirror.physical_rows()
    assert await mirror.put(old, fetched=900) == StoreOutcome(ignored=1)
    assert await mirror.physical_rows() == before
    assert await mirror.balance() == 2
    assert await mirror.log_types() == ["created", "updated"]


async def test_a_process_whose_clock_goes_ahead_shuts_nobody_out(mirror: BillMirror) -> None:
    """A vendor's balance moves without a new token, and often in the second of its last change: then the later look counts."""
    tomorrow = (datetime.now(UTC) + timedelta(days=1) - START).total_seconds()
    await mirror.put(bill(Balance=Decimal(1)), fetched=tomorrow)
    assert (
        await mirror.put(bill(Balance=Decimal(2)), fetched=(datetime.now(UTC) - START).total_seconds())
    ).updated == 1
    await mirror.put(bill(Balance=Decimal(3)), fetched=tomorrow)
    assert (await mirror.get()).synced_at <= datetime.now(UTC)
    assert (
        await mirror.put(bill(Balance=Decimal(4)), fetched=(datetime.now(UTC) - START).total_seconds())
    ).updated == 1
    await mirror.put(deletions=[gone(updated=9)], fetched=tomorrow)
    assert (await mirror.get()).synced_at <= datetime.now(UTC)


async def test_equal_token_and_time_the_later_fetched_wins(mirror: BillMirror) -> None:
    await mirror.put(bill(Balance=Decimal(1)), fetched=10)
    assert (await mirror.put(bill(Balance=Decimal(2)), fetched=9)).ignored == 1
    assert (await mirror.put(bill(Balance=Decimal(3)), fetched=10)).ignored == 1
    assert (await mirror.put(bill(Balance=Decimal(4)), fetched=11)).updated == 1
    assert await mirror.balance() == 4


async def test_an_object_twice_in_a_page_counts_once_as_its_newest(mirror: BillMirror) -> None:
    page = [
        bill(version=3, Balance=Decimal(3)),
        bill(version=1, Balance=Decimal(1)),
        bill(version=2, Balance=Decimal(2)),
    ]
    assert await mirror.put(*page, bill("8"), bill("8")) == StoreOutcome(created=2)
    assert await mirror.balance() == 3
    assert await mirror.log_types() == ["created"]


async def test_a_deletion_keeps_the_row_and_logs_the_last_state(mirror: BillMirror) -> None:
    last = bill(updated=5)
    await mirror.put(last)
    assert await mirror.put(deletions=[gone(updated=9)], fetched=200) == StoreOutcome(deleted=1)
    row, entry = await mirror.get(), (await mirror.log())[1]
    assert (row.deleted_at, row.version, row.payload) == (at(9), 2, last.payload)
    assert (entry.transaction_type, entry.snapshot, set(entry.changes)) == ("deleted", last.payload, {"deleted_at"})


async def test_deletions_that_change_nothing(mirror: BillMirror) -> None:
    await mirror.put(bill(updated=5))
    assert await mirror.put(deletions=[gone(updated=4)]) == StoreOutcome(ignored=1)  # older than what we hold
    assert await mirror.put(deletions=[gone("never seen", updated=9)]) == StoreOutcome(ignored=1)
    await mirror.put(deletions=[gone(updated=9)])
    before = await mirror.physical_rows()
    assert await mirror.put(deletions=[gone(updated=9), gone(updated=10)]) == StoreOutcome(ignored=2)
    assert await mirror.physical_rows() == before


async def test_a_late_delivery_does_not_bring_a_deleted_object_back(mirror: BillMirror) -> None:
    await mirror.put(bill(version=1, updated=5))
    await mirror.put(deletions=[gone(updated=9)], fetched=200)
    assert (await mirror.put(bill(version=1, updated=5), fetched=300)).ignored == 1
    assert (await mirror.put(bill(version=4, updated=8), fetched=300)).ignored == 1
    assert await mirror.log_types() == ["created", "deleted"]


@pytest.mark.parametrize("balance", ["20.50", "30.00"])
async def test_an_object_that_returns_is_restored(mirror: BillMirror, balance: str) -> None:
    """Undone in QBO: with its old payload or another."""
    await mirror.put(bill(version=1, updated=5))
    await mirror.put(deletions=[gone(updated=9)], fetched=200)
    assert await mirror.put(bill(version=2, updated=12, Balance=Decimal(balance)), fetched=300) == StoreOutcome(
        restored=1
    )
    assert (await mirror.get()).deleted_at is None
    assert await mirror.log_types() == ["created", "deleted", "restored"]
    change = (await mirror.log())[2].changes["deleted_at"]
    assert change[1] is None
    assert change[0] == (await mirror.log())[1].changes["deleted_at"][1]


async def test_a_page_may_hold_every_case_at_once(mirror: BillMirror) -> None:
    await mirror.put(bill("same"), bill("grows"), bill("older", version=5), bill("dies"), bill("back"))
    await mirror.put(deletions=[gone("back", updated=1)])
    outcome = await mirror.put(
        bill("same"),
        bill("grows", version=1),
        bill("older", version=4, updated=60),
        bill("back", version=1, updated=2),
        bill("new"),
        deletions=[gone("dies", updated=3)],
        fetched=300,
    )
    assert outcome == StoreOutcome(created=1, updated=1, deleted=1, restored=1, unchanged=1, ignored=1)


async def test_every_digit_survives(mirror: BillMirror) -> None:
    exact: dict[str, Any] = {
        "TotalAmt": Decimal("200.00"),
        "Balance": Decimal("123456789012345.12345"),
        "ExchangeRate": Decimal("1.2345678901"),
        "Tiny": Decimal("0.00000000000000000001"),
        "Long": Decimal("98765432109876543210.98765432109876543210"),
        "Cents": Decimal("0.10"),
        "Whole": 12345678901234567890,
    }
    await mirror.put(bill(**exact))
    row, (entry,) = await mirror.get(), await mirror.log()
    for kept in (row.payload, entry.snapshot):
        for field, number in exact.items():
            assert (type(kept[field]), str(kept[field])) == (type(number), str(number)), field
    assert str(row.balance) == "123456789012345.12345"
    assert row.exchange_rate == exact["ExchangeRate"]


async def test_what_is_stored_is_the_canonical_text_itself(mirror: BillMirror) -> None:
    record = bill(Rate=Decimal("1.2300E+2"), Note="caf\u00e9 \u0000 end", Nested={"b": [1, None], "a": Decimal("0.10")})
    await mirror.put(record)
    assert set(await mirror.texts()) == {exact_json.dumps(record.payload).decode()}
    row, (entry,) = await mirror.get(), await mirror.log()
    assert row.payload["Note"] == entry.snapshot["Note"] == "caf\u00e9 \u0000 end"


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        pytest.param(Decimal("1.0"), Decimal("1.00"), False, id="one number, written twice"),
        pytest.param({"a": 1, "b": [Decimal("2.0")]}, {"b": [2], "a": 1}, False, id="the order of nested keys"),
        pytest.param([1, 2], [2, 1], True, id="the order of a list"),
        pytest.param({"a": {"b": 1}}, {"a": {"b": 2}}, True, id="deep inside"),
        pytest.param("1", 1, True, id="text and number"),
        pytest.param("a\u0000", "a", True, id="the character zero"),
        pytest.param(None, None, False, id="null twice"),
        pytest.param(None, 0, True, id="null and zero"),
    ],
)
async def test_values_differ_not_their_text(mirror: BillMirror, before: Any, after: Any, *, changed: bool) -> None:
    await mirror.put(bill(Field=before))
    assert await mirror.put(bill(version=1, updated=5, Field=after)) == StoreOutcome(updated=1)
    changes = (await mirror.log())[1].changes
    assert ("Field" in changes) is changed
    if changed:
        assert changes["Field"] == [before, after]


async def test_a_state_that_only_lost_or_gained_nulls_changed_nothing(mirror: BillMirror) -> None:
    await mirror.put(bill(Lost=None, Kept=1))
    assert await mirror.put(bill(version=1, updated=5, Gained=None, Kept=1)) == StoreOutcome(updated=1)
    assert set((await mirror.log())[1].changes) == {"SyncToken", "MetaData"}


async def test_a_deleted_object_comes_back_changed(mirror: BillMirror) -> None:
    await mirror.put(bill(Note="a\u0000"))
    await mirror.put(deletions=[gone(updated=5)])
    assert await mirror.put(bill(version=1, updated=9, Note="b\u0000")) == StoreOutcome(restored=1)
    changes = (await mirror.log())[2].changes
    assert changes["Note"] == ["a\u0000", "b\u0000"]
    assert changes["deleted_at"][0] == (await mirror.log())[1].changes["deleted_at"][1]
    assert changes["deleted_at"][1] is None


async def test_a_numbered_state_follows_an_unnumbered_one(mirror: BillMirror) -> None:
    """A rail that begins to number its states must not be stuck at the last one without a number."""
    await mirror.put(RailRecord("7", version=None, updated_at=at(5), payload=bill().payload))
    assert (await mirror.put(bill(version=1, updated=6))).updated == 1
    assert (await mirror.put(RailRecord("7", version=None, updated_at=at(9), payload=bill().payload))).ignored == 1
