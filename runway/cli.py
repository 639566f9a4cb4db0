"""`oodaloo …`: what a person or a process supervisor starts. Each command says in one line what went wrong."""

from typing import Annotated

import typer

from infra.garbage import look_seldom
from infra.log_proof.command import app as log_app
from infra.qbo.simulator.command import app as simulator_app
from runway.commands.command_line import plainly
from runway.commands.doctor import doctor
from runway.commands.failed_jobs import list_failed, retry_failed
from runway.commands.firms import business_app, firm_app
from runway.commands.forecast import app as forecast_app
from runway.commands.keys import app as keys_app
from runway.commands.mirrors_beside_log import look_at_mirrors_too
from runway.commands.sync import app as sync_app
from runway.commands.tokens import app as token_app
from runway.commands.users import app as user_app

app = typer.Typer(help="Oodaloo: the weekly cash-runway ritual.", no_args_is_help=True, pretty_exceptions_enable=False)
app.command()(doctor)
app.add_typer(user_app, name="user")
app.add_typer(token_app, name="token")
app.add_typer(firm_app, name="firm")
app.add_typer(business_app, name="business")
app.add_typer(log_app, name="log", callback=look_at_mirrors_too)
app.add_typer(keys_app, name="keys")
app.add_typer(simulator_app, name="simulator")
sync_app.command("failed")(list_failed)
sync_app.command("retry")(retry_failed)
app.add_typer(sync_app, name="sync")
app.add_typer(forecast_app, name="forecast")


@app.command()
def demo(
    *,
    company: Annotated[
        str | None,
        typer.Option(
            help="Books to run on: a company file, a ledger file, or demo, demo-healthy, demo-tight or demo-trouble. "
            "A firm with the last three when left out."
        ),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of the web app; 0 takes a free one.")] = 8000,
    once: Annotated[bool, typer.Option("--once", help="Stop as soon as everything is up.")] = False,
) -> None:
    """Everything on this machine: simulator, servers, web app, worker; connected and backfilled."""
    from runway.demo import run_demo

    raise typer.Exit(plainly(lambda: run_demo(company=company, port=port, is_once=once)))


@app.command()
def serve(
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535)] = 8000,
) -> None:
    """Run the web app."""
    import uvicorn

    from runway.schema import check_given_database
    from runway.settings import Settings

    settings = plainly(Settings.from_environment)
    plainly(lambda: check_given_database(settings.servers))
    level = settings.web.log_level.lower()
    uvicorn.run(
        "main:app", host=host, port=port, log_level=level, access_log=False, server_header=False, proxy_headers=False
    )


@app.command()
def worker() -> None:
    """Run background jobs."""
    from runway.settings import Settings
    from runway.worker import run_worker

    plainly(lambda: run_worker(Settings.from_environment()))


@app.command()
def scheduler() -> None:
    """Ring for due jobs."""
    from runway.settings import Settings
    from runway.worker import run_scheduler

    plainly(lambda: run_scheduler(Settings.from_environment()))


@app.command()
def migrate() -> None:
    """Bring the database to the newest schema."""
    from infra.config import ServerSettings, load
    from runway.schema import migrate_here

    plainly(lambda: migrate_here(load(ServerSettings)))
    typer.echo("The database is at the newest schema.")


def main() -> None:
    look_seldom()
    app(prog_name="oodaloo")


if __name__ == "__main__":
    main()
