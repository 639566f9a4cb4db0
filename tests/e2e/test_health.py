"""What watchers ask: each part that is really down is told, whoever may not know is told nothing, and watching costs little."""

import asyncio
import os
import re
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil
import pytest
import pytest_asyncio
from sqlalchemy import event

from domains.core.permissions import Role
from infra.db.roles import ACCESS, APP, JOBS, SEALER
from infra.embedded.roles import connect
from infra.ids import new_id
from infra.jobs.queue_worker import WORKER_TTL_SECONDS
from infra.log_proof.verified import Extent, Outcome, Verified, write_verified
from runway.routes import ROUTERS
from runway.web import ROUTERS as WEB
from tests.e2e.people import join_firm, member, open_business, open_firm, sign_up
from tests.e2e.rest import Web, assert_problem
from tests.e2e.watched import (
    METRICS_TOKEN,
    Watched,
    admin_of,
    bearer,
    connected,
    open_watched,
    parts_of,
    series,
    value_of,
)
from tests.rig import Database, RunServers, create_worker_database

pytestmark = pytest.mark.asyncio(loop_scope="module")

NAMELESS = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-|\d{15}")  # ids of businesses, jobs and realms


@pytest.fixture(scope="module")
def own(servers: RunServers, worker_id: str) -> Iterator[Database]:
    name = f"oodaloo_health_{worker_id}"
    yield create_worker_database(servers, name)
    with connect(servers.database("postgres").superuser_url) as root:
        root.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def watched(own: Database, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Watched]:
    async with open_watched(own, tmp_path_factory.mktemp("watched"), run=tmp_path_factory.mktemp("run")) as opened:
        yield opened


async def test_a_whole_process_is_ready(watched: Watched) -> None:
    answer = await watched.ready()
    assert answer.status_code == 200, answer.text
    names = {"database:app", "database:access", "database:jobs", "redis", "keyring", "migrations"}
    assert answer.json() == {"status": "ready", "parts": dict.fromkeys(names, "ok")}


async def test_without_redis_it_is_degraded_and_serves(watched: Watched) -> None:
    async with watched.without_redis():
        answer = await watched.ready()
        assert answer.status_code == 200
        assert answer.json()["status"] == "degraded"
        assert answer.json()["parts"]["redis"].startswith("it does not answer")
        assert (await watched.web.http.get("/healthz")).status_code == 200
    assert (await watched.ready()).json()["status"] == "ready"


@pytest.mark.parametrize("role", [APP, ACCESS, JOBS])
async def test_a_role_that_is_refused_makes_it_unready(watched: Watched, role: str) -> None:
    name = f"database:{role.removeprefix('oodaloo_')}"
    async with watched.without_role(role):
        body = assert_problem(await watched.ready(), 503, "not-ready")
        wrong = {part for part, said in body["parts"].items() if said != "ok"}
        assert wrong == ({name, "migrations"} if role == JOBS else {name})
        assert body["parts"][name] == "it cannot be asked (OperationalError)"
        assert (await watched.web.http.get("/healthz")).status_code == 200
    assert (await watched.ready()).status_code == 200


async def test_a_schema_that_is_behind_makes_it_unready_and_a_newer_one_does_not(watched: Watched) -> None:
    with connect(watched.database.superuser_url) as root:
        (was,) = root.execute("SELECT version_num FROM alembic_version").fetchall()
        try:
            root.execute("UPDATE alembic_version SET version_num = '0001'")
            behind = assert_problem(await watched.ready(), 503, "not-ready")
            root.execute("UPDATE alembic_version SET version_num = '9999'")
            ahead = await watched.ready()
        finally:
            root.execute("UPDATE alembic_version SET version_num = %s", [was[0]])
    assert behind["detail"] == "migrations: the schema is older than this version needs"
    assert ahead.status_code == 200, ahead.text


