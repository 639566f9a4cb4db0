"""Who is due: by activity, spread over time, with respect for trouble and for a budget."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest

from infra.ids import new_id
from infra.sync.timing import SyncStanding, SyncTimingManager

NOW = datetime(2026, 3, 15, 18, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def no_database(_business_ids: object) -> Any:
    raise AssertionError("deciding takes no database")


TIMING = SyncTimingManager(no_database)


def standing(**known: Any) -> SyncStanding:
    plain = SyncStanding(
        business_id=UUID(int=7),
        last_synced_at=NOW - 30 * MINUTE,
        last_active_at=None,
        dirty_since=None,
        is_backfilling=False,
        is_under_way=False,
        failures=0,
        last_tried_at=None,
    )
    return replace(plain, **known)


def syncs(one: SyncStanding, *, hours: int, is_thrifty: bool = False) -> list[datetime]:
    """When a scheduler that looks every 15 seconds syncs it."""
    found, now = [], NOW
    while now < NOW + timedelta(hours=hours):
        if TIMING.is_due(one, now=now, is_thrifty=is_thrifty):
            found.append(now)
            one = replace(one, last_synced_at=now)
        now += timedelta(seconds=15)
    return found


@pytest.mark.parametrize(
    ("active_ago", "every"),
    [
        (timedelta(0), 5 * MINUTE),
        (15 * MINUTE, 5 * MINUTE),
        (16 * MINUTE, 15 * MINUTE),
        (timedelta(days=3), 15 * MINUTE),
        (timedelta(days=4), timedelta(hours=1)),
        (timedelta(days=15), timedelta(hours=6)),
        (None, 15 * MINUTE),
    ],
)
def test_the_interval_follows_who_is_there(active_ago: timedelta | None, every: timedelta) -> None:
    last = None if active_ago is None else NOW - active_ago
    assert TIMING.interval(standing(last_active_at=last), now=NOW) == every
    assert TIMING.interval(standing(last_active_at=last), now=NOW, is_thrifty=True) == timedelta(hours=6)


def test_every_fifteen_minutes_to_the_quarter_and_at_its_own_instant() -> None:
    for number in range(20):
        times = syncs(standing(business_id=UUID(int=number)), hours=5)
        gaps = {later - earlier for earlier, later in pairwise(times[2:])}
        assert gaps == {15 * MINUTE}, "once it has met its instant"


def test_businesses_are_spread_over_the_interval() -> None:
    """A thousand that were all synced at one instant: each minute of the next interval but one gets its part."""
    minutes = Counter[int]()
    for _ in range(1000):
        times = syncs(standing(business_id=new_id(), last_synced_at=NOW), hours=1)
        minutes[int((times[1] - NOW) / MINUTE) % 15] += 1
    assert len(minutes) == 15
    assert max(minutes.values()) < 110
    assert min(minutes.values()) > 35


def test_what_a_reader_has_just_refreshed_is_left_and_never_grows_older_than_twenty_minutes() -> None:
    for number in range(50):
        one = standing(business_id=UUID(int=number), last_synced_at=NOW)
        first = syncs(one, hours=1)[0]
        assert 5 * MINUTE <= first - NOW <= 20 * MINUTE + timedelta(seconds=15)


def test_a_user_who_comes_is_served_within_minutes() -> None:
    asleep = standing(last_synced_at=NOW, last_active_at=NOW - timedelta(days=30))
    assert not any(TIMING.is_due(asleep, now=NOW + minute * MINUTE) for minute in range(120))
    awake = replace(asleep, last_active_at=NOW + 40 * MINUTE)
    assert TIMING.is_due(awake, now=NOW + 41 * MINUTE)


@pytest.mark.parametrize("hindrance", ["is_backfilling", "is_under_way"])
def test_what_is_read_already_is_not_due(hindrance: str) -> None:
    assert TIMING.is_due(standing(), now=NOW)
    assert not TIMING.is_due(standing(**{hindrance: True}), now=NOW)


def test_an_announced_change_does_not_wait_for_the_schedule() -> None:
    young = standing(last_synced_at=NOW - 2 * MINUTE, last_active_at=NOW - timedelta(days=20))
    assert not TIMING.is_due(replace(young, dirty_since=NOW), now=NOW), "its own job has a minute"
    assert TIMING.is_due(replace(young, dirty_since=NOW - MINUTE), now=NOW)


def test_trouble_is_met_with_longer_and_longer_pauses_up_to_an_hour() -> None:
    pauses = []
    for failures in (1, 2, 3, 7, 50):
        one = standing(failures=failures, last_tried_at=NOW, last_synced_at=NOW - timedelta(days=1))
        pauses.append(next(minute for minute in range(100) if TIMING.is_due(one, now=NOW + minute * MINUTE)))
    assert pauses == [1, 2, 4, 60, 60]


def test_clocks_that_jump_neither_stop_nor_storm() -> None:
    ahead = standing(last_synced_at=NOW + timedelta(days=1))
    assert TIMING.is_due(ahead, now=NOW), "written by a clock that was a day ahead"
    assert not TIMING.is_due(standing(last_synced_at=NOW + MINUTE), now=NOW)
    tried = standing(failures=3, last_tried_at=NOW + timedelta(days=1), last_synced_at=NOW - timedelta(days=1))
    assert TIMING.is_due(tried, now=NOW)
    assert len(syncs(standing(last_synced_at=NOW - timedelta(days=400)), hours=1)) in {4, 5}
