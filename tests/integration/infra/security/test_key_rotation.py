"""Keys changed under traffic, on a database of its own: what is counted here is all there is."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr
from sqlalchemy import insert, select, update

from domains.core.people import User
from domains.core.second_factor import SecondFactors
from infra.config import Rail
from infra.db.engine import create_engine
from infra.db.reads import Reads
from infra.db.roles import ACCESS, APP, JOBS
from infra.db.unit_of_work import UnitOfWorkFactory, unit_of_work_factory
from infra.ids import new_id
from infra.mail.models import Mail
from infra.mail.post import Post, body_context
from infra.security.key_rotation import KeyRotation
from infra.security.keyring import CannotOpen, Keyring, key_id_of
from infra.security.keyring_file import add_key, read_keys
from infra.security.rail_tokens import RailGrant, RailToken, RailTokenStore
from infra.security.resealing import Resealing
from infra.security.sealed_columns import SealedColumn
from infra.security.token_spool import TokenSpool
from runway.registry import METADATA, SEALED_COLUMNS
from tests.e2e.commands import run_oodaloo, servers_in
from tests.integration.infra.qbo.token_racer import HandClock
from tests.rig import Database, RunServers, create_worker_database

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
COLUMN_IDS = [str(column) for column in SEALED_COLUMNS]


@pytest.fixture(scope="module")
def own_database(servers: RunServers, worker_id: str) -> Database:
    return create_worker_database(servers, f"oodaloo_keys_{worker_id}")


def grant(number: int) -> RailGrant:
    return RailGrant(
        external_account_id="4620816365",
        access_token=SecretStr(f"A{number}"),
        refresh_token=SecretStr(f"R{number}"),
        previous_refresh_token=SecretStr(f"P{number}"),
        issued_at=NOW,
        expires_at=NOW + HOUR,
        refresh_expires_at=NOW + HOUR,
    )


@dataclass
class Vault:
    """A keyring, and the database as its users see it."""

    path: Path
    uows: dict[str, UnitOfWorkFactory]
    reads: Reads
    clock: HandClock = field(default_factory=HandClock)

    def store(self) -> RailTokenStore:
        """Another process's: it has read the file for itself."""
        return RailTokenStore(self.uows[APP], self.reads, keyring=Keyring.load(self.path))

    def rotation(self) -> KeyRotation:
        ring = Keyring.load(self.path)
        resealing = Resealing(SEALED_COLUMNS, keyring=ring, metadata=METADATA, units_of_work=self.uows)
        return KeyRotation(
            self.path, resealing=resealing, spool=TokenSpool(self.path.parent / "spool", keyring=ring), clock=self.clock
        )

    async def add_businesses(self, count: int) -> list[UUID]:
        ids, store = [new_id() for _ in range(count)], self.store()
        async with self.uows[ACCESS]([]) as uow:
            rows = [{"id": one, "name": "Vault", "created_at": NOW} for one in ids]
            await uow.session.execute(insert(METADATA.tables["business"]), rows)
        for number, one in enumerate(ids):
            await store.save(one, Rail.QBO, grant=grant(number), at=NOW)
        return ids

    async def used(self) -> dict[str, int]:
        return {key.id: key.values for key in (await self.rotation().look()).keys}

    async def set_value(self, column: SealedColumn, row: dict[str, Any], value: str | None) -> None:
        table = METADATA.tables[column.table]
        query = update(table).where(*(table.c[key] == row[key] for key in column.keys)).values({column.column: value})
        async with self.uows[column.role](businesses_of(row)) as uow:
            await uow.session.execute(query)

    async def get_value(self, column: SealedColumn, row: dict[str, Any]) -> str:
        table = METADATA.tables[column.table]
        query = select(table.c[column.column]).where(*(table.c[key] == row[key] for key in column.keys))
        async with self.uows[column.role](businesses_of(row)) as uow:
            value = await uow.session.scalar(query)
        assert isinstance(value, str)
        return value


def businesses_of(row: dict[str, Any]) -> Sequence[UUID]:
    return [row["business_id"]] if "business_id" in row else []


@pytest.fixture
async def vault(own_database: Database, tmp_path: Path) -> AsyncIterator[Vault]:
    urls = {APP: own_database.app_url, ACCESS: own_database.access_url, JOBS: own_database.jobs_url}
    engines = {role: create_engine(url, pool_size=5) for role, url in urls.items()}
    path = tmp_path / "keyring.json"
    Keyring.load(path, create=True)
    reads = Reads(own_database.app_url, pool_size=5)
    vault = Vault(path, {role: unit_of_work_factory(engine) for role, engine in engines.items()}, reads)
    yield vault
    await empty(vault)
    await reads.close()
    for engine in engines.values():
        await engine.dispose()


