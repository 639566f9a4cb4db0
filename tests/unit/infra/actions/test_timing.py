from datetime import timedelta
from itertools import pairwise

from infra.actions.timing import ActionTiming

TIMING = ActionTiming()
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def looks(timing: ActionTiming, *, until: timedelta) -> list[timedelta]:
    """When it is looked, from the send on."""
    found, elapsed = [], timedelta(0)
    while (pause := timing.until_next_look(elapsed)) is not None and elapsed + pause <= until:
        elapsed += pause
        found.append(elapsed)
    return found


def test_the_looks_for_an_outcome() -> None:
    assert looks(TIMING, until=3 * HOUR) == [
        *(n * SECOND for n in (5, 20, 60)),
        *(n * MINUTE for n in (3, 5, 10, 15, 20, 25, 30, 90, 150)),
    ]


def test_after_a_day_it_is_looked_daily_and_after_thirty_no_more() -> None:
    all_of_them = looks(TIMING, until=60 * DAY)
    assert len([moment for moment in all_of_them if moment > 25 * HOUR]) == 29
    assert 30 * DAY <= all_of_them[-1] < 31 * DAY


def test_only_from_a_minute_on_a_look_denies() -> None:
    assert not TIMING.is_settled(59 * SECOND)
    assert TIMING.is_settled(60 * SECOND)


def test_until_it_is_quiet_no_two_looks_are_more_than_five_minutes_apart() -> None:
    moments = [timedelta(0), *looks(TIMING, until=TIMING.review_after)]
    assert max(later - earlier for earlier, later in pairwise(moments)) == 5 * MINUTE


def test_replays_are_spread_over_most_of_an_hour() -> None:
    told, sent_at = [], timedelta(0)
    for replays in range(TIMING.most_replays + 1):
        following = (
            look for look in looks(TIMING, until=HOUR) if TIMING.may_replay(replays, quiet=look, age=sent_at + look)
        )
        if (pause := next(following, None)) is None:
            break
        sent_at += pause
        told.append(sent_at)
    assert told == [n * MINUTE for n in (1, 2, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50)]
    assert TIMING.may_replay(0, quiet=HOUR, age=HOUR) is None


def test_pauses_double_up_to_two_minutes() -> None:
    assert [TIMING.pause(waits, share=1.0) for waits in (0, 1, 2, 5, 6, 1000)] == [
        2 * SECOND, 4 * SECOND, 8 * SECOND, 64 * SECOND, 2 * MINUTE, 2 * MINUTE,
    ]  # fmt: skip
    assert TIMING.pause(3, share=0.0) > timedelta(0)


def test_checks_follow_at_two_minutes_an_hour_and_a_day() -> None:
    assert TIMING.until_next_check(1, age=timedelta(0)) == 2 * MINUTE
    assert TIMING.until_next_check(2, age=2 * MINUTE) == 58 * MINUTE
    assert TIMING.until_next_check(3, age=HOUR) == 23 * HOUR
    assert TIMING.until_next_check(4, age=DAY) is None
    assert TIMING.until_next_check(2, age=2 * DAY) == timedelta(0)


def test_a_scaled_timing_keeps_its_counts_and_proportions() -> None:
    tiny = TIMING.scaled(0.001)
    assert looks(tiny, until=180 * SECOND)[:3] == [5 * SECOND / 1000, 20 * SECOND / 1000, 60 * SECOND / 1000]
    assert (tiny.most_replays, tiny.lease) == (12, 0.12 * SECOND)
    assert tiny.verify == (0.12 * SECOND, 3.6 * SECOND, 86.4 * SECOND)


def test_a_worker_sends_well_before_its_lease_is_over() -> None:
    assert TIMING.send_within + TIMING.write_within < TIMING.lease
