"""`oodaloo forecast …`: how good the forecasts are, here and now."""

import asyncio
from typing import Annotated

import typer

from runway.commands.command_line import plainly

app = typer.Typer(no_args_is_help=True, help="How good the forecasts are.")


@app.callback()
def forecast() -> None:
    """How good the forecasts are."""


@app.command()
def backtest(
    business: Annotated[str, typer.Argument(help="The business's id, or its name where only one has it.")],
    *,
    weeks: Annotated[int, typer.Option(min=1, max=260, help="How many Mondays to go back.")] = 52,
) -> None:
    """Replay the Mondays of the past, freeze each one's forecast and hold it beside what came. Cut off, the next call goes on."""
    from runway.commands.backtest_run import run_backtest

    plainly(lambda: asyncio.run(run_backtest(business, weeks=weeks)))
