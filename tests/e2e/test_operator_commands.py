"""What whoever has the machine does with people, tokens, firms and businesses: said plainly, and written into the access log."""

from pathlib import Path
from typing import Any

import pytest

from domains.core.sign_in_errors import SecondFactorAbsent
from infra.embedded.roles import connect
from infra.ids import new_id
from tests.e2e.commands import run_oodaloo, servers_in
from tests.rig import Database


class Shell:
    def __init__(self, home: Path, database: Database, redis_url: str) -> None:
        self.home, self.database, self.settings = home, database, servers_in(database, redis_url)

    def run(self, *arguments: str, given: str | None = None) -> str:
        """Standard output of a command that goes well."""
        done = run_oodaloo(self.home, *arguments, given=given, **self.settings)
        assert done.exit_code == 0, done.output
        return str(done.stdout).rstrip("\n")

    def refused(self, *arguments: str, given: str | None = None) -> str:
        done = run_oodaloo(self.home, *arguments, given=given, **self.settings)
        assert done.exit_code == 1, done.output
        return str(done.stderr)

    def noted(self, name: str, value: str) -> list[tuple[Any, ...]]:
        """Events, actors and details of the access log's rows whose details name this."""
        with connect(self.database.superuser_url) as root:
            query = "SELECT event, actor, details FROM access_log WHERE details ->> %s = %s ORDER BY id"
            return root.execute(query, [name, value]).fetchall()


@pytest.fixture
def shell(tmp_path: Path, database: Database, redis_url: str) -> Shell:
    return Shell(tmp_path, database, redis_url)


def test_from_a_firm_to_its_admin(shell: Shell) -> None:
    name, email = f"Park & Co {new_id()}", f"{new_id()}@example.com"
    firm_id = shell.run("firm", "create", name)
    assert [row[:2] for row in shell.noted("firm_id", firm_id)] == [("firm.created", "cli")]
    business_id = shell.run("business", "create", "Bakery", "--firm", name, "--time-zone", "America/New_York")
    assert business_id in shell.run("business", "list")
    link = shell.run("user", "create", email.upper(), "--name", "Ada Park", "--firm", firm_id)
    assert link.startswith("http://127.0.0.1:8000/reset-password/oo_reset_")
    (row,) = [line for line in shell.run("user", "list").splitlines() if line.startswith(email)]
    assert row.split("  ")[-1] == f"{name} (firm_admin)"
    assert "no password" in row
    with connect(shell.database.superuser_url) as root:
        events = root.execute(
            "SELECT event FROM access_log WHERE actor = 'cli' AND user_id = (SELECT id FROM app_user WHERE email = %s) ORDER BY id",
            [email],
        ).fetchall()
    assert [event for (event,) in events] == ["user.created", "member.joined", "password.reset_asked"]
    assert "e-mail address already" in shell.refused("user", "create", email, "--name", "Ada", "--firm", firm_id)


def test_a_user_with_a_password_their_token_and_their_end(shell: Shell) -> None:
    business, email = f"Solo {new_id()}", f"{new_id()}@example.com"
    shell.run("business", "create", business)
    place = ("--business", business, "--role", "approver", "--limit", "500")
    shell.run("user", "create", email, "--name", "Bob", *place, "--password-stdin", given="a long enough wordy pass\n")
    made = run_oodaloo(
        shell.home, "token", "create", "--business", business, "--user", email, "--permission", "books.read",
        "--permission", "audit.read", "--days", "3", **shell.settings,
    )  # fmt: skip
    assert made.stdout.startswith("oo_")
    assert made.stdout.count("\n") == 1  # the token alone
    assert "expires" in made.stderr
    ((token_id, *_),) = [
        line.split() for line in shell.run("token", "list", "--business", business).splitlines() if email in line
    ]
    shell.run("token", "revoke", token_id)
    assert [row[:2] for row in shell.noted("token_id", token_id)] == [
        ("token.created", "cli"),
        ("token.revoked", "cli"),
    ]
    assert shell.noted("token_id", token_id)[0][2]["permissions"] == ["audit.read", "books.read"]
    shell.run("user", "disable", email)
    assert "disabled" in next(line for line in shell.run("user", "list").splitlines() if email in line)
    assert made.stdout.strip() not in shell.run("token", "list")


