"""Why runway and cash are not what they were some weeks ago: named causes that add up to the difference, to the day and the cent.

Each cause is laid over the earlier forecast's path, one after the other; what the headline moves by at its turn are its days. A different
order of causes would share the days out differently, so the order is fixed. The order of what is given does not matter.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import accumulate

from infra.money import ZERO, to_cents
from runway.calculators.bridge_causes import BridgeCause, Effect, ItemKey, effects_between, items_of
from runway.calculators.burn_runway import CAP_DAYS
from runway.calculators.figures import DAYS, Basis, Figure
from runway.calculators.forecast_runway import Steady, crossing_of
from runway.calculators.outlook import HORIZON_DAYS
from runway.calculators.standpoint import Standpoint

# An older forecast shares too little of its 13 weeks with today's.
OLDEST_DAYS = 35
_RECONSTRUCTED = "the earlier forecast is reconstructed"
_CAPPED = f"on the way there is no cash-out in sight; that counts as {CAP_DAYS} days"


@dataclass(frozen=True)
class BridgeItem:
    """A document at the rail that weighs most in its cause; `amount` positive is more cash."""

    kind: str
    external_id: str
    name: str
    amount: Decimal


@dataclass(frozen=True)
class BridgeStep:
    """Attributes:
    days: what it does to the headline; without value where before or now there is no number of days.
    cash: what it did to the cash of today.
    balance: what it does to the balance expected on the bridge's `until`.
    largest: of `n` documents, the heaviest.
    """

    cause: BridgeCause
    days: Figure
    cash: Figure
    balance: Figure
    largest: BridgeItem | None


@dataclass(frozen=True)
class Change:
    """`change` is now less before; without value where one of them has none."""

    before: Figure
    now: Figure
    change: Figure


@dataclass(frozen=True)
class Bridge:
    """Attributes:
    since: the day of the earlier forecast; `as_of` is today's.
    until: the last day of the earlier forecast's 13 weeks.
    runway: in days. `runway_before` is the earlier headline in words.
    balance: the middle of what is expected on `until`.
    low_before, low_before_on: the earlier forecast's low point.
    steps: each column adds up to its change. What did nothing is left out.
    """

    since: date
    as_of: date
    until: date
    runway_before: str
    runway_now: str
    runway: Change
    cash: Change
    balance: Change
    low_before: Figure
    low_before_on: date
    steps: tuple[BridgeStep, ...]
    is_reconstructed: bool


def bridge(before: Standpoint, now: Standpoint, *, basis: Basis, is_reconstructed: bool = False) -> Bridge | None:
    """None where the earlier forecast is not one of the five weeks before, or where cash was or is not known."""
    ago = (now.as_of - before.as_of).days
    if not 0 < ago <= OLDEST_DAYS or before.cash.value is None or now.cash.value is None:
        return None
    until = before.as_of + timedelta(days=HORIZON_DAYS)
    walk = _Walk(before, now, effects=effects_between(before, now, until=until), until=until)
    note = _RECONSTRUCTED if is_reconstructed else None
    expected = [
        _money(close, basis, n=walk.n, note=note)
        for close in (before.closes[HORIZON_DAYS], now.closes[(until - now.as_of).days])
    ]
    return Bridge(
        since=before.as_of,
        as_of=now.as_of,
        until=until,
        runway_before=before.display,
        runway_now=now.display,
        runway=_change(before.runway, now.runway, basis, note=note),
        cash=_change(before.cash, now.cash, basis, note=note),
        balance=_change(expected[0], expected[1], basis, note=note),
        low_before=before.low.amount,
        low_before_on=before.low.on,
        steps=walk.steps(basis, note=note),
        is_reconstructed=is_reconstructed,
    )


class _Walk:
    """From the earlier path to today's."""

    def __init__(
        self, before: Standpoint, now: Standpoint, *, effects: Mapping[BridgeCause, Effect], until: date
    ) -> None:
        self._before, self._now, self._until = before, now, until
        self._effects = effects
        self._cash_change = (now.cash.value or ZERO) - (before.cash.value or ZERO)
        self.n = sum(len(effect.items) for effect in effects.values())

    def steps(self, basis: Basis, *, note: str | None) -> tuple[BridgeStep, ...]:
        cash, balance = self._cash(), self._balances()
        days, is_capped = self._days(cash)
        made = []
        for cause in BridgeCause:
            moved = days[cause] if days is not None else None
            if cause is not BridgeCause.EXPECTED and not (cash[cause] or balance[cause] or moved):
                continue
            effect = self._effects.get(cause, Effect())
            items = items_of(effect)
            n = len(items)
            made.append(
                BridgeStep(
                    cause,
                    self._days_figure(moved, basis, n=n, note=_CAPPED if is_capped else note),
                    _money(cash[cause], basis, n=n, note=note),
                    _money(balance[cause], basis, n=n, note=note),
                    _item(items[0][0], items[0][1]) if items else None,
                )
            )
        return tuple(made)

    def _cash(self) -> dict[BridgeCause, Decimal]:
        found = {
            cause: to_cents(self._effects[cause].cash) if cause in self._effects else ZERO for cause in BridgeCause
        }
        by_now = (flow.amount for flow in self._before.flows if flow.on < self._now.as_of)
        found[BridgeCause.EXPECTED] = to_cents(sum(by_now, ZERO))
        found[BridgeCause.UNEXPLAINED] = ZERO
        found[BridgeCause.UNEXPLAINED] = self._cash_change - sum(found.values(), ZERO)
        return found

    def _balances(self) -> dict[BridgeCause, Decimal]:
        """On the last day; the model is what is left."""
        found = dict.fromkeys(BridgeCause, ZERO)
        cash = self._cash()
        for cause in BridgeCause:
            if cause not in {BridgeCause.EXPECTED, BridgeCause.MODEL}:
                ahead = self._effects[cause].ahead if cause in self._effects else {}
                found[cause] = cash[cause] + to_cents(sum(ahead.values(), ZERO))
        closes = self._now.closes[(self._until - self._now.as_of).days], self._before.closes[HORIZON_DAYS]
        found[BridgeCause.MODEL] = closes[0] - closes[1] - sum(found.values(), ZERO)
        return found

    def _days(self, cash: Mapping[BridgeCause, Decimal]) -> tuple[dict[BridgeCause, int] | None, bool]:
        """What each moves, and whether a path on the way never falls below the floor."""
        first, last = self._before.runway.value, self._now.runway.value
        if first is None or last is None:
            return None, False
        moved: dict[BridgeCause, int] = {}
        path = self._continued()
        held, level, so_far, is_capped = self._before.cash.value or ZERO, self._before.level, int(first), False
        for cause in BridgeCause:
            held += cash[cause]
            level = self._now.level if cause is BridgeCause.SETTINGS else level
            # What was expected is in the path already; every other surprise moves all of it.
            surprise = ZERO if cause is BridgeCause.EXPECTED else cash[cause]
            path = [close + more for close, more in zip(path, self._more(cause, surprise), strict=True)]
            found = (
                int(last) if cause is BridgeCause.MODEL else _runway(held, path, level=level, burn=self._before.burn)
            )
            is_capped = is_capped or found is None
            days = CAP_DAYS if found is None else found
            moved[cause], so_far = days - so_far, days
        return moved, is_capped

    def _continued(self) -> list[Decimal]:
        """The earlier path from today on, by its burn where its 13 weeks end, so that it is as long as today's."""
        ago, burn = (self._now.as_of - self._before.as_of).days, self._before.burn
        daily = burn.net_outflow / burn.days if burn.is_enough and burn.net_outflow > 0 else ZERO
        last = self._before.closes[-1]
        return [*self._before.closes[ago:], *(last - daily * ahead for ahead in range(1, ago + 1))]

    def _more(self, cause: BridgeCause, surprise: Decimal) -> Iterable[Decimal]:
        """By day from today on; after `until` nothing is compared, so nothing more comes."""
        ahead = self._effects[cause].ahead if cause in self._effects else {}
        days = (self._now.as_of + timedelta(days=number) for number in range(HORIZON_DAYS + 1))
        changes = [ahead.get(on, ZERO) for on in days]
        changes[0] += surprise
        return accumulate(changes)

    def _days_figure(self, days: int | None, basis: Basis, *, n: int, note: str | None) -> Figure:
        if days is None:
            why = self._before.runway.reason or self._now.runway.reason or "n/a"
            return basis.missing(why, DAYS, n=n, n_of="documents", note=note)
        return basis.figure(Decimal(days), DAYS, n=n, n_of="documents", note=note)


def _runway(cash: Decimal, closes: list[Decimal], *, level: Decimal, burn: Steady) -> int | None:
    """As the headline's states have it; None: it never falls below, or later than any number is worth."""
    return 0 if cash <= level else crossing_of(closes, level=level, burn=burn).days


def _change(before: Figure, now: Figure, basis: Basis, *, note: str | None) -> Change:
    if before.value is None or now.value is None:
        why = before.reason or now.reason or "n/a"
        return Change(before, now, basis.missing(why, now.unit, n=now.n, n_of=now.n_of, note=note))
    change = basis.figure(now.value - before.value, now.unit, n=now.n, n_of=now.n_of, note=note)
    return Change(before, now, change)


def _money(amount: Decimal, basis: Basis, *, n: int, note: str | None) -> Figure:
    return basis.figure(amount, basis.currency, n=n, n_of="documents", note=note)


def _item(key: ItemKey, amount: Decimal) -> BridgeItem:
    return BridgeItem(key.kind, key.external_id, key.name, to_cents(amount))
