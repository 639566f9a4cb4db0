"""The forecast as the API shows it, word for word, with amounts as text."""

from datetime import date
from typing import Any

from pydantic import BaseModel, Field

from runway.calculators.expected_dates import ExpectedBy, ExpectedReceipt
from runway.calculators.forecast import Forecast
from runway.calculators.outflow_kinds import OutflowKind
from runway.calculators.outlook import DatedFlow, PathRow
from runway.calculators.recurring import Recurring, Rhythm
from runway.routes.answers import Amount, fields_of
from runway.routes.documentation import books_example
from runway.routes.runway_answer import HEADLINE_EXAMPLE, BurnRunwayOut, FigureOut, HeadlineOut, figure_example

_EARLIEST, _MIDDLE, _LATEST = 0, 2, 4


class ForecastWeekOut(BaseModel):
    """Seven days; the first week holds today too. `closing` is `opening` and all `rows`. Balances are null while cash is not known."""

    starts_on: date
    ends_on: date
    opening: Amount | None
    rows: dict[PathRow, Amount] = Field(description="Positive comes in. A row of nothing is left out.")
    closing: Amount | None
    low: Amount | None = Field(description="The lowest close of its days.")
    p10: Amount | None = Field(description="Of the band on its last day, as `p50` and `p90`.")
    p50: Amount | None
    p90: Amount | None


class ForecastDayOut(BaseModel):
    """Balances are null while cash is not known."""

    on: date
    inflow: Amount
    outflow: Amount
    closing: Amount | None
    p10: Amount | None
    p50: Amount | None
    p90: Amount | None


class DatedFlowOut(BaseModel):
    on: date
    amount: Amount = Field(description="Positive comes in.")
    row: PathRow
    key: str = Field(description="A document's id at the rail, a payee, or what it is in its row.")
    party_id: str | None
    is_must_pay: bool

    @classmethod
    def of(cls, flow: DatedFlow) -> "DatedFlowOut":
        return cls(**fields_of(cls, flow))


class GapOut(BaseModel):
    """Why the two runways differ by more than a quarter."""

    forecast_days: int | None
    burn_days: int | None
    text: str
    item: DatedFlowOut | None


class ConcentrationOut(BaseModel):
    party_id: str
    share: FigureOut
    note: str | None


class ReceiptOut(BaseModel):
    external_id: str = Field(description="The invoice's id at the rail.")
    customer_id: str
    customer_name: str | None
    amount: Amount = Field(description="What is expected of it, in home currency.")
    by: ExpectedBy
    early_on: date | None = Field(description="P10. Null where nothing is expected.")
    expected_on: date | None = Field(description="P50.")
    late_on: date | None = Field(description="P90.")
    n: int = Field(description="Paid invoices of the customer.")
    is_doubtful: bool = Field(description="Later than nearly all that was ever paid.")
    asks_in_tray: bool = Field(description="So late that nothing is expected until a person says otherwise.")
    author: str | None = Field(description="Who said so, where a person did.")
    expires_on: date | None


class RecurringOut(BaseModel):
    payee: str
    kind: OutflowKind
    rhythm: Rhythm
    amount: FigureOut
    last_on: date
    next_on: date | None


class UsualOut(BaseModel):
    """Rows that no document shows: what is usual a week."""

    unplanned: FigureOut
    uninvoiced_sales: FigureOut | None = Field(description="Null where (nearly) all sales are invoiced.")
    not_yet_invoiced: FigureOut
    not_yet_billed: FigureOut


class ForecastOut(BaseModel):
    as_of: date
    currency: str
    time_zone: str
    headline: HeadlineOut
    cross_check: BurnRunwayOut = Field(description="The same question at the trailing net burn.")
    gap: GapOut | None
    cash: FigureOut
    floor: FigureOut
    weeks: list[ForecastWeekOut]
    days: list[ForecastDayOut] = Field(description="Today and the 91 days after it.")
    uncovered: list[DatedFlowOut] = Field(description="Must-pays on days that close below zero when things go badly.")
    concentration: ConcentrationOut | None
    receipts: list[ReceiptOut] = Field(description="The largest open invoices and when they are expected.")
    receipts_in_all: int
    recurring: list[RecurringOut]
    usual: UsualOut
    assumptions: list[str]
    flags: list[str]


def forecast_out(forecast: Forecast, *, time_zone: str, most_receipts: int) -> ForecastOut:
    gap, most = forecast.gap, forecast.concentration
    largest, names = forecast.parts.largest_receipts[:most_receipts], forecast.parts.customer_names
    return ForecastOut(
        as_of=forecast.basis.as_of,
        currency=forecast.basis.currency,
        time_zone=time_zone,
        headline=HeadlineOut.of(forecast.standing.runway),
        cross_check=forecast.report.runway,
        gap=None
        if gap is None
        else GapOut(
            forecast_days=_whole(gap.forecast_days),
            burn_days=_whole(gap.burn_days),
            text=gap.text,
            item=None if gap.item is None else DatedFlowOut.of(gap.item),
        ),
        cash=forecast.report.cash.cash,
        floor=forecast.report.floor,
        weeks=weeks_out(forecast),
        days=_days_out(forecast),
        uncovered=[DatedFlowOut.of(flow) for flow in forecast.standing.uncovered],
        concentration=None if most is None else ConcentrationOut(**vars(most)),
        receipts=[_receipt_out(one, name=names.get(one.external_id)) for one in largest],
        receipts_in_all=len(forecast.receipts),
        recurring=[_recurring_out(one, as_of=forecast.basis.as_of) for one in forecast.series],
        usual=UsualOut(
            unplanned=forecast.unplanned.weekly,
            uninvoiced_sales=None if forecast.uninvoiced_sales is None else forecast.uninvoiced_sales.weekly,
            not_yet_invoiced=forecast.not_yet_invoiced.weekly,
            not_yet_billed=forecast.not_yet_billed.weekly,
        ),
        assumptions=list(forecast.assumptions),
        flags=list(forecast.report.flags),
    )


