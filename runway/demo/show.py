"""`make demo`: the whole of Oodaloo on one machine, with books to look at, from nothing to an answer."""

import signal
import socket
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from rich.console import Console

from infra import exact_json
from infra.config import ServerSettings, load
from infra.db.migrate import migrate
from infra.embedded.servers import ServerAddresses, servers
from infra.errors import InvalidInput
from runway.demo.home import demo_home
from runway.demo.processes import Children
from runway.demo.sample_firm import SAMPLES, Owner, Sample, make_owner, samples, write_trouble
from runway.demo.visitor import DemoStuck, Visitor, progress_display, watch_first_syncs

_WEEKS_REPLAYED = 8  # the least that gives a grade of four weeks


class _Interrupted(BaseException):
    """Ctrl-C or SIGTERM: not an error."""


def run_demo(*, company: str | None, port: int, is_once: bool) -> int:
    """Run until interrupted; the process's exit code. Without a company: the firm with the three sample businesses.

    Raises:
        OodalooError: something did not start; its text tells what and shows the end of the log.
    """
    businesses = samples(company)
    console = Console(highlight=False)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        with demo_home(load(ServerSettings).home) as home:
            _show(console, home, businesses, port=port, is_once=is_once)
    except _Interrupted:
        console.print("\nStopped.")
    return 0


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # stopping is under way; a second Ctrl-C must not cut it short
    raise _Interrupted


def _show(console: Console, home: Path, businesses: Sequence[Sample], *, port: int, is_once: bool) -> None:
    started = time.monotonic()
    children = Children(home)
    try:
        children.start("simulator", _simulator_arguments(home, businesses), environment={})
        # What it holds is thrown away at the end: nothing is lost by not waiting for the disk.
        with servers(ServerSettings(home=home), durable=False) as addresses:
            migrate(addresses.database_owner_url)
            owner = make_owner(addresses.database_access_url, businesses)
            visitors, environment = _start(console, children, addresses, owner, home=home, port=port)
            _connect(console, visitors)
            _tell(console, visitors[0], owner, businesses, seconds=time.monotonic() - started)
            # Only now: until the first page is there, it is what the processors are for.
            children.start("scheduler", ["scheduler"], environment=environment)
            _watch_reading(console, children, visitors)
            _tell_answer(console, visitors[0], businesses, seconds=time.monotonic() - started)
            if not is_once:
                _stay(children, businesses, environment)
            children.stop()
    finally:
        children.stop()


def _simulator_arguments(home: Path, businesses: Sequence[Sample]) -> list[str]:
    arguments = ["simulator", "qbo", "--port", "0", "--info", str(_info_file(home))]
    for business in businesses:
        arguments += ["--company", business.books]
    if businesses == SAMPLES:
        trouble = home / "trouble.json"
        write_trouble(trouble)
        arguments += ["--trouble", str(trouble)]
    return arguments


def _stay(children: Children, businesses: Sequence[Sample], environment: Mapping[str, str]) -> None:
    """Until interrupted. Some Mondays are replayed, so that there is a grade, and something that this week can be compared with.

    One business after the other, and behind everything else: somebody looks at the pages meanwhile.
    """
    to_replay = [business.name for business in reversed(businesses)]
    while True:
        children.check()
        if to_replay and not children.is_running("history"):
            arguments = ["forecast", "backtest", to_replay.pop(0), "--weeks", str(_WEEKS_REPLAYED)]
            children.start("history", arguments, environment=environment, is_aside=True)
        time.sleep(0.5)


def _start(
    console: Console, children: Children, addresses: ServerAddresses, owner: Owner, *, home: Path, port: int
) -> tuple[Sequence[Visitor], Mapping[str, str]]:
    """One visitor for each business, with the realm of its books; and what the processes were told."""
    simulator = _wait_for(_info_file(home), children)
    console.print(f"[green]✓[/] QuickBooks simulator  {simulator['base_url']}")
    web_port = _free_port(port)
    environment = _environment(addresses, simulator, home=home, web_port=web_port)
    children.start("web", ["serve", "--port", str(web_port)], environment=environment)
    web_url, realm_ids = f"http://127.0.0.1:{web_port}", simulator["realm_ids"]
    visitors = [
        Visitor(web_url, token, realm_id, children.check)
        for token, realm_id in zip(owner.tokens, realm_ids, strict=True)
    ]
    visitors[0].wait_until_up()
    children.start("worker", ["worker"], environment=environment)
    console.print("[green]✓[/] Web app and worker")
    return visitors, environment


def _connect(console: Console, visitors: Sequence[Visitor]) -> None:
    for visitor in visitors:
        visitor.connect()
    console.print(f"[green]✓[/] {_companies(len(visitors))} connected through OAuth2")


def _watch_reading(console: Console, children: Children, visitors: Sequence[Visitor]) -> None:
    try:
        with progress_display(console) as progress:
            watch_first_syncs(visitors, progress)
    except DemoStuck as error:
        raise DemoStuck(f"{error}\n{children.ends_of_logs()}") from error


def _companies(count: int) -> str:
    return "Company" if count == 1 else f"{count} companies"


def _info_file(home: Path) -> Path:
    return home / "simulator.json"


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
        **addresses.as_environment(),
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


def _tell(console: Console, visitor: Visitor, owner: Owner, businesses: Sequence[Sample], *, seconds: float) -> None:
    console.print(f"\nOpen after {seconds:.1f} s; the books are being read. Ctrl-C stops everything.\n")
    console.print(f"  address  {visitor.web_url}   (API pages: {visitor.web_url}/docs)", soft_wrap=True)
    console.print(f"  sign in  {visitor.web_url}/sign-in   as {owner.email}", soft_wrap=True)
    console.print(f"  password {owner.password.get_secret_value()}", soft_wrap=True, markup=False)
    console.print(f"  token    {visitor.token}", soft_wrap=True)
    for business in businesses:
        state = f"   ({business.state})" if business.state else ""
        console.print(f"  books    {business.name}{state}", soft_wrap=True, markup=False)
    console.print()


def _tell_answer(console: Console, visitor: Visitor, businesses: Sequence[Sample], *, seconds: float) -> None:
    console.print(f"[green]✓[/] The books are read, {seconds:.1f} s after the start.")
    console.print(f"\nHow long does the cash of {businesses[0].name} last?\n", markup=False)
    console.print(
        f"  curl -s -H 'Authorization: Bearer {visitor.token}' {visitor.web_url}/api/v1/runway", soft_wrap=True
    )
    console.print()
