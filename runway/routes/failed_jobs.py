import re
from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel, Field

from infra.errors import NotFound
from infra.jobs import dead_jobs
from infra.jobs.dead_jobs import DeadJob
from runway.routes.access import AllServices, SyncsBooks
from runway.routes.documentation import documented

router = APIRouter(prefix="/api/v1/sync/failed", tags=["sync"])

_MOST = 200
_AN_ID = re.compile(r"[0-9]{1,18}")


class FailedJobNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("No failed job of this business has that id.")


class FailedJobOut(BaseModel):
    id: int
    job: str
    requested_at: datetime
    failed_at: datetime
    attempts: int
    error: str | None = Field(description="What the last attempt met.")

    @classmethod
    def of(cls, job: DeadJob) -> "FailedJobOut":
        return cls(
            id=job.id,
            job=job.job,
            requested_at=job.requested_at,
            failed_at=job.dead_at,
            attempts=job.attempts,
            error=job.error,
        )


class FailedJobsAnswer(BaseModel):
    data: list[FailedJobOut]


class Retried(BaseModel):
    retried: int


class RetriedAnswer(BaseModel):
    data: Retried


_EXAMPLE = {
    "id": 4711,
    "job": "qbo.backfill",
    "requested_at": "2026-03-15T18:55:00Z",
    "failed_at": "2026-03-15T19:37:12Z",
    "attempts": 8,
    "error": "QuickBooks must be connected again (invalid_grant).",
}


@router.get("", summary="Background work that was given up", responses=documented({"data": [_EXAMPLE]}))
async def list_failed(caller: SyncsBooks, services: AllServices) -> FailedJobsAnswer:
    """The latest 200. Each was tried eight times, or needs a person, and waits to be tried again."""
    async with services.jobs_uow([]) as uow:
        dead = await dead_jobs.list_dead(uow.session, business_id=caller.business.id, limit=_MOST)
    return FailedJobsAnswer(data=[FailedJobOut.of(one) for one in dead])


@router.post("/{job_id}/retry", summary="Try it again", responses=documented({"data": {"retried": 1}}))
async def retry_failed(caller: SyncsBooks, services: AllServices, job_id: str) -> RetriedAnswer:
    """At once, with eight attempts more. Where the same work waits already, that counts."""
    if not _AN_ID.fullmatch(job_id):
        raise FailedJobNotFound
    async with services.jobs_uow([]) as uow:
        retried, rings = await dead_jobs.revive(uow.session, outbox_id=int(job_id), business_id=caller.business.id)
        for ring in rings:
            uow.ring_for(ring)
    if not retried:
        raise FailedJobNotFound
    return RetriedAnswer(data=Retried(retried=retried))
