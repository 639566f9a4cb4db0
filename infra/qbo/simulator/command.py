"""`oodaloo simulator …`: mounted by runway/cli.py."""

import asyncio
import contextlib
from pathlib import Path
from typing import Annotated

import typer

from infra.clock import SystemClock

app = typer.Typer(help="Simulated rails: try everything without an account.", no_args_is_help=True)


@app.command()
def qbo(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free port.")] = 8765,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    company: Annotated[
        list[str] | None, typer.Option(help="A company or ledger file, or the word demo. Repeatable.")
    ] = None,
    latency_ms: Annotated[float, typer.Option(min=0, help="Added to every API answer.")] = 0,
    seed: Annotated[int, typer.Option(help="Makes the client id and the edits of other users repeatable.")] = 0,
    info: Annotated[Path | None, typer.Option(help="Write addresses, ids and tokens here, as JSON.")] = None,
    as_dated: Annotated[bool, typer.Option("--as-dated", help="Keep the dates of the files.")] = False,  # noqa: FBT002 - a flag
    no_limits: Annotated[bool, typer.Option("--no-limits", help="Never answer 429.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Serve the QuickBooks Online API over simulated books."""
    from infra.qbo.simulator.company_file import DEMO, read_company_file
    from infra.qbo.simulator.loading import load_company
    from infra.qbo.simulator.server import serve
    from infra.qbo.simulator.simulator import Simulator

    clock = SystemClock()
    today = clock.now().date()
    files = (read_company_file(path, today=today, as_dated=as_dated) for path in company or [DEMO])
    companies = [load_company(file, clock=clock) for file in files]
    simulator = Simulator(companies, clock=clock, seed=seed, latency_ms=latency_ms, limits=not no_limits)
    for loaded in companies:
        typer.echo(f"{loaded.name} (realm {loaded.realm_id}) on http://{host}:{port}", err=True)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(simulator, host=host, port=port, info_file=info))
