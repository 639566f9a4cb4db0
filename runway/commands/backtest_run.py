"""`oodaloo forecast backtest BUSINESS`: the replay with a bar, and what came of it as a table."""

import asyncio

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from infra.embedded.servers import servers
from infra.logging import configure_logging
from runway.calculators.figures import Figure
from runway.commands.sync_run import find_business
from runway.orchestrators.backtest import Backtest, Replayed
from runway.orchestrators.forecast_accuracy import AccuracyReport
from runway.schema import bring_to_head
from runway.settings import Settings
from runway.wiring import open_services

_WIDTH = 110


async def run_backtest(business_name_or_id: str, *, weeks: int) -> None:
    """Replay, judge and print; Mondays that have a forecast are left as they are.

    Raises:
        InvalidInput: no business of that name or id.
        DatabaseBehind, DatabaseOutOfReach: as `bring_to_head`.
    """
    settings = Settings.from_environment()
    configure_logging(level="WARNING")
    with servers(settings.servers) as addresses:
        await asyncio.to_thread(bring_to_head, settings.servers, addresses)
        async with open_services(settings, addresses) as services:
            business = await find_business(services, business_name_or_id)
            of = services.of(business)
            done = await _with_bar(of.backtest, weeks)
            report = (await of.forecast_accuracy.report()).value
    _print(business.name, done, report)


async def _with_bar(backtest: Backtest, weeks: int) -> Replayed:
    columns = (TextColumn("Replaying Mondays"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn()) as progress:
        task = progress.add_task("", total=None)
        return await backtest.run(
            weeks, on_done=lambda number, total: progress.update(task, completed=number, total=total)
        )


def _print(name: str, done: Replayed, report: AccuracyReport) -> None:
    table = Table(title=f"{name}: grade {report.grade.letter}", title_justify="left")
    for heading in (
        "weeks",
        "forecasts",
        "receipts off",
        "leaning",
        "payments off",
        "leaning",
        "balance off",
        "in band",
    ):
        table.add_column(heading, justify="right")
    for one in report.horizons:
        figures = (one.receipts_wape, one.receipts_bias, one.disbursements_wape, one.disbursements_bias)
        shown = [_percent(figure) for figure in (*figures, one.balance_error, one.coverage)]
        table.add_row(str(one.weeks), str(one.receipts_wape.n), *shown)
    console = Console(highlight=False)
    console = Console(highlight=False, width=max(console.width, _WIDTH))
    console.print(table)
    console.print(f"{report.grade.reason}.")
    sources = ", ".join(f"{count} {source.value}" for source, count in sorted(report.frozen.items()))
    console.print(
        f"{done.made} Mondays replayed, {done.kept} had a forecast; {done.judged} weeks judged"
        f"{f' of forecasts: {sources}' if sources else ''}."
    )


def _percent(figure: Figure) -> str:
    return "\N{EN DASH}" if figure.value is None else f"{figure.value:,} %"
