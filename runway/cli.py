"""`oodaloo …`: what a person or a process supervisor starts. Each command says in one line what went wrong."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, TypeVar

import typer

from infra.errors import OodalooError
from infra.log_proof.command import app as log_app
from infra.qbo.simulator.command import app as simulator_app
from runway.keys_command import app as keys_app

T = TypeVar("T")

app = typer.Typer(help="Oodaloo: the weekly cash-runway ritual.", no_args_is_help=True, pretty_exceptions_enable=False)
token_app = typer.Typer(help="Keys to the API.", no_args_is_help=True)
app.add_typer(token_app, name="token")
app.add_typer(log_app, name="log")
app.add_typer(keys_app, name="keys")
app.add_typer(simulator_app, name="simulator")

_TOKEN_DAYS = 90


@app.command()
def demo(
    *,
    company: Annotated[
        str, typer.Option(help="Books to run on: a company file, a ledger file, or the word demo.")
    ] = "demo",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of the web app; 0 takes a free one.")] = 8000,
    once: Annotated[bool, typer.Option("--once", help="Stop as soon as everything is up.")] = False,
) -> None:
    """Everything on this machine: simulator, servers, web app, worker; connected and backfilled."""
    from runway.demo import run_demo

    raise typer.Exit(_plainly(lambda: run_demo(company=company, port=port, is_once=once)))


@app.command()
def serve(
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535)] = 8000,
) -> None:
    """Run the web app."""
    import uvicorn

    from runway.schema import check_given_database
    from runway.wiring import Settings

    settings = _plainly(Settings.from_environment)
    _plainly(lambda: check_given_database(settings.servers))
    level = settings.web.log_level.lower()
    uvicorn.run(
        "main:app", host=host, port=port, log_level=level, access_log=False, server_header=False, proxy_headers=False
    )


@app.command()
def worker() -> None:
    """Run background jobs."""
    from runway.wiring import Settings
    from runway.worker import run_worker

    _plainly(lambda: run_worker(Settings.from_environment()))


@app.command()
def scheduler() -> None:
    """Ring for due jobs."""
    from runway.wiring import Settings
    from runway.worker import run_scheduler

    _plainly(lambda: run_scheduler(Settings.from_environment()))


@app.command()
def sync(
    business: Annotated[str, typer.Argument(help="The business's id, or its name where only one has it.")],
) -> None:
    """Bring one business's mirror up to date now, in this process, showing progress; a first sync is resumed."""
    from runway.sync_command import run_sync

    _plainly(lambda: asyncio.run(run_sync(business)))


@app.command()
def migrate() -> None:
    """Bring the database to the newest schema."""
    from infra.config import ServerSettings, load
    from runway.schema import migrate_here

    _plainly(lambda: migrate_here(load(ServerSettings)))
    typer.echo("The database is at the newest schema.")


@token_app.command("create")
def create_token(
    *,
    business: Annotated[str, typer.Option(help="Name of the business; made if there is none of that name.")],
    name: Annotated[str, typer.Option(help="What the token is for.")] = "development",
    days: Annotated[int, typer.Option(min=1, max=3650, help="How long it lives.")] = _TOKEN_DAYS,
) -> None:
    """Make a token for one business. It is shown once."""
    from runway.sign_in import issue_token_here

    issued = _plainly(lambda: asyncio.run(issue_token_here(business, name=name, lifetime=timedelta(days=days))))
    typer.echo(f"business  {issued.business_id}", err=True)
    typer.echo(f"expires   {issued.expires_at:%Y-%m-%d}", err=True)
    typer.echo(issued.token)


def _plainly(run: Callable[[], T]) -> T:
    """Run a command; what we raise on purpose becomes one message and exit code 1."""
    try:
        return run()
    except OodalooError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error


def main() -> None:
    app(prog_name="oodaloo")


if __name__ == "__main__":
    main()
