"""What every answer has in common: the data, how fresh it is, exact amounts, and an ETag."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from hashlib import blake2b
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from pydantic import BaseModel, BeforeValidator, Field
from starlette.requests import Request
from starlette.responses import Response

from domains.core.paging import Page
from infra import exact_json
from infra.sync.freshness import Fetched, Freshness, FreshnessSource

D = TypeVar("D")
R = TypeVar("R")

_FEWEST_PLACES = 2


def plain_amount(value: Any) -> Any:
    """A Decimal as text with all its digits, cents at the least, never an exponent: 120.5 → "120.50"."""
    if not isinstance(value, Decimal):
        return value
    text = str(value)
    if text.endswith("000") and text[-6:-5] == ".":  # five places, as a column has them, and no part of a cent
        return text[:-3]
    whole, _, part = format(value, "f").partition(".")
    return f"{whole}.{part.rstrip('0').ljust(_FEWEST_PLACES, '0')}"


def plain_number(value: Any) -> Any:
    """A Decimal as text, without zeros that say nothing: a count of days, a rate."""
    if not isinstance(value, Decimal):
        return value
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


Amount = Annotated[
    str,
    BeforeValidator(plain_amount),
    Field(description="An exact decimal in major units, as text.", pattern=r"^-?\d+\.\d{2,}$", examples=["1250.00"]),
]
Rate = Annotated[str, BeforeValidator(plain_number), Field(description="An exact decimal, as text.")]


class FreshnessOut(BaseModel):
    """How old the answer is and where it came from."""

    as_of: datetime | None = Field(
        description="All that QuickBooks had at this instant is in the answer; null before the first sync."
    )
    age_seconds: int | None = Field(description="Whole seconds since `as_of`.")
    source: FreshnessSource = Field(
        description="`mirror`: our copy; `rail`: this request refreshed it; `coalesced`: another's refresh was shared."
    )
    calls_spent: int = Field(description="Calls to QuickBooks that this request caused.")
    stale: bool = Field(description="Older than was asked for; `reason` says why it is given all the same.")
    reason: str | None
    quarantined: int = Field(
        default=0,
        description="Objects of these kinds that cannot be read: they are shown as they were before, or not at all.",
    )
    open_drift: int = Field(
        default=0, description="Differences from QuickBooks in these kinds that are not repaired: see /api/v1/drift."
    )

    @classmethod
    def of(cls, freshness: Freshness) -> "FreshnessOut":
        return cls.model_validate(freshness, from_attributes=True)


class Answer(BaseModel, Generic[D]):
    data: D
    freshness: FreshnessOut


class PageAnswer(BaseModel, Generic[D]):
    data: list[D]
    next_cursor: str | None = Field(description="Pass it as `cursor` for the next page; null on the last one.")
    freshness: FreshnessOut


def fields_of(model: type[BaseModel], row: object, **given: Any) -> dict[str, Any]:
    """The row's columns that `model` shows, and those `given` instead."""
    return {name: getattr(row, name) for name in model.model_fields if name not in given} | given


def page_answer(fetched: Fetched[Page[R]], show: Callable[[R], BaseModel]) -> PageAnswer[Any]:
    """A page of rows, each as `show` shows it."""
    return PageAnswer[Any](
        data=[show(row) for row in fetched.value.items],
        next_cursor=fetched.value.next_cursor,
        freshness=FreshnessOut.of(fetched.freshness),
    )


def send(request: Request, body: Answer[Any] | PageAnswer[Any]) -> Response:
    """The answer, or 304 when the caller has this very data already."""
    about = body.model_dump()
    return _send(request, exact_json.dumps(about.pop("data")), about)


def send_json_page(request: Request, fetched: Fetched[Page[msgspec.Raw]]) -> Response:
    """As `send`, for the lists asked for most: rows that the database has written as the answer's model has them."""
    freshness = {name: getattr(fetched.freshness, name) for name in FreshnessOut.model_fields}
    data = exact_json.dumps(fetched.value.items)
    return _send(request, data, {"next_cursor": fetched.value.next_cursor, "freshness": freshness})


def _send(request: Request, data: bytes, about: dict[str, Any]) -> Response:
    """`data` is written already. The tag covers it and what is doubtful about it. Its age is left out, or no two answers would be equal."""
    doubts = (str(about["freshness"][name]) for name in ("stale", "quarantined", "open_drift"))
    tag = _tag(data, str(about.get("next_cursor")), *doubts)
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Authorization, X-Business-ID"}
    if _knows(request.headers.get("If-None-Match"), tag):
        return Response(status_code=304, headers=headers)
    # Raw: the data is not encoded twice.
    return Response(
        exact_json.dumps({"data": msgspec.Raw(data), **about}), headers=headers, media_type="application/json"
    )


def _tag(data: bytes, *parts: str) -> str:
    digest = blake2b(data, digest_size=16)
    for part in parts:
        digest.update(b"\0" + part.encode())
    return f'W/"{digest.hexdigest()}"'


def _knows(if_none_match: str | None, tag: str) -> bool:
    """Weak comparison: W/ is left aside, as RFC 9110 has it for If-None-Match."""
    if if_none_match is None:
        return False
    known = {one.strip().removeprefix("W/") for one in if_none_match.split(",")}
    return "*" in known or tag.removeprefix("W/") in known
