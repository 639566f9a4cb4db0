"""Reports asked for and read the way a client would: by walking rows, by titles, groups and cells."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from infra import exact_json
from infra.qbo.simulator.api.reports_api import answer_report
from infra.qbo.simulator.books.company import Company

SAMPLES = Path(__file__).parents[6] / "shared" / "qbo" / "samples"
Report = dict[str, Any]


def ask(company: Company, name: str, **params: str) -> Report:
    answer: Report = exact_json.loads(answer_report(company, name, params, clock=company.clock))
    return answer


def sample(name: str) -> Report:
    """A captured or published report; the test is skipped without it."""
    path = SAMPLES / f"{name}.json"
    if not path.exists():
        pytest.skip(f"the sample {path} is not there")
    read: Report = exact_json.loads(path.read_bytes())
    return read


def rows_of(report: Report) -> list[Report]:
    rows: list[Report] = report["Rows"].get("Row", [])
    return rows


def texts(row: Report) -> list[str]:
    return [str(cell["value"]) for cell in row["ColData"]]


def outline(rows: list[Report], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """Every line of cells in order, under the titles it stands below; totals end in "="."""
    for row in rows:
        if "ColData" in row:
            yield path, texts(row)
            continue
        title = texts(row["Header"])[0] if "Header" in row else row.get("group", "")
        if "Header" in row:
            yield (*path, title), texts(row["Header"])
        yield from outline(row.get("Rows", {}).get("Row", []), (*path, title))
        if "Summary" in row:
            yield (*path, title, "="), texts(row["Summary"])


def group(report: Report, wanted: str) -> Report:
    found = next(_groups(rows_of(report), wanted), None)
    assert found is not None, f"no group {wanted}"
    return found


def _groups(rows: list[Report], wanted: str) -> Iterator[Report]:
    for row in rows:
        if row.get("group") == wanted:
            yield row
        yield from _groups(row.get("Rows", {}).get("Row", []), wanted)


def total(report: Report, wanted: str, *, column: int = -1) -> Decimal:
    """A group's total, zero when the report has no such group."""
    found = next(_groups(rows_of(report), wanted), None)
    if found is None:
        return Decimal(0)
    return amount(found.get("Summary", found)["ColData"][column]["value"])


def amount(text: str) -> Decimal:
    return Decimal(text or "0")


def on(day: date) -> dict[str, str]:
    return {"start_date": day.replace(month=1, day=1).isoformat(), "end_date": day.isoformat()}
