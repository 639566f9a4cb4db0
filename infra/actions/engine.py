"""Every write to a rail's books goes through here: exactly once, whatever fails between a wish and the rail's answer (ADR 13)."""

import time
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

from infra.actions import accept, claim, edges, resolving, reviewing, sending, verifying
from infra.actions.edges import Change
from infra.actions.identity import IdentityGraph
from infra.actions.models import ActionIntent
from infra.actions.spec import ActionRequest
from infra.actions.states import SETTLED, ActionState
from infra.actions.watching import Changes
from infra.actions.workshop import Held, Workshop
from infra.crash_points import crash_point
from infra.db.unit_of_work import UnitOfWork
from infra.errors import RailError
from infra.logging import get_logger
from infra.redaction import words_of

log = get_logger()

_S = ActionState
_ANSWERED = SETTLED | {_S.BLOCKED, _S.NEEDS_REVIEW}  # nothing more comes of waiting for these


class ActionEngine:
    """The verbs. What takes a unit of work writes in the caller's transaction and asks no rail."""

    def __init__(self, shop: Workshop, *, changes: Changes) -> None:
        self.shop = shop
        self._changes = changes

    async def request(self, uow: UnitOfWork, asked: ActionRequest) -> ActionIntent:
        """As `accept.request`."""
        return await accept.request(self.shop, uow, asked)

    async def cancel(
        self, uow: UnitOfWork, business_id: UUID, intent_id: UUID, *, actor: str, request_id: str
    ) -> ActionIntent:
        """As `reviewing.cancel`."""
        return await reviewing.cancel(uow, business_id, intent_id, actor=actor, request_id=request_id)

    async def hold(
        self, uow: UnitOfWork, business_id: UUID, intent_id: UUID, *, why: str, actor: str, request_id: str
    ) -> ActionIntent:
        """As `reviewing.hold`."""
        return await reviewing.hold(uow, business_id, intent_id, why=why, actor=actor, request_id=request_id)

    async def release(
        self, uow: UnitOfWork, business_id: UUID, intent_id: UUID, *, actor: str, request_id: str
    ) -> ActionIntent:
        """As `reviewing.release`."""
        return await reviewing.release(uow, business_id, intent_id, actor=actor, request_id=request_id)

    async def list_alike(self, uow: UnitOfWork, asked: ActionRequest) -> list[ActionIntent]:
        """Other actions of late with the same payee and amount, or what else the spec calls alike: worth a question before asking."""
        spec = self.shop.spec(asked.operation)
        if spec.alike is None:
            return []
        graph, content = IdentityGraph(uow.session, asked.business_id), spec.alike(asked.meaning)
        alike = await graph.list_alike(asked.operation, content, within=self.shop.timing.alike_within)
        return [row for row in alike if row.client_key != asked.client_key]

    async def review_found(
        self, business_id: UUID, intent_id: UUID, *, external_id: str, actor: str, request_id: str
    ) -> ActionIntent:
        """As `reviewing.found`."""
        return await reviewing.found(
            self.shop, business_id, intent_id, external_id=external_id, actor=actor, request_id=request_id
        )

    async def review_not_there(
        self, business_id: UUID, intent_id: UUID, *, why: str = "", actor: str, request_id: str
    ) -> ActionIntent:
        """As `reviewing.not_there`."""
        return await reviewing.not_there(self.shop, business_id, intent_id, why=why, actor=actor, request_id=request_id)

    async def get(self, business_id: UUID, intent_id: UUID) -> ActionIntent:
        """Raises:
        IntentNotFound: the business has no such action.
        """
        async with self.shop.uow([business_id]) as uow:
            return await IdentityGraph(uow.session, business_id).get(intent_id)

    async def work(self, business_id: UUID, intent_id: UUID) -> None:
        """Take the action's next step, if one is due. Safe to run any number of times, anywhere, at once."""
        crash_point("work.begin")
        held = await claim.take(self.shop, business_id, intent_id)
        if held is None:
            return
        confirmed: Held | None = None
        match held.state:
            case _S.CLAIMED:
                confirmed = await sending.begin(self.shop, held)
            case _S.UNKNOWN | _S.NEEDS_REVIEW | _S.FAILED:
                confirmed = await resolving.resolve(self.shop, held)
            case _S.CONFIRMED:
                confirmed = held
            case _S.BLOCKED:
                await self._see_whether_access_is_back(held)
            case _:
                log.error("actions.step.none", state=held.row.state, intent_id=str(intent_id))
        if confirmed is not None:
            await verifying.verify(self.shop, confirmed)

    async def wait_for_change(
        self, business_id: UUID, intent_id: UUID, *, up_to: timedelta, known: ActionIntent | None = None
    ) -> ActionIntent:
        """The action as it stands once it is answered, or when the time is over; at once if it is answered already.

        `known` is the action as the caller has just seen it: it is read again only once a bell says that it is answered, so what
        comes back in vain may be a step behind.

        Raises:
            IntentNotFound: the business has no such action.
        """
        ends_at = time.monotonic() + up_to.total_seconds()
        hears = await self._changes.listen(up_to=up_to)
        with self._changes.of(intent_id, to=_ANSWERED) as answered:
            row = known or await self.get(business_id, intent_id)
            while row.state not in _ANSWERED and (left := ends_at - time.monotonic()) > 0:
                rang = await self._changes.wait(answered, seconds=left)
                if hears and known is not None and not rang:
                    return row
                answered.clear()
                row = await self.get(business_id, intent_id)
            return row

    async def watch(self, business_id: UUID, intent_id: UUID, *, up_to: timedelta) -> AsyncIterator[ActionIntent]:
        """The action as it stands, and again after each change, until it is answered or the time is over: for server-sent events.

        Raises:
            IntentNotFound: the business has no such action.
        """
        ends_at = time.monotonic() + up_to.total_seconds()
        await self._changes.listen(up_to=up_to)
        with self._changes.of(intent_id) as changed:
            told: int | None = None
            while True:
                changed.clear()
                row = await self.get(business_id, intent_id)
                if row.version != told:
                    told = row.version
                    yield row
                left = ends_at - time.monotonic()
                if row.state in _ANSWERED or left <= 0:
                    return
                await self._changes.wait(changed, seconds=left)

    async def _see_whether_access_is_back(self, held: Held) -> None:
        """It waited for a new connection: go on once there is one."""
        row = held.row
        try:
            await self.shop.reach(row)
        except RailError as error:
            log.info("actions.access.still_gone", intent_id=str(row.id), error=words_of(error))
            async with self.shop.uow([row.business_id]) as uow:
                waited = held.elapsed_since(row.changed_at) / 4
                timing = self.shop.timing
                await edges.defer(uow, row, after=max(timing.access_every, min(waited, timing.retry_longest)))
            return
        async with self.shop.uow([row.business_id]) as uow:
            await edges.move(uow, row, Change(_S.REQUESTED, "access_back", after=timedelta(0)))
