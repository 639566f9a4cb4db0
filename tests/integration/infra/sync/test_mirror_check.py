"""What a superuser changes in a mirror shows beside its log; what syncs and events do does not."""

from collections.abc import Iterator
from typing import Any, cast

import psycopg
import pytest
from psycopg import Connection
from sqlalchemy import make_url

from domains.ap.mirrors import BILLS_FROM_QBO
from infra.sync import mirror_store
from infra.sync.mirror_check import Difference, MirrorCheck
from infra.sync.shapes import LogSource
from infra.sync.spec import LogEvent
from tests.integration.infra.sync.bill_mirror import BillMirror, bill, gone
from tests.rig import Database


def connected(url: str) -> Connection[Any]:
    return psycopg.connect(
        make_url(url).set(drivername="postgresql").render_as_string(hide_password=False), autocommit=True
    )


@pytest.fixture
def app(database: Database) -> Iterator[Connection[Any]]:
    with connected(database.app_url) as connection:
        yield connection


def all_of(app: Connection[Any], mirror: BillMirror) -> list[Difference]:
    return list(MirrorCheck(app, BILLS_FROM_QBO, mirror.business_id).whole())


def tamper(database: Database, statement: str, mirror: BillMirror) -> None:
    with connected(database.superuser_url) as root, root.transaction():
        root.execute("SET LOCAL session_replication_role = replica")
        done = root.execute(cast("Any", f"{statement} business_id = %s"), [mirror.business_id])
        assert done.rowcount >= 1


async def lived_through(mirror: BillMirror) -> None:
    """Objects that were created, changed, deleted, restored, and asked for something."""
    await mirror.put(bill("7"), bill("8", TotalAmt="12.10"), bill("9"), fetched=100)
    await mirror.put(bill("7", version=1, updated=10, Balance="3.50"), fetched=110)
    await mirror.put(deletions=[gone("8", updated=20), gone("9", updated=20)], fetched=120)
    await mirror.put(bill("9", version=1, updated=30), fetched=130)
    for number in ("7", "8"):
        async with mirror.uow([mirror.business_id]) as uow:
            entity_id = (await mirror.get(number)).id
            event = LogEvent(
                mirror.business_id, entity_id=entity_id, transaction_type="payment_requested", source=LogSource.USER,
                actor="user:1", request_id="r", details={},
            )  # fmt: skip
            await mirror_store.append_event(uow.session, BILLS_FROM_QBO, event)


async def test_what_syncs_and_events_leave_is_what_the_log_says(app: Connection[Any], mirror: BillMirror) -> None:
    await lived_through(mirror)
    check = MirrorCheck(app, BILLS_FROM_QBO, mirror.business_id)
    assert list(check.whole()) == []
    assert check.rows == 3
    assert check.sample(2) == []
    assert check.rows == 5


@pytest.mark.parametrize(
    ("column", "statement"),
    [
        ("balance", "UPDATE bill SET balance = balance + 1 WHERE external_id = '7' AND"),
        ("vendor_name", "UPDATE bill SET vendor_name = NULL WHERE external_id = '7' AND"),
        ("due_on", "UPDATE bill SET due_on = '2031-01-01' WHERE external_id = '7' AND"),
        (
            "payload",
            "UPDATE bill SET payload = replace(payload::text, '3.50', '3.5')::json WHERE external_id = '7' AND",
        ),
        ("payload_hash", "UPDATE bill SET payload_hash = sha256(payload_hash) WHERE external_id = '7' AND"),
        ("deleted_at", "UPDATE bill SET deleted_at = NULL WHERE external_id = '8' AND"),
        ("deleted_at", "UPDATE bill SET deleted_at = now() WHERE external_id = '9' AND"),
        ("deleted_at", "UPDATE bill SET deleted_at = deleted_at - interval '1 s' WHERE external_id = '8' AND"),
        ("version", "UPDATE bill SET version = version - 1 WHERE external_id = '7' AND"),
        (None, "DELETE FROM bill WHERE external_id = '7' AND"),
        (None, "UPDATE bill SET id = gen_random_uuid() WHERE external_id = '7' AND"),
    ],
)
async def test_what_a_superuser_changes_is_named(
    app: Connection[Any], mirror: BillMirror, database: Database, column: str | None, statement: str
) -> None:
    await lived_through(mirror)
    ids = {external_id: row.id for external_id, row in (await mirror.list_all()).items()}
    tamper(database, statement, mirror)
    found = all_of(app, mirror)
    assert {(one.business_id, one.table, one.column) for one in found} == {(mirror.business_id, "bill", column)}
    if column is not None:
        assert {one.entity_id for one in found} <= set(ids.values())
        sampled = MirrorCheck(app, BILLS_FROM_QBO, mirror.business_id).sample(10)
        assert {one.column for one in sampled} == {column}


async def test_another_businesses_mirror_is_not_looked_at(
    app: Connection[Any], mirror: BillMirror, database: Database, engine: Any
) -> None:
    await lived_through(mirror)
    other = BillMirror(engine)
    await other.put(bill("7"))
    tamper(database, "UPDATE bill SET balance = balance + 1 WHERE", other)
    assert all_of(app, mirror) == []
    assert [one.column for one in all_of(app, other)] == ["balance"]
