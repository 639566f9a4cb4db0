"""The scheduler's verifying: the commands it starts, what it remembers of them, and that it ends with them."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis
from sqlalchemy import text

from infra.clock import SystemClock
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.log_proof.keeping_verified import ENTRIES, LogVerifier
from infra.log_proof.verified import Extent, Outcome, read_verified

# In place of `oodaloo log verify --json`: it writes down what it was asked, and answers what lies in a file.
SCRIPT = """
import pathlib, sys, time
here = pathlib.Path(sys.argv[1])
with (here / "asked").open("a") as asked:
    asked.write(" ".join(sys.argv[2:]) + "\\n")
answer = (here / "answer").read_text()
if answer == "hang":
    time.sleep(600)
print("a line of a log")
print(answer)
sys.exit(int((here / "code").read_text()))
"""
ANSWER = '{{"verdict": "{}", "finding_count": {}, "through": {}, "rows": 5, "mirror_rows": 2, "findings": []}}'


class Command:
    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def will(self, answer: str, *, code: int = 0) -> None:
        (self.directory / "answer").write_text(answer)
        (self.directory / "code").write_text(str(code))

    def asked(self) -> list[str]:
        path = self.directory / "asked"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return Command(tmp_path)


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = Redis.from_url(redis_url)
    yield client
    await client.aclose()


@pytest.fixture
def verifier(command: Command, redis: Redis, jobs_uow: UnitOfWorkFactory) -> LogVerifier:
    start = (sys.executable, "-c", SCRIPT, str(command.directory))
    return LogVerifier(start, environment={}, uow=jobs_uow, redis=redis, clock=SystemClock())


async def test_what_is_new_goes_on_from_the_last_that_was_unchanged(
    verifier: LogVerifier, command: Command, redis: Redis
) -> None:
    for outcome, through in (("clean", 7), ("tampered", 9), ("lagging", 11), ("clean", 12)):
        command.will(ANSWER.format(outcome, int(outcome == "tampered"), through))
        assert (await verifier.verify(Extent.NEW)).outcome == outcome
    assert command.asked() == ["--since 0", "--since 7", "--since 7", "--since 11"]
    (kept,) = await read_verified(redis)
    assert (kept.extent, kept.outcome, kept.through) == (Extent.NEW, Outcome.CLEAN, 12)


async def test_a_nights_verification_settles_the_days(verifier: LogVerifier, command: Command, redis: Redis) -> None:
    command.will(ANSWER.format("tampered", 1, 7))
    for extent in (Extent.NEW, Extent.ALL, Extent.NEW):
        await verifier.verify(extent)
    command.will(ANSWER.format("clean", 0, 20))
    for extent in (Extent.ALL, Extent.NEW):
        await verifier.verify(extent)
    assert command.asked() == ["--since 0", "--full", "--since 0", "--full", "--since 20"]
    assert {(one.extent, one.outcome) for one in await read_verified(redis)} == {
        (Extent.NEW, Outcome.CLEAN), (Extent.ALL, Outcome.CLEAN),
    }  # fmt: skip


async def test_a_command_that_could_not_verify_is_no_clean_one(verifier: LogVerifier, command: Command) -> None:
    command.will("no database", code=1)
    assert (await verifier.verify(Extent.NEW)).outcome is Outcome.FAILED
    command.will("The checkpoint file cannot be read.", code=3)
    assert (await verifier.verify(Extent.NEW)).outcome is Outcome.ANCHORS_MISSING


async def test_a_slot_is_taken_once(verifier: LogVerifier, command: Command, jobs_uow: UnitOfWorkFactory) -> None:
    async with jobs_uow([]) as unit:
        for entry in ENTRIES.values():
            old = "INSERT INTO cron_tick VALUES (:job, 'epoch') ON CONFLICT (job) DO UPDATE SET slot = 'epoch'"
            await unit.session.execute(text(old), {"job": entry.job})
    command.will(ANSWER.format("clean", 0, 3))
    assert [one.extent for one in await verifier.look()] == [Extent.ALL, Extent.NEW]
    assert Extent.ALL not in {one.extent for one in await verifier.look()}


async def test_a_scheduler_that_ends_takes_its_verification_along(verifier: LogVerifier, command: Command) -> None:
    command.will("hang")
    verifying = asyncio.create_task(verifier.verify(Extent.ALL))
    while not command.asked():  # noqa: ASYNC110 - a process has no event
        await asyncio.sleep(0.02)
    verifying.cancel()
    async with asyncio.timeout(60):
        with pytest.raises(asyncio.CancelledError):
            await verifying
