"""What callers may ask of every read: how fresh, which page. Unknown parameters are refused."""

import re
from datetime import timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

from domains.core.paging import MAX_PAGE
from infra.errors import InvalidInput
from infra.sync.freshness import ON_DEMAND, FreshnessNeed, SyncStrategy

LIVE, END_OF_YESTERDAY = "live", "end of yesterday"
_AMOUNT = re.compile(r"([0-9]{1,8})(?: ?(s|seconds?|min|minutes?|h|hours?))?")
_UNITS = {"s": 1, "m": 60, "h": 3600}


class MaxAgeUnreadable(InvalidInput):
    def __init__(self) -> None:
        super().__init__(
            f"max_age should be an age such as 60, 60 s, 15 min or 2 h (8 digits at most), or the words {END_OF_YESTERDAY} or {LIVE}."
        )


class Strict(BaseModel):
    """What a caller sends. Nothing is let through that has no name here."""

    model_config = ConfigDict(extra="forbid")

    @field_validator("*", mode="before")
    @classmethod
    def _can_be_stored(cls, value: Any) -> Any:
        """PostgreSQL's text holds every character but this one: it could be found nowhere."""
        if isinstance(value, str) and "\0" in value:
            raise PydanticCustomError("zero_character", "Input should hold no zero character")
        return value


class Undoable(Strict):
    """A wish that leaves the house. Whoever asks by the API is not delayed unless they want to be; pages have a window of their own."""

    undo_seconds: int = Field(
        default=0,
        ge=0,
        le=60,
        description="Wait so long before anything leaves: it can be cancelled until then. Unless given, not at all.",
    )

    @property
    def undo_window(self) -> timedelta:
        return timedelta(seconds=self.undo_seconds)


class AskedFreshness(Strict):
    max_age: str | None = Field(
        default=None,
        description=(
            "The oldest data you accept, in seconds or with a unit: 60, 60 s, 15 min, 2 h; unless given, 20 minutes. "
            "`end of yesterday`: all that was in the books then, in the company's zone. Older data is refreshed first, for which "
            "at most 2 s are waited; then the mirror answers, marked stale with the reason. `live` waits up to 10 s and is never "
            "stale: fresh data or 503. Data older than a day has a reason even where you accept it."
        ),
        examples=["60", "15 min", END_OF_YESTERDAY, LIVE],
    )

    def need(self) -> FreshnessNeed:
        """Read `max_age`.

        Raises:
            MaxAgeUnreadable: it is neither an age nor one of the words.
        """
        if self.max_age is None:
            return ON_DEMAND
        if self.max_age == LIVE:
            return FreshnessNeed(strategy=SyncStrategy.LIVE)
        if self.max_age.replace("_", " ") == END_OF_YESTERDAY:
            return FreshnessNeed(of_today=True)
        age = _AMOUNT.fullmatch(self.max_age)
        if age is None:
            raise MaxAgeUnreadable
        return FreshnessNeed(max_age=timedelta(seconds=int(age[1]) * _UNITS[(age[2] or "s")[0]]))


class AskedPage(AskedFreshness):
    limit: int = Field(default=50, ge=1, le=MAX_PAGE, description="Rows a page.")
    cursor: str | None = Field(
        default=None, max_length=2000, description="The last answer's `next_cursor`, with the same filters."
    )
