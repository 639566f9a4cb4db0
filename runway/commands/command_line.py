"""What the groups of commands share: work as the operator, errors as one message and exit code 1."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar

import typer

from infra.errors import OodalooError

if TYPE_CHECKING:
    from runway.operator import Operator

T = TypeVar("T")


def plainly(run: Callable[[], T]) -> T:
    """Run a command; what we raise on purpose becomes one message and exit code 1."""
    try:
        return run()
    except OodalooError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error


def as_operator(run: "Callable[[Operator], Awaitable[T]]") -> T:
    """Run it on the database that the environment names, or the bundled one."""
    from infra.logging import configure_logging
    from runway.operator import operator_here

    async def here() -> T:
        async with operator_here() as operator:
            return await run(operator)

    configure_logging(level="WARNING")
    return plainly(lambda: asyncio.run(here()))


def echo_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Columns as wide as what they hold; the last is not filled up."""
    lines = [heads, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    for line in lines:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
