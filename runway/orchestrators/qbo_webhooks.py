"""Intuit's announcements: taken in at once and believed when signed; worked off by a job, which asks QuickBooks what is so."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncSession

from domains.core.connection_service import ConnectionService
from infra.clock import Clock
from infra.config import Rail
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.errors import RailNeedsReconnect, Unauthenticated
from infra.jobs import outbox, webhook_inbox
from infra.jobs.outbox import Ring
from infra.jobs.webhook_inbox import Announcement, WebhookEvent
from infra.logging import get_logger
from infra.qbo.asked_jobs import RESCAN
from infra.qbo.sync_service import QBOSyncService
from infra.qbo.webhooks import Operation, QBOEvent, entities_naming, entities_touched, is_signed, read_events
from infra.sync import runs
from infra.sync.freshness import SyncStrategy
from infra.sync.runs import SyncState

WEBHOOKS_JOB, WEBHOOKS_QUEUE = "qbo.webhooks", "sync"
_AT_A_TIME = 2000
# QuickBooks may show a change a moment after it announced it; an answer that old is sure to have it.
_SHOWN_AFTER = timedelta(seconds=15)

SyncOf = Callable[[UUID], Awaitable[QBOSyncService]]

log = get_logger()


class WebhookNotSigned(Unauthenticated):
    """Somebody else's, or a token of ours is missing: nothing of it is read."""

    def __init__(self) -> None:
        super().__init__("This is not signed with a verifier token of ours.")


class QBOWebhooks:
    def __init__(
        self,
        *,
        tokens: Sequence[SecretStr],
        jobs_uow: UnitOfWorkFactory,
        uow: UnitOfWorkFactory,
        connections: ConnectionService,
        clock: Clock,
    ) -> None:
        self._tokens = tokens
        self._jobs_uow = jobs_uow
        self._uow = uow
        self._connections = connections
        self._clock = clock

    async def take_in(self, body: bytes, signature: str | None) -> list[Ring]:
        """Store what a signed body announces, each event once; what to ring for once Intuit has its answer.

        Raises:
            WebhookNotSigned: before a byte of it is read.
        """
        if not is_signed(body, signature, tokens=self._tokens):
            raise WebhookNotSigned
        events = read_events(body)
        if not events:
            return []
        async with self._jobs_uow([]) as uow:
            stored, rings = await webhook_inbox.store(
                uow.session, Rail.QBO, [*map(_announcement, events)], job=WEBHOOKS_JOB, queue=WEBHOOKS_QUEUE
            )
        log.info("qbo.webhook.stored", events=len(events), new=stored)
        return rings

    async def work_off(self, realm_id: str, *, sync_of: SyncOf) -> None:
        """Bring the company's mirror up to date with what was announced and is not in it yet: one refresh for all of it.

        Raises:
            RailUnavailable: the events wait, and whoever reads is told that the mirror is behind.
        """
        async with self._jobs_uow([]) as uow:
            connection = await self._connections.find_by_account(uow.session, realm_id)
        while waiting := await self._waiting(realm_id):
            if connection is None:
                log.warning("qbo.webhook.unknown_realm", realm_id=realm_id, events=len(waiting))
            else:
                await self._bring(connection.business_id, waiting, sync_of=sync_of)
            async with self._jobs_uow([]) as uow:
                await webhook_inbox.mark_done(uow.session, waiting)

    async def _waiting(self, realm_id: str) -> list[WebhookEvent]:
        async with self._jobs_uow([]) as uow:
            return await webhook_inbox.list_waiting(uow.session, Rail.QBO, realm_id, limit=_AT_A_TIME)

    async def _bring(self, business_id: UUID, events: Sequence[WebhookEvent], *, sync_of: SyncOf) -> None:
        async with self._uow([business_id]) as uow:
            told, heard = {event.entity for event in events}, max(event.received_at for event in events)
            touched = {entity for event in events for entity in entities_touched(event.entity, event.operation)}
            await runs.hold_states(uow.session, business_id, rail=Rail.QBO, entities=told | touched)
            values: dict[str, object] = {"last_webhook_at": heard}
            await runs.change_states(uow.session, business_id, rail=Rail.QBO, entities=sorted(told), values=values)
            states = await runs.list_states(uow.session, business_id, rail=Rail.QBO)
            news = _not_in_the_mirror(events, states)
            noted_at = self._clock.now()
            if news:
                values = {"dirty_since": noted_at}
                await runs.change_states(uow.session, business_id, rail=Rail.QBO, entities=sorted(news), values=values)
        await self._ask_for_rescans(business_id, events)
        if not news:
            log.info("qbo.webhook.known_already", business_id=str(business_id), events=len(events))
            return
        sync = await sync_of(business_id)
        if not await sync.should_sync(SyncStrategy.EVENT):
            return
        try:
            refreshed = await sync.bring_up_to_date(
                SyncStrategy.EVENT, unless=partial(self._has_come, business_id, events)
            )
        except RailNeedsReconnect as error:
            # It stays dirty, and whoever connects it again has it read.
            log.warning("qbo.webhook.no_grant", business_id=str(business_id), reason=str(error))
            return
        if not refreshed.is_own:
            log.info("qbo.webhook.brought_by_another", business_id=str(business_id), events=len(events))
            async with self._uow([business_id]) as uow:
                await runs.take_back_notice(
                    uow.session, business_id, rail=Rail.QBO, entities=sorted(news), noted_at=noted_at
                )

    async def _has_come(self, business_id: UUID, events: Sequence[WebhookEvent]) -> bool:
        """Whether another's refresh brought it while this one's waited for its turn."""
        async with self._uow([business_id]) as uow:
            return not _not_in_the_mirror(events, await runs.list_states(uow.session, business_id, rail=Rail.QBO))

    async def _ask_for_rescans(self, business_id: UUID, events: Sequence[WebhookEvent]) -> None:
        """A merge moves documents to the survivor and neither their token nor their time: only reading them again tells."""
        merged = sorted({event.entity for event in events if event.operation == Operation.MERGED.value})
        async with self._jobs_uow([]) as uow:
            for entity in merged:
                ring = await _ask_for_rescan(uow.session, business_id, entity)
                uow.ring_for(ring)