async def test_a_busy_process_stays_in_and_shows_that_it_is_busy(watched: Watched) -> None:
    engine = watched.web.services.installation.engines[APP]
    async with AsyncExitStack() as stack:
        for _ in range(watched.web.services.settings.servers.database_pool_size):
            await stack.enter_async_context(engine.connect())
        assert (await watched.ready()).json()["status"] == "ready"
        text = (await watched.metrics()).text
    in_use, size = (value_of(text, f"oodaloo_db_pool_{name}", role="app", kind="units") for name in ("in_use", "size"))
    assert in_use == size > 1
    assert value_of(text, "oodaloo_up", part="database:app") == 0


async def test_however_often_balancers_ask_each_role_is_asked_once_a_second(watched: Watched) -> None:
    services, asked = watched.web.services, Counter[str]()
    engines = services.installation.engines
    listeners = []
    for role, engine in engines.items():

        def count(*_: Any, role: str = role) -> None:
            asked[role] += 1

        event.listen(engine.sync_engine, "before_cursor_execute", count)
        listeners.append((engine.sync_engine, count))
    try:
        watched.look_again()
        await asyncio.gather(*(watched.web.http.get("/readyz") for _ in range(40)))
        for _ in range(40):
            assert (await watched.web.http.get("/readyz")).status_code == 200
    finally:
        for sync_engine, listener in listeners:
            event.remove(sync_engine, "before_cursor_execute", listener)
    # Eighty requests; a slow machine may take them past the second.
    assert set(asked) == set(engines)
    assert max(asked.values()) <= 3


async def test_an_admin_sees_every_part_and_their_firms_connections_alone(watched: Watched) -> None:
    web = watched.web
    mine, ids = await admin_of(web, businesses=2)
    theirs, others = await admin_of(web)
    for business_id in (*ids, *others):
        await connected(web, business_id)
    data = await watched.standing(mine)
    assert {UUID(one["business_id"]) for one in data["connections"]} == set(ids)
    assert {UUID(one["business_id"]) for one in (await watched.standing(theirs))["connections"]} == set(others)
    parts = parts_of(data)
    assert set(parts) == {
        "database:app", "database:access", "database:jobs", "redis", "workers", "queues", "scheduler", "log_seal",
        "log_walls", "log_verified", "connections", "readings", "drift", "notices",
    }  # fmt: skip
    assert {name for name, part in parts.items() if part["level"] == "fail"} == set()
    assert parts["workers"]["said"] == "nobody serves actions, interactive, sync, bulk"
    one = data["connections"][0]
    assert (one["state"], one["sync_age_seconds"], one["open_drift"]) == ("active", None, 0)
    assert one["breaker_rests_seconds"] == 0
    answer = await mine.web.http.get("/admin/health", headers={"Cookie": f"sid={mine.session}"})
    assert answer.status_code == 200


async def test_nobody_but_an_admin_of_a_firm_sees_it(watched: Watched) -> None:
    web = watched.web
    firm_id = await open_firm(web)
    business_id = await open_business(web, firm_id=firm_id)
    owner = await member(web, business_id, Role.OWNER)
    assert_problem(await owner.ask("GET", "/admin/health"), 403, "forbidden")
    visitor = await web.sign_in(f"Token {new_id()}")
    assert_problem(await visitor.ask("/admin/health"), 403, "forbidden")
    assert_problem(await web.http.get("/api/v1/admin/health"), 401, "unauthenticated")
    assert_problem(await watched.web.http.get("/admin/health", headers=bearer(METRICS_TOKEN)), 401, "unauthenticated")
    careless = await join_firm(await sign_up(web, has_factor=False), firm_id)
    assert_problem(await careless.ask("GET", "/admin/health"), 403, "forbidden")


async def test_a_dead_part_is_told_and_not_waited_for(watched: Watched) -> None:
    admin, _ = await admin_of(watched.web)
    async with watched.without_redis():
        data = await watched.standing(admin)
        assert data["level"] == "fail"
        assert {name for name, part in parts_of(data).items() if part["level"] == "fail"} == {
            "redis", "workers", "log_verified",
        }  # fmt: skip
        text = (await watched.metrics()).text
    assert value_of(text, "oodaloo_redis_down") == 1
    assert value_of(text, "oodaloo_up", part="workers") == 0
    assert value_of(text, "oodaloo_up", part="queues") == 1
    async with watched.without_role(SEALER):
        parts = await watched.parts(admin)
    assert {name for name, part in parts.items() if part["level"] == "fail"} == {"log_seal", "log_walls"}
    assert "oodaloo" not in parts["log_seal"]["said"]


