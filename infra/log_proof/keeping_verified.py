"""The scheduler's part: what is new is verified every 15 minutes, everything every night, and what is found is told.

`oodaloo log verify` runs as a process of its own: hashing millions of rows must not keep this one from sealing, and it ends with it.
"""

import asyncio
import os
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from infra import exact_json
from infra.clock import Clock
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.errors import MalformedJSON
from infra.jobs.cron import CronEntry, tick
from infra.log_proof.findings import Verdict
from infra.log_proof.verified import UNCHANGED, Extent, Outcome, Verified, read_verified, write_verified
from infra.logging import get_logger

log = get_logger()

_NO_QUEUE = "none"  # they never go through the outbox: workers need not have the checkpoint file and the keys
ENTRIES: Mapping[Extent, CronEntry] = {
    Extent.ALL: CronEntry("log.verify_all", _NO_QUEUE, cron="30 9 * * *"),
    Extent.NEW: CronEntry("log.verify_new", _NO_QUEUE, every=timedelta(minutes=15)),
}
_FIRST_LOOK_AFTER_SECONDS, _LOOK_EVERY_SECONDS = 30.0, 15.0
_SHOWN_AT_MOST = 10


class LogVerifier:
    """One scheduler's part; a slot of the schedule is taken by one of them. `command` is `oodaloo log verify --json`."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        uow: UnitOfWorkFactory,
        redis: Redis,
        clock: Clock,
    ) -> None:
        self._command = tuple(command)
        self._environment = {**os.environ, **environment}
        self._uow = uow
        self._redis = redis
        self._clock = clock

    async def keep(self) -> None:
        """Until cancelled. Failures are logged; the next slot is another try."""
        await asyncio.sleep(_FIRST_LOOK_AFTER_SECONDS)
        while True:
            try:
                await self.look()
            except (SQLAlchemyError, RedisError, OSError) as error:
                log.error("log_proof.verify.failed", error=type(error).__name__)  # noqa: TRY400 - its class says enough
            await asyncio.sleep(_LOOK_EVERY_SECONDS)

    async def look(self) -> list[Verified]:
        """Verify what has come round and nobody else has taken."""
        done = []
        for extent, entry in ENTRIES.items():
            async with self._uow([]) as unit:
                slot = await tick(unit.session, entry)
            if slot is not None:
                done.append(await self.verify(extent))
        return done

    async def verify(self, extent: Extent) -> Verified:
        """Where something was found, or nothing could be, the next one begins where this one did."""
        since = await self._begin() if extent is Extent.NEW else 0
        options = ["--full"] if extent is Extent.ALL else ["--since", str(since)]
        report = await self._report(options)
        outcome = Outcome(report.get("verdict", Outcome.FAILED))
        verified = Verified(
            extent=extent,
            outcome=outcome,
            finding_count=report.get("finding_count", 0),
            through=report.get("through", since) if outcome in UNCHANGED else since,
            ended_at=self._clock.now(),
        )
        self._tell(verified, report)
        await write_verified(self._redis, verified)
        return verified

    async def _begin(self) -> int:
        """Where the latest one came to; a night's that found nothing settles what one of the day's was about."""
        held = await read_verified(self._redis)
        ones = [one for one in held if one.extent is Extent.NEW or one.outcome in UNCHANGED]
        return max(ones, key=lambda one: one.ended_at).through if ones else 0

    async def _report(self, options: Sequence[str]) -> dict[str, Any]:
        """What the command says; without a verdict when it could not verify."""
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *self._command, *options, env=self._environment, stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe
        )
        try:
            told, error = await process.communicate()
        except asyncio.CancelledError:
            process.terminate()
            await process.wait()
            raise
        try:
            report: dict[str, Any] = exact_json.loads(told.strip().rpartition(b"\n")[2])
        except MalformedJSON:
            report = {"error": error.decode(errors="replace").strip().rpartition("\n")[2][-500:]}
            if process.returncode == Verdict.ANCHORS_MISSING:
                report["verdict"] = Outcome.ANCHORS_MISSING
        return report

    def _tell(self, verified: Verified, report: Mapping[str, Any]) -> None:
        if verified.outcome in UNCHANGED:
            log.info(
                "log_proof.verify.done", extent=verified.extent, rows=report["rows"], mirrors=report["mirror_rows"]
            )
            return
        log.error(
            "log_proof.verify.found",
            extent=verified.extent,
            outcome=verified.outcome,
            count=verified.finding_count,
            first=[finding["text"] for finding in report.get("findings", ())[:_SHOWN_AT_MOST]],
            anchors_missing=len(report.get("anchors_missing", ())),
            error=report.get("error"),
        )
