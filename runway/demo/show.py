"""`make demo`: the whole of Oodaloo on one machine, with books to look at, from nothing to an answer."""

import asyncio
import signal
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from secrets import token_urlsafe
from types import FrameType
from typing import Any

from pydantic import SecretStr
from rich.console import Console

from domains.core.member_service import Standing
from domains.core.passwords import refuse_weak
from domains.core.permissions import Role
from domains.core.sign_in_errors import PasswordRefused
from infra import exact_json
from infra.clock import SystemClock
from infra.config import ServerSettings, load
from infra.db.engine import create_engine
from infra.db.migrate import migrate
from infra.db.unit_of_work import unit_of_work_factory
from infra.embedded.servers import ServerAddresses, servers
from infra.errors import InvalidInput
from runway.demo.home import demo_home
from runway.demo.processes import Children
from runway.demo.visitor import DemoStuck, Visitor, progress_display
from runway.operator import Operator
from runway.operator.terms import Place
from runway.worker import environment_of

_TOKEN_LIFETIME = timedelta(days=7)
_BUSINESS, _EMAIL, _NAME = "Demo company", "owner@demo.example", "Dana Demo"
_PASSWORD_BYTES = 12


@dataclass(frozen=True)
class Owner:
    """Who the demo's user is: by token for programs, by password for the pages."""

    token: str
    email: str
    password: SecretStr


class _Interrupted(BaseException):
    """Ctrl-C or SIGTERM: not an error."""


def run_demo(*, company: str, port: int, is_once: bool) -> int:
    """Run until interrupted; the process's exit code.

    Raises:
        OodalooError: something did not start; its text tells what and shows the end of the log.
    """
    _check_company(company)
    console = Console(highlight=False)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        with demo_home(load(ServerSettings).home) as home:
            _show(console, home, company=company, port=port, is_once=is_once)
    except _Interrupted:
        console.print("\nStopped.")
    return 0


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # stopping is under way; a second Ctrl-C must not cut it short
    raise _Interrupted


def _check_company(company: str) -> None:
    if company != "demo" and not Path(company).is_file():
        raise InvalidInput(f"There is no company file {company}. Give a file's path, or the word demo.")


def _show(console: Console, home: Path, *, company: str, port: int, is_once: bool) -> None:
    started = time.monotonic()
    children = Children(home)
    try:
        books = company if company == "demo" else str(Path(company).resolve())
        children.start(
            "simulator",
            ["simulator", "qbo", "--port", "0", "--company", books, "--info", str(_info_file(home))],
            environment={},
        )
        with servers(ServerSettings(home=home)) as addresses:
            migrate(addresses.database_owner_url)
            owner = _make_owner(addresses)
            visitor = _start(console, children, addresses, owner, home=home, port=port)
            _be_first_user(console, children, visitor)
            _tell(console, visitor, owner, seconds=time.monotonic() - started)
            while not is_once:
                children.check()
                time.sleep(0.5)
            children.stop()
    finally:
        children.stop()


def _start(
    console: Console, children: Children, addresses: ServerAddresses, owner: Owner, *, home: Path, port: int
) -> Visitor:
    simulator = _wait_for(_info_file(home), children)
    console.print(f"[green]✓[/] QuickBooks simulator  {simulator['base_url']}")
    web_port = _free_port(port)
    environment = _environment(addresses, simulator, home=home, web_port=web_port)
    for name in ("worker", "scheduler"):
        children.start(name, [name], environment=environment)
    children.start("web", ["serve", "--port", str(web_port)], environment=environment)
    visitor = Visitor(f"http://127.0.0.1:{web_port}", owner.token, children.check)
    visitor.wait_until_up()
    console.print("[green]✓[/] Web app, worker and scheduler")
    return visitor


def _be_first_user(console: Console, children: Children, visitor: Visitor) -> None:
    try:
        visitor.connect()
        console.print("[green]✓[/] Company connected through OAuth2")
        with progress_display() as progress:
            visitor.watch_first_sync(progress)
    except DemoStuck as error:
        raise DemoStuck(f"{error}\n{children.ends_of_logs()}") from error


def _info_file(home: Path) -> Path:
    return home / "simulator.json"


def _make_owner(addresses: ServerAddresses) -> Owner:
    async def make() -> Owner:
        engine = create_engine(addresses.database_access_url, pool_size=1)
        try:
            operator = Operator(unit_of_work_factory(engine), clock=SystemClock())
            issued = await operator.issue_token(_BUSINESS, name="demo", lifetime=_TOKEN_LIFETIME)
            password = _new_password()
            place = Place(business=_BUSINESS, standing=Standing(Role.OWNER, None))
            await operator.create_user(_EMAIL, name=_NAME, place=place, password=password)
            return Owner(issued.token, _EMAIL, password)
        finally:
            await engine.dispose()

    return asyncio.run(make())


def _new_password() -> SecretStr:
    """A random one may look like a listed one: the list is right for all but one word in 300."""
    while True:
        password = token_urlsafe(_PASSWORD_BYTES)
        try:
            refuse_weak(password, email=_EMAIL, name=_NAME)
        except PasswordRefused:
            continue
        return SecretStr(password)


def _wait_for(info_file: Path, children: Children) -> Mapping[str, Any]:
    while not info_file.exists():
        children.check()
        time.sleep(0.05)
    info: dict[str, Any] = exact_json.loads(info_file.read_bytes())
    return info


def _environment(
    addresses: ServerAddresses, simulator: Mapping[str, Any], *, home: Path, web_port: int
) -> dict[str, str]:
    return {
        **environment_of(addresses),
        "OODALOO_HOME": str(home),
        "OODALOO_PUBLIC_URL": f"http://127.0.0.1:{web_port}",
        "OODALOO_RAILS": "qbo",
        "OODALOO_SECOND_FACTOR": "optional",  # nobody fetches their phone to look at a demo
        "QBO_CLIENT_ID": simulator["client_id"],
        "QBO_CLIENT_SECRET": simulator["client_secret"],
        "QBO_API_URL": simulator["api_url"],
        "QBO_DISCOVERY_URL": simulator["discovery_url"],
    }


def _free_port(wanted: int) -> int:
    """The wanted port where it is free, otherwise any."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            free: int = probe.getsockname()[1]
            return free
    raise InvalidInput("No free port was found on 127.0.0.1.")


def _tell(console: Console, visitor: Visitor, owner: Owner, *, seconds: float) -> None:
    console.print(f"\nReady after {seconds:.1f} s. Ctrl-C stops everything.\n")
    console.print(f"  address  {visitor.web_url}   (API pages: {visitor.web_url}/docs)", soft_wrap=True)
    console.print(f"  sign in  {visitor.web_url}/sign-in   as {owner.email}", soft_wrap=True)
    console.print(f"  password {owner.password.get_secret_value()}", soft_wrap=True, markup=False)
    console.print(f"  token    {visitor.token}", soft_wrap=True)
    console.print("\nHow long does the cash last?\n")
    console.print(
        f"  curl -s -H 'Authorization: Bearer {visitor.token}' {visitor.web_url}/api/v1/runway", soft_wrap=True
    )
    console.print()
