"""A lane's driver: what is due is done, and where nobody has anything to do, time jumps to what comes next."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from benchmarks.proofs.payments.fates import Fate
from benchmarks.proofs.payments.hours import interval
from benchmarks.proofs.payments.town import Lane
from infra.actions.sweeping import sweep
from infra.actions.workshop import WORK_JOB
from infra.qbo.simulator.trouble.late import Postponed

SWEEP_GRACE: Final = 10.0
_LONGEST_NAP = 0.25  # real seconds
_LONGEST_JUMP = 7200.0
_LOOK = """
WITH taken AS (
  UPDATE outbox SET finished_at = clock_timestamp() WHERE id IN (
    SELECT id FROM outbox WHERE queue = 'actions' AND job = %(job)s AND finished_at IS NULL AND dead_at IS NULL
      AND due_at <= clock_timestamp() AND business_id = %(business)s ORDER BY due_at)
  RETURNING arguments)
SELECT id, client_key, mark, state, version, fence, meaning, hold, lease_until, verifications, reversed_at, verified_at, ever_ambiguous,
  outcome_code, release_reason, external_id, extract(epoch FROM due_at - clock_timestamp())::float AS due_in,
  (SELECT extract(epoch FROM min(due_at) - clock_timestamp())::float FROM outbox
   WHERE business_id = %(business)s AND queue = 'actions' AND finished_at IS NULL AND dead_at IS NULL) AS asked_in,
  (SELECT array_agg(arguments) FROM taken) AS taken
FROM action_intent WHERE business_id = %(business)s AND starts_with(client_key, %(key)s)
"""


@dataclass
class Driver:
    """Of one history. `events` are what is to happen, at lane times; `rows` the actions as last seen."""

    lane: Lane
    fate: Fate
    key: str
    events: list[tuple[float, Callable[[], Awaitable[None]]]] = field(default_factory=list)
    rows: dict[UUID, dict[str, Any]] = field(default_factory=dict)
    longest_late: float = 20.0
    _late: dict[int, float] = field(default_factory=dict)
    _swept_at: float = 0.0

    def at(self, when: float, happen: Callable[[], Awaitable[None]]) -> None:
        self.events.append((when, happen))
        self.events.sort(key=lambda event: event[0])

    async def until(self, is_over: Callable[[], bool], *, within: float) -> bool:
        """Drive until `is_over`, at most `within` seconds of the lane's time; whether it is."""
        ends_at = self.lane.time.now() + within
        while True:
            await self._happen()
            if not self.lane.is_idle:
                await asyncio.wait(set(self.lane.tasks), timeout=self._nap(), return_when=asyncio.FIRST_COMPLETED)
                continue
            if await self.look():
                continue
            if is_over():
                return True
            if self.lane.time.now() > ends_at:
                return False
            await self._jump(ends_at)

    def _nap(self) -> float:
        """Real seconds while somebody works: to what comes next, if that comes sooner than they end."""
        moments = [event[0] for event in self.events[:1]]
        moments += [until for until, _ in self.fate.asleep]
        moments += [self._late[postponed.nth] for postponed in self._postponed()]
        return max(0.001, min([each - self.lane.time.now() for each in moments] + [_LONGEST_NAP]))

    async def look(self) -> bool:
        """See how the actions stand, and let workers have the jobs that are due; whether there were any."""
        asked = {"business": self.lane.business_id, "key": self.key, "job": WORK_JOB}
        rows = await (await self.lane.root.execute(_LOOK, asked)).fetchall()
        self.rows = {row["id"]: row for row in rows}
        taken = rows[0]["taken"] or () if rows else ()
        for _, intent_id in taken:
            self.lane.work(UUID(intent_id))
        return bool(taken)

    async def _happen(self) -> None:
        now = self.lane.time.now()
        while self.events and self.events[0][0] <= now:
            _, happen = self.events.pop(0)
            self.lane.start(self._event(happen))
        for until, woken in self.fate.asleep:
            if until <= now or self.fate.is_over:
                woken.set()
        for postponed in self._postponed():
            if self._late[postponed.nth] <= now:
                await self._carry_out(postponed)

    async def _jump(self, ends_at: float) -> None:
        """To the next event; where an action is due and nobody was asked, the sweep's turn comes when it is forgotten."""
        now = self.lane.time.now()
        moments = [event[0] for event in self.events[:1]]
        moments += [until for until, _ in self.fate.asleep]
        moments += [self._late[postponed.nth] for postponed in self._postponed()]
        asked = [row["asked_in"] for row in self.rows.values() if row["asked_in"] is not None][:1]
        moments += [now + each for each in asked]
        forgotten = [row["due_in"] for row in self.rows.values() if row["due_in"] is not None]
        sweeps_at = max(now + min(forgotten) + SWEEP_GRACE, self._swept_at + SWEEP_GRACE, now) if forgotten else None
        if sweeps_at is not None:
            moments.append(sweeps_at)
        rest = min([*moments, ends_at + 1.0]) - now
        if rest > 0.002:
            await self.jump(min(rest, _LONGEST_JUMP))
        if sweeps_at is not None and sweeps_at <= self.lane.time.now() + 0.002:
            self._swept_at = self.lane.time.now()
            await sweep(self.lane.company.services.jobs_uow, grace=timedelta(seconds=SWEEP_GRACE * 0.9))

    async def jump(self, seconds: float) -> None:
        await self.lane.root.execute(
            "SELECT pg_temp.age(%s, %s, %s)", (self.lane.business_id, list(self.rows), interval(seconds))
        )
        self.lane.time.jump(seconds)

    async def _event(self, happen: Callable[[], Awaitable[None]]) -> None:
        try:
            await happen()
        except Exception as error:  # noqa: BLE001 - what a person is told so is wrong, whatever it was
            self.lane.raised.append(f"{type(error).__name__}: {str(error)[:300]}")

    def _postponed(self) -> list[Postponed]:
        """Requests of this realm that QuickBooks has still to carry out, each with its moment."""
        prefix = f"/v3/company/{self.lane.realm_id}/"
        late = self.lane.machines.town.simulator.late
        waiting = [each for each in late._waiting.values() if each.path.startswith(prefix)]  # noqa: SLF001 - its own time is not the lane's
        for each in waiting:
            if each.nth not in self._late:
                self._late[each.nth] = self.lane.time.now() + self.fate.draw.uniform(0.5, self.longest_late)
        return waiting

    async def _carry_out(self, postponed: Postponed) -> None:
        late = self.lane.machines.town.simulator.late
        assert late._carry_out is not None  # noqa: SLF001 - the simulator runs
        await late._carry_out(postponed)  # noqa: SLF001 - as above
