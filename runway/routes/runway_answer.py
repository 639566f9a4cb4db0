"""The runway as the API shows it: the calculator's report, word for word, with amounts as text."""

from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from runway.calculators.burn_runway import RunwayState
from runway.calculators.cash import CashExclusion, CashPosition
from runway.calculators.figures import DAYS, Figure
from runway.calculators.flows import FlowKind
from runway.calculators.runway import RunwayReport
from runway.routes.answers import Amount, plain_amount, plain_number
from runway.routes.documentation import books_example


class _FromReport(BaseModel):
    model_config = ConfigDict(from_attributes=True, validate_by_name=True, validate_by_alias=True)


class FigureOut(_FromReport):
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


class CashAccountOut(_FromReport):
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


class CashOut(_FromReport):
    operating: FigureOut = Field(description="What may pay costs: the sum of `accounts`.")
    accounts: list[CashAccountOut]
    excluded: list[ExcludedAccountOut] = Field(description="Bank accounts that are not operating cash, and why.")
    undeposited: FigureOut = Field(description="Received, not banked yet; not part of `operating`.")


class LiquidityOut(_FromReport):
    """Debt is never cash."""

    credit_owed: FigureOut = Field(description="Drawn on cards and lines.")
    accounts: list[CreditAccountOut]


class FlowSumOut(_FromReport):
    kind: FlowKind
    amount: Amount = Field(description="Positive came in, negative went out.")
    n: int = Field(description="Movements.")


class BurnOut(_FromReport):
    """Operating cash flow over complete days."""

    asked_days: int
    days: int = Field(description="What the history allowed.")
    starts_on: date
    ends_on: date
    gross_daily: FigureOut = Field(description="Operating cash out a day.")
    net_daily: FigureOut = Field(description="Out less in, a day: what shortens the runway. Negative: cash grows.")
    included: list[FlowSumOut]
    excluded: list[FlowSumOut] = Field(description="Movements that are not operating flow, by kind.")


class BelowFloorOut(_FromReport):
    on: date
    is_exact: bool = Field(description="False: the spell began on that day or earlier.")


class LowPointOut(_FromReport):
    amount: FigureOut
    on: date


class BurnRunwayOut(_FromReport):
    state: RunwayState
    display: str = Field(description="What to show.", examples=["143 days"])
    days: FigureOut = Field(description="Whole days until cash reaches the floor.")
    floor_on: date | None = Field(description="The day on which cash reaches the floor.")
    zero_on: date | None = Field(description="The day on which cash reaches zero.")
    below_since: BelowFloorOut | None
    low_point: LowPointOut | None = Field(description="Set when cash does not run out.")


class WeekOut(_FromReport):
    starts_on: date
    ends_on: date
    net: Amount


class WeeklyOut(_FromReport):
    weeks: list[WeekOut]
    mean: FigureOut
    median: FigureOut
    difference: str | None = Field(description="Set when they differ by more than a quarter: names the largest item.")


class BooksOut(_FromReport):
    is_stale: bool = Field(description="Show grey; actions need a re-check.")
    display: str | None = Field(examples=["as of 3 days ago \N{EN DASH} may be wrong"])


class RunwayOut(_FromReport):
    as_of: date
    currency: str
    time_zone: str
    runway: BurnRunwayOut
    cash: CashOut
    floor: FigureOut
    burn: BurnOut
    windows: list[BurnOut] = Field(description="Burn over 30, 90 and 365 days, for comparison.")
    weekly: WeeklyOut
    coverage_days: FigureOut = Field(description="Cash over gross burn: if no customer paid. A benchmark, no runway.")
    liquidity: LiquidityOut
    books: BooksOut
    flags: list[str] = Field(description="What to tell beside the numbers.")


def runway_out(report: RunwayReport, *, currency: str, time_zone: str) -> RunwayOut:
    position = report.cash
    return RunwayOut(
        as_of=report.as_of,
        currency=currency,
        time_zone=time_zone,
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


def _figure(value: str, unit: str, *, n: int = 90, n_of: str = "days") -> dict[str, Any]:
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
    "gross_daily": _figure("1893.40", "USD/day"),
    "net_daily": _figure("273.12", "USD/day"),
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

RUNWAY_EXAMPLE = books_example(
    {
        "as_of": "2026-03-15",
        "currency": "USD",
        "time_zone": "America/Los_Angeles",
        "runway": {
            "state": "finite",
            "display": "143 days",
            "days": _figure("143", "days"),
            "floor_on": "2026-08-05",
            "zero_on": "2026-09-22",
            "below_since": None,
            "low_point": None,
        },
        "cash": {
            "operating": _figure("52310.25", "USD", n=1, n_of="accounts"),
            "accounts": [_ACCOUNT_EXAMPLE],
            "excluded": [],
            "undeposited": _figure("2062.52", "USD", n=1, n_of="accounts"),
        },
        "floor": _figure("13253.80", "USD"),
        "burn": _BURN_EXAMPLE,
        "windows": [_BURN_EXAMPLE],
        "weekly": {
            "weeks": [{"starts_on": "2026-03-08", "ends_on": "2026-03-14", "net": "-1911.84"}],
            "mean": _figure("-1911.84", "USD/week", n=13, n_of="weeks"),
            "median": _figure("-1802.20", "USD/week", n=13, n_of="weeks"),
            "difference": None,
        },
        "coverage_days": _figure("27", "days"),
        "liquidity": {"credit_owed": _figure("0.00", "USD", n=0, n_of="accounts"), "accounts": []},
        "books": {"is_stale": False, "display": None},
        "flags": [],
    }
)