async def empty(vault: Vault) -> None:
    """Forget every sealed value: the next test has other keys."""
    async with vault.uows[JOBS]([]) as uow:
        ids = (await uow.session.scalars(select(METADATA.tables["business"].c.id))).all()
    async with vault.uows[APP](ids) as uow:
        nothing = {"access_token_sealed": "", "refresh_token_sealed": "", "previous_refresh_token_sealed": None}
        await uow.session.execute(update(RailToken).values(nothing))
    async with vault.uows[ACCESS]([]) as uow:
        await uow.session.execute(update(METADATA.tables["app_user"]).values(totp_secret_sealed=None))
        await uow.session.execute(update(METADATA.tables["mail"]).values(body_sealed=None, html_sealed=None))


async def two_rows(vault: Vault, column: SealedColumn) -> list[dict[str, Any]]:
    """Two rows of the column's table, by their keys; for a business's table each of another business."""
    ids = [new_id(), new_id()]
    match column.table:
        case "rail_token":
            return [{"business_id": one, "rail": "qbo"} for one in await vault.add_businesses(2)]
        case "app_user":
            fixed: dict[str, Any] = {"name": "N"}
            own = [{"email": f"{one}@x.test"} for one in ids]
        case "mail":
            fixed = {"recipient": "r@x.test", "subject": "S"}
            own = [{}, {}]
        case _:
            raise AssertionError(f"{column.table} is new here: say how a row of it is made")
    rows = [{"id": one, "created_at": NOW, **fixed, **more} for one, more in zip(ids, own, strict=True)]
    async with vault.uows[column.role]([]) as uow:
        await uow.session.execute(insert(METADATA.tables[column.table]), rows)
    return [{"id": one} for one in ids]


def test_every_sealed_column_is_declared_with_its_tables_key() -> None:
    found = {
        f"{table.name}.{column.name}"
        for table in METADATA.tables.values()
        for column in table.columns
        if column.name.endswith("_sealed")
    }
    assert found == set(COLUMN_IDS)
    for column in SEALED_COLUMNS:
        assert column.keys == tuple(key.name for key in METADATA.tables[column.table].primary_key.columns), column


@pytest.mark.parametrize("column", SEALED_COLUMNS, ids=COLUMN_IDS)
async def test_a_value_of_any_column_opens_in_its_own_row_alone(vault: Vault, column: SealedColumn) -> None:
    ring = Keyring.load(vault.path)
    mine, theirs = await two_rows(vault, column)
    sealed = ring.seal("topsecret", context=column.context(mine))
    await vault.set_value(column, theirs, sealed)
    elsewhere = [column.context(theirs), *(other.context(row) for other in SEALED_COLUMNS if other != column
                 for row in (mine, theirs) if set(other.keys) == set(row))]  # fmt: skip
    assert column.context(mine) not in elsewhere
    for context in elsewhere:
        with pytest.raises(CannotOpen):
            ring.open(sealed, context=context)

    add_key(vault.path, at=NOW)
    await vault.set_value(column, mine, sealed)
    rotated = await vault.rotation().rotate(adds_key=False)
    assert rotated.tally.unreadable == {str(column): 1}
    assert rotated.left == 1
    assert await vault.get_value(column, theirs) == sealed
    anew = await vault.get_value(column, mine)
    assert ring.open(anew, context=column.context(mine)).get_secret_value() == "topsecret"
    assert key_id_of(anew) == ring.newest_id


async def test_a_key_is_added_everything_sealed_anew_and_the_old_one_dropped(vault: Vault) -> None:
    businesses = await vault.add_businesses(110)
    (old,) = await vault.used()
    assert await vault.used() == {old: 330}
    told: list[tuple[int, int]] = []
    rotated = await vault.rotation().rotate(on_done=lambda done, total: told.append((done, total)))
    assert (rotated.tally.resealed, rotated.left, dict(rotated.tally.unreadable)) == (330, 0, {})
    assert told[-1] == (330, 330)
    assert len(told) >= 6
    assert await vault.used() == {old: 0, rotated.key_id: 330}

    early = await vault.rotation().retire()
    assert (early.dropped, early.waits_until) == ([], NOW + timedelta(minutes=15))
    vault.clock.at += timedelta(minutes=15)
    retired = await vault.rotation().retire()
    assert (retired.dropped, retired.waits_until) == ([old], None)
    assert await vault.used() == {rotated.key_id: 330}
    opened = [await vault.store().get(one, Rail.QBO) for one in businesses]
    assert opened == [grant(number) for number in range(110)]


async def test_what_the_product_seals_still_opens_when_the_old_key_is_gone(vault: Vault) -> None:
    """Written by those who write it, not by this test: a context that the registry tells otherwise would be unreadable here."""
    user = User(id=new_id(), email=f"{new_id()}@x.test", name="N", created_at=NOW)
    secret = SecondFactors(Keyring.load(vault.path)).begin(user)
    async with vault.uows[ACCESS]([]) as uow:
        uow.session.add(user)
        letter = SecretStr("the link")
        Post(Keyring.load(vault.path)).write(uow, recipient="r@x.test", subject="S", body=letter, now=NOW)
        (mail_id,) = [row.id for row in uow.session.new if isinstance(row, Mail)]
    assert (await vault.rotation().rotate()).tally.unreadable == {}
    vault.clock.at += timedelta(minutes=15)
    assert (await vault.rotation().retire()).dropped
    async with vault.uows[ACCESS]([]) as uow:
        held = await uow.session.get_one(User, user.id)
        mail = await uow.session.get_one(Mail, mail_id)
    assert SecondFactors(Keyring.load(vault.path)).pending_secret(held) == secret
    assert mail.body_sealed is not None
    assert Keyring.load(vault.path).open(mail.body_sealed, context=body_context(mail_id)) == letter


