"""Reports over HTTP: `GET /v3/company/<realm>/reports/<Name>`."""

from collections.abc import Mapping

from infra import exact_json
from infra.clock import Clock
from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.reports.registry import run_report
from infra.qbo.simulator.timestamps import show_instant, whole_seconds


def answer_report(company: Company, name: str, params: Mapping[str, str], *, clock: Clock) -> bytes:
    """Unlike other answers a report carries its time in its own header, in whole seconds."""
    return exact_json.dumps(run_report(company, name, params, time=show_instant(whole_seconds(clock))))
