"""What the log tells of a job: one line at its end, and whose job it is on every line between."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs
from structlog.typing import EventDict

from infra.db.unit_of_work import UnitOfWorkFactory
from infra.errors import RailNeedsReconnect, RailUnavailable
from infra.jobs.execution import JobDefinition, execute
from infra.jobs.outbox import OutboxRow
from infra.logging import get_logger

log = get_logger()


@pytest.fixture
def lines() -> Iterator[list[EventDict]]:
    with capture_logs(processors=[merge_contextvars]) as captured:
        yield captured


async def run(uow: UnitOfWorkFactory, error: Exception | None = None) -> dict[str, Any]:
    """Run a job of one business to its end; what every line of it has."""
    business_id = uuid4()

    async def work(_context: object) -> None:
        log.info("work.halfway")
        if error is not None:
            raise error

    async with uow([]) as unit:
        row = OutboxRow(business_id=business_id, queue="sync", job="work", arguments=[])
        unit.session.add(row)
        await unit.session.flush()  # its id is the test's handle
    assert await execute(row.id, jobs={"work": JobDefinition(queue="sync", run=work)}, context=None, uow=uow)
    return {"job": "work", "job_id": row.id, "business_id": str(business_id)}


async def test_a_job_that_is_done_has_one_line(uow: UnitOfWorkFactory, lines: list[EventDict]) -> None:
    of_job = await run(uow)
    halfway, done = lines
    assert halfway == {"event": "work.halfway", "log_level": "info", **of_job}
    assert (done["event"], done["log_level"], done["attempts"]) == ("jobs.job.done", "info", 1)
    assert isinstance(done["ms"], int)
    assert of_job.items() <= done.items()
    log.info("afterwards")
    assert lines[-1] == {"event": "afterwards", "log_level": "info"}


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ValueError("a bug"), [("jobs.job.failed", "error")]),
        (RailUnavailable("down"), [("jobs.job.failed", "warning")]),
        (RailNeedsReconnect("gone"), [("jobs.job.failed", "warning"), ("jobs.job.dead", "error")]),
    ],
)
async def test_a_job_that_fails_says_whose_fault_it_is(
    uow: UnitOfWorkFactory, lines: list[EventDict], error: Exception, expected: list[tuple[str, str]]
) -> None:
    of_job = await run(uow, error)
    told = lines[1:]
    assert [(line["event"], line["log_level"]) for line in told] == expected
    assert all(of_job.items() <= line.items() for line in told)
