"""`oodaloo doctor`: all well on servers that are; each thing that is wrong is found, and what to do is said."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra import exact_json
from infra.embedded.roles import connect
from infra.security.keyring import Keyring
from tests.e2e.commands import run_oodaloo, servers_in
from tests.rig import Database, RunServers, create_worker_database


@pytest.fixture(scope="module")
def own(servers: RunServers, worker_id: str) -> Iterator[Database]:
    """A database whose walls may be taken down."""
    name = f"oodaloo_doctor_{worker_id}"
    yield create_worker_database(servers, name)
    with connect(servers.database("postgres").superuser_url) as root:
        root.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def examined(home: Path, **settings: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """Exit code, and the findings by their check; of several of one check the last."""
    done = run_oodaloo(home, "doctor", "--json", **settings)
    answer = exact_json.loads(done.stdout)
    assert answer["ok"] is (done.exit_code == 0)
    for finding in answer["checks"]:
        assert bool(finding["to_do"]) is (finding["level"] != "ok"), finding
    return done.exit_code, {finding["check"]: finding for finding in answer["checks"]}


def test_where_all_is_well_nothing_fails(tmp_path: Path, own: Database, redis_url: str) -> None:
    Keyring.load(tmp_path / "keyring.json", create=True)
    code, found = examined(tmp_path, **servers_in(own, redis_url))
    assert code == 0, found
    assert set(found) == {
        "settings", "keyring", "disk", "redis", "workers", "database", "roles", "clock", "migrations", "walls", "log walls",
        "tokens", "queue", "schedule", "log seal",
    }  # fmt: skip
    assert {name for name, finding in found.items() if finding["level"] != "ok"} <= {
        "workers",
        "schedule",
        "log seal",
        "disk",
    }
    assert found["workers"]["said"] == "nobody serves actions, interactive, sync, bulk"


def test_one_line_a_check(tmp_path: Path, own: Database, redis_url: str) -> None:
    done = run_oodaloo(tmp_path, "doctor", **servers_in(own, redis_url))
    lines = done.stdout.splitlines()
    assert done.exit_code == 0, done.stdout
    assert {line[:4] for line in lines} <= {"ok  ", "warn"}
    assert all("→" in line for line in lines if line.startswith("warn"))


def test_a_wall_that_was_taken_down_is_found(tmp_path: Path, own: Database, redis_url: str) -> None:
    with connect(own.superuser_url) as root:
        root.execute("ALTER TABLE bill NO FORCE ROW LEVEL SECURITY")
        root.execute("ALTER TABLE bill_transaction_log DISABLE TRIGGER only_grows")
        try:
            code, found = examined(tmp_path, **servers_in(own, redis_url))
        finally:
            root.execute("ALTER TABLE bill FORCE ROW LEVEL SECURITY")
            root.execute("ALTER TABLE bill_transaction_log ENABLE TRIGGER only_grows")
    assert code == 1
    assert found["walls"]["said"] == "no forced row-level security on bill"
    assert found["log walls"]["level"] == "fail"


def test_a_schema_of_another_version_is_found(tmp_path: Path, own: Database, redis_url: str) -> None:
    with connect(own.superuser_url) as root:
        (was,) = root.execute("SELECT version_num FROM alembic_version").fetchall()
        root.execute("UPDATE alembic_version SET version_num = '0001'")
        try:
            code, found = examined(tmp_path, **servers_in(own, redis_url))
        finally:
            root.execute("UPDATE alembic_version SET version_num = %s", [was[0]])
    assert (code, found["migrations"]["to_do"]) == (1, "Run `oodaloo migrate`.")
    assert "walls" not in found  # nothing is said of a schema that is another's


def test_a_role_that_stands_above_the_walls_is_found(tmp_path: Path, own: Database, redis_url: str) -> None:
    settings = servers_in(own, redis_url) | {"OODALOO_DATABASE_URL": own.superuser_url}
    code, found = examined(tmp_path, **settings)
    assert code == 1
    assert "oodaloo_app signs in as" in found["roles"]["said"]
    settings = servers_in(own, redis_url) | {"OODALOO_DATABASE_ACCESS_URL": own.jobs_url}
    code, found = examined(tmp_path, **settings)
    assert (code, found["roles"]["said"]) == (1, "oodaloo_access signs in as oodaloo_jobs")


def test_a_job_that_nobody_takes_is_found(tmp_path: Path, own: Database, redis_url: str) -> None:
    with connect(own.superuser_url) as root:
        root.execute(
            "INSERT INTO outbox (queue, job, arguments, due_at) VALUES ('sync', 'x', '[]', now() - interval '20 min')"
        )
        code, found = examined(tmp_path, **servers_in(own, redis_url))
        root.execute("UPDATE outbox SET dead_at = now()")
        _, after = examined(tmp_path, **servers_in(own, redis_url))
        root.execute("UPDATE outbox SET finished_at = now()")
    assert (code, found["queue"]["level"]) == (1, "fail")
    assert after["queue"]["level"] == "warn"
    assert "1 are dead" in after["queue"]["said"]


def test_a_keyring_that_others_may_read_is_found(tmp_path: Path, own: Database, redis_url: str) -> None:
    path = tmp_path / "keyring.json"
    Keyring.load(path, create=True)
    path.chmod(0o644)
    code, found = examined(tmp_path, **servers_in(own, redis_url))
    assert (code, found["keyring"]["level"]) == (1, "fail")
    assert "can be read by others" in found["keyring"]["said"]
    named = {"OODALOO_KEYRING_FILE": str(tmp_path / "absent.json")}
    assert examined(tmp_path, **named, **servers_in(own, redis_url))[1]["keyring"]["level"] == "fail"


def test_what_does_not_answer_is_found_and_no_password_said(tmp_path: Path, own: Database, redis_url: str) -> None:
    nowhere = "postgresql://oodaloo_app:secret@127.0.0.1:1/oodaloo"
    code, found = examined(tmp_path, OODALOO_DATABASE_URL=nowhere, OODALOO_REDIS_URL="redis://:secret@127.0.0.1:1/0")
    assert code == 1
    assert {name for name, finding in found.items() if finding["level"] == "fail"} == {"redis", "database"}
    assert "secret" not in str(found)
    code, found = examined(tmp_path, QBO_CLIENT_ID="", QBO_CALLS_PER_MINUTE="many", **servers_in(own, redis_url))
    assert code == 1
    assert "QBO_CLIENT_ID is not set" in found["settings"]["said"]
    assert found["database"]["level"] == "ok"  # the rest is looked at all the same


def test_hosts_are_asked_only_when_it_is_wished(tmp_path: Path, own: Database, redis_url: str) -> None:
    nowhere = {"QBO_API_URL": "http://127.0.0.1:9", "QBO_DISCOVERY_URL": "http://127.0.0.1:9/discovery"}
    done = run_oodaloo(tmp_path, "doctor", "--online", **nowhere, **servers_in(own, redis_url))
    assert done.exit_code == 1
    assert done.stdout.count("fail  online        127.0.0.1 cannot be reached") == 2
