"""`oodaloo keys …`: the keys that seal what must be read again. Mounted by runway/cli.py."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from infra.errors import OodalooError

if TYPE_CHECKING:
    from infra.security.key_rotation import KeyRotation, KeysInUse, Retired, Rotated

T = TypeVar("T")

app = typer.Typer(help="The keys that seal tokens and other secrets.", no_args_is_help=True)

_GRACE_MINUTES = 15


@app.command("list")
def list_keys() -> None:
    """Each key's id, age, and how many sealed values need it. No key is ever shown."""
    typer.echo("\n".join(_listed(_with_rotation(lambda rotation: rotation.look()))))


@app.command()
def rotate(
    *,
    finish: Annotated[bool, typer.Option("--finish", help="Add no key: finish what an earlier call left.")] = False,
) -> None:
    """Add a key that seals from now on, and seal everything under it. Nothing need be stopped; killed, it may be run again."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    async def with_bar(rotation: "KeyRotation") -> "Rotated":
        with Progress(TextColumn("Sealing anew"), BarColumn(), MofNCompleteColumn()) as progress:
            task = progress.add_task("", total=None)
            return await rotation.rotate(
                adds_key=not finish, on_done=lambda done, total: progress.update(task, completed=done, total=total)
            )

    rotated = _with_rotation(with_bar)
    typer.echo(f"{rotated.key_id} seals now; {rotated.tally.resealed:,} values were sealed anew.")
    for column, count in sorted(rotated.tally.unreadable.items()):
        typer.echo(f"{column}: {count:,} values do not open, and stay as they are.", err=True)
    if rotated.left:
        typer.echo(f"{rotated.left:,} values are still under older keys. Run: oodaloo keys rotate --finish", err=True)
        raise typer.Exit(1)
    typer.echo("Older keys may go once every process has had time to follow: oodaloo keys retire")


@app.command()
def retire(
    *,
    grace_minutes: Annotated[
        int, typer.Option(min=1, max=10_080, help="How old the newest key must be.")
    ] = _GRACE_MINUTES,
) -> None:
    """Drop every older key that nothing uses. A backup from before needs the keyring of its time: keep that with it."""
    retired = _with_rotation(lambda rotation: rotation.retire(grace=timedelta(minutes=grace_minutes)))
    typer.echo("\n".join(_told(retired)))


def _listed(found: "KeysInUse") -> list[str]:
    lines = [f"{'KEY':<16} {'ADDED (UTC)':<17} {'VALUES':>9}"]
    for key in found.keys:
        seals = "  seals" if key.is_sealing else ""
        lines.append(f"{key.id:<16} {key.added_at:%Y-%m-%d %H:%M}  {key.values:>9,}{seals}")
    lines += [f"{key_id:<16} {'not in the file':<17} {count:>9,}  open nowhere" for key_id, count in found.lost.items()]
    return lines


def _told(retired: "Retired") -> list[str]:
    if retired.waits_until is not None:
        return [
            f"Nothing was dropped yet: running processes have until {retired.waits_until:%Y-%m-%d %H:%M} UTC to follow."
        ]
    lines = [f"{key_id} is gone." for key_id in retired.dropped] or ["There is no key to drop."]
    used = [key for key in retired.kept if key.values and not key.is_sealing]
    return lines + [f"{key.id} stays: {key.values:,} values need it." for key in used]


def _with_rotation(run: "Callable[[KeyRotation], Awaitable[T]]") -> T:
    """On the database and keyring that the environment names; what is raised on purpose becomes one line and exit code 1."""

    async def here() -> T:
        async with _rotation_here() as rotation:
            return await run(rotation)

    try:
        return asyncio.run(here())
    except OodalooError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error


@asynccontextmanager
async def _rotation_here() -> "AsyncIterator[KeyRotation]":
    from infra.clock import SystemClock
    from infra.config import KeyringSettings, ServerSettings, load
    from infra.db.engine import create_engine
    from infra.db.roles import ACCESS, APP, JOBS
    from infra.db.unit_of_work import unit_of_work_factory
    from infra.embedded.servers import servers
    from infra.logging import configure_logging
    from infra.security.key_rotation import KeyRotation
    from infra.security.resealing import Resealing
    from infra.security.token_spool import TokenSpool
    from runway.registry import METADATA, SEALED_COLUMNS
    from runway.schema import bring_to_head
    from runway.settings import keyring_path, open_keyring
    from runway.wiring import SPOOL_DIRECTORY

    configure_logging(level="WARNING")
    settings, keyring_settings = load(ServerSettings), load(KeyringSettings)
    keyring = open_keyring(keyring_settings, settings)
    async with AsyncExitStack() as stack:
        addresses = stack.enter_context(servers(settings))
        await asyncio.to_thread(bring_to_head, settings, addresses)
        units_of_work = {}
        for role, url in (
            (APP, addresses.database_app_url),
            (ACCESS, addresses.database_access_url),
            (JOBS, addresses.database_jobs_url),
        ):
            engine = create_engine(url, pool_size=1)
            stack.push_async_callback(engine.dispose)
            units_of_work[role] = unit_of_work_factory(engine)
        yield KeyRotation(
            keyring_path(keyring_settings, settings),
            resealing=Resealing(SEALED_COLUMNS, keyring=keyring, metadata=METADATA, units_of_work=units_of_work),
            spool=TokenSpool(settings.home / SPOOL_DIRECTORY, keyring=keyring),
            clock=SystemClock(),
        )