async def test_a_wall_around_the_logs_that_was_taken_down_is_told(watched: Watched) -> None:
    admin, _ = await admin_of(watched.web)
    with connect(watched.database.superuser_url) as root:
        root.execute("ALTER TABLE bill_transaction_log DISABLE TRIGGER only_grows")
        try:
            data, text = await watched.standing(admin), (await watched.metrics()).text
        finally:
            root.execute("ALTER TABLE bill_transaction_log ENABLE TRIGGER only_grows")
    assert (data["level"], parts_of(data)["log_walls"]["level"]) == ("fail", "fail")
    assert value_of(text, "oodaloo_up", part="log_walls") == 0
    assert (await watched.parts(admin))["log_walls"]["level"] == "ok"


async def test_a_verification_that_found_something_is_told_until_one_finds_nothing(watched: Watched) -> None:
    admin, _ = await admin_of(watched.web)
    assert (await watched.parts(admin))["log_verified"]["level"] == "warn"
    redis, now = watched.web.services.redis, watched.clock.now()
    one = Verified(Extent.NEW, Outcome.TAMPERED, finding_count=3, through=7, ended_at=now)
    await write_verified(redis, replace(one, extent=Extent.ALL, outcome=Outcome.CLEAN, finding_count=0))
    await write_verified(redis, one)
    part, text = (await watched.parts(admin))["log_verified"], (await watched.metrics()).text
    assert (part["level"], part["said"].partition(" ")[0]) == ("fail", "3")
    assert value_of(text, "oodaloo_up", part="log_verified") == 0
    clean = replace(one, outcome=Outcome.CLEAN, finding_count=0)
    await write_verified(redis, clean)
    text = (await watched.metrics()).text
    assert (await watched.parts(admin))["log_verified"]["level"] == "ok"
    assert value_of(text, "oodaloo_log_verified_seconds", extent="all", outcome="clean") >= 0
    await write_verified(redis, replace(clean, ended_at=now - timedelta(hours=2)))
    assert (await watched.parts(admin))["log_verified"]["level"] == "warn"


async def test_a_redis_that_hangs_costs_a_second_and_no_part_its_answer(watched: Watched) -> None:
    admin, _ = await admin_of(watched.web)
    hung = [one for one in psutil.Process().children(recursive=True) if "valkey" in one.name()]
    here = [one for one in hung if str(watched.valkey.address) in " ".join(one.cmdline())]
    (process,) = here or hung
    process.send_signal(signal.SIGSTOP)
    try:
        watched.look_again()
        async with asyncio.timeout(20):  # every part has its own two seconds; what is before them asks Redis too
            parts = await watched.parts(admin)
    finally:
        process.send_signal(signal.SIGCONT)
    assert parts["queues"]["level"] != "fail"
    assert parts["redis"]["level"] == parts["workers"]["level"] == "fail"


@pytest.mark.timeout(240)
async def test_a_worker_that_was_killed_is_missed(watched: Watched, tmp_path: Path) -> None:
    admin, _ = await admin_of(watched.web)
    settings = watched.web.services.settings
    assert settings.qbo is not None
    environment = {
        "OODALOO_HOME": str(tmp_path),
        "OODALOO_DATABASE_URL": watched.database.app_url,
        "OODALOO_DATABASE_OWNER_URL": watched.database.owner_url,
        "OODALOO_REDIS_URL": f"unix://{watched.valkey.address}",
        "QBO_CLIENT_ID": settings.qbo.client_id,
        "QBO_CLIENT_SECRET": settings.qbo.client_secret.get_secret_value(),
    }
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "runway.cli", "worker", env=os.environ | environment, start_new_session=True
    )
    try:
        async with asyncio.timeout(200):
            while (await watched.parts(admin))["workers"]["said"] != "every queue has a worker":
                await asyncio.sleep(0.2)
                watched.look_again()
    finally:
        os.killpg(worker.pid, signal.SIGKILL)
        await worker.wait()
    watched.clock.ahead += timedelta(seconds=WORKER_TTL_SECONDS + 1)
    workers = (await watched.parts(admin))["workers"]
    assert workers["said"] == "nobody serves actions, interactive, sync, bulk"
    beats = [queue["seconds_since_beat"] for queue in workers["figures"]["queues"]]
    assert min(beats) > WORKER_TTL_SECONDS


