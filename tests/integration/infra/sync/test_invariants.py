"""Raw SQL as the application's role, trying to break what the database promises; and as the owner where triggers promise it."""

# ruff: noqa: S608 - the statements are put together from this file's own texts

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import psycopg
import pytest
from psycopg import errors
from sqlalchemy import text

from domains.ap.models import Bill
from infra.db.engine import create_engine
from infra.db.unit_of_work import unit_of_work_factory
from infra.embedded.roles import connect
from infra.ids import new_id
from runway.registry import MIRROR_SPECS
from tests.integration.infra.sync.bill_mirror import BillMirror, bill
from tests.rig import Database

LOG_COLUMNS = "business_id, entity_id, version, transaction_type, source, actor, request_id, snapshot, changes"
LOG_VALUES = "%(business)s, %(id)s, %(version)s, 'updated', 'qbo', 'x', 'x', '{}', '{}'"
MIRROR_TABLES = sorted(spec.mirror.__tablename__ for spec in MIRROR_SPECS)


class Session:
    """Statements of one transaction at a time, seeing one business."""

    def __init__(self, url: str, business_id: UUID | None) -> None:
        self.url = url
        self.business_id = business_id

    @contextmanager
    def transaction(self) -> Iterator[psycopg.Connection]:
        with connect(self.url) as connection, connection.transaction():
            if self.business_id is not None:
                connection.execute("SELECT set_config('app.business_ids', %s, true)", [f"{{{self.business_id}}}"])
            yield connection

    def run(self, statement: str, **values: object) -> int:
        with self.transaction() as connection:
            return connection.execute(statement, values).rowcount


@pytest.fixture
async def stored(mirror: BillMirror) -> Bill:
    await mirror.put(bill())
    return await mirror.get()


@pytest.fixture
def app(database: Database, mirror: BillMirror) -> Session:
    return Session(database.app_url, mirror.business_id)


@pytest.fixture
def owner(database: Database, mirror: BillMirror) -> Session:
    return Session(database.owner_url, mirror.business_id)


@pytest.mark.parametrize("version", ["version", "version + 2", "version - 1", "NULL"])
def test_a_change_must_raise_the_version_by_one(app: Session, owner: Session, stored: Bill, version: str) -> None:
    for session in (app, owner):
        with pytest.raises(errors.RestrictViolation):
            session.run(f"UPDATE bill SET memo = 'x', version = {version} WHERE id = %(id)s", id=stored.id)


@pytest.mark.parametrize(
    "column", ["business_id = gen_random_uuid()", "id = gen_random_uuid()", "external_id = '8'", "rail = 'x'"]
)
def test_a_row_keeps_its_identity(app: Session, stored: Bill, column: str) -> None:
    with pytest.raises((errors.RestrictViolation, errors.InsufficientPrivilege)):
        app.run(f"UPDATE bill SET version = version + 1, {column} WHERE id = %(id)s", id=stored.id)


def test_a_change_without_its_log_row_fails_at_the_commit(app: Session, stored: Bill) -> None:
    reached_the_end = False
    with pytest.raises(errors.ForeignKeyViolation), app.transaction() as connection:  # noqa: PT012 - the commit is the point
        connection.execute("UPDATE bill SET memo = 'x', version = version + 1 WHERE id = %s", [stored.id])
        reached_the_end = True
    assert reached_the_end
    assert app.run("SELECT 1 FROM bill WHERE id = %(id)s AND version = 1 AND memo <> 'x'", id=stored.id) == 1


def test_a_new_row_without_its_log_row_fails_at_the_commit(app: Session, stored: Bill) -> None:
    columns = "rail, payload, payload_hash, rail_updated_at, version, synced_at, vendor_external_id, issued_on, total, balance"
    with pytest.raises(errors.ForeignKeyViolation):
        app.run(
            f"INSERT INTO bill (business_id, id, external_id, {columns}) "
            f"SELECT business_id, gen_random_uuid(), 'forged', {columns} FROM bill WHERE id = %(id)s",
            id=stored.id,
        )


def test_a_change_with_its_log_row_is_what_the_rules_allow(app: Session, stored: Bill) -> None:
    """The refusals above are not refusals of everything."""
    with app.transaction() as connection:
        connection.execute("UPDATE bill SET memo = 'x', version = 2 WHERE id = %s", [stored.id])
        connection.execute(
            f"INSERT INTO bill_transaction_log ({LOG_COLUMNS}) VALUES ({LOG_VALUES})",
            {"business": app.business_id, "id": stored.id, "version": 2},
        )
    assert app.run("SELECT 1 FROM bill WHERE id = %(id)s AND version = 2", id=stored.id) == 1


