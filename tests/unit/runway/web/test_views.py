"""What the cockpit and the portfolio show, made of forecasts small enough to reckon by hand."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest

from domains.core.models import Business
from domains.core.permissions import MAY, Permission, Role
from domains.core.ritual import RitualState
from infra.sync.freshness import Freshness, FreshnessSource
from runway.calculators.ageing import UnappliedCredit
from runway.calculators.figures import Figure
from runway.calculators.floor import AbsoluteFloor
from runway.calculators.forecast import Forecast, ForecastRules
from runway.calculators.working_capital import Turnover, working_capital
from runway.orchestrators.cockpit import Cockpit
from runway.orchestrators.kept_forecast import WorkedOut, summary_of
from runway.orchestrators.kept_tray import Waiting
from runway.orchestrators.portfolio import Portfolio, PortfolioFilter, PortfolioRow, RowState
from runway.orchestrators.portfolio_sources import Link
from runway.web.views.cockpit import bars_of, change_words, cockpit_view
from runway.web.views.portfolio import Sort, portfolio_view
from runway.web.views.standing import standing_of
from runway.web.views.weeks import Group, cell_documents, weeks_view
from tests.unit.runway.calculators.making import BASIS, NOW, T, make_account, make_movement
from tests.unit.runway.calculators.test_forecast import make_books, make_document, make_forecast, make_history

RULES = ForecastRules(floor=AbsoluteFloor(Decimal(1000)), counts_to_come=False, counts_uninvoiced_sales=False)
MINUS = "\N{MINUS SIGN}"


def small(*, cash: int = 10000, due: int = 9500) -> Forecast:
    books = make_books(
        make_movement(-300, 10),
        make_movement(200, 1),
        accounts=(make_account("checking", subtype="Checking", balance=Decimal(cash)), make_account("rent", "Expense")),
        invoices=[make_document("i1", 600, 10)],
        invoice_credits=[UnappliedCredit("p1", "p1", "Party p1", Decimal(100))],
        bills=[make_document("b1", 300, -3, party="v1"), make_document("b2", due, 24, party="v2")],
        histories=[make_history(0) for _ in range(4)],
    )
    return make_forecast(books, replace(RULES, must_pay=frozenset({"b2"})))


def worked(forecast: Forecast) -> WorkedOut:
    capital = working_capital(
        Turnover((), (), (), ()), receivables=forecast.receivables, payables=forecast.payables, basis=BASIS
    )
    return WorkedOut(forecast, capital)


def change(days: int | None) -> Figure:
    figure = Figure(Decimal(0), "days", T, "qbo", 1, "documents")
    return replace(figure, value=None, reason="it never ends") if days is None else replace(figure, value=Decimal(days))


def view(forecast: Forecast) -> Any:
    cockpit = Cockpit(worked(forecast), change(-3), RitualState.UNDER_WAY, [])
    return cockpit_view(cockpit, permissions=MAY[Role.VIEWER])


def test_the_five_cards_are_the_forecasts_own_figures() -> None:
    forecast = small()
    shown = view(forecast)
    assert shown.runway.big == "24 days"
    assert shown.runway.lines == [
        "between 24 and 24 days, four times in five", "below the floor on Dec 15, 2025", f"{MINUS}3 days since last week",
    ]  # fmt: skip
    assert (shown.cash, shown.floor) == (forecast.report.cash.cash, forecast.report.floor)
    assert (shown.due.total.value, shown.due.must_pays.value) == (Decimal(300), Decimal(0))
    assert shown.overdue is forecast.receivables.overdue
    assert shown.ritual_label == "Go on with this week's ritual"


def test_below_the_floor_it_says_so_and_since_when() -> None:
    card = view(small(cash=400)).runway
    assert (card.big, card.is_bad) == ("Below the floor", True)
    assert card.lines[0].startswith("since ")


def test_without_cash_there_is_no_line_but_its_reason() -> None:
    books = make_books(accounts=(make_account("rent", "Expense"),))
    shown = view(make_forecast(books))
    assert shown.charts == ()
    assert shown.runway.big == "Cash is not known"
    assert shown.cash.reason


@pytest.mark.parametrize(
    ("days", "told"),
    [
        (3, "+3 days since last week"), (-1, f"{MINUS}1 day since last week"), (0, "as many days as last week"),
        (None, "since last week: it never ends"),
    ],
)  # fmt: skip
def test_the_change_is_told_with_its_sign_or_its_reason(days: int | None, told: str) -> None:
    assert change_words(change(days)) == told


def test_each_week_adds_up_from_its_opening_to_its_closing() -> None:
    weeks = weeks_view(small())
    assert len(weeks) == 13
    for week in weeks:
        assert week.opening is not None
        assert week.opening + sum((cell.amount or Decimal(0) for cell in week.cells), Decimal(0)) == week.closing
    assert [week.is_under for week in weeks[:5]] == [False, False, False, True, True]
    assert [cell.group for cell in weeks[0].cells] == list(Group)


def test_balances_are_left_open_while_cash_is_not_known() -> None:
    """A bank account in another currency without a rate: what moves is known, from what level is not."""
    euros = make_account("euros", subtype="Checking", balance=Decimal(500), currency="EUR")
    books = make_books(accounts=(euros,), bills=[make_document("b1", 300, 3)])
    week = weeks_view(make_forecast(books))[0]
    assert (week.opening, week.closing, week.low, week.p10, week.p50, week.p90) == (None,) * 6
    assert not week.is_under
    assert [cell.amount for cell in week.cells if cell.amount] == [Decimal(-300)]


def test_a_cell_is_made_of_documents_that_add_up_to_it() -> None:
    forecast = small()
    for week in weeks_view(forecast):
        for cell in week.cells:
            made = cell_documents(forecast, week.starts_on, cell.group)
            assert made is not None
            assert sum((one.amount for one in made.documents), Decimal(0)) == (cell.amount or 0)
    opened = cell_documents(forecast, T, Group.BILLS)
    assert opened is not None
    assert [(one.name, one.amount, one.is_must_pay) for one in opened.documents] == [("Party v1", Decimal(-300), False)]
    assert cell_documents(forecast, T + timedelta(days=1), Group.BILLS) is None


def test_the_bars_stand_under_the_days_of_the_line() -> None:
    bars = bars_of(small(), past=1)
    assert [bar.is_past for bar in bars] == [True] + [False] * 13
    assert bars[0].ends_on == bars[1].starts_on == T
    assert bars[0].sums == (Decimal(200), Decimal(0))
    assert bars[1].sums == (Decimal(0), Decimal(300))
    assert all(before.ends_on == after.starts_on for before, after in pairwise(bars))


def books(*, age_seconds: int | None = 60, **more: Any) -> Freshness:
    as_of = None if age_seconds is None else NOW - timedelta(seconds=age_seconds)
    given: dict[str, Any] = {"source": FreshnessSource.MIRROR, "calls_spent": 0, "stale": False} | more
    return Freshness(as_of=as_of, age_seconds=age_seconds, **given)


@pytest.mark.parametrize(
    ("freshness", "tone", "text"),
    [
        (books(), "good", "Fresh, 1 min ago"),
        (books(stale=True, reason="QuickBooks does not answer"), "warn", "Stale, 1 min ago"),
        (books(age_seconds=None), "warn", "Not read yet"),
    ],
)
def test_how_fresh_the_books_are_is_a_word_a_tone_and_a_reason(freshness: Freshness, tone: str, text: str) -> None:
    pill = standing_of(freshness, now=NOW).freshness
    assert (pill.tone, pill.text) == (tone, text)
    assert pill.why == (freshness.reason or pill.why)


@pytest.mark.parametrize(
    ("freshness", "told"),
    [
        (books(), "Ties out"), (books(open_drift=1), "1 difference"), (books(open_drift=3), "3 differences"),
        (books(open_drift=3, quarantined=1), "1 record unread"),
    ],
)  # fmt: skip
def test_what_is_doubtful_is_counted(freshness: Freshness, told: str) -> None:
    drift = standing_of(freshness, now=NOW).drift
    assert drift is not None
    assert drift.text == told
    assert standing_of(books(age_seconds=None), now=NOW).drift is None


def row(name: str, forecast: Forecast | None, **more: Any) -> PortfolioRow:
    summary = None if forecast is None else summary_of(worked(forecast))
    nothing = Figure(None, "USD", T, "qbo", 0, "documents", reason="it is being worked out")
    figures: dict[str, Any] = {
        one: getattr(summary, one) if summary else nothing
        for one in ("days", "low", "cash", "floor", "due", "must_pays", "overdue_receivable")
    }
    business = Business(id=UUID(int=len(name)), name=name, home_currency="USD", time_zone="UTC", created_at=NOW)
    given: dict[str, Any] = {
        "state": RowState.CURRENT if summary else RowState.MISSING, "why": None if summary else "it is being worked out",
        "link": Link.CONNECTED, "days_change": nothing, "spark": summary.p50_by_week if summary else (), "is_at_risk": False, "waiting": Waiting(2, 1),
        "waiting_is_older": False, "assignee": None, "books": books(), "ritual": RitualState.NOT_STARTED, "last_ritual": None,
    } | more  # fmt: skip
    return PortfolioRow(business=business, today=T, summary=summary, **figures, **given)


def portfolio(*rows: PortfolioRow) -> Portfolio:
    counts = {one: index for index, one in enumerate(PortfolioFilter)}
    return Portfolio(list(rows), len(rows), counts, None, "no figures are known", books())


NOON = datetime(2025, 11, 21, 12, tzinfo=UTC)


def show(*rows: PortfolioRow, **more: Any) -> Any:
    asked: dict[str, Any] = {"only": [], "sort": Sort.RUNWAY, "is_descending": False, "now": NOON} | more
    return portfolio_view(portfolio(*rows), **asked)


def test_clients_come_worst_first_as_they_were_given_or_as_asked() -> None:
    rows = row("Zinc", small(cash=12000)), row("alder", small(cash=9000)), row("Birch", None)
    assert [one.client for one in show(*rows).rows] == ["Zinc", "alder", "Birch"]
    assert [one.client for one in show(*rows, sort=Sort.CLIENT).rows] == ["alder", "Birch", "Zinc"]
    assert [one.client for one in show(*rows, sort=Sort.CASH).rows] == ["alder", "Zinc", "Birch"]
    assert [one.client for one in show(*rows, sort=Sort.CASH, is_descending=True).rows] == ["Birch", "Zinc", "alder"]


def test_the_column_that_it_is_sorted_by_turns_when_asked_again() -> None:
    heads = {head.label: head for head in show(row("A", None), sort=Sort.CASH, only=[PortfolioFilter.STALE]).heads}
    assert (heads["Cash"].order, heads["Cash"].href) == ("ascending", "/?only=stale&sort=cash&down=1")
    assert (heads["Runway"].order, heads["Runway"].href) == (None, "/?only=stale&sort=runway")
    assert heads["13 weeks"].href == ""


def test_a_chip_adds_its_filter_and_takes_it_away() -> None:
    chips = {chip.label: chip for chip in show(row("A", None), only=[PortfolioFilter.STALE]).chips}
    assert (chips["Stale"].is_on, chips["Stale"].href) == (True, "/")
    assert (chips["At risk"].is_on, chips["At risk"].href) == (False, "/?only=at_risk&only=stale")
    assert chips["Stale"].count == list(PortfolioFilter).index(PortfolioFilter.STALE)


def test_a_client_without_figures_says_why_and_the_page_looks_again_for_a_while() -> None:
    shown = show(row("A", None))
    assert (shown.rows[0].runway, shown.rows[0].why, shown.rows[0].spark) == (
        "not known yet",
        "it is being worked out",
        None,
    )
    assert shown.look == "/?sort=runway&looks=1"
    assert (show(row("A", None), looks=19).look_every, show(row("A", None), looks=20).look_every) == (3, 15)
    assert show(row("A", None), looks=80).look is None
    assert show(row("A", small())).look is None


@pytest.mark.parametrize(
    ("link", "state", "why", "connect", "goes_on"),
    [
        (Link.READING, RowState.NOT_READ, "its books are being read", None, True),
        (Link.READING_FAILING, RowState.NOT_READ, "reading its books met a problem; it goes on by itself", None, True),
        (Link.NEVER_CONNECTED, RowState.NOT_READ, "not connected to QuickBooks", "Connect QuickBooks", False),
        (Link.NEEDS_RECONNECT, RowState.CURRENT, "QuickBooks has to be connected again", "Connect again", False),
        (Link.DISCONNECTED, RowState.CURRENT, "disconnected from QuickBooks", "Connect again", False),
        (Link.CONNECTED, RowState.CURRENT, None, None, False),
    ],
)
def test_no_client_waits_for_what_will_not_come(
    link: Link, state: RowState, why: str | None, connect: str | None, *, goes_on: bool
) -> None:
    one = row("A", small() if state is RowState.CURRENT else None, link=link, state=state)
    shown = show(one, may={one.business.id: {Permission.CONNECTION_MANAGE}})
    assert shown.rows[0].why == why
    assert shown.rows[0].connect == (connect and (connect, f"/c/{one.business.id}/settings/connection"))
    assert bool(shown.look) is goes_on
    assert show(one, may={one.business.id: {Permission.BOOKS_READ}}).rows[0].connect is None


def test_the_runway_has_its_range_and_its_line() -> None:
    (shown,) = show(row("A", small())).rows
    assert (shown.runway, shown.range) == ("24 days", "24\N{EN DASH}24")
    assert shown.spark
    assert (shown.on_us, shown.on_client) == (2, 1)
    (below,) = show(row("A", small(cash=400))).rows
    assert (below.runway, below.is_bad, below.range) == ("Below the floor", True, None)


def test_the_csv_has_the_filters_of_the_page() -> None:
    assert show(row("A", None), only=[PortfolioFilter.AT_RISK]).csv == "/api/v1/portfolio?only=at_risk&format=csv"
