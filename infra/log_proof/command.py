"""`oodaloo log …`: mounted by runway/cli.py, which gives `verify` what else is to be compared with the log."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, Protocol
from uuid import UUID

import typer

from infra.errors import OodalooError

if TYPE_CHECKING:
    from psycopg import Connection

    from infra.log_proof.findings import Report
    from infra.log_proof.sealer import Round, Sealer
    from infra.log_proof.settings import LogProofFiles

app = typer.Typer(help="The log's proof: seal it, verify it.", no_args_is_help=True)

_WAIT_FOR_OTHERS_SECONDS = 30.0


class Beside(Protocol):
    """What a verification looks at beside the logs, as the application's role; `click`'s context object when there is any."""

    def __call__(self, app_url: str, report: "Report", *, business_ids: "Sequence[UUID]", is_whole: bool) -> None: ...


class _Here(NamedTuple):
    connection: "Connection[Any]"
    files: "LogProofFiles"
    app_url: str


@app.command()
def verify(
    context: typer.Context,
    *,
    business: Annotated[
        UUID | None, typer.Option(help="Only this business's batches and rows; all checkpoints.")
    ] = None,
    since: Annotated[int, typer.Option(min=0, help="Only what was sealed after this checkpoint.")] = 0,
    full: Annotated[
        bool, typer.Option("--full", help="Everything sealed, as without --since, and every row of the mirrors.")
    ] = False,
    checkpoints: Annotated[Path | None, typer.Option(help="The checkpoint file, or a copy of it.")] = None,
    keys: Annotated[Path | None, typer.Option(help="The file of public keys.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The report as JSON.")] = False,
) -> None:
    """Find what was changed in the sealed log, and in the mirrors against it. Exit 0: nothing; 2: something; 3: checkpoints are not in the file; 4: sealing lags."""
    from infra import exact_json
    from infra.log_proof import ledger
    from infra.log_proof.checkpoint_file import CheckpointFile, CheckpointFileUnusable
    from infra.log_proof.findings import Verdict
    from infra.log_proof.signing import LogKeyUnusable, PublicKeys
    from infra.log_proof.verifying import verify as verify_log

    beside: Beside | None = context.obj
    with _plainly(), _connected() as (connection, files, app_url):
        try:
            with _progress(is_shown=not as_json) as progress:
                report = verify_log(
                    connection,
                    CheckpointFile(checkpoints) if checkpoints else files.checkpoints,
                    keys=PublicKeys.load(keys) if keys else files.public_keys(),
                    business_id=business,
                    since=0 if full else since,
                    progress=progress,
                )
        except (CheckpointFileUnusable, LogKeyUnusable) as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(Verdict.ANCHORS_MISSING) from error
        if beside is not None:
            businesses = [business] if business else ledger.list_businesses(connection)
            beside(app_url, report, business_ids=businesses, is_whole=full)
    typer.echo(exact_json.dumps(report.to_fields()).decode() if as_json else "\n".join(_words(report)))
    raise typer.Exit(report.verdict)


@app.command()
def seal() -> None:
    """Seal what is final, in one round; `oodaloo scheduler` does it all the time."""
    _one_round(lambda sealer: sealer.seal())


@app.command()
def restored(*, reason: Annotated[str, typer.Option(help="Why, for those who verify: it is signed and kept.")]) -> None:
    """Declare that the database was restored from a backup, and go on sealing. Stop the other processes before."""
    _one_round(lambda sealer: sealer.reopen(reason))


@app.command("rotate-key")
def rotate_key() -> None:
    """Sign with a new key from now on. Restart the schedulers after; hand the new public file to those who verify."""
    from infra.log_proof.signing import public_file

    with _plainly():
        files = _files()
        made = files.key().with_new_key(files.key_path)
    typer.echo(f"Key {made.key_id} signs now; the public keys are in {public_file(files.key_path)}.")


def _one_round(run: "Callable[[Sealer], Round | None]") -> None:
    from infra.clock import SystemClock
    from infra.log_proof.sealer import Sealer

    deadline = time.monotonic() + _WAIT_FOR_OTHERS_SECONDS
    with _plainly(), _connected() as (connection, files, _):
        sealer = Sealer(connection, key=files.key(), file=files.checkpoints, clock=SystemClock())
        while (done := run(sealer)) is None and time.monotonic() < deadline:
            time.sleep(0.5)
    if done is None:
        typer.echo("Another sealer is at work, or transactions of before have not ended. Try again.", err=True)
        raise typer.Exit(1)
    what = f"{done.rows} rows in {done.batches} batches" if done.rows else "Nothing new"
    typer.echo(f"{what}; the newest checkpoint is {done.checkpoint_no}.")


def _words(report: "Report") -> Iterator[str]:
    yield from (finding.text for finding in report.findings)
    if (more := report.finding_count - len(report.findings)) > 0:
        yield f"… and {more} more."
    if report.anchors_missing:
        first, count = report.anchors_missing[0], len(report.anchors_missing)
        yield f"{count} checkpoints, the first of them {first}, are in the database and not in the checkpoint file."
    yield from report.notes
    if report.verdict.name == "LAGGING":
        yield f"Sealing lags: the oldest row that is not sealed is {report.lag.total_seconds():.0f} s old."
    if report.finding_count:
        verdict = f"{report.finding_count} findings"
    else:
        verdict = "What is sealed is unchanged" + (
            ", as far as the database's own checkpoints tell" if report.anchors_missing else ""
        )
    yield (
        f"{verdict}: {report.checkpoints:,} checkpoints, {report.batches:,} batches, {report.rows:,} rows; "
        f"{report.mirror_rows:,} rows of mirrors; {report.unsealed_rows:,} rows wait for the sealer. Next time: --since {report.through}"
    )


def _files() -> "LogProofFiles":
    from infra.config import ServerSettings, load
    from infra.log_proof.settings import LogProofFiles

    return LogProofFiles.from_environment(load(ServerSettings))


@contextmanager
def _connected() -> Iterator[_Here]:
    from infra.config import ServerSettings, load
    from infra.embedded.servers import servers
    from infra.log_proof.sealer import open_connection

    with servers(load(ServerSettings)) as addresses, open_connection(addresses.database_sealer_url) as connection:
        yield _Here(connection, _files(), addresses.database_app_url)


@contextmanager
def _progress(*, is_shown: bool) -> Iterator[Callable[[int, int], None]]:
    from rich.console import Console
    from rich.progress import Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("checkpoint {task.fields[no]:,}, {task.completed:,.0f} rows"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not is_shown) as progress:
        task = progress.add_task("verify", total=None, no=0)
        yield lambda no, rows: progress.update(task, completed=rows, no=no)


@contextmanager
def _plainly() -> Iterator[None]:
    from psycopg import Error

    try:
        yield
    except OodalooError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    except Error as error:
        typer.echo(f"The database cannot be used: {str(error).partition(chr(10))[0]}", err=True)
        raise typer.Exit(1) from error