@pytest.mark.parametrize("statement", ["DELETE FROM {}", "TRUNCATE {} CASCADE"])
@pytest.mark.parametrize("table", ["bill", "bill_transaction_log"])
@pytest.mark.usefixtures("stored")
def test_nothing_is_ever_removed(app: Session, owner: Session, table: str, statement: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        app.run(statement.format(table))
    with pytest.raises(errors.RestrictViolation):
        owner.run(statement.format(table))


@pytest.mark.usefixtures("stored")
def test_a_log_row_is_never_changed(app: Session, owner: Session) -> None:
    statement = "UPDATE bill_transaction_log SET actor = 'someone else'"
    with pytest.raises(errors.InsufficientPrivilege):
        app.run(statement)
    with pytest.raises(errors.RestrictViolation):
        owner.run(statement)


@pytest.mark.parametrize(("column", "value"), [("id", "1"), ("recorded_at", "'2020-01-01'"), ("tx_xid", "'5'::xid8")])
def test_when_and_in_what_order_a_log_row_came_is_the_databases_own(
    app: Session, stored: Bill, column: str, value: str
) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        app.run(
            f"INSERT INTO bill_transaction_log ({LOG_COLUMNS}, {column}) OVERRIDING SYSTEM VALUE VALUES ({LOG_VALUES}, {value})",
            business=app.business_id, id=stored.id, version=2,
        )  # fmt: skip


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TRIGGER only_grows ON bill_transaction_log",
        "ALTER TABLE bill_transaction_log DISABLE TRIGGER ALL",
        "ALTER TABLE bill DISABLE TRIGGER next_version",
        "ALTER TABLE bill DROP CONSTRAINT fk_bill_bill_transaction_log",
        "ALTER TABLE bill DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE bill NO FORCE ROW LEVEL SECURITY",
        "DROP POLICY businesses_of_the_transaction ON bill",
        "CREATE POLICY all_of_it ON bill USING (true)",
        "CREATE TABLE mine (id int)",
        "CREATE OR REPLACE FUNCTION require_next_version() RETURNS trigger LANGUAGE sql AS 'SELECT 1'",
        "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "SET session_replication_role = replica",
        "SET ROLE oodaloo_owner",
        "ALTER ROLE oodaloo_app BYPASSRLS",
    ],
)
def test_the_application_cannot_take_the_walls_down(app: Session, statement: str) -> None:
    with pytest.raises((errors.InsufficientPrivilege, errors.InvalidFunctionDefinition)):
        app.run(statement)


def test_a_grant_by_the_application_grants_nothing(app: Session) -> None:
    app.run("GRANT DELETE ON bill TO oodaloo_app")  # PostgreSQL only warns
    with pytest.raises(errors.InsufficientPrivilege):
        app.run("DELETE FROM bill")


def test_switching_row_security_off_fails_instead_of_showing_rows(app: Session) -> None:
    with pytest.raises(errors.InsufficientPrivilege), app.transaction() as connection:  # noqa: PT012 - two statements
        connection.execute("SET LOCAL row_security = off")
        connection.execute("SELECT * FROM bill")


async def test_each_business_sees_and_writes_its_own_alone(
    database: Database, mirror: BillMirror, stored: Bill
) -> None:
    stranger = Session(database.app_url, new_id())
    assert stranger.run("SELECT 1 FROM bill WHERE id = %(id)s", id=stored.id) == 0
    assert stranger.run("SELECT 1 FROM bill_transaction_log WHERE entity_id = %(id)s", id=stored.id) == 0
    assert stranger.run("UPDATE bill SET memo = 'x', version = 2 WHERE id = %(id)s", id=stored.id) == 0
    with pytest.raises(errors.InsufficientPrivilege):
        stranger.run(
            f"INSERT INTO bill_transaction_log ({LOG_COLUMNS}) VALUES ({LOG_VALUES})",
            business=mirror.business_id, id=stored.id, version=2,
        )  # fmt: skip


@pytest.mark.parametrize("setting", [None, "", "{}"])
def test_without_a_business_every_tenant_table_is_empty(database: Database, stored: Bill, setting: str | None) -> None:
    assert stored
    with connect(database.app_url) as connection, connection.transaction():
        if setting is not None:
            connection.execute("SELECT set_config('app.business_ids', %s, true)", [setting])
        for table in (
            *MIRROR_TABLES,
            *(f"{table}_transaction_log" for table in MIRROR_TABLES),
            "sync_state",
            "sync_run",
        ):
            assert connection.execute(f"SELECT 1 FROM {table}").rowcount == 0, table


async def test_a_pooled_connection_forgets_whose_it_was(database: Database, mirror: BillMirror, stored: Bill) -> None:
    engine = create_engine(database.app_url, pool_size=1)
    uow = unit_of_work_factory(engine)
    count = text("SELECT count(*) FROM bill")
    pid = text("SELECT pg_backend_pid()")
    try:
        async with uow([mirror.business_id]) as mine:
            assert (await mine.session.execute(count)).scalar_one() == 1
            first = (await mine.session.execute(pid)).scalar_one()
        async with uow([]) as nobodys:
            assert (await nobodys.session.execute(count)).scalar_one() == 0
        async with engine.connect() as bare:
            assert (await bare.execute(pid)).scalar_one() == first
            assert (await bare.execute(count)).scalar_one() == 0
        async with uow([new_id(), mirror.business_id]) as firm:
            assert (await firm.session.execute(count)).scalar_one() == 1
    finally:
        await engine.dispose()
    assert stored
