"""Freezes each Monday's forecast, judges the weeks that have passed, and tells how good the forecasts were."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from domains.ap.payment_service import PaymentService
from domains.ar.receipt_service import ReceiptService
from domains.cash.cash_service import CashService
from domains.core import frozen_forecasts, standpoints
from domains.core.forecast_models import ForecastResult, ForecastSource, FrozenForecastRow
from domains.core.frozen_forecasts import Came
from domains.core.models import Business
from domains.core.movements import CashAccount, CashMovement
from domains.core.rates import newest_of
from infra.clock import Clock
from infra.config import Rail
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.money import ZERO, to_cents
from infra.sync.freshness import AS_IT_STANDS, Fetched
from runway.calculators.accuracy import (
    GRADE_WEEKS,
    HORIZON_WEEKS,
    FrozenForecast,
    Grade,
    HorizonAccuracy,
    accuracy_at,
    grade,
)
from runway.calculators.bridge import OLDEST_DAYS
from runway.calculators.cash import in_home_currency
from runway.calculators.figures import Basis
from runway.calculators.forecast import Forecast
from runway.calculators.frozen import CameWeek, Frozen, WhatCame, judged
from runway.orchestrators.what_changed import kept

# A year of Mondays, each with its thirteen weeks: older ones say little of how good we are now.
LOOK_BACK = timedelta(weeks=65)
_DAYS_A_MONTH = Decimal("30.4375")
_MONDAY = 0


@dataclass(frozen=True)
class AccuracyReport:
    """Attributes:
    horizons: at 1, 4 and 13 weeks.
    frozen: forecasts looked at, by how they came to be.
    outflow_monthly: what the balance errors are measured by; zero before any week was judged.
    """

    grade: Grade
    horizons: tuple[HorizonAccuracy, ...]
    frozen: dict[ForecastSource, int]
    outflow_monthly: Decimal
    currency: str


@dataclass(frozen=True)
class ForecastAccuracy:
    """Of one business on its `today`."""

    business: Business
    uow: UnitOfWorkFactory
    cash: CashService
    payments: PaymentService
    receipts: ReceiptService
    today: date
    clock: Clock

    async def freeze(self, forecast: Forecast, *, source: ForecastSource = ForecastSource.LIVE) -> bool:
        """Keep a Monday's forecast, and what the next weeks are compared with; False on other days, where that Monday has one, and while the cash itself is not known."""
        on, frozen = forecast.basis.as_of, Frozen.of(forecast)
        if on.weekday() != _MONDAY or forecast.report.cash.cash.value is None:
            return False
        content = await asyncio.to_thread(kept, forecast)
        async with self.uow([self.business.id]) as uow:
            if on >= self._compared_since:
                await standpoints.keep(
                    uow.session, self.business.id, on, source=source, content=content, since=self._compared_since
                )
            return await frozen_forecasts.keep(
                uow.session,
                self.business.id,
                on,
                source=source,
                currency=forecast.basis.currency,
                weeks=len(frozen.weeks),
                figures=frozen.to_figures(),
            )

    async def mondays(self) -> set[date]:
        """Those that have a frozen forecast, and all that a later one is compared with."""
        async with self.uow([self.business.id]) as uow:
            frozen = await frozen_forecasts.list_mondays(uow.session, self.business.id)
            compared = await standpoints.list_days(uow.session, self.business.id)
        last_monday = self.today - timedelta(days=self.today.weekday() + 7)
        return frozen if last_monday in compared else frozen - {last_monday}

    @property
    def _compared_since(self) -> date:
        return self.today - timedelta(days=OLDEST_DAYS)

    async def judge(self) -> int:
        """Write down what the weeks that have passed brought, by the books as they stand; how many weeks."""
        async with self.uow([self.business.id]) as uow:
            frozen = await frozen_forecasts.list_frozen(uow.session, self.business.id, since=self.today - LOOK_BACK)
        if not frozen:
            return 0
        accounts, movements = await self._read(frozen[0].frozen_on)
        accounts = await self._in_home_currency(accounts)
        unrated = frozenset(one.account_id for one in accounts if one.currency != self.business.home_currency)
        weeks = await asyncio.to_thread(_came, frozen, accounts, movements, until=self.today, unrated=unrated)
        async with self.uow([self.business.id]) as uow:
            await frozen_forecasts.keep_results(uow.session, self.business.id, weeks, now=self.clock.now())
        return len(weeks)

    async def report(self) -> Fetched[AccuracyReport]:
        """The grade and what it rests on, as fresh as the books that the weeks are judged by."""
        since = self.today - LOOK_BACK
        async with self.uow([self.business.id]) as uow:
            frozen = await frozen_forecasts.list_frozen(uow.session, self.business.id, since=since)
            results = await frozen_forecasts.list_results(uow.session, self.business.id, since=since)
        accounts = await self.cash.get_cash_accounts(home_currency=self.business.home_currency, freshness=AS_IT_STANDS)
        return Fetched(self._report(frozen, results), accounts.freshness)

    def _report(self, frozen: Sequence[FrozenForecastRow], results: Sequence[ForecastResult]) -> AccuracyReport:
        basis = Basis(as_of=self.today, source=Rail.QBO.value, currency=self.business.home_currency)
        came: dict[date, list[CameWeek]] = defaultdict(list)
        for row in results:
            came[row.frozen_on].append(CameWeek(row.receipts, row.disbursements, row.closing))
        forecasts = [_judged(row, came[row.frozen_on]) for row in frozen]
        monthly = _outflow_monthly(frozen, came)
        horizons = tuple(
            accuracy_at(weeks, forecasts, gross_monthly_outflow=monthly, basis=basis) for weeks in HORIZON_WEEKS
        )
        at_grade = horizons[HORIZON_WEEKS.index(GRADE_WEEKS)]
        sources = Counter(ForecastSource(row.source) for row in frozen)
        return AccuracyReport(grade(at_grade, forecasts), horizons, dict(sources), monthly, basis.currency)

    async def _in_home_currency(self, accounts: Sequence[CashAccount]) -> list[CashAccount]:
        """Their balances at today's rates; one in a currency without a rate stays in it."""
        home = self.business.home_currency
        if all(one.currency == home for one in accounts):
            return list(accounts)
        rates = newest_of((await self.cash.list_rates(date.min, self.today, freshness=AS_IT_STANDS)).value)
        told = ((one, in_home_currency(one, one.balance, home, rates=rates)) for one in accounts)
        return [one if worth is None else replace(one, balance=worth, currency=home) for one, worth in told]

    async def _read(self, since: date) -> tuple[list[CashAccount], list[CashMovement]]:
        """Without an end: today's balances hold what is dated ahead, too."""
        accounts = await self.cash.get_cash_accounts(home_currency=self.business.home_currency, freshness=AS_IT_STANDS)
        parts = [
            await one.list_movements(since, date.max, freshness=AS_IT_STANDS)
            for one in (self.cash, self.payments, self.receipts)
        ]
        return accounts.value, [item for part in parts for item in part.value]