async def test_work_that_waits_and_work_that_is_dead_are_told(watched: Watched) -> None:
    admin, _ = await admin_of(watched.web)
    with connect(watched.database.superuser_url) as root:
        root.execute(
            "INSERT INTO outbox (queue, job, arguments, due_at, dead_at) VALUES"
            " ('sync', 'x', '[]', now() - interval '20 min', NULL), ('bulk', 'x', '[]', now(), now())"
        )
        root.execute("INSERT INTO cron_tick VALUES ('sync.due', now() - interval '7 min')")
        data, text = await watched.standing(admin), (await watched.metrics()).text
        root.execute("DELETE FROM outbox")
        root.execute("DELETE FROM cron_tick")
    parts = parts_of(data)
    assert data["level"] == parts["queues"]["level"] == "fail"
    # A busy machine asks some seconds later.
    assert re.fullmatch(r"the oldest job that is due has waited 12\d\d s; 1 are dead", parts["queues"]["said"])
    assert re.fullmatch(r"the schedule last came round [45]\d\d s ago", parts["scheduler"]["said"])
    assert value_of(text, "oodaloo_queue_lag_seconds", queue="sync") >= 1200
    assert value_of(text, "oodaloo_dead_jobs", queue="bulk") == 1
    assert value_of(text, "oodaloo_schedule_seconds_since_tick", job="sync.due") >= 420


async def test_metrics_are_not_there_for_whoever_has_no_token(watched: Watched, web: Web) -> None:
    nothing = await watched.web.http.get("/nothing")
    for sent in ({}, bearer("another"), bearer(METRICS_TOKEN + "x"), {"Authorization": f"Basic {METRICS_TOKEN}"}):
        refused = await watched.web.http.get("/metrics", headers=sent)
        body, like = assert_problem(refused, 404, "not-found"), nothing.json()
        assert {**body, "instance": "", "request_id": ""} == {**like, "instance": "", "request_id": ""}
    assert (await web.http.get("/metrics", headers=bearer(METRICS_TOKEN))).status_code == 404  # none is set there


async def test_metrics_parse_and_no_label_grows_with_what_is_asked(watched: Watched) -> None:
    http = watched.web.http
    visitor = await watched.web.sign_in(f"Secret name {new_id()}")
    before = await series(watched)
    for number in range(30):
        await http.get(f"/nothing/{number}")
        await http.request(f"VERB{number}", "/healthz")
        await visitor.ask(f"/bills/{new_id()}")
        await visitor.ask("/bills", headers={"X-Business-ID": str(new_id())})
    after = await series(watched)
    grown = {name for name, labels in after.items() if len(labels) > len(before.get(name, ())) + 6}
    assert grown == set()
    text = (await watched.metrics()).text
    values = {value for labels in after.values() for one in labels for value in one.values()}
    assert not [value for value in values if NAMELESS.search(value)]
    assert "Secret name" not in text
    counted = "oodaloo_http_request_seconds_count"
    routes = {labels["route"] for labels in after[counted]}
    known_before = {labels["route"] for labels in before[counted]}  # other tests have routes of their own
    assert routes - known_before <= {"none"} | {route.path for router in (*ROUTERS, *WEB) for route in router.routes}
    assert {"none", "/api/v1/bills/{bill_id}"} <= routes
    methods = {labels["method"] for labels in after[counted]}
    assert methods <= {"GET", "POST", "PATCH", "DELETE", "PUT", "HEAD", "OPTIONS", "other"}
