"""Raw SQL as the application's role, trying to break what the database promises of actions."""

# ruff: noqa: S608 - the statements are put together from this file's own texts

from itertools import product

import psycopg
import pytest
from psycopg import errors

from infra.actions.models import ActionIntent
from infra.actions.states import EDGES, ActionState
from infra.embedded.roles import connect
from infra.ids import new_id
from tests.integration.infra.actions.bench import Bench
from tests.integration.infra.actions.fake_books import RENAME, FakeBooks
from tests.rig import Database

REFUSED = (errors.RestrictViolation, errors.InsufficientPrivilege)
BROKEN = (errors.CheckViolation,)


async def test_the_database_knows_the_same_edges(database: Database) -> None:
    with connect(database.app_url) as connection:
        query = "SELECT action_edge_is_allowed(%s, %s)"
        known = {
            (was, to)
            for was, to in product(ActionState, ActionState)
            if connection.execute(query, [was.value, to.value]).fetchone() == (True,)
        }
    assert known == {(was, to) for was, possible in EDGES.items() for to in possible}


@pytest.mark.parametrize("to", [state.value for state in ActionState if state not in EDGES[ActionState.CONFIRMED]])
async def test_the_trigger_asks_for_the_edge(bench: Bench, to: str) -> None:
    row = await bench.done(bill="1", amount=40)
    if to != "confirmed":
        _must_fail(bench, f"UPDATE action_intent SET state = '{to}', version = version + 1", row, by=REFUSED)
    else:
        _must_fail(bench, "UPDATE action_intent SET version = version + 1", row, by=(errors.ForeignKeyViolation,))


@pytest.mark.parametrize(
    "change",
    [
        "client_key = 'another-key-of-16'",
        "fingerprint = '\\x00'",
        "mark = 'LP-AAAAAAAAAAAAAAAA'",
        "meaning = '{}'",
        "facts = '{\"a\": 1}'",
        "operation = 'x'",
        "created_by = 'user:2'",
        "id = gen_random_uuid()",
        "business_id = gen_random_uuid()",
        "rail_account_id = 'x'",
        "content_digest = NULL",
        "not_before = now()",
        "rail_request_id = 'x'",
        "body = '\\x00', body_hash = sha256('\\x00')",
        "revision = 1",
        "fence = -1",
        "is_stale = true",
    ],
)
async def test_what_was_asked_for_never_changes(bench: Bench, change: str) -> None:
    row = await bench.request()
    _must_fail(bench, f"UPDATE action_intent SET {change}, version = version + 1", row, by=REFUSED)


@pytest.mark.parametrize("version", ["version", "version + 2", "version - 1"])
async def test_a_change_raises_the_version_by_one(bench: Bench, version: str) -> None:
    row = await bench.request()
    _must_fail(bench, f"UPDATE action_intent SET outcome_words = 'x', version = {version}", row, by=REFUSED)


async def test_an_edge_without_its_log_row_fails_at_the_commit(bench: Bench) -> None:
    row = await bench.request()
    statement = "UPDATE action_intent SET state = 'cancelled', settled_at = now(), version = version + 1"
    _must_fail(bench, statement, row, by=(errors.ForeignKeyViolation,))
    assert (await bench.get(row)).state == "requested"


@pytest.mark.parametrize(
    "change",
    [
        "state = 'confirmed', settled_at = now()",
        "state = 'unknown', ever_ambiguous = false",
        "state = 'failed', settled_at = now(), ever_ambiguous = true",
        "state = 'failed'",
        "state = 'retry_wait', ever_ambiguous = true",
        "state = 'sending', lease_until = NULL",
        "state = 'blocked'",
    ],
)
async def test_a_state_has_what_belongs_to_it(bench: Bench, change: str) -> None:
    row = await bench.request()
    _put_in(bench, row, "state = 'claimed', fence = 1, lease_until = now()")
    _must_fail(bench, f"UPDATE action_intent SET {change}, version = version + 1", row, by=BROKEN)


@pytest.mark.parametrize(
    "change",
    [
        "ever_ambiguous = false",
        "external_id = 'x'",
        "first_sent_at = now()",
        "last_sent_at = now() - '1 day'::interval",
    ],
)
async def test_what_happened_is_not_undone(bench: Bench, change: str) -> None:
    bench.books.script = [FakeBooks.lost_answer]
    row = await bench.look_after(await bench.done(bill="1", amount=40))
    _must_fail(bench, f"UPDATE action_intent SET {change}, version = version + 1", row, by=REFUSED)


