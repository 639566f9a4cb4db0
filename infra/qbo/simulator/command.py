"""`oodaloo simulator …`: mounted by runway/cli.py."""

import asyncio
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.errors import OodalooError
from infra.qbo.simulator.files.generator_command import generate
from infra.qbo.simulator.trouble_command import app as trouble_app
from infra.qbo.simulator.trouble_command import clock as clock_command

if TYPE_CHECKING:
    from infra.qbo.simulator.server import SimulatorInfo
    from infra.qbo.simulator.webhooks.subscription import Subscription

_OWN_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})

app = typer.Typer(help="Simulated rails: try everything without an account.", no_args_is_help=True)
app.command()(generate)
app.command(name="clock")(clock_command)
app.add_typer(trouble_app, name="trouble")


@app.command()
def qbo(
    *,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free port.")] = 8765,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    company: Annotated[
        list[str] | None,
        typer.Option(help="A company or ledger file, or demo, demo-healthy, demo-tight or demo-trouble. Repeatable."),
    ] = None,
    latency_ms: Annotated[float, typer.Option(min=0, help="Added to every API answer.")] = 0,
    seed: Annotated[int, typer.Option(help="Makes the client id and the edits of other users repeatable.")] = 0,
    info: Annotated[Path | None, typer.Option(help="Write addresses, ids and tokens here, as JSON.")] = None,
    as_dated: Annotated[bool, typer.Option("--as-dated", help="Keep the dates of the files.")] = False,
    behaviour: Annotated[
        list[str] | None, typer.Option(help="A switch of doubtful behaviour, as name=value. Repeatable.")
    ] = None,
    no_limits: Annotated[bool, typer.Option("--no-limits", help="Never answer 429.")] = False,
    copies: Annotated[
        int, typer.Option(min=1, max=10_000, help="That many companies of each file; realm ids count up.")
    ] = 1,
    state: Annotated[Path | None, typer.Option(help="Keep everything here, in SQLite, and go on from it.")] = None,
    trouble: Annotated[Path | None, typer.Option(help="A scenario: a JSON file of trouble rules.")] = None,
    admin_secret: Annotated[
        str | None, typer.Option(help="What /admin then wants to be shown.", envvar="SIMULATOR_ADMIN_SECRET")
    ] = None,
    webhook_url: Annotated[str | None, typer.Option(help="Send webhooks there.")] = None,
    webhook_token: Annotated[
        str | None, typer.Option(help="The verifier token that signs them.", envvar="SIMULATOR_WEBHOOK_TOKEN")
    ] = None,
    webhook_format: Annotated[str, typer.Option(help="cloudevents or legacy.")] = "cloudevents",
    webhook_delay: Annotated[float, typer.Option(min=0, help="Seconds for which changes are gathered.")] = 5,
) -> None:
    """Serve the QuickBooks Online API over simulated books."""
    from infra.qbo.simulator.behaviour import read_settings
    from infra.qbo.simulator.files.company_file import DEMO
    from infra.qbo.simulator.server import serve
    from infra.qbo.simulator.simulator import Simulator
    from infra.qbo.simulator.state.keeping import StateKeeper
    from infra.qbo.simulator.state.loading_companies import CompanySource, load_companies
    from infra.qbo.simulator.state.state_file import StateFile
    from infra.qbo.simulator.timeline.simulated_clock import SimulatedClock
    from infra.qbo.simulator.trouble.background import add_trouble
    from infra.qbo.simulator.trouble_command import read_scenario

    if admin_secret is None and host not in _OWN_HOSTS:
        raise typer.BadParameter(
            f"{host} may be reached by strangers: give --admin-secret, for /admin shows everything"
        )
    try:
        switches = read_settings(behaviour or [])
        rules = read_scenario(trouble) if trouble is not None else []
        subscription = _subscription(webhook_url, webhook_token, form=webhook_format, delay_seconds=webhook_delay)
        clock = SimulatedClock()
        with contextlib.ExitStack() as stack:
            kept = stack.enter_context(contextlib.closing(StateFile(state))) if state is not None else None
            if kept is not None and (anchor := kept.find_clock()) is not None:
                clock.resume(anchor)
            paths = company or ([] if kept is not None and kept.realm_ids() else [DEMO])
            source = CompanySource(tuple(paths), copies=copies, as_dated=as_dated)
            simulator = Simulator(
                load_companies(source, clock=clock, state=kept),
                clock=clock,
                seed=seed,
                latency_ms=latency_ms,
                limits=not no_limits,
                behaviour=switches,
                admin_secret=admin_secret,
            )
            if kept is not None:
                StateKeeper(simulator, kept)
            add_trouble(simulator, [rule for rule in rules if rule.name not in simulator.trouble.active])
            if subscription is not None:
                simulator.webhooks.subscribe_once(subscription)
            with contextlib.suppress(KeyboardInterrupt):
                asyncio.run(serve(simulator, host=host, port=port, info_file=info, announce=_announce))
    except (OodalooError, OSError) as error:
        typer.echo(f"The simulator cannot start: {error}", err=True)
        raise typer.Exit(1) from error


def _subscription(url: str | None, token: str | None, *, form: str, delay_seconds: float) -> "Subscription | None":
    from infra.qbo.simulator.webhooks.subscription import read_subscription

    if url is None:
        return None
    if not token:
        raise typer.BadParameter("--webhook-url needs --webhook-token, the verifier token that signs")
    return read_subscription({"url": url, "verifier_token": token, "format": form, "delay_seconds": delay_seconds})


def _announce(info: "SimulatorInfo") -> None:
    shown = ", ".join(info.realm_ids[:3]) + (f" and {len(info.realm_ids) - 3} more" if len(info.realm_ids) > 3 else "")  # noqa: PLR2004 - a line, not a list
    typer.echo(f"QuickBooks Online is simulated on {info.base_url} for {shown}", err=True)
