"""A connect whose process dies at any of its commits: connected with tokens and a first reading asked for, or not at all."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from domains.core.business_service import BusinessService
from domains.core.connection_service import ConnectionService
from domains.core.models import Connection
from infra.clock import SystemClock
from infra.config import Rail
from infra.db.engine import create_engine
from infra.db.reads import Reads
from infra.db.unit_of_work import UnitOfWork, UnitOfWorkFactory, unit_of_work_factory
from infra.ids import new_id
from infra.jobs.outbox import OutboxRow
from infra.qbo.auth import QBOAuth
from infra.qbo.oauth import TokenGrant
from infra.security.rail_tokens import RailToken, RailTokenStore
from runway.orchestrators.connect_qbo import ConnectQBO
from tests.integration.infra.qbo.company_rig import Cut, cut_at_commit
from tests.integration.infra.qbo.token_racer import KEYRING
from tests.rig import Database

CLOCK = SystemClock()


class Intuit:
    """Takes every code."""

    async def exchange(self, _code: SecretStr, *, redirect_uri: str) -> TokenGrant:
        now = CLOCK.now()
        return TokenGrant(
            access_token=SecretStr(f"A {redirect_uri}"),
            refresh_token=SecretStr("R"),
            issued_at=now,
            expires_at=now + timedelta(hours=1),
            refresh_expires_at=now + timedelta(days=100),
        )

    async def revoke(self, _token: SecretStr) -> None:
        """It was there for nothing."""


async def opened(_realm_id: str, _token: SecretStr) -> dict[str, Any]:
    return {"Id": "1", "CompanyName": "Cut"}


async def finish_connect(uow: UnitOfWorkFactory, database: Database, *, state: str, realm_id: str) -> UUID:
    oauth: Any = Intuit()
    reads = Reads(database.app_url, pool_size=1)
    store = RailTokenStore(uow, reads, keyring=KEYRING)
    auth = QBOAuth(store=store, oauth=oauth, database_url=database.app_url, clock=CLOCK)
    connect = ConnectQBO(
        uow=uow,
        access_uow=uow,
        connections=ConnectionService(Rail.QBO),
        oauth=oauth,
        auth=auth,
        probe=opened,
        clock=CLOCK,
    )
    try:
        return (await connect.finish(state, code=SecretStr("code"), realm_id=realm_id)).business_id
    finally:
        await reads.close()


async def what_is_there(uow: UnitOfWorkFactory, business_id: UUID) -> tuple[int, int, int]:
    """Connections, tokens and jobs of the business."""
    async with uow([business_id]) as unit:
        connections = await unit.session.scalars(select(Connection).where(Connection.business_id == business_id))
        tokens = await unit.session.scalars(select(RailToken).where(RailToken.business_id == business_id))
        jobs = await unit.session.scalars(select(OutboxRow).where(OutboxRow.arguments.contains([str(business_id)])))
        return len(connections.all()), len(tokens.all()), len(jobs.all())


@pytest.mark.parametrize("after", [False, True])
async def test_a_connect_is_whole_or_not_there(
    database: Database, access_uow: UnitOfWorkFactory, *, after: bool
) -> None:
    engine = create_engine(database.app_url, pool_size=3)
    uow, ends = unit_of_work_factory(engine), []

    def each_by_its_role(business_ids: Sequence[UUID] = ()) -> AbstractAsyncContextManager[UnitOfWork]:
        return uow(business_ids) if business_ids else access_uow([])

    for commits in range(5):
        async with access_uow([]) as unit:
            business = await BusinessService().create_business(unit.session, "Cut", now=CLOCK.now())
        async with uow([business.id]) as unit:
            state = await ConnectionService(Rail.QBO).start_connect(
                unit.session, business.id, redirect_uri="http://here/", now=CLOCK.now()
            )
        cut = cut_at_commit(each_by_its_role, commits=commits, after=after)
        with suppress(Cut):
            await finish_connect(cut, database, state=state, realm_id=str(new_id().int)[-19:])
        ends.append(await what_is_there(uow, business.id))
    await engine.dispose()
    assert set(ends) == {(0, 0, 0), (1, 1, 1)}, ends
