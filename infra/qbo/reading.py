"""What the sync rooms of QBO share: the client's reads as they use them, and where a run writes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from infra.clock import Clock
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.qbo.answers import Changes, ObjectAnswer, Payload, QueryPage, ReportAnswer
from infra.qbo.wire import read_envelopes
from infra.sync.mirror_store import StoreOutcome
from infra.sync.shapes import LogSource
from infra.sync.spec import AnySpec, Delivery, RailDeletion

# QBO shows whole seconds and its queries may lag a write: what we ask for again is small, what we would miss is lost.
OVERLAP = timedelta(minutes=5)


class QBOReads(Protocol):
    """The reads of `QBORawClient` that a sync needs."""

    async def query(self, statement: str) -> QueryPage: ...

    async def changes_since(self, entities: Sequence[str], *, since: datetime) -> Changes: ...

    async def read_many(self, entity: str, external_ids: Sequence[str]) -> QueryPage: ...

    async def read(self, entity: str, external_id: str) -> ObjectAnswer: ...

    async def count(self, entity: str, *, where: Sequence[str] = ()) -> int: ...

    async def report(self, name: str, **params: str) -> ReportAnswer: ...


@dataclass(frozen=True)
class QBOPull:
    """One run of one company: what it reads with, where it writes, and what the log will say of it.

    `specs` maps QBO's entity name to its mirror. `request_id` is the run's id.
    """

    business_id: UUID
    reads: QBOReads
    specs: Mapping[str, AnySpec]
    uow: UnitOfWorkFactory
    clock: Clock
    actor: str
    run_id: UUID

    def delivery(
        self,
        entity: str,
        payloads: Sequence[Payload],
        *,
        fetched_at: datetime,
        deletions: Sequence[RailDeletion] = (),
        are_proved: bool = False,
    ) -> Delivery:
        """What a call brought, as the mirror store takes it. Objects without a readable envelope come apart from the others."""
        records, unreadable = read_envelopes(payloads, entity)
        return Delivery(
            business_id=self.business_id,
            records=records,
            unreadable=unreadable,
            are_proved=are_proved,
            deletions=deletions,
            fetched_at=fetched_at,
            source=LogSource.QBO,
            actor=self.actor,
            request_id=str(self.run_id),
        )


@dataclass
class PullTally:
    """What a run has cost and seen so far: calls to QBO, objects delivered, rows written."""

    calls: int = 0
    seen: int = 0
    changed: int = 0
    changed_entities: set[str] = field(default_factory=set)

    def add(self, calls: int, *, entity: str, delivery: Delivery, outcome: StoreOutcome) -> None:
        self.calls += calls
        self.seen += len(delivery.records) + len(delivery.unreadable) + len(delivery.deletions)
        self.changed += outcome.changed
        if outcome.changed:
            self.changed_entities.add(entity)

    def merge(self, other: "PullTally") -> None:
        self.calls += other.calls
        self.seen += other.seen
        self.changed += other.changed
        self.changed_entities |= other.changed_entities
