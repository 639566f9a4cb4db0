"""The runway as the API shows it: the calculator's report, word for word, with amounts as text."""

from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from runway.calculators.burn_runway import RunwayState
from runway.calculators.cash import CashExclusion, CashPosition
from runway.calculators.figures import DAYS, Figure
from runway.calculators.flows import FlowKind
from runway.calculators.forecast import Forecast
from runway.calculators.forecast_runway import ForecastRunway
from runway.calculators.runway import RunwayReport
from runway.routes.answers import Amount, plain_amount, plain_number
from runway.routes.documentation import books_example


class FromReport(BaseModel):
    model_config = ConfigDict(from_attributes=True, validate_by_name=True, validate_by_alias=True)


class FigureOut(FromReport):
    """A number and its provenance. One that cannot be given is null, and `reason` says why."""

    value: str | None = Field(description="An exact decimal as text, in `unit`.", examples=["52310.25"])
    unit: str = Field(examples=["USD", "USD/day", "days"])
    as_of: date = Field(description="The day it describes, in the company's time zone.")
    source: str = Field(examples=["qbo"])
    n: int = Field(description="How much fed it, counted in `n_of`.")
    n_of: str = Field(examples=["days", "accounts", "weeks"])
    note: str | None = Field(description="An assumption to know.")
    reason: str | None

    @model_validator(mode="before")
    @classmethod
    def _as_text(cls, figure: Any) -> Any:
        if not isinstance(figure, Figure):
            return figure
        show = plain_number if figure.unit == DAYS else plain_amount
        return {**vars(figure), "value": show(figure.value)}


class CashAccountOut(FromReport):
    external_id: Annotated[str, Field(validation_alias="account_id")]
    name: str
    account_type: str
    account_subtype: str | None
    balance: Amount
    currency: str


class ExcludedAccountOut(CashAccountOut):
    why: CashExclusion


class CreditAccountOut(CashAccountOut):
    owed: Amount = Field(description="Positive when money is owed.")


class CashOut(FromReport):
    operating: FigureOut = Field(description="What may pay costs: the sum of `accounts`.")
    accounts: list[CashAccountOut]
    excluded: list[ExcludedAccountOut] = Field(description="Bank accounts that are not operating cash, and why.")
    undeposited: FigureOut = Field(description="Received, not banked yet; not part of `operating`.")


class LiquidityOut(FromReport):
    """Debt is never cash."""

    credit_owed: FigureOut = Field(description="Drawn on cards and lines.")
    accounts: list[CreditAccountOut]


class FlowSumOut(FromReport):
    kind: FlowKind
    amount: Amount = Field(description="Positive came in, negative went out.")
    n: int = Field(description="Movements.")


class BurnOut(FromReport):
    """Operating cash flow over complete days."""

    asked_days: int
    days: int = Field(description="What the history allowed.")
    starts_on: date
    ends_on: date
    gross_daily: FigureOut = Field(description="Operating cash out a day.")
    net_daily: FigureOut = Field(description="Out less in, a day: what shortens the runway. Negative: cash grows.")
    included: list[FlowSumOut]
    excluded: list[FlowSumOut] = Field(description="Movements that are not operating flow, by kind.")


class BelowFloorOut(FromReport):
    on: date
    is_exact: bool = Field(description="False: the spell began on that day or earlier.")


class LowPointOut(FromReport):
    amount: FigureOut
    on: date


class BurnRunwayOut(FromReport):
    state: RunwayState
    display: str = Field(description="What to show.", examples=["143 days"])
    days: FigureOut = Field(description="Whole days until cash reaches the floor.")
    floor_on: date | None = Field(description="The day on which cash reaches the floor.")
    zero_on: date | None = Field(description="The day on which cash reaches zero.")
    below_since: BelowFloorOut | None
    low_point: LowPointOut | None = Field(description="Set when cash does not run out.")


class CrossingOut(FromReport):
    """When a path is first below the floor."""

    days: int | None = Field(description="From today; null: not within 24 months, or never.")
    is_beyond_horizon: bool = Field(description="Found by steady net burn after the 13 weeks.")
    is_beyond_cap: bool


class HeadlineOut(FromReport):
    """How long the cash lasts by what is expected. `early` and `late` are P10 and P90."""

    state: RunwayState
    display: str = Field(description="What to show.", examples=["47 days (33\N{EN DASH}61)"])
    days: FigureOut = Field(description="Whole days until the middle path is below the floor.")
    early: CrossingOut
    late: CrossingOut
    floor_on: date | None
    zero_on: date | None
    below_since: BelowFloorOut | None
    low_point: LowPointOut = Field(description="The lowest close of the 13 weeks, in the middle.")
    low_point_p10: LowPointOut = Field(description="The lowest close of the 13 weeks when things go badly.")

    @classmethod
    def of(cls, runway: ForecastRunway) -> "HeadlineOut":
        return cls.model_validate(runway)


class WeekOut(FromReport):
    starts_on: date
    ends_on: date
    net: Amount


class WeeklyOut(FromReport):
    weeks: list[WeekOut]
    mean: FigureOut
    median: FigureOut
    difference: str | None = Field(description="Set when they differ by more than a quarter: names the largest item.")


class BooksOut(FromReport):
    is_stale: bool = Field(description="Show grey; actions need a re-check.")
    display: str | None = Field(examples=["as of 3 days ago \N{EN DASH} may be wrong"])