async def test_the_fence_only_grows_and_a_claim_raises_it(bench: Bench) -> None:
    row = await bench.done(bill="1", amount=40)
    _must_fail(bench, "UPDATE action_intent SET fence = fence - 1", row, by=REFUSED)
    other = await bench.request(bench.wish(bill="2", amount=1))
    claim = "UPDATE action_intent SET state = 'claimed', lease_until = now(), version = version + 1"
    _must_fail(bench, claim, other, by=REFUSED)


async def test_a_new_body_needs_a_refusal_as_stale_and_a_new_id(bench: Bench) -> None:
    row = await bench.request(bench.wish(operation=RENAME, name="new"))
    lease = "fence = fence + 1, lease_until = now()"
    _put_in(bench, row, f"state = 'claimed', {lease}, body = 'a', body_hash = sha256('a')")
    send = "UPDATE action_intent SET state = 'sending', version = version + 1, body = 'b', body_hash = sha256('b')"
    _must_fail(bench, send, row, by=REFUSED)
    _must_fail(bench, f"{send}, revision = 1, rail_request_id = 'r2'", row, by=REFUSED)
    _put_in(bench, row, "is_stale = true")
    _must_fail(bench, send, row, by=REFUSED)
    _must_fail(bench, f"{send}, revision = 1", row, by=REFUSED)
    _must_fail(bench, f"{send}, revision = 2, rail_request_id = 'r2'", row, by=REFUSED)
    _must_fail(bench, f"{send}, revision = 1, rail_request_id = 'r2'", row, by=(errors.ForeignKeyViolation,))


async def test_a_body_has_its_own_hash(bench: Bench) -> None:
    row = await bench.request(bench.wish(operation=RENAME, name="new"))
    _put_in(bench, row, "state = 'claimed', fence = 1, lease_until = now()")
    send = "UPDATE action_intent SET state = 'sending', version = version + 1, body = 'b', body_hash = sha256('c')"
    _must_fail(bench, send, row, by=BROKEN)


