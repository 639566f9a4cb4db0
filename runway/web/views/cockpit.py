"""The cockpit as it is drawn: five cards, the chart with its bars, what to do next, and the 13 weeks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from domains.core.permissions import Permission
from domains.core.ritual import RitualState
from infra.money import ZERO
from runway.calculators.burn_runway import RunwayState
from runway.calculators.cards import DueSoon, due_soon
from runway.calculators.figures import Figure
from runway.calculators.forecast import Forecast
from runway.calculators.outlook import PathRow
from runway.calculators.past_closes import past_closes
from runway.orchestrators.cockpit import Cockpit
from runway.papers.words import state_in_words
from runway.web.charts.balance import Balance, Expected, MustPay, balance_chart
from runway.web.charts.flows import WeekBars, flows_chart
from runway.web.formats import NOTHING, day, number
from runway.web.strings import _, keyed, ngettext
from runway.web.views.once import once_a_forecast
from runway.web.views.tray import TrayRowView, row_view
from runway.web.views.weeks import INFLOW, Group, WeekView, past_weeks, sum_of, weeks_view

_HISTORY_WEEKS = 4
_TRAY_SHOWN = 5
WIDE, NARROW = 760.0, 340.0
_RITUALS = {
    RitualState.NOT_STARTED: keyed("Start this week's ritual"),
    RitualState.UNDER_WAY: keyed("Go on with this week's ritual"),
    RitualState.FINISHED: keyed("This week's ritual is done"),
}


@dataclass(frozen=True)
class RunwayCard:
    """`lines`: what goes beneath the big figure, reason after number. `is_bad`: cash is below the floor."""

    big: str
    lines: Sequence[str]
    figure: Figure
    is_bad: bool


@dataclass(frozen=True)
class CockpitView:
    """`charts`: (wide, narrow) of the balance line and of the bars. `tray_in_all` counts what is not set aside."""

    currency: str
    runway: RunwayCard
    cash: Figure
    floor: Figure
    undeposited: Figure
    net_burn: Figure
    gross_burn: Figure
    due: DueSoon
    overdue: Figure
    dso: Figure
    charts: Sequence[tuple[str, str]]
    weeks: Sequence[WeekView]
    tray: Sequence[TrayRowView]
    tray_in_all: int
    flags: Sequence[str]
    ritual: RitualState
    ritual_label: str


def cockpit_view(cockpit: Cockpit, *, permissions: frozenset[Permission]) -> CockpitView:
    forecast = cockpit.worked.forecast
    report = forecast.report
    return CockpitView(
        currency=forecast.basis.currency,
        runway=runway_card(forecast, cockpit.days_change),
        cash=report.cash.cash,
        floor=report.floor,
        undeposited=report.cash.undeposited,
        net_burn=report.burn.net_daily,
        gross_burn=report.burn.gross_daily,
        due=_due(forecast),
        overdue=forecast.receivables.overdue,
        dso=cockpit.worked.capital.dso,
        charts=_charts(forecast) if report.cash.cash.value is not None else (),
        weeks=_weeks(forecast),
        tray=[row_view(one, may=permissions, owners={}) for one in cockpit.tray[:_TRAY_SHOWN]],
        tray_in_all=len(cockpit.tray),
        flags=report.flags,
        ritual=cockpit.ritual,
        ritual_label=_(_RITUALS[cockpit.ritual]),
    )


def runway_card(forecast: Forecast, change: Figure) -> RunwayCard:
    runway = forecast.standing.runway
    lines = []
    if runway.state is RunwayState.FINITE:
        lines.append(_range(runway.early.days, runway.late.days))
    if runway.state is RunwayState.FINITE and runway.floor_on is not None:
        lines.append(_("below the floor on %(day)s") % {"day": day(runway.floor_on, "year")})
    if runway.state is RunwayState.BELOW_FLOOR and runway.below_since is not None:
        since = _("since %(day)s") if runway.below_since.is_exact else _("since %(day)s or before")
        lines.append(since % {"day": day(runway.below_since.on, "year")})
    lines.append(change_words(change))
    big = state_in_words(runway.state, runway.days.value)
    return RunwayCard(big, [line for line in lines if line], runway.days, runway.state is RunwayState.BELOW_FLOOR)


def change_words(change: Figure) -> str:
    """`+3 days since last week`, or why it cannot be said."""
    if change.value is None:
        return _("since last week: %(reason)s") % {"reason": change.reason or NOTHING}
    whole = int(change.value)
    if not whole:
        return _("as many days as last week")
    told = ngettext("%(n)s day since last week", "%(n)s days since last week", abs(whole))
    return told % {"n": f"+{number(whole)}" if whole > 0 else number(whole)}


def _range(early: int | None, late: int | None) -> str:
    if early is None or late is None:
        return _("%(early)s days when things go badly, no end in sight when they go well") % {"early": number(early)}
    return _("between %(early)s and %(late)s days, four times in five") % {"early": number(early), "late": number(late)}


def balance_of(forecast: Forecast) -> Balance:
    must = {PathRow.PAYROLL: "payroll", PathRow.TAX: "tax"}
    return Balance(
        history=_history(forecast),
        expected=[Expected(one.on, one.p10, one.p50, one.p90) for one in forecast.standing.band.days],
        floor=forecast.report.floor.value,
        must_pays=[MustPay(one.on, must[one.row], -one.amount) for one in forecast.path.flows if one.row in must],
        currency=forecast.basis.currency,
    )


def _history(forecast: Forecast) -> list[tuple[date, Decimal]]:
    """Whole weeks, so that the bars beneath stand under the same days."""
    closes = past_closes(forecast, days=7 * _HISTORY_WEEKS)
    return closes[len(closes) % 7 :]


def bars_of(forecast: Forecast, *, past: int) -> list[WeekBars]:
    """The weeks of the chart above: `past` of those that were, by all that was booked; those to come by group."""
    ahead = [
        WeekBars(
            # The first week holds today too; its bar begins where the others' pattern has it.
            starts_on=week.ends_on - timedelta(days=7),
            ends_on=week.ends_on,
            inflow=[(one.value, max(ZERO, sum_of(week, one) or ZERO)) for one in Group if one in INFLOW],
            outflow=[(one.value, max(ZERO, -(sum_of(week, one) or ZERO))) for one in Group if one not in INFLOW],
            week_on=week.starts_on,
        )
        for week in forecast.path.weeks()
    ]
    return [*_past_bars(forecast, past), *ahead]


def _past_bars(forecast: Forecast, count: int) -> list[WeekBars]:
    booked, found = forecast.parts.lately.booked, []
    for first, last in past_weeks(forecast.basis.as_of, count=count):
        amounts = [one.amount for one in booked if first <= one.on <= last]
        came: Decimal = sum((one for one in amounts if one > 0), ZERO)
        went: Decimal = -sum((one for one in amounts if one < 0), ZERO)
        found.append(WeekBars(first, last + timedelta(days=1), [("in", came)], [("out", went)], first, is_past=True))
    return found


_due = once_a_forecast(due_soon)
_weeks = once_a_forecast(weeks_view)


@once_a_forecast
def _charts(forecast: Forecast) -> Sequence[tuple[str, str]]:
    balance = balance_of(forecast)
    bars = bars_of(forecast, past=len(balance.history) // 7)
    return [
        (balance_chart("balance-wide", balance, width=WIDE), balance_chart("balance-narrow", balance, width=NARROW)),
        (
            flows_chart("flows-wide", bars, currency=balance.currency, width=WIDE),
            flows_chart("flows-narrow", bars, currency=balance.currency, width=NARROW),
        ),
    ]
