"""What a rule of trouble may say: which calls it means and what becomes of them. The JSON of /admin/trouble."""

from datetime import timedelta
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    PositiveInt,
    ValidationError,
    field_validator,
    model_validator,
)

from infra.errors import InvalidInput
from infra.qbo.simulator.oracle.calls import VERBS

Seconds = Annotated[float, Field(ge=0, le=864_000)]
Range = tuple[Seconds, Seconds]
_LONGEST: Final = 120.0  # Intuit ends a request after that long


class TroubleRefused(InvalidInput):
    """A rule that cannot be read: the text names the place and what should stand there."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Match(_Strict):
    """Every matcher given must hold. `path` may hold `*`; `from` and `until` are simulated instants.

    Of the calls that fit, the first `skip` go free, then each `every`-th is taken, with `probability`, `count` times at most.
    """

    realm: str | None = None
    method: str | None = None
    path: str | None = None
    entity: list[str] | None = None
    verb: list[str] | None = None
    skip: int = Field(default=0, ge=0)
    every: PositiveInt = 1
    probability: float = Field(default=1, ge=0, le=1)
    count: PositiveInt | None = None
    starts: AwareDatetime | None = Field(default=None, alias="from")
    until: AwareDatetime | None = None
    starts_after_seconds: Seconds | None = None
    lasts_seconds: Seconds | None = None

    @field_validator("entity", "verb", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @field_validator("verb")
    @classmethod
    def _known(cls, value: list[str] | None) -> list[str] | None:
        unknown = sorted(set(value or ()) - set(VERBS))
        if unknown:
            raise ValueError(f"{unknown[0]} is unknown; there are {', '.join(VERBS)}")
        return value

    def placed(self, now: Any) -> "Match":
        """With the seconds from now turned into instants."""
        starts = self.starts
        if self.starts_after_seconds is not None:
            starts = now + timedelta(seconds=self.starts_after_seconds)
        until = self.until
        if self.lasts_seconds is not None:
            until = (starts or now) + timedelta(seconds=self.lasts_seconds)
        return self.model_copy(
            update={"starts": starts, "until": until, "starts_after_seconds": None, "lasts_seconds": None}
        )


class Answer(_Strict):
    """That status instead of the true answer. `executed`: only after the request was carried out.

    `body`: auto is Intuit's own form for the status; `fault` also makes a 200 with a fault inside, of `code` where one is given.
    """

    do: Literal["answer"]
    status: int = Field(ge=200, le=599)
    executed: bool = False
    retry_after_seconds: int | None = Field(default=None, ge=0)
    body: Literal["auto", "fault", "gateway", "xml", "html", "empty"] = "auto"
    code: str | None = Field(default=None, pattern=r"^\d{1,5}$")


class Silence(_Strict):
    """No answer: the connection stays open until the client leaves, `hold_seconds` at most, and is closed."""

    do: Literal["silence"]
    executed: bool = False
    hold_seconds: Seconds = _LONGEST


class Reset(_Strict):
    """The connection is reset (RST) before a byte of answer."""

    do: Literal["reset"]
    executed: bool = False


class Half(_Strict):
    """The whole Content-Length is announced, that share of the body sent, the connection closed. The request is executed."""

    do: Literal["half"]
    fraction: float = Field(default=0.5, ge=0, lt=1)


class Slow(_Strict):
    """The body comes in `pieces` spread over `seconds`."""

    do: Literal["slow"]
    seconds: Seconds
    pieces: int = Field(default=10, ge=2, le=1000)


class Late(_Strict):
    """The client gets a 504, or nothing; the request is executed that many seconds later, without asking limits again."""

    do: Literal["late"]
    after_seconds: Seconds | Range
    answer: Literal["504", "silence"] = "504"
    hold_seconds: Seconds = _LONGEST


class Twice(_Strict):
    """The request is executed a second time after its answer, as if its requestid had not been seen."""

    do: Literal["twice"]


class Latency(_Strict):
    """Added before the request is carried out. One form: `constant_ms`, `uniform_ms`, or `p50_ms` with `p99_ms` (lognormal)."""

    do: Literal["latency"]
    constant_ms: float | None = Field(default=None, ge=0)
    uniform_ms: tuple[float, float] | None = None
    p50_ms: float | None = Field(default=None, gt=0)
    p99_ms: float | None = Field(default=None, gt=0)
    max_ms: float = Field(default=120_000, gt=0)

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        forms = [self.constant_ms is not None, self.uniform_ms is not None, self.p50_ms is not None]
        if sum(forms) != 1 or (self.p50_ms is None) != (self.p99_ms is None):
            raise ValueError("give constant_ms, or uniform_ms, or p50_ms together with p99_ms")
        if self.p50_ms is not None and self.p99_ms is not None and self.p99_ms < self.p50_ms:
            raise ValueError("p99_ms should not be less than p50_ms")
        return self


class ExpireToken(_Strict):
    """The call's access token has just ended: 401, and a refresh helps."""

    do: Literal["expire_token"]


class RevokeGrant(_Strict):
    """The user has just disconnected the app: 401, and a refresh fails."""

    do: Literal["revoke_grant"]


class RotateFirst(_Strict):
    """At the token endpoint: somebody else refreshes with the same token just before; the caller's is no longer valid."""

    do: Literal["rotate_first"]


class Edit(_Strict):
    """Another user edits objects after the call was answered, or, with `per_minute`, all the time, calls or not.

    Without `entity` it is the call's; at a rate it is needed.
    """

    do: Literal["edit"]
    entity: str | None = None
    edits: PositiveInt = 1
    per_minute: float | None = Field(default=None, gt=0, le=6000)

    @model_validator(mode="after")
    def _rate_needs_entity(self) -> Self:
        if self.per_minute is not None and self.entity is None:
            raise ValueError("entity: needed with per_minute")
        return self


class CutCDC(_Strict):
    """Change data capture ends after so many objects, without a sign (QBO's own number is 1,000)."""

    do: Literal["cut_cdc"]
    at: int = Field(ge=0, le=1000)


class Lose(_Strict):
    """A webhook event is never sent."""

    do: Literal["lose"]


class Double(_Strict):
    """A webhook event is sent a second time, in a later notification."""

    do: Literal["double"]
    after_seconds: Seconds | Range = 30


class Delay(_Strict):
    """A webhook event waits, so that later ones overtake it."""

    do: Literal["delay"]
    seconds: Seconds | Range = (0, 60)


Ending = Answer | Silence | Reset | Half | Slow | Late
WebhookEffect = Lose | Double | Delay
Effect = Annotated[
    Ending | Twice | Latency | ExpireToken | RevokeGrant | RotateFirst | Edit | CutCDC | WebhookEffect,
    Field(discriminator="do"),
]


class Rule(_Strict):
    """`name` is what the oracle and DELETE call it; one is given when it is left out. `seed` defaults to the simulator's."""

    name: str | None = Field(default=None, pattern=r"^[\w.-]{1,60}$")
    match: Match = Match()
    effect: Effect
    seed: int | None = None


class Scenario(_Strict):
    """A file of rules."""

    rules: list[Rule]


def read_rules(raw: Any, *, source: str) -> list[Rule]:
    """One rule, a list of rules, or `{"rules": […]}`.

    Raises:
        TroubleRefused: names the place.
    """
    if isinstance(raw, dict) and "rules" not in raw:
        raw = [raw]
    if isinstance(raw, list):
        raw = {"rules": raw}
    try:
        return Scenario.model_validate(raw).rules
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "top level"
        raise TroubleRefused(f"{source}: {place}: {first['msg']}") from error
