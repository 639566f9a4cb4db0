"""`oodaloo simulator trouble …` and `… clock`: the levers of a running simulator, over its admin API."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from infra import exact_json
from infra.errors import InvalidInput, MalformedJSON

if TYPE_CHECKING:
    import httpx

    from infra.qbo.simulator.trouble.rules import Rule

AdminURL = Annotated[str, typer.Option(help="Where the simulator listens.")]
AdminSecret = Annotated[
    str | None, typer.Option(help="Its secret, if it has one.", envvar="SIMULATOR_ADMIN_SECRET", show_default=False)
]
_HERE = "http://127.0.0.1:8765"

app = typer.Typer(help="Trouble for the clients of a running simulator.", no_args_is_help=True)


@app.command()
def add(
    rule: Annotated[str | None, typer.Argument(help="A rule, or a list of rules, as JSON.")] = None,
    *,
    file: Annotated[Path | None, typer.Option(help="A scenario: a JSON file of rules.")] = None,
    admin_url: AdminURL = _HERE,
    admin_secret: AdminSecret = None,
) -> None:
    """Put rules in force."""
    if (rule is None) == (file is None):
        raise typer.BadParameter("give a rule, or --file")
    _show(
        _ask(
            "POST",
            admin_url,
            "trouble",
            secret=admin_secret,
            content=(rule or "").encode() if file is None else _read(file),
        )
    )


@app.command(name="seed")
def mix(
    seed: Annotated[int, typer.Argument(help="The same seed, the same calls: the same trouble.")],
    *,
    share: Annotated[float, typer.Option(help="About how much of the calls meets something.")] = 0.05,
    ends_connections: Annotated[
        bool, typer.Option("--ends-connections", help="Revocations and lost rotations too.")
    ] = False,
    admin_url: AdminURL = _HERE,
    admin_secret: AdminSecret = None,
) -> None:
    """Put a mixture of every kind of trouble in force."""
    mixture = exact_json.dumps({"seed": seed, "share": share, "ends_connections": ends_connections})
    _show(_ask("POST", admin_url, "trouble-by-seed", secret=admin_secret, content=mixture))


@app.command(name="list")
def show(*, admin_url: AdminURL = _HERE, admin_secret: AdminSecret = None) -> None:
    """The rules in force, and how often each was applied."""
    _show(_ask("GET", admin_url, "trouble", secret=admin_secret))


@app.command()
def clear(
    name: Annotated[str | None, typer.Argument(help="One rule; all when left out.")] = None,
    *,
    admin_url: AdminURL = _HERE,
    admin_secret: AdminSecret = None,
) -> None:
    """End rules."""
    _show(_ask("DELETE", admin_url, f"trouble/{name}" if name else "trouble", secret=admin_secret))


def clock(
    *,
    now: Annotated[str | None, typer.Option(help="Move to this instant, for example 2026-03-02T18:00:00Z.")] = None,
    advance: Annotated[float | None, typer.Option(min=0, help="Move on by that many seconds.")] = None,
    scale: Annotated[float | None, typer.Option(min=0, help="Simulated seconds in a real one; 0 stops.")] = None,
    admin_url: AdminURL = _HERE,
    admin_secret: AdminSecret = None,
) -> None:
    """Show or set the time of a running simulator."""
    change = {"now": now, "advance_seconds": advance, "scale": scale}
    asked = {name: value for name, value in change.items() if value is not None}
    content = exact_json.dumps(asked) if asked else None
    _show(_ask("POST" if asked else "GET", admin_url, "clock", secret=admin_secret, content=content))


def read_scenario(path: Path) -> "list[Rule]":
    """The rules of a scenario file.

    Raises:
        InvalidInput: not readable, or no rules.
    """
    from infra.qbo.simulator.trouble.rules import read_rules

    try:
        return read_rules(exact_json.loads(path.read_bytes()), source=str(path))
    except OSError as error:
        raise InvalidInput(f"{path}: {error.strerror or 'cannot be read'}") from error
    except MalformedJSON as error:
        raise InvalidInput(f"{path}: should be JSON: {error}") from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        _fail(f"{path}: {error.strerror or 'cannot be read'}", error)


def _ask(
    method: str, admin_url: str, what: str, *, secret: str | None, content: bytes | None = None
) -> "httpx.Response":
    import httpx

    from infra.qbo.simulator.api.admin_guard import HEADER

    headers = {HEADER: secret} if secret else {}
    try:
        answer = httpx.request(
            method, f"{admin_url.rstrip('/')}/admin/{what}", content=content, headers=headers, timeout=30
        )
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        _fail(f"No simulator answers on {admin_url}: {error}", error)
    if answer.is_error:
        _fail(answer.text)
    return answer


def _show(answer: "httpx.Response") -> None:
    typer.echo(answer.text)


def _fail(message: str, cause: Exception | None = None) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(1) from cause
