"""QBO as the action engine needs it: looks, tells, and keeps what was answered."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from infra.actions.rail import AnswerKind, Write, WriteAnswer
from infra.clock import Clock
from infra.config import Rail
from infra.errors import RailError
from infra.qbo.answers import ObjectAnswer, Payload, QueryPage
from infra.qbo.errors import QBOError, QBONotFound
from infra.qbo.keyset import KeysetCursor, keyset_pages
from infra.qbo.transport import Patience
from infra.qbo.wire import is_deletion, read_envelopes
from infra.sync import mirror_store, runs
from infra.sync.shapes import LogSource
from infra.sync.spec import AnySpec, Delivery

# A look before a payment may wait for a permit; with the write after it, it must end well within the worker's lease.
LOOK_PATIENCE = Patience(
    budget=timedelta(seconds=20), wait_for_limit=timedelta(seconds=10), retry_waits=(0.5, 1.0, 2.0)
)

# Whoever looks again at what is settled has time: it holds nobody's place while there is no room.
CHECK_PATIENCE = replace(LOOK_PATIENCE, wait_for_limit=timedelta(seconds=1))

KindOf = Callable[[QBOError, datetime], Awaitable[RailError]]
LostAccess = Callable[[str, datetime], Awaitable[None]]


class QBOBooks(Protocol):
    """What of `QBORawClient` an action uses."""

    async def query(self, statement: str) -> QueryPage: ...

    async def read(self, entity: str, external_id: str) -> ObjectAnswer: ...

    async def write(self, request: Write) -> WriteAnswer: ...

    async def create_payment_in_qbo(self, payment: bytes, *, request_id: str) -> WriteAnswer: ...


class QBOActionRail:
    """One company. `kind_of` gives the error to raise in place of QBO's; `on_lost` is told when only a person can bring the access back."""

    def __init__(
        self,
        business_id: UUID,
        *,
        books: QBOBooks,
        specs: Mapping[str, AnySpec],
        clock: Clock,
        kind_of: KindOf,
        on_lost: LostAccess,
    ) -> None:
        self._business_id = business_id
        self._books = books
        self._specs = specs
        self._clock = clock
        self._kind_of = kind_of
        self._on_lost = on_lost

    async def read(self, entity: str, external_id: str) -> Payload | None:
        began_at = self._clock.now()
        try:
            return (await self._books.read(entity, external_id)).payload
        except QBONotFound:
            return None
        except QBOError as error:
            raise await self._kind_of(error, began_at) from error

    async def find(self, entity: str, *conditions: str) -> list[Payload]:
        began_at = self._clock.now()
        latest: dict[str, Payload] = {}
        try:
            async for page in keyset_pages(self._books.query, entity=entity, cursor=KeysetCursor(), where=conditions):
                latest.update((payload["Id"], payload) for payload in page.objects)
        except QBOError as error:
            raise await self._kind_of(error, began_at) from error
        return list(latest.values())

    async def write(self, request: Write) -> WriteAnswer:
        began_at = self._clock.now()
        answer = await self._tell(request)
        if answer.kind is AnswerKind.ACCESS_GONE:
            await self._on_lost(answer.words, began_at)
        return answer

    async def _tell(self, request: Write) -> WriteAnswer:
        if request.entity == "BillPayment" and not request.options and not request.subpath:
            return await self._books.create_payment_in_qbo(request.body, request_id=request.request_id)
        return await self._books.write(request)

    async def keep(
        self,
        session: AsyncSession,
        seen: Mapping[str, Sequence[Payload]],
        *,
        fetched_at: datetime,
        actor: str,
        request_id: str,
    ) -> None:
        """What has no mirror, or is told as deleted, is left to the sync: a deletion is believed when a read by its id agrees."""
        changed = []
        for entity, payloads in sorted(seen.items()):  # one order for everybody: a lock lines up each mirror's writers
            spec, shown = self._specs.get(entity), [payload for payload in payloads if not is_deletion(payload)]
            if spec is None or not shown:
                continue
            records, unreadable = read_envelopes(shown, entity)
            delivery = Delivery(
                business_id=self._business_id,
                records=records,
                unreadable=unreadable,
                fetched_at=fetched_at,
                source=LogSource.QBO,
                actor=actor,
                request_id=request_id,
            )
            if (await mirror_store.store(session, spec, delivery)).changed:
                changed.append(entity)
        if changed:
            await runs.note_kept(session, self._business_id, rail=Rail.QBO, entities=changed)
