"""`oodaloo simulator …`: mounted by runway/cli.py."""

import asyncio
import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.clock import Clock, SystemClock
from infra.errors import OodalooError
from infra.qbo.simulator.files.generator_command import generate
from infra.qbo.simulator.timestamps import PACIFIC

if TYPE_CHECKING:
    from infra.qbo.simulator.books.company import Company
    from infra.qbo.simulator.server import SimulatorInfo

app = typer.Typer(help="Simulated rails: try everything without an account.", no_args_is_help=True)
app.command()(generate)


@app.command()
def qbo(
    *,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free port.")] = 8765,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    company: Annotated[
        list[str] | None, typer.Option(help="A company or ledger file, or the word demo. Repeatable.")
    ] = None,
    latency_ms: Annotated[float, typer.Option(min=0, help="Added to every API answer.")] = 0,
    seed: Annotated[int, typer.Option(help="Makes the client id and the edits of other users repeatable.")] = 0,
    info: Annotated[Path | None, typer.Option(help="Write addresses, ids and tokens here, as JSON.")] = None,
    as_dated: Annotated[bool, typer.Option("--as-dated", help="Keep the dates of the files.")] = False,
    behaviour: Annotated[
        list[str] | None, typer.Option(help="A switch of doubtful behaviour, as name=value. Repeatable.")
    ] = None,
    no_limits: Annotated[bool, typer.Option("--no-limits", help="Never answer 429.")] = False,
) -> None:
    """Serve the QuickBooks Online API over simulated books."""
    from infra.qbo.simulator.behaviour import read_settings
    from infra.qbo.simulator.files.company_file import DEMO
    from infra.qbo.simulator.server import serve
    from infra.qbo.simulator.simulator import Simulator

    clock = SystemClock()
    try:
        switches = read_settings(behaviour or [])
        companies = _load(company or [DEMO], clock, as_dated=as_dated)
        simulator = Simulator(
            companies, clock=clock, seed=seed, latency_ms=latency_ms, limits=not no_limits, behaviour=switches
        )
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(serve(simulator, host=host, port=port, info_file=info, announce=_announce))
    except (OodalooError, OSError) as error:
        typer.echo(f"The simulator cannot start: {error}", err=True)
        raise typer.Exit(1) from error


def _load(paths: Iterable[str], clock: Clock, *, as_dated: bool) -> "list[Company]":
    from infra.qbo.simulator.books.loading import load_company
    from infra.qbo.simulator.files.company_file import CompanyFileError, read_company_file

    today = clock.now().astimezone(PACIFIC).date()
    companies: dict[str, Company] = {}
    for path in paths:
        company_file = read_company_file(path, today=today, as_dated=as_dated)
        if company_file.realm_id in companies:
            raise CompanyFileError(path, place="realm_id", problem="another of the companies has it")
        companies[company_file.realm_id] = load_company(company_file, clock=clock)
    return list(companies.values())


def _announce(info: "SimulatorInfo") -> None:
    typer.echo(f"QuickBooks Online is simulated on {info.base_url} for {', '.join(info.realm_ids)}", err=True)
