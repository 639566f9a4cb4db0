"""How long the cash lasts: joins the accounts, what was paid, what came in and what moved, and asks the calculator."""

import asyncio
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from domains.ap.payment_service import PaymentService
from domains.ar.receipt_service import ReceiptService
from domains.cash.cash_service import CashService
from domains.core.rates import HomeRate
from infra.clock import Clock
from infra.config import Rail
from infra.sync.freshness import Fetched, Freshness, FreshnessNeed, FreshnessSource, SyncStrategy
from runway.calculators.burn import MAIN_WINDOW_DAYS, WINDOWS_DAYS
from runway.calculators.figures import Basis
from runway.calculators.floor import DefaultFloor, FloorPolicy
from runway.calculators.flows import FlowRules
from runway.calculators.forecast import Forecast
from runway.calculators.forecast_floor import floor_policy
from runway.calculators.runway import RunwayCalculator, RunwayInputs, RunwayReport, with_checks_of
from runway.orchestrators.forecast_rules import DecidedRules

# Post-dated cheques are in the ledger's balance already; the calculator says how much of it they are.
_LATER_DAYS = 366

# What is in the mirror, however old, and never waiting.
_AS_IT_STANDS = FreshnessNeed(strategy=SyncStrategy.PAGE, max_age=timedelta.max)


@dataclass(frozen=True)
class RunwayQuestion:
    """Attributes:
    today: the company's date.
    window_days: the complete days that burn is measured over.
    rules, uncounted: what the business decided; `uncounted` are bank accounts that it switched off.
    rates: of other currencies, as the forecast beside which it is shown has them.
    checked: that forecast's own report, which has looked at how whole the books are.
    """

    today: date
    home_currency: str
    window_days: int = MAIN_WINDOW_DAYS
    floor: FloorPolicy = field(default_factory=DefaultFloor)
    rules: FlowRules = field(default_factory=FlowRules)
    uncounted: AbstractSet[str] = frozenset()
    rates: Mapping[str, HomeRate] = field(default_factory=dict)
    checked: RunwayReport | None = None

    @classmethod
    def beside(
        cls, forecast: Forecast, decided: DecidedRules, *, window_days: int, floor: FloorPolicy | None
    ) -> "RunwayQuestion":
        """By another window or floor than the forecast's, and by all else that was decided; `floor` None: the one decided on."""
        return cls(
            today=forecast.basis.as_of,
            home_currency=forecast.basis.currency,
            window_days=window_days,
            floor=floor_policy(decided.rules.floor, forecast.series) if floor is None else floor,
            rules=decided.rules.flows,
            uncounted=decided.uncounted,
            rates=forecast.parts.rates,
            checked=forecast.report,
        )


class CashRunway:
    """One refresh brings every mirror up to date, so the first read alone may wait for QuickBooks.

    With QuickBooks down, five reads that each waited two seconds would make ten.
    """

    def __init__(self, *, cash: CashService, payments: PaymentService, receipts: ReceiptService, clock: Clock) -> None:
        self._cash = cash
        self._payments = payments
        self._receipts = receipts
        self._clock = clock

    async def get(self, question: RunwayQuestion, *, freshness: FreshnessNeed) -> Fetched[RunwayReport]:
        """The report, as fresh as the oldest of what it was made from.

        Raises:
            StaleRefused: the strategy is `live` and no refresh succeeded in time.
        """
        since = question.today - timedelta(days=max(WINDOWS_DAYS))
        until = question.today + timedelta(days=_LATER_DAYS)
        accounts = await self._cash.get_cash_accounts(home_currency=question.home_currency, freshness=freshness)
        parts = [
            await self._cash.list_movements(since, until, freshness=_AS_IT_STANDS),
            await self._payments.list_movements(since, until, freshness=_AS_IT_STANDS),
            await self._receipts.list_movements(since, until, freshness=_AS_IT_STANDS),
        ]
        oldest = oldest_of([accounts.freshness, *(part.freshness for part in parts)])
        calculator = RunwayCalculator(floor=question.floor, rules=question.rules, window_days=question.window_days)
        inputs = RunwayInputs(
            basis=Basis(as_of=question.today, source=Rail.QBO.value, currency=question.home_currency),
            accounts=[
                replace(one, is_operating=False) if one.account_id in question.uncounted else one
                for one in accounts.value
            ],
            movements=[movement for part in parts for movement in part.value],
            synced_at=oldest.as_of,
            now=self._clock.now(),
            last_sync_failed=oldest.stale,
            rates=question.rates,
        )
        # A large company's year is 100,000 movements: in a thread, so that other requests go on meanwhile.
        report = await asyncio.to_thread(calculator.calculate, inputs)
        return Fetched(report if question.checked is None else with_checks_of(report, question.checked), oldest)


def oldest_of(parts: Sequence[Freshness]) -> Freshness:
    """What is true of all parts together: the oldest instant, any staleness with its first reason, the calls and doubts of all."""
    instants = [part.as_of for part in parts if part.as_of is not None]
    ages = [part.age_seconds for part in parts if part.age_seconds is not None]
    is_whole = len(instants) == len(parts)
    sources = {part.source for part in parts}
    order = (FreshnessSource.RAIL, FreshnessSource.COALESCED, FreshnessSource.MIRROR)
    return Freshness(
        as_of=min(instants) if is_whole else None,
        age_seconds=max(ages) if is_whole else None,
        source=next(source for source in order if source in sources),
        calls_spent=sum(part.calls_spent for part in parts),
        stale=any(part.stale for part in parts),
        reason=next((part.reason for part in parts if part.reason), None),
        quarantined=sum(part.quarantined for part in parts),
        open_drift=sum(part.open_drift for part in parts),
    )
