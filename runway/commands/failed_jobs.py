"""`oodaloo sync failed` and `oodaloo sync retry`: seeing to background work that was given up. Mounted by runway/cli.py."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from runway.commands.command_line import echo_table, plainly

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

T = TypeVar("T")

_MOST_SHOWN = 1000


def list_failed() -> None:
    """Background work that was given up, of every business, the latest first."""
    from infra.jobs import dead_jobs

    dead = _on_the_queue(lambda session: dead_jobs.list_dead(session, limit=_MOST_SHOWN))
    if not dead:
        typer.echo("Nothing was given up.")
        return
    echo_table(
        ("ID", "JOB", "BUSINESS", "GIVEN UP (UTC)", "ATTEMPTS", "ERROR"),
        [
            (
                str(one.id),
                one.job,
                str(one.business_id or "-"),
                f"{one.dead_at:%Y-%m-%d %H:%M}",
                str(one.attempts),
                one.error or "",
            )
            for one in dead
        ],
    )


def retry_failed(
    job: Annotated[int | None, typer.Argument(help="The ID that `oodaloo sync failed` shows.", min=1)] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
) -> None:
    """Try again what was given up, with eight attempts more. The scheduler rings for it within seconds."""
    from infra.jobs import dead_jobs

    if (job is None) is not every:
        typer.echo("Give an ID, or --all.", err=True)
        raise typer.Exit(2)
    retried, _ = _on_the_queue(lambda session: dead_jobs.revive(session, outbox_id=job))
    if job is not None and not retried:
        typer.echo(f"There is no failed job {job}. See `oodaloo sync failed`.", err=True)
        raise typer.Exit(1)
    typer.echo(f"{retried} to be tried again.")


def _on_the_queue(work: "Callable[[AsyncSession], Awaitable[T]]") -> T:
    from infra.config import ServerSettings, load
    from infra.db.engine import create_engine
    from infra.db.unit_of_work import unit_of_work_factory
    from infra.embedded.servers import servers
    from infra.logging import configure_logging
    from runway.schema import bring_to_head

    async def here() -> T:
        settings = load(ServerSettings)
        with servers(settings) as addresses:
            await asyncio.to_thread(bring_to_head, settings, addresses)
            engine = create_engine(addresses.database_jobs_url, pool_size=1)
            try:
                async with unit_of_work_factory(engine)([]) as uow:
                    return await work(uow.session)
            finally:
                await engine.dispose()

    configure_logging(level="WARNING")
    return plainly(lambda: asyncio.run(here()))