class RunwayOut(FromReport):
    as_of: date
    currency: str
    time_zone: str
    forecast: HeadlineOut = Field(description="The headline: by what is expected.")
    difference: str | None = Field(description="Why `forecast` and `runway` differ, where by more than a quarter.")
    runway: BurnRunwayOut = Field(description="The cross-check: at the trailing net burn.")
    cash: CashOut
    floor: FigureOut
    burn: BurnOut
    windows: list[BurnOut] = Field(description="Burn over 30, 90 and 365 days, for comparison.")
    weekly: WeeklyOut
    coverage_days: FigureOut = Field(description="Cash over gross burn: if no customer paid. A benchmark, no runway.")
    liquidity: LiquidityOut
    books: BooksOut
    flags: list[str] = Field(description="What to tell beside the numbers.")


def runway_out(report: RunwayReport, forecast: Forecast, *, currency: str, time_zone: str) -> RunwayOut:
    """`report` may be by another window or floor than the forecast's own."""
    position = report.cash
    return RunwayOut(
        as_of=report.as_of,
        currency=currency,
        time_zone=time_zone,
        forecast=HeadlineOut.of(forecast.standing.runway),
        difference=forecast.gap.text if forecast.gap else None,
        runway=report.runway,
        cash=_cash(position),
        floor=report.floor,
        burn=report.burn,
        windows=report.windows,
        weekly=report.weekly,
        coverage_days=report.coverage_days,
        liquidity=LiquidityOut(
            credit_owed=position.credit_owed,
            accounts=[{**vars(one.account), "owed": one.owed} for one in position.credit],
        ),
        books=report.books,
        flags=report.flags,
    )


def _cash(position: CashPosition) -> CashOut:
    return CashOut(
        operating=position.cash,
        accounts=position.counted,
        excluded=[{**vars(one.account), "why": one.why} for one in position.excluded],
        undeposited=position.undeposited,
    )


def figure_example(value: str, unit: str, *, n: int = 90, n_of: str = "days") -> dict[str, Any]:
    return {
        "value": value,
        "unit": unit,
        "as_of": "2026-03-15",
        "source": "qbo",
        "n": n,
        "n_of": n_of,
        "note": None,
        "reason": None,
    }


_BURN_EXAMPLE = {
    "asked_days": 90,
    "days": 90,
    "starts_on": "2025-12-15",
    "ends_on": "2026-03-14",
    "gross_daily": figure_example("1893.40", "USD/day"),
    "net_daily": figure_example("273.12", "USD/day"),
    "included": [{"kind": "operating", "amount": "-18420.10", "n": 412}],
    "excluded": [{"kind": "own_transfer", "amount": "0.00", "n": 4}],
}

_ACCOUNT_EXAMPLE = {
    "external_id": "35",
    "name": "Checking",
    "account_type": "Bank",
    "account_subtype": "Checking",
    "balance": "52310.25",
    "currency": "USD",
}

HEADLINE_EXAMPLE = {
    "state": "finite",
    "display": "47 days (33\N{EN DASH}61)",
    "days": figure_example("47", "days", n=112, n_of="documents"),
    "early": {"days": 33, "is_beyond_horizon": False, "is_beyond_cap": False},
    "late": {"days": 61, "is_beyond_horizon": False, "is_beyond_cap": False},
    "floor_on": "2026-05-01",
    "zero_on": "2026-05-15",
    "below_since": None,
    "low_point": {"amount": figure_example("-8140.22", "USD", n=112, n_of="documents"), "on": "2026-06-12"},
    "low_point_p10": {"amount": figure_example("-21030.00", "USD", n=112, n_of="documents"), "on": "2026-06-12"},
}

RUNWAY_EXAMPLE = books_example(
    {
        "as_of": "2026-03-15",
        "currency": "USD",
        "time_zone": "America/Los_Angeles",
        "forecast": HEADLINE_EXAMPLE,
        "difference": "forecast 47 days, at trailing burn 143 days",
        "runway": {
            "state": "finite",
            "display": "143 days",
            "days": figure_example("143", "days"),
            "floor_on": "2026-08-05",
            "zero_on": "2026-09-22",
            "below_since": None,
            "low_point": None,
        },
        "cash": {
            "operating": figure_example("52310.25", "USD", n=1, n_of="accounts"),
            "accounts": [_ACCOUNT_EXAMPLE],
            "excluded": [],
            "undeposited": figure_example("2062.52", "USD", n=1, n_of="accounts"),
        },
        "floor": figure_example("13253.80", "USD"),
        "burn": _BURN_EXAMPLE,
        "windows": [_BURN_EXAMPLE],
        "weekly": {
            "weeks": [{"starts_on": "2026-03-08", "ends_on": "2026-03-14", "net": "-1911.84"}],
            "mean": figure_example("-1911.84", "USD/week", n=13, n_of="weeks"),
            "median": figure_example("-1802.20", "USD/week", n=13, n_of="weeks"),
            "difference": None,
        },
        "coverage_days": figure_example("27", "days"),
        "liquidity": {"credit_owed": figure_example("0.00", "USD", n=0, n_of="accounts"), "accounts": []},
        "books": {"is_stale": False, "display": None},
        "flags": [],
    }
)