@pytest.mark.parametrize("table", ["action_intent", "action_line", "action_attempt", "action_transaction_log"])
async def test_nothing_is_removed(bench: Bench, database: Database, table: str) -> None:
    await bench.done(bill="1", amount=40)
    for url in (database.app_url, database.owner_url):
        for statement in (f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE"):
            with pytest.raises(REFUSED):
                bench.run_as(url, statement)


@pytest.mark.parametrize("table", ["action_attempt", "action_transaction_log"])
async def test_evidence_and_log_only_grow(bench: Bench, database: Database, table: str) -> None:
    await bench.done(bill="1", amount=40)
    for url in (database.app_url, database.owner_url):
        with pytest.raises(REFUSED):
            bench.run_as(url, f"UPDATE {table} SET business_id = business_id")


async def test_a_line_is_let_go_with_its_action_and_no_earlier(bench: Bench) -> None:
    row = await bench.request()
    mine = "WHERE intent_id = %(id)s"
    _must_fail(bench, f"UPDATE action_line SET is_open = false {mine}", row, by=REFUSED, is_whole=True)
    for change in ("amount = 1", "target_external_id = '2'", "is_guarded = false"):
        _must_fail(bench, f"UPDATE action_line SET {change} {mine}", row, by=REFUSED, is_whole=True)
    await bench.work(row)
    _must_fail(bench, f"UPDATE action_line SET is_open = true {mine}", row, by=REFUSED, is_whole=True)
    more = (
        "INSERT INTO action_line (business_id, intent_id, number, rail, target_kind, target_external_id, amount, is_guarded) "
        f"VALUES ('{bench.business_id}', %(id)s, 9, 'qbo', 'Bill', '7', 1, true)"
    )
    _must_fail(bench, more, row, by=REFUSED, is_whole=True)


@pytest.mark.parametrize("amount", ["0", "-1"])
async def test_an_amount_is_positive(bench: Bench, amount: str) -> None:
    row = await bench.request()
    line = (
        "INSERT INTO action_line (business_id, intent_id, number, rail, target_kind, target_external_id, amount, is_guarded) "
        f"VALUES ('{bench.business_id}', %(id)s, 9, 'qbo', 'Bill', '7', {amount}, true)"
    )
    _must_fail(bench, line, row, by=BROKEN, is_whole=True)


@pytest.mark.parametrize(
    ("same", "constraint"),
    [
        ({"client_key"}, "uq_action_intent_client_key"),
        ({"rail_request_id"}, "uq_action_intent_request"),
        ({"mark"}, "uq_action_intent_mark"),
    ],
)
async def test_each_identity_is_one_actions(bench: Bench, same: set[str], constraint: str) -> None:
    row = await bench.request()
    with pytest.raises(errors.UniqueViolation, match=constraint):
        _copy(bench, row, same)


@pytest.mark.parametrize(
    "beginning",
    [
        "state = 'sending'",
        "state = 'confirmed'",
        "fence = 3",
        "version = 2",
        "ever_ambiguous = true",
        "external_id = '1'",
    ],
)
async def test_an_action_begins_at_its_beginning(bench: Bench, beginning: str) -> None:
    column, _, value = beginning.partition(" = ")
    row = await bench.request()
    with pytest.raises(REFUSED):
        _copy(bench, row, set(), **{column: value})


async def test_an_object_is_one_actions(bench: Bench) -> None:
    done = await bench.done(bill="1", amount=40)
    row = await bench.request()
    _put_in(bench, row, "state = 'claimed', fence = 1, lease_until = now()")
    take = (
        "UPDATE action_intent SET state = 'confirmed', settled_at = now(), version = version + 1, "
        f"external_id = '{done.external_id}'"
    )
    _must_fail(bench, take, row, by=(errors.UniqueViolation,))


async def test_another_business_sees_and_changes_nothing(bench: Bench) -> None:
    row = await bench.done(bill="1", amount=40)
    own = bench.business_id
    bench.business_id = new_id()
    for table in ("action_intent", "action_line", "action_attempt", "action_transaction_log"):
        assert bench.run_as_app(f"SELECT 1 FROM {table}") == 0
    assert bench.run_as_app("UPDATE action_intent SET version = version + 1 WHERE id = %(id)s", id=row.id) == 0
    with pytest.raises(errors.InsufficientPrivilege):
        bench.run_as_app(
            "INSERT INTO action_attempt (business_id, id, intent_id, kind, fence, worker, rail_request_id, started_at, result, details) "
            f"VALUES ('{own}', gen_random_uuid(), %(id)s, 'first', 1, 'w', 'r', now(), 'done', '{{}}')",
            id=row.id,
        )


async def test_the_sweep_sees_when_a_step_is_due_and_no_more(bench: Bench, database: Database) -> None:
    row = await bench.request()
    with connect(database.jobs_url) as connection:
        query = "SELECT business_id, version, fence, state, due_at, lease_until FROM action_intent WHERE id = %s"
        assert connection.execute(query, [row.id]).fetchone() is not None
    for statement in (
        "SELECT meaning FROM action_intent",
        "SELECT body FROM action_intent",
        "UPDATE action_intent SET due_at = now()",
        "SELECT 1 FROM action_line",
        "SELECT 1 FROM action_attempt",
        "SELECT 1 FROM action_transaction_log",
    ):
        with pytest.raises(errors.InsufficientPrivilege), connect(database.jobs_url) as connection:
            connection.execute(statement)


def _must_fail(
    bench: Bench, statement: str, row: ActionIntent, *, by: tuple[type[psycopg.Error], ...], is_whole: bool = False
) -> None:
    with pytest.raises(by):
        bench.run_as_app(statement if is_whole else f"{statement} WHERE id = %(id)s", id=row.id)


def _put_in(bench: Bench, row: ActionIntent, change: str) -> None:
    """Past the walls, as only a superuser can."""
    with connect(bench.superuser_url) as connection, connection.transaction():
        connection.execute("SET LOCAL session_replication_role = replica")
        connection.execute(f"UPDATE action_intent SET {change} WHERE id = %s", [row.id])


def _copy(bench: Bench, row: ActionIntent, same: set[str], **other: str) -> None:
    """Another row like this one, new in all its identities but `same`; `other` columns as SQL."""
    new = {
        "id": "gen_random_uuid()",
        "client_key": "'another-key-of-16'",
        "rail_request_id": "'another-request'",
        "mark": "'LP-BBBBBBBBBBBBBBBB'",
        **other,
    }
    columns = [column.name for column in ActionIntent.__table__.columns]
    values = [new.get(name, name) if name not in same else name for name in columns]
    bench.run_as_app(
        f"INSERT INTO action_intent ({', '.join(columns)}) SELECT {', '.join(values)} FROM action_intent WHERE id = %(id)s",
        id=row.id,
    )