def weeks_out(forecast: Forecast) -> list[ForecastWeekOut]:
    band, hidden = (
        {day.on: day for day in forecast.standing.band.days},
        _balances_hidden(forecast, "opening", "closing", "low"),
    )
    return [
        ForecastWeekOut(**(vars(week) | fields_of_band(band[week.ends_on]) | hidden)) for week in forecast.path.weeks()
    ]


def fields_of_band(day: Any) -> dict[str, Any]:
    return {"p10": day.p10, "p50": day.p50, "p90": day.p90}


def _days_out(forecast: Forecast) -> list[ForecastDayOut]:
    pairs, hidden = (
        zip(forecast.path.days, forecast.standing.band.days, strict=True),
        _balances_hidden(forecast, "closing"),
    )
    return [ForecastDayOut(**(vars(day) | fields_of_band(band) | hidden)) for day, band in pairs]


def _balances_hidden(forecast: Forecast, *names: str) -> dict[str, None]:
    """What flows alone cannot tell, while cash is not known."""
    return {} if forecast.report.cash.cash.value is not None else dict.fromkeys((*names, "p10", "p50", "p90"))


def _receipt_out(receipt: ExpectedReceipt, *, name: str | None) -> ReceiptOut:
    dates, said = receipt.dates, receipt.override
    given = {
        "customer_name": name,
        "early_on": dates[_EARLIEST] if dates else None,
        "expected_on": dates[_MIDDLE] if dates else None,
        "late_on": dates[_LATEST] if dates else None,
        "author": said.author if said else None,
        "expires_on": said.expires_on if said else None,
    }
    return ReceiptOut(**fields_of(ReceiptOut, receipt, **given))


def _recurring_out(series: Recurring, *, as_of: date) -> RecurringOut:
    coming = series.due_dates(as_of)
    return RecurringOut(**fields_of(RecurringOut, series, next_on=coming[0] if coming else None))


def _whole(days: Any) -> int | None:
    return None if days is None else int(days)


_WEEKLY = figure_example("420.00", "USD/week", n=13, n_of="weeks")
WEEK_EXAMPLE = {
    "starts_on": "2026-03-15", "ends_on": "2026-03-22", "opening": "52310.25",
    "rows": {"invoices": "9120.00", "bills": "-4210.10", "payroll": "-13253.80"}, "closing": "43966.35", "low": "43000.00",
    "p10": "40120.00", "p50": "44010.00", "p90": "46200.00",
}  # fmt: skip
FORECAST_EXAMPLE = books_example({
    "as_of": "2026-03-15",
    "currency": "USD",
    "time_zone": "America/Los_Angeles",
    "headline": HEADLINE_EXAMPLE,
    "cross_check": {
        "state": "finite", "display": "143 days", "days": figure_example("143", "days"), "floor_on": "2026-08-05",
        "zero_on": "2026-09-22", "below_since": None, "low_point": None,
    },
    "gap": {
        "forecast_days": 47, "burn_days": 143,
        "text": "forecast 47 days, at trailing burn 143 days; largest item not in trailing burn: 42,000.00 out (tax sales tax) in week 6",
        "item": {
            "on": "2026-04-20", "amount": "-42000.00", "row": "tax", "key": "sales tax", "party_id": None, "is_must_pay": True,
        },
    },
    "cash": figure_example("52310.25", "USD", n=1, n_of="accounts"),
    "floor": figure_example("13253.80", "USD", n=1, n_of="payrolls"),
    "weeks": [WEEK_EXAMPLE],
    "days": [{
        "on": "2026-03-15", "inflow": "0.00", "outflow": "0.00", "closing": "52310.25", "p10": "52310.25", "p50": "52310.25",
        "p90": "52310.25",
    }],
    "uncovered": [],
    "concentration": {"party_id": "201", "share": figure_example("43.10", "%", n=118, n_of="flows"), "note": "43.10 % of what is expected in comes from one customer"},
    "receipts": [{
        "external_id": "130", "customer_id": "201", "customer_name": "Dune Cafe", "amount": "1204.50", "by": "model",
        "early_on": "2026-03-20", "expected_on": "2026-04-02", "late_on": "2026-04-21", "n": 14, "is_doubtful": False,
        "asks_in_tray": False, "author": None, "expires_on": None,
    }],
    "receipts_in_all": 61,
    "recurring": [{
        "payee": "Gusto", "kind": "payroll", "rhythm": "biweekly", "amount": figure_example("13253.80", "USD", n=9, n_of="occurrences"),
        "last_on": "2026-03-06", "next_on": "2026-03-20",
    }],
    "usual": {
        "unplanned": _WEEKLY, "uninvoiced_sales": None, "not_yet_invoiced": _WEEKLY, "not_yet_billed": _WEEKLY,
    },
    "assumptions": ["Open invoices come as their customers have paid before, given that they have not paid yet."],
    "flags": [],
})  # fmt: skip
