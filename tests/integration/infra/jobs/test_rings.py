"""What rings leave in Redis: one number a row however long nobody comes, and patience with a job that fails before its row is claimed."""

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from redis import Redis
from rq import Queue, SimpleWorker
from rq.job import Job
from rq.serializers import JSONSerializer

from infra.jobs.doorbell import Doorbell
from infra.jobs.outbox import Ring

RINGS = [Ring(number, "rings", attempts=0) for number in range(1, 6)]


def never_gets_there(_outbox_id: int, _queue: str) -> None:
    raise ConnectionError("before the row")


@pytest.fixture
def client(redis_url: str) -> Iterator[Any]:
    with Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def doorbell(redis_url: str) -> Iterator[Doorbell]:
    doorbell = Doorbell(redis_url, function=f"{__name__}.{never_gets_there.__name__}")
    yield doorbell
    doorbell.close()


def turn_by_turn(doorbell: Doorbell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each ring comes ten seconds after the one before."""
    turns = count(1_000_000, 10)
    monkeypatch.setattr(doorbell._redis, "time", lambda: (next(turns), 0))  # noqa: SLF001  # Redis' clock cannot be moved


async def test_nobody_comes_for_hours_and_each_row_lies_there_once(
    client: Any, doorbell: Doorbell, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn_by_turn(doorbell, monkeypatch)
    for _ in range(50):
        await doorbell.ring(RINGS)
        for key in client.scan_iter("rq:job:*"):
            client.delete(key)  # its time to live is over
    assert client.llen("rq:queue:rings") == len(RINGS)


async def test_a_job_that_fails_before_its_row_is_not_rung_for_at_once(client: Any, doorbell: Doorbell) -> None:
    monotone = client.time()[0]
    client.time = lambda: (monotone, 0)
    doorbell._redis.time = client.time  # type: ignore[method-assign]  # noqa: SLF001  # as above
    queue = Queue("rings", connection=client, serializer=JSONSerializer)
    worker = SimpleWorker([queue], connection=client, serializer=JSONSerializer)
    await doorbell.ring(RINGS[:1])
    worker.work(burst=True, logging_level="CRITICAL")
    for _ in range(5):
        await doorbell.ring(RINGS[:1])
    assert client.llen("rq:queue:rings") == 0
    (failed,) = client.scan_iter("rq:job:outbox-*")
    assert 0 < client.ttl(failed) <= 10


async def test_a_ring_that_was_lost_with_its_worker_is_rung_again(
    client: Any, doorbell: Doorbell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RQ keeps what it was about to start, for ever."""
    turn_by_turn(doorbell, monkeypatch)
    await doorbell.ring(RINGS[:1])
    job_id = client.lpop("rq:queue:rings").decode()
    client.persist(Job.key_for(job_id))
    await doorbell.ring(RINGS[:1])
    assert client.llen("rq:queue:rings") == 1
