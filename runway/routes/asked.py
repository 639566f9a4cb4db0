"""What callers may ask of every read: how fresh, which page. Unknown parameters are refused."""

import re
from datetime import timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

from domains.core.paging import MAX_PAGE
from infra.errors import InvalidInput
from infra.sync.freshness import ON_DEMAND, FreshnessNeed, SyncStrategy

LIVE = "live"
_SECONDS = re.compile(r"[0-9]{1,8}")


class MaxAgeUnreadable(InvalidInput):
    def __init__(self) -> None:
        super().__init__(
            f"max_age should be a number of seconds (of 8 digits at most), such as 60, or the word {LIVE}."
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


class AskedFreshness(Strict):
    max_age: str | None = Field(
        default=None,
        description=(
            "The oldest data you accept, in seconds; unless given, 20 minutes. Older data is refreshed first, for which at most 2 s "
            "are waited; then the mirror answers, marked stale with the reason. `live` waits up to 10 s and is never stale: "
            "fresh data or 503."
        ),
        examples=["60", LIVE],
    )

    def need(self) -> FreshnessNeed:
        """Read `max_age`.

        Raises:
            MaxAgeUnreadable: it is neither seconds nor `live`.
        """
        if self.max_age is None:
            return ON_DEMAND
        if self.max_age == LIVE:
            return FreshnessNeed(strategy=SyncStrategy.LIVE)
        if not _SECONDS.fullmatch(self.max_age):
            raise MaxAgeUnreadable
        return FreshnessNeed(max_age=timedelta(seconds=int(self.max_age)))


class AskedPage(AskedFreshness):
    limit: int = Field(default=50, ge=1, le=MAX_PAGE, description="Rows a page.")
    cursor: str | None = Field(
        default=None, max_length=2000, description="The last answer's `next_cursor`, with the same filters."
    )