def _came(
    frozen: Sequence[FrozenForecastRow],
    accounts: Sequence[CashAccount],
    movements: Sequence[CashMovement],
    *,
    until: date,
    unrated: AbstractSet[str],
) -> list[Came]:
    """The weeks that ended before `until`; a forecast made when other accounts counted is judged by those.

    One that counted an account in a currency without a rate, `unrated`, is not judged: unlike units are never added.
    """
    came_to: dict[frozenset[str], WhatCame] = {}
    found = []
    for row in frozen:
        said = Frozen.from_figures(row.figures)
        if said.accounts & unrated:
            continue
        if said.accounts not in came_to:
            came_to[said.accounts] = WhatCame(accounts, movements, counted=said.accounts)
        for number, week in enumerate(said.weeks, start=1):
            if week.ends_on < until:
                came = came_to[said.accounts].week(week.starts_on, week.ends_on)
                found.append(Came(row.frozen_on, number, came.receipts, came.disbursements, came.closing))
    return found


def _judged(row: FrozenForecastRow, came: Sequence[CameWeek]) -> FrozenForecast:
    is_reconstructed = row.source == ForecastSource.RECONSTRUCTED.value
    return judged(row.frozen_on, Frozen.from_figures(row.figures).weeks, came, is_reconstructed=is_reconstructed)


def _outflow_monthly(frozen: Sequence[FrozenForecastRow], came: dict[date, list[CameWeek]]) -> Decimal:
    """Of the first weeks of all forecasts: each week of the year is in it once."""
    out, days = ZERO, 0
    for row in frozen:
        if weeks := came[row.frozen_on]:
            first = Frozen.from_figures(row.figures).weeks[0]
            out += weeks[0].disbursements
            days += (first.ends_on - first.starts_on).days + 1
    return to_cents(out / days * _DAYS_A_MONTH) if days else ZERO
