"""`oodaloo simulator generate`: a large company file for tests and benchmarks."""

from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from infra.clock import SystemClock
from infra.errors import InvalidInput


def generate(
    out: Annotated[Path, typer.Option(help="The file to write.", dir_okay=False)],
    *,
    bills: Annotated[int, typer.Option(help="How many bills, exactly.")] = 1000,
    invoices: Annotated[int, typer.Option(help="How many invoices, exactly.")] = 0,
    vendors: Annotated[int, typer.Option(help="How many vendors share the bills.")] = 200,
    customers: Annotated[int, typer.Option(help="How many customers share the invoices.")] = 200,
    months: Annotated[int, typer.Option(help="How far the history goes back.")] = 24,
    seed: Annotated[int, typer.Option(help="The same seed on the same day gives the same file.")] = 1,
    paid_share: Annotated[
        float, typer.Option(help="The share of documents that get paid; 0 makes no payments.")
    ] = 0.85,
    same_second: Annotated[int, typer.Option(help="How many of the bills share one creation second.")] = 0,
) -> None:
    """Write a company of any size as a company file."""
    from infra.qbo.simulator.files.generator import write_large
    from infra.qbo.simulator.files.large_company import LargeCompany

    today = SystemClock().now().astimezone(ZoneInfo("America/Los_Angeles")).date()
    try:
        size = LargeCompany(
            bills=bills,
            invoices=invoices,
            vendors=vendors,
            customers=customers,
            months=months,
            seed=seed,
            paid_share=paid_share,
            same_second=same_second,
        )
    except InvalidInput as error:
        raise typer.BadParameter(str(error)) from error
    written = write_large(size, out, today=today)
    typer.echo(f"{out}: {written} transactions, {bills} of them bills and {invoices} invoices")