async def test_a_key_that_something_needs_stays(vault: Vault) -> None:
    (business,) = await vault.add_businesses(1)
    TokenSpool(vault.path.parent / "spool", keyring=Keyring.load(vault.path)).put(business, Rail.QBO, grant=grant(1))
    await vault.rotation().rotate()
    vault.clock.at += HOUR
    retired = await vault.rotation().retire()
    assert (retired.dropped, [key.values for key in retired.kept]) == ([], [1, 3])


async def test_values_whose_key_is_lost_are_told(vault: Vault) -> None:
    await vault.add_businesses(1)
    another = vault.path.with_name("another.json")
    Keyring.load(another, create=True)
    lost = read_keys(vault.path)[0].id
    another.replace(vault.path)
    found = await vault.rotation().look()
    assert (found.lost, [key.values for key in found.keys]) == ({lost: 3}, [0])


async def test_a_token_refreshed_while_it_is_sealed_anew_is_the_one_that_stays(vault: Vault) -> None:
    """Between what the sweep reads and what it writes another process commits a newer token."""
    (business,) = await vault.add_businesses(1)
    store, real = vault.store(), vault.uows[APP]
    add_key(vault.path, at=NOW)
    row = {"business_id": business, "rail": "qbo"}
    column = next(column for column in SEALED_COLUMNS if column.column == "access_token_sealed")
    seen = await vault.get_value(column, row)
    await store.save(business, Rail.QBO, grant=grant(7), at=NOW)
    resealing = Resealing(SEALED_COLUMNS, keyring=Keyring.load(vault.path), metadata=METADATA, units_of_work=vault.uows)
    async with real([business]) as uow:
        stale = resealing._change(column, {**row, column.column: seen}, to="older")  # noqa: SLF001 - the race's one step
        await uow.session.execute(stale)
    assert await vault.get_value(column, row) != "older"
    assert await store.get(business, Rail.QBO) == grant(7)


async def test_under_traffic_nothing_fails_to_open_while_keys_come_and_go(vault: Vault) -> None:
    businesses = await vault.add_businesses(15)
    stop, opened, saved = asyncio.Event(), 0, 0

    async def read() -> None:
        nonlocal opened
        store = vault.store()
        while not stop.is_set():
            for number, one in enumerate(businesses):
                found = await store.get(one, Rail.QBO)
                assert found.refresh_token.get_secret_value() == f"R{number}"
                opened += 1

    async def refresh() -> None:
        nonlocal saved
        store = vault.store()
        while not stop.is_set():
            for number, one in enumerate(businesses):
                await store.save(one, Rail.QBO, grant=grant(number), at=NOW)
                saved += 1

    traffic = [asyncio.create_task(work()) for work in (read, read, refresh)]
    first = next(iter(await vault.used()))
    for _ in range(2):
        killed = asyncio.create_task(vault.rotation().rotate())
        await asyncio.sleep(0.03)
        killed.cancel()
        await asyncio.wait([killed])
        rotated = await vault.rotation().rotate()
        assert not rotated.tally.unreadable
        vault.clock.at += HOUR
        await vault.rotation().rotate(adds_key=False)
        await vault.rotation().retire()
    stop.set()
    await asyncio.gather(*traffic)
    await vault.rotation().rotate(adds_key=False)
    vault.clock.at += HOUR
    await vault.rotation().retire()
    used = await vault.used()
    assert first not in used
    assert list(used.values()) == [45]
    assert min(opened, saved) > 30


async def test_the_commands_tell_what_they_did_and_never_a_key(
    vault: Vault, own_database: Database, tmp_path: Path
) -> None:
    await vault.add_businesses(2)
    servers = servers_in(own_database, "unix:///nonexistent")

    async def keys(*words: str) -> str:
        done = await asyncio.to_thread(run_oodaloo, tmp_path, "keys", *words, **servers)
        assert done.exit_code == 0, done.stderr
        return done.output

    outputs = [await keys("rotate"), await keys("list")]
    old, new = read_keys(vault.path)
    assert f"{new.id} seals now; 6 values were sealed anew." in outputs[0]
    assert [line.split()[0] for line in outputs[1].splitlines()] == ["KEY", old.id, new.id]
    text = vault.path.read_text()
    for secret in (old.key.hex(), new.key.hex(), *text.split('"key":"')[1:]):
        assert secret.partition('"')[0] not in "".join(outputs)
