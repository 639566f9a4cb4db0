"""A table as CSV instead of JSON: `Accept: text/csv`, or `?format=csv` for a link. The same rows, one line each, headed by their names."""

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from http import HTTPStatus
from io import StringIO
from typing import Any

from fastapi import Request
from pydantic import Field
from starlette.responses import Response

from infra.sync.freshness import Freshness
from runway.routes.asked import Strict

MEDIA_TYPE = "text/csv"
_JSON = "application/json"
_BEGINS_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


class Format(StrEnum):
    JSON = "json"
    CSV = "csv"


class AskedFormat(Strict):
    format: Format | None = Field(default=None, description="Unless given, what `Accept` prefers; else JSON.")


def wants_csv(request: Request, asked: Format | None) -> bool:
    """`format` decides; without it the first of the two kinds that `Accept` names."""
    if asked is not None:
        return asked is Format.CSV
    kinds = [part.partition(";")[0].strip().lower() for part in request.headers.get("Accept", "").split(",")]
    return next((kind == MEDIA_TYPE for kind in kinds if kind in {MEDIA_TYPE, _JSON, "*/*"}), False)


def send_csv(
    columns: Sequence[str], rows: Iterable[Mapping[str, Any]], *, name: str, freshness: Freshness | None = None
) -> Response:
    """The rows under these columns; a column that a row lacks is empty. How old they are is told in headers."""
    lines = [_line(list(columns))]
    lines += [_line([row.get(column) for column in columns]) for row in rows]
    headers = {
        "Content-Disposition": f'attachment; filename="{name}.csv"',
        "Cache-Control": "private, no-cache",
        "Vary": "Accept, Authorization, X-Business-ID",
    }
    if freshness is not None:
        headers["X-As-Of"] = "" if freshness.as_of is None else freshness.as_of.isoformat()
        headers["X-Stale"] = "true" if freshness.stale else "false"
    return Response("".join(lines), headers=headers, media_type=f"{MEDIA_TYPE}; charset=utf-8")


def in_csv_too(responses: dict[int | str, Any], columns: Sequence[str]) -> dict[int | str, Any]:
    """An operation's `responses`, with the other form that its answer has."""
    ok = responses[HTTPStatus.OK.value]
    shape = {"schema": {"type": "string"}, "example": _line(list(columns))}
    return responses | {HTTPStatus.OK.value: {**ok, "content": {**ok["content"], MEDIA_TYPE: shape}}}


def _line(values: Sequence[Any]) -> str:
    """RFC 4180, every cell quoted; one that a spreadsheet would compute begins with an apostrophe, a number never."""
    line = StringIO()
    csv.writer(line, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerow(_cell(value) for value in values)
    return line.getvalue()


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case _:
            text = str(value)
            return f"'{text}" if text.startswith(_BEGINS_FORMULA) and not _NUMBER.fullmatch(text) else text