def test_a_lost_second_factor_is_removed_and_its_person_told(shell: Shell) -> None:
    email = f"{new_id()}@example.com"
    shell.run("user", "create", email, "--name", "Cy", "--password-stdin", given="a long enough wordy pass\n")
    assert shell.refused("user", "remove-second-factor", email).strip() == str(SecondFactorAbsent())
    with connect(shell.database.superuser_url) as root:
        (user_id,) = (
            root.execute(
                "UPDATE app_user SET totp_secret_sealed = 'x', totp_confirmed_at = now() WHERE email = %s RETURNING id",
                [email],
            ).fetchone()
            or ()
        )
        root.execute("INSERT INTO recovery_code (user_id, code_hash, created_at) VALUES (%s, 'x', now())", [user_id])
        root.execute(
            "INSERT INTO user_session "
            "(id, user_id, token_hash, is_complete, created_at, last_seen_at, factor_at, expires_at, address, user_agent) "
            "VALUES (%s, %s, %s, true, now(), now(), now(), now() + interval '1 hour', 'x', 'x')",
            [new_id(), user_id, user_id.bytes],
        )
    shell.run("user", "remove-second-factor", email.upper())
    (row,) = [line for line in shell.run("user", "list").splitlines() if line.startswith(email)]
    assert "  no  " in row
    with connect(shell.database.superuser_url) as root:
        assert root.execute("SELECT totp_secret_sealed FROM app_user WHERE id = %s", [user_id]).fetchone() == (None,)
        assert root.execute("SELECT count(*) FROM recovery_code WHERE user_id = %s", [user_id]).fetchone() == (0,)
        assert root.execute("SELECT ended_at IS NULL FROM user_session WHERE user_id = %s", [user_id]).fetchall() == [
            (False,)
        ]
        assert root.execute("SELECT count(*) FROM mail WHERE recipient = %s", [email]).fetchone() == (1,)
        noted = "SELECT event, actor FROM access_log WHERE user_id = %s ORDER BY id DESC LIMIT 1"
        assert root.execute(noted, [user_id]).fetchone() == ("second_factor.removed", "cli")


def test_an_invitation_is_a_link_on_standard_output(shell: Shell) -> None:
    email = f"{new_id()}@example.com"
    business_id = shell.run("business", "create", "Inviting")
    link = shell.run("user", "invite", email, "--business", business_id, "--role", "viewer")
    assert link.startswith("http://127.0.0.1:8000/invitations/oo_join_")
    ((event, actor, details),) = shell.noted("email", email)
    assert (event, actor, details["role"]) == ("member.invited", "cli", "viewer")
    assert link.rpartition("/")[2] not in str(details)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["user", "create", "nobody", "--name", "X"], "This is not an e-mail address.\n"),
        (["user", "create", "x@example.com", "--name", "X", "--business", "B"], "Name a business with --business and"),
        (["user", "create", "x@example.com", "--name", "X", "--firm", "no such firm"], "0 are called 'no such firm'."),
        (["user", "create", "x@example.com", "--name", "X", "--password-stdin"], "A password has at least 12"),
        (["user", "invite", "x@example.com"], "Name a business with --business and"),
        (["user", "disable", "nobody@example.com"], "There is no such user.\n"),
        (["user", "remove-second-factor", "nobody@example.com"], "There is no such user.\n"),
        (["token", "create", "--business", "B", "--user", "nobody@example.com"], "There is no such user.\n"),
        (["token", "revoke", "0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c11"], "There is no token 0198c7d2"),
        (["firm", "create", " "], "The firm needs a name; this one is blank.\n"),
        (["business", "create", "X", "--firm", "no such firm"], "0 are called 'no such firm'."),
    ],
)
def test_what_cannot_be_done_is_said_plainly(shell: Shell, arguments: list[str], said: str) -> None:
    assert shell.refused(*arguments, given="short\n").startswith(said)
