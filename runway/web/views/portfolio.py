"""All clients in one table, worst first unless another order is asked for; and the chips that filter it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from domains.core.permissions import Permission
from domains.core.ritual import RitualState
from infra.sync.freshness import Freshness
from runway.calculators.burn_runway import RunwayState
from runway.calculators.figures import Figure
from runway.orchestrators.portfolio import Portfolio, PortfolioFilter, PortfolioRow, RowState
from runway.orchestrators.portfolio_sources import Link
from runway.papers.words import state_in_words
from runway.web.charts.spark import spark_chart
from runway.web.formats import number
from runway.web.strings import _, keyed
from runway.web.views.standing import Pill, standing_of


class Sort(StrEnum):
    """Its values are in addresses. `runway` is worst first, as the list comes."""

    RUNWAY = "runway"
    CLIENT = "client"
    CASH = "cash"
    DUE = "due"
    OVERDUE = "overdue"
    WAITING = "waiting"
    FRESHNESS = "freshness"
    RITUAL = "ritual"


_CHIPS = {
    PortfolioFilter.AT_RISK: keyed("At risk"),
    PortfolioFilter.WAITING_ON_CLIENT: keyed("Waiting on client"),
    PortfolioFilter.WAITING_ON_US: keyed("Waiting on us"),
    PortfolioFilter.STALE: keyed("Stale"),
    PortfolioFilter.NO_RITUAL: keyed("No ritual this week"),
}
_ON_THE_WAY = frozenset({RowState.MISSING, RowState.OLDER})
_UNREAD = {
    Link.READING: keyed("its books are being read"),
    Link.READING_FAILING: keyed("reading its books met a problem; it goes on by itself"),
    Link.NEVER_CONNECTED: keyed("not connected to QuickBooks"),
    Link.NEEDS_RECONNECT: keyed("QuickBooks has to be connected again"),
    Link.DISCONNECTED: keyed("disconnected from QuickBooks"),
}
_WHY = {
    RowState.OLDER: keyed("something has changed since; it is being worked out"),
    RowState.MISSING: keyed("it is being worked out"),
    RowState.NOT_READ: keyed("its books were never read"),
}
_CONNECTS = {
    Link.NEVER_CONNECTED: keyed("Connect QuickBooks"),
    Link.NEEDS_RECONNECT: keyed("Connect again"),
    Link.DISCONNECTED: keyed("Connect again"),
}
_SOON_LOOKS, _MOST_LOOKS = 20, 80
_RITUALS = {
    RitualState.NOT_STARTED: keyed("not started"),
    RitualState.UNDER_WAY: keyed("under way"),
    RitualState.FINISHED: keyed("done this week"),
}


@dataclass(frozen=True)
class ChipView:
    label: str
    href: str
    is_on: bool
    count: int


@dataclass(frozen=True)
class HeadView:
    """`order`: ascending, descending, or None where the table is not sorted by it."""

    label: str
    href: str
    order: str | None
    is_number: bool


@dataclass(frozen=True)
class RowView:
    """`why`: why its figures are not of now, or what is wrong with its connection; `connect`: what mends that, and where, if they may. `range`: in days, when things go badly and when they go well."""

    id: str
    href: str
    client: str
    runway: str
    range: str | None
    is_bad: bool
    is_at_risk: bool
    why: str | None
    connect: tuple[str, str] | None
    spark: str | None
    currency: str
    cash: Figure
    due: Figure
    overdue: Figure
    on_us: int | None
    on_client: int | None
    owner: str | None
    freshness: Pill
    ritual: str
    last_ritual: datetime | None


@dataclass(frozen=True)
class PortfolioView:
    """`look`: where the page looks again while figures are being worked out; None when all are there, or after many looks.

    `look_every`: seconds; seldom once it has taken long. `may`, where it is made: what the person may do in each business.
    """

    rows: Sequence[RowView]
    heads: Sequence[HeadView]
    chips: Sequence[ChipView]
    in_all: int
    portfolio: Portfolio
    csv: str
    is_filtered: bool
    look: str | None
    look_every: int


def portfolio_view(
    portfolio: Portfolio,
    *,
    only: Sequence[PortfolioFilter],
    sort: Sort,
    is_descending: bool,
    now: datetime,
    may: Mapping[UUID, Collection[Permission]] | None = None,
    looks: int = 0,
) -> PortfolioView:
    rows = portfolio.rows if sort is Sort.RUNWAY else sorted(portfolio.rows, key=_KEYS[sort])
    shown = list(reversed(rows)) if is_descending else rows
    asked = [("only", one.value) for one in only]
    down = [("down", "1")] if is_descending else []
    return PortfolioView(
        rows=[_row(one, permissions=(may or {}).get(one.business.id, ()), now=now) for one in shown],
        heads=[_head(one, sort, asked=asked, is_descending=is_descending) for one in _HEADS],
        chips=[_chip(one, portfolio, only=only, sort=sort) for one in _CHIPS],
        in_all=portfolio.in_all,
        portfolio=portfolio,
        csv="/api/v1/portfolio?" + urlencode([*asked, ("format", "csv")]),
        is_filtered=bool(only),
        look="/?" + urlencode([*asked, ("sort", sort.value), *down, ("looks", str(looks + 1))])
        if looks < _MOST_LOOKS and any(_is_on_the_way(row) for row in portfolio.rows)
        else None,
        look_every=3 if looks < _SOON_LOOKS else 15,
    )


_HEADS: Sequence[tuple[Sort | None, str, bool]] = (
    (Sort.CLIENT, keyed("Client"), False),
    (Sort.RUNWAY, keyed("Runway"), False),
    (None, keyed("13 weeks"), False),
    (Sort.CASH, keyed("Cash"), True),
    (Sort.DUE, keyed("Due in 7 days"), True),
    (Sort.OVERDUE, keyed("Overdue to collect"), True),
    (Sort.WAITING, keyed("Waiting"), True),
    (None, keyed("Owner"), False),
    (Sort.FRESHNESS, keyed("Books"), False),
    (Sort.RITUAL, keyed("Ritual"), False),
)


def _head(
    head: tuple[Sort | None, str, bool], sort: Sort, *, asked: list[tuple[str, str]], is_descending: bool
) -> HeadView:
    own, label, is_number = head
    if own is None:
        return HeadView(_(label), "", None, is_number)
    turns = own is sort and not is_descending
    href = "/?" + urlencode([*asked, ("sort", own.value), *([("down", "1")] if turns else [])])
    order = None if own is not sort else "descending" if is_descending else "ascending"
    return HeadView(_(label), href, order, is_number)


def _chip(wanted: PortfolioFilter, portfolio: Portfolio, *, only: Sequence[PortfolioFilter], sort: Sort) -> ChipView:
    is_on = wanted in only
    left = [one for one in _CHIPS if (one in only) != (one is wanted)]
    asked = [("only", one.value) for one in left]
    if sort is not Sort.RUNWAY:
        asked.append(("sort", sort.value))
    href = "/?" + urlencode(asked) if asked else "/"
    return ChipView(_(_CHIPS[wanted]), href, is_on, portfolio.counts[wanted])


def _why(row: PortfolioRow) -> str | None:
    if row.link in _UNREAD and (row.state is RowState.NOT_READ or row.link in _CONNECTS):
        return _(_UNREAD[row.link])
    return _(_WHY[row.state]) if row.state in _WHY else None


def _connect(row: PortfolioRow, permissions: Collection[Permission]) -> tuple[str, str] | None:
    if row.link not in _CONNECTS or Permission.CONNECTION_MANAGE not in permissions:
        return None
    return _(_CONNECTS[row.link]), f"/c/{row.business.id}/settings/connection"


def _is_on_the_way(row: PortfolioRow) -> bool:
    return row.state in _ON_THE_WAY or row.link in {Link.READING, Link.READING_FAILING}


def _row(row: PortfolioRow, *, permissions: Collection[Permission], now: datetime) -> RowView:
    summary, waiting, business = row.summary, row.waiting, row.business
    return RowView(
        id=str(business.id),
        href=f"/c/{business.id}",
        client=business.name,
        runway=runway_words(row),
        range=_range(row),
        is_bad=summary is not None and summary.state is RunwayState.BELOW_FLOOR,
        is_at_risk=row.is_at_risk,
        why=_why(row),
        connect=_connect(row, permissions),
        spark=_spark(row),
        currency=business.home_currency,
        cash=row.cash,
        due=row.due,
        overdue=row.overdue_receivable,
        on_us=waiting.on_us if waiting else None,
        on_client=waiting.on_client if waiting else None,
        owner=row.assignee.name or _("somebody who has left") if row.assignee else None,
        freshness=_books(row.books, now=now),
        ritual=_(_RITUALS[row.ritual]),
        last_ritual=row.last_ritual.finished_at if row.last_ritual else None,
    )


def runway_words(row: PortfolioRow) -> str:
    if row.summary is None:
        return _("not known yet")
    return state_in_words(row.summary.state, row.summary.days.value)


def _range(row: PortfolioRow) -> str | None:
    if row.summary is None or row.summary.state is not RunwayState.FINITE or row.early_days is None:
        return None
    if row.late_days is None:
        return _("%(early)s or more") % {"early": number(row.early_days)}
    return f"{number(row.early_days)}\N{EN DASH}{number(row.late_days)}"


def _spark(row: PortfolioRow) -> str | None:
    if not row.spark:
        return None
    return spark_chart(
        f"spark-{row.business.id}", row.spark, floor=row.floor.value, currency=row.business.home_currency
    )


def _books(books: Freshness, *, now: datetime) -> Pill:
    return standing_of(books, now=now).freshness


def _amount(figure: Figure) -> tuple[bool, Decimal]:
    """What is not known comes last."""
    return figure.value is None, figure.value or Decimal(0)


_KEYS: dict[Sort, Callable[[PortfolioRow], Any]] = {
    Sort.CLIENT: lambda row: row.business.name.casefold(),
    Sort.CASH: lambda row: _amount(row.cash),
    Sort.DUE: lambda row: _amount(row.due),
    Sort.OVERDUE: lambda row: _amount(row.overdue_receivable),
    Sort.WAITING: lambda row: row.waiting.on_us if row.waiting else -1,
    Sort.FRESHNESS: lambda row: row.books.as_of.timestamp() if row.books.as_of else 0.0,
    Sort.RITUAL: lambda row: row.last_ritual.finished_at.timestamp() if row.last_ritual else 0.0,
}
