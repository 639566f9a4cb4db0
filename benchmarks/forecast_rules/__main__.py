"""`make bench-forecast`: one table of all rules in all regimes; fails when ours misses a bar."""

import argparse
import sys

from rich.console import Console
from rich.table import Table

from benchmarks.forecast_rules.measuring import COVERED, MOST_BIAS, MOST_WAPE, RegimeResult, measure
from benchmarks.forecast_rules.rules import OURS, RULES
from benchmarks.forecast_rules.town import CUSTOMERS, HISTORY_DAYS, Regime


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench-forecast")
    parser.add_argument("--runs", type=int, default=150, help="companies a regime")
    parser.add_argument("--seed", type=int, default=0, help="of the first company; the others count on")
    asked = parser.parse_args()
    results = [measure(regime, runs=asked.runs, first_seed=asked.seed) for regime in Regime]
    _print(results)
    missed = [bar for result in results for bar in result.misses()]
    for bar in missed:
        Console().print(f"[bold red]MISSED[/bold red] {bar}")
    sys.exit(bool(missed))


def _print(results: list[RegimeResult]) -> None:
    runs = results[0].runs
    title = (
        f"{runs} companies a regime, {CUSTOMERS} customers, {HISTORY_DAYS} days of history\n"
        "WAPE of weekly receipts over 13 weeks, bias of the next 4, paid dates inside P10-P90; of what is open on T"
    )
    table = Table(title=title, title_justify="left")
    table.add_column("rule", no_wrap=True)
    for heading in ("WAPE", "bias", "P10-P90"):
        for result in results:
            table.add_column(f"{heading}\n{result.regime}", justify="right")
    for name in RULES:
        errors = [result.rules[name] for result in results]
        covered = [f"{result.coverage_percent:.1f} %" if name == OURS else "" for result in results]
        wapes = [f"{one.wape:.3f}" for one in errors]
        table.add_row(
            name,
            *wapes,
            *(f"{one.bias_percent:+.1f} %" for one in errors),
            *covered,
            style="bold" if name == OURS else "",
        )
    bars = [f"≤ {MOST_WAPE}", f"±{MOST_BIAS:.0f} %", f"{COVERED[0]:.0f}-{COVERED[1]:.0f} %"]
    table.add_section()
    table.add_row("held to", *(bar for bar in bars for _ in results))
    Console(width=max(Console().width, 150)).print(table)
    invoices = ", ".join(
        f"{result.regime} {result.invoices / runs:.0f} ({result.dated / runs:.0f})" for result in results
    )
    Console(width=150).print(f"Open invoices a company, and those of them with dates: {invoices}.")


if __name__ == "__main__":
    main()
