"""What every room of the engine works with, and a worker's hold on one action."""

import os
import random
import socket
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession

from infra import exact_json
from infra.actions.errors import UnknownOperation
from infra.actions.identity import Origin
from infra.actions.models import ActionIntent
from infra.actions.notices import ActionNotice, ActionNoticeKind, Tell, tell_the_log
from infra.actions.rail import ActionRail, Rails
from infra.actions.spec import ActionSpec, Intent, Objection
from infra.actions.states import ActionState
from infra.actions.timing import ActionTiming
from infra.clock import Clock
from infra.config import Rail
from infra.db.unit_of_work import UnitOfWork, UnitOfWorkFactory
from infra.errors import RailNeedsReconnect

WORK_JOB: Final = "actions.work"
SWEEP_JOB: Final = "actions.sweep"
QUEUE: Final = "actions"

AccountOf = Callable[[AsyncSession, UUID, Rail], Awaitable[str]]
"""The id of the rail's account (QBO: the realm) that a business is connected to; raises RailNeedsReconnect when there is none."""

Touched = Mapping[str, Sequence[str]]
"""Objects of the rail that an action made or changed: ids by entity."""

Verified = Callable[[UnitOfWork, ActionIntent, Touched], Awaitable[None]]


async def nothing_more(_uow: UnitOfWork, _row: ActionIntent, _touched: Touched) -> None:
    """What was read back is believed."""


LastWord = Callable[[UnitOfWork, ActionIntent], Awaitable[Objection | None]]
Stopped = Callable[[ActionIntent], Awaitable[None]]


async def no_objection(_uow: UnitOfWork, _row: ActionIntent) -> Objection | None:
    """What the rail shows is all that counts."""
    return None


async def nobody_told(_row: ActionIntent) -> None:
    """Its own row says it."""


TIMELINE = func.substr(func.pg_walfile_name(func.pg_current_wal_lsn()), 1, 8)
"""PostgreSQL's timeline: a standby that takes over begins the next one."""


@dataclass(frozen=True)
class Workshop:
    """One process's engine room.

    Attributes:
        rails: what gives the rail of a business, by rail.
        environment: part of every derived id.
        trusts_request_id: whether a rail may be believed, for this operation, to execute a request id once.
        verified: told in the transaction that says so, once, of an action that was read back and of what it touched.
        last_word: asked in the transaction that begins to send, with the action locked: whether what people allow still allows it.
            Of a request that may have been executed already it is not asked.
        stopped: told once an action waits for a person because of that.
        share: a number from 0 to 1 at random, for pauses.
        worker: this process's name in leases and evidence.
    """

    specs: Mapping[str, ActionSpec]
    uow: UnitOfWorkFactory
    rails: Mapping[Rail, Rails]
    account_of: AccountOf
    clock: Clock
    environment: str
    timing: ActionTiming = field(default_factory=ActionTiming)
    tell: Tell = tell_the_log
    trusts_request_id: Callable[[str], bool] = lambda _: True
    verified: Verified = nothing_more
    last_word: LastWord = no_objection
    stopped: Stopped = nobody_told
    share: Callable[[], float] = random.random
    worker: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}")

    def spec(self, operation: str) -> ActionSpec:
        """Raises:
        UnknownOperation: no domain declares it.
        """
        if operation not in self.specs:
            raise UnknownOperation(operation)
        return self.specs[operation]

    async def reach(self, row: ActionIntent, *, is_check: bool = False) -> ActionRail:
        """The rail of the action's business, if that is still connected to the books that the action is for; `is_check`: `Rails`.

        Raises:
            RailNeedsReconnect: it is not connected, or to other books.
        """
        rail = Rail(row.rail)
        async with self.uow([row.business_id]) as uow:
            account = await self.account_of(uow.session, row.business_id, rail)
        if account != row.rail_account_id:
            raise RailNeedsReconnect("The business is connected to other books than the action is for.")
        return await self.rails[rail](row.business_id, is_check=is_check)

    async def tell_of(self, uow: UnitOfWork, row: ActionIntent, kind: ActionNoticeKind, words: str) -> None:
        await self.tell(uow, ActionNotice(kind, row.business_id, row.id, row.operation, words, {"mark": row.mark}))


@dataclass
class Held:
    """An action that this worker has, at one fence. `row` is as it was last written or read.

    Attributes:
        now: the database's time when it was taken.
        since: the monotonic clock before that.
    """

    row: ActionIntent
    spec: ActionSpec
    now: datetime
    since: float

    @property
    def intent(self) -> Intent:
        return replace(intent_of(self.row), age=self.elapsed_since(self.row.created_at))

    @property
    def state(self) -> ActionState:
        return ActionState(self.row.state)

    def is_too_late_to_send(self, timing: ActionTiming) -> bool:
        return time.monotonic() - self.since > timing.send_within.total_seconds()

    def elapsed_since(self, instant: datetime | None) -> timedelta:
        return self.now - (instant or self.row.created_at)


def intent_of(row: ActionIntent) -> Intent:
    return Intent(
        business_id=row.business_id,
        id=row.id,
        operation=row.operation,
        meaning=row.meaning,
        mark=row.mark,
        created_at=row.created_at,
        body=None if row.body is None else exact_json.loads(row.body),
        external_id=row.external_id,
        first_sent_at=row.first_sent_at,
    )


def origin_of(row: ActionIntent) -> Origin:
    return Origin(row.environment, row.rail_account_id, row.operation, row.client_key)
