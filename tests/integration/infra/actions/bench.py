"""A business with one engine on the real database, and hands to move what an engine waits for: time, leases, other workers."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from infra.actions.engine import ActionEngine
from infra.actions.evidence import list_attempts
from infra.actions.models import ActionIntent, ActionLine, ActionTransactionLog
from infra.actions.notices import ActionNotice
from infra.actions.spec import ActionRequest
from infra.actions.timing import ActionTiming
from infra.actions.watching import Changes
from infra.actions.workshop import Workshop
from infra.clock import SystemClock
from infra.config import Rail
from infra.db.unit_of_work import UnitOfWork, unit_of_work_factory
from infra.embedded.roles import connect
from infra.ids import new_id
from infra.jobs.outbox import OutboxRow
from tests.integration.infra.actions.fake_books import PAY, SPECS, FakeBooks, rails_of
from tests.rig import Database

REALM = "realm-1"


class Bench:
    """`due` makes the next step due at once: the database's clock decides in the engine, so it is moved in the row."""

    def __init__(self, engine: AsyncEngine, database: Database) -> None:
        self.business_id = new_id()
        self.books = FakeBooks()
        self.account = REALM
        self.notices: list[ActionNotice] = []
        self.app_url, self.superuser_url = database.app_url, database.superuser_url
        self._uow = unit_of_work_factory(engine)
        self.changes = Changes(database.app_url)
        self.engine = self.another_worker()

    def another_worker(self, **shop: Any) -> ActionEngine:
        async def account_of(_session: AsyncSession, _business_id: UUID, _rail: Rail) -> str:
            return self.account

        async def tell(_uow: UnitOfWork, notice: ActionNotice) -> None:
            self.notices.append(notice)

        workshop = Workshop(
            specs=SPECS,
            uow=self._uow,
            rails={Rail.QBO: rails_of(self.books)},
            account_of=account_of,
            clock=SystemClock(),
            environment="test",
            tell=tell,
            share=lambda: 0.5,
            worker=f"worker-{uuid4().hex[:6]}",
        )
        return ActionEngine(replace(workshop, **shop), changes=self.changes)

    async def close(self) -> None:
        await self.changes.aclose()

    def wish(self, *, key: str | None = None, operation: str = PAY, **meaning: Any) -> ActionRequest:
        return ActionRequest(
            business_id=self.business_id,
            operation=operation,
            client_key=key or f"key-{uuid4().hex}",
            meaning=meaning or {"bill": "1", "amount": 40, "payee": "v1"},
            actor="user:1",
            request_id="req-1",
        )

    async def request(self, wish: ActionRequest | None = None, **more: Any) -> ActionIntent:
        async with self._uow([self.business_id]) as uow:
            return await self.engine.request(uow, replace(wish or self.wish(), **more))

    async def work(self, row: ActionIntent, *, worker: ActionEngine | None = None) -> ActionIntent:
        await (worker or self.engine).work(self.business_id, row.id)
        return await self.get(row)

    async def done(self, **meaning: Any) -> ActionIntent:
        return await self.work(await self.request(self.wish(**meaning)))

    async def get(self, row: ActionIntent) -> ActionIntent:
        return await self.engine.get(self.business_id, row.id)

    async def look_after(self, row: ActionIntent, **since: timedelta) -> ActionIntent:
        """Let the next step be due, and work it. `last_sent_at=...` and others: how long ago that was."""
        self.age(row, **since)
        return await self.work(row)

    def age(self, row: ActionIntent, **since: timedelta) -> None:
        """Move instants of the row into the past, past its walls, as only the owner of the database can."""
        moved = "".join(f", {name} = clock_timestamp() - %({name})s" for name in since)
        with connect(self.superuser_url) as connection, connection.transaction():
            connection.execute("SET LOCAL session_replication_role = replica")
            connection.execute(
                f"UPDATE action_intent SET due_at = clock_timestamp() - interval '1 ms'{moved} WHERE id = %(id)s",  # noqa: S608 - our own names
                {"id": row.id, **since},
            )

    async def log_of(self, row: ActionIntent) -> Sequence[ActionTransactionLog]:
        async with self._uow([self.business_id]) as uow:
            query = select(ActionTransactionLog).where(ActionTransactionLog.entity_id == row.id)
            return (await uow.session.scalars(query.order_by(ActionTransactionLog.version))).all()

    async def events(self, row: ActionIntent) -> list[str]:
        return [entry.transaction_type for entry in await self.log_of(row)]

    async def attempts(self, row: ActionIntent) -> list[tuple[str, str]]:
        async with self._uow([self.business_id]) as uow:
            return [(each.kind, each.result) for each in await list_attempts(uow.session, row)]

    async def open_lines(self, row: ActionIntent) -> list[str]:
        async with self._uow([self.business_id]) as uow:
            query = select(ActionLine.target_external_id).where(ActionLine.intent_id == row.id, ActionLine.is_open)
            return list(await uow.session.scalars(query))

    async def steps(self, row: ActionIntent) -> list[OutboxRow]:
        """Jobs that are asked for and not done."""
        async with self._uow([self.business_id]) as uow:
            query = select(OutboxRow).where(OutboxRow.key.startswith(str(row.id)), OutboxRow.finished_at.is_(None))
            return list(await uow.session.scalars(query.order_by(OutboxRow.id)))

    def unit(self) -> Any:
        return self._uow([self.business_id])

    def timing(self) -> ActionTiming:
        return self.engine.shop.timing

    def run_as_app(self, statement: str, **values: object) -> int:
        return self.run_as(self.app_url, statement, **values)

    def run_as(self, url: str, statement: str, **values: object) -> int:
        """A transaction of its own that sees the business; how many rows."""
        with connect(url) as connection, connection.transaction():
            connection.execute("SELECT set_config('app.business_ids', %s, true)", [f"{{{self.business_id}}}"])
            return connection.execute(statement, values).rowcount