async def _ask_for_rescan(session: AsyncSession, business_id: UUID, entity: str) -> Ring | None:
    documents = sorted(entities_naming(entity))
    if not documents:
        return None
    return await outbox.ask_once(
        session,
        RESCAN,
        str(business_id),
        *documents,
        key=f"merged {entity}",
        queue="bulk",
        business_id=business_id,
    )


def _not_in_the_mirror(events: Sequence[WebhookEvent], states: Mapping[str, SyncState]) -> set[str]:
    """The kinds of objects that a change may have reached since QuickBooks last told us all of them, by QuickBooks' own clock."""
    touched: dict[str, datetime | None] = {}
    for event in events:
        for entity in entities_touched(event.entity, event.operation):
            latest, at = touched.get(entity, event.occurred_at), event.occurred_at
            touched[entity] = None if latest is None or at is None else max(latest, at)
    return {
        entity
        for entity, at in touched.items()
        if entity in states and (at is None or _is_behind(states[entity].synced_through, at))
    }


def _is_behind(synced_through: datetime | None, at: datetime) -> bool:
    return synced_through is None or synced_through < at + _SHOWN_AFTER


def _announcement(event: QBOEvent) -> Announcement:
    return Announcement(
        key=event.key,
        external_account_id=event.realm_id,
        entity=event.entity,
        external_id=event.external_id,
        operation=event.operation.value,
        occurred_at=event.occurred_at,
        details={"deleted_id": event.deleted_id} if event.deleted_id else {},
    )
