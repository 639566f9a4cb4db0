"""Every duration of the protocol in one place. Proofs pass a scaled copy; nothing else changes with it."""

from dataclasses import dataclass, fields, replace
from datetime import timedelta
from typing import Any

_S, _M, _H, _D = (timedelta(**{unit: 1}) for unit in ("seconds", "minutes", "hours", "days"))
_ZERO = timedelta(0)


@dataclass(frozen=True)
class ActionTiming:
    """Counted from the last send where not said otherwise.

    Attributes:
        lease: how long a worker is believed alive, by the database's clock.
        send_within: from the claim; a worker that slept longer does not send. Well below the lease.
        preflight_within, write_within: the longest that a rail's looks, and its answer, are waited for.
        retry_first, retry_longest: the pause after a try that was surely not executed, doubling; at random up to that.
        looks: when an outcome is looked for that may only be found: one not seen yet proves nothing.
        settled_after: from here on a look that finds nothing is a denial.
        probes: looks that may deny; never more than five minutes apart, in which what arrived late has to be settled. Then each
            `probe_hourly` through a day, and each `probe_daily` while it is watched.
        replay_within, most_replays: the same request is told again only so long after it was first sent, and so often.
        replay_pauses: how long it was quiet before each replay, the last for all further ones: together they outlast an outage of most
            of an hour.
        review_after, review_negatives: a person is asked when it was quiet so long, with so many denials.
        verify: after it was settled; a first look is made at once.
        watch_for: how long something that was given up is looked for.
        access_every: how often it is seen whether a lost access is back.
        not_read_every: the pause after a look that the rail did not answer.
        poison_attempts, poison_after: claims that came to nothing, by number and by time, before it is parked.
        alike_within: how long another action with the same payee and amount is worth a question.
        failover_doubt: an action changed so shortly before the database went over to a standby may have gone further than its row says.
    """

    lease: timedelta = 120 * _S
    send_within: timedelta = 60 * _S
    preflight_within: timedelta = 45 * _S
    write_within: timedelta = 45 * _S
    retry_first: timedelta = 2 * _S
    retry_longest: timedelta = 2 * _M
    looks: tuple[timedelta, ...] = (5 * _S, 20 * _S)
    settled_after: timedelta = 60 * _S
    probes: tuple[timedelta, ...] = (_M, 3 * _M, 5 * _M, 10 * _M, 15 * _M, 20 * _M, 25 * _M, 30 * _M)
    probe_hourly: timedelta = _H
    probe_daily: timedelta = _D
    replay_within: timedelta = _H
    most_replays: int = 12
    replay_pauses: tuple[timedelta, ...] = (_M, _M, 3 * _M, 5 * _M)
    review_after: timedelta = 30 * _M
    review_negatives: int = 3
    verify: tuple[timedelta, ...] = (2 * _M, _H, 24 * _H)
    watch_for: timedelta = 30 * _D
    access_every: timedelta = _M
    not_read_every: timedelta = 30 * _S
    poison_attempts: int = 20
    poison_after: timedelta = 6 * _H
    alike_within: timedelta = 7 * _D
    failover_doubt: timedelta = 15 * _M

    def scaled(self, factor: float) -> "ActionTiming":
        """All durations times `factor`; counts stay."""

        def scale(value: Any) -> Any:
            if isinstance(value, tuple):
                return tuple(each * factor for each in value)
            return value * factor if isinstance(value, timedelta) else value

        return replace(self, **{field.name: scale(getattr(self, field.name)) for field in fields(self)})

    def until_next_look(self, elapsed: timedelta) -> timedelta | None:
        """From `elapsed` to the next look for an outcome that is not known; None when it is not looked for any more."""
        for moment in (*self.looks, *self.probes):
            if moment > elapsed:
                return moment - elapsed
        if elapsed >= self.watch_for:
            return None
        return self.probe_hourly if elapsed < self.probe_daily else self.probe_daily

    def is_settled(self, elapsed: timedelta) -> bool:
        return elapsed >= self.settled_after

    def may_replay(self, replays: int, *, quiet: timedelta, age: timedelta) -> bool | None:
        """Once more after `replays` of them: whether it is time; None when it is not told again at all."""
        if age >= self.replay_within or replays >= self.most_replays:
            return None
        return quiet >= self.replay_pauses[min(replays, len(self.replay_pauses) - 1)]

    def pause(self, waits: int, *, share: float) -> timedelta:
        """Before try number `waits` + 1: `share`, between 0 and 1, of what doubles each time."""
        longest = min(self.retry_longest, self.retry_first * (1 << min(waits, 20)))
        return max(longest * share, self.retry_first / 4)

    def until_next_check(self, done: int, *, age: timedelta) -> timedelta | None:
        """After `done` verifications of something settled `age` ago; None when it is verified for good."""
        later = self.verify[max(done - 1, 0) :]
        return max(later[0] - age, _ZERO) if later else None
