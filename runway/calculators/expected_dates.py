"""When an open invoice will be paid: an override, else how its customer pays, given that it has not been paid yet."""

import math
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum

from infra.money import ZERO, to_cents
from runway.calculators.ageing import OpenDocument
from runway.calculators.banking_days import is_banking_day, on_or_after
from runway.calculators.banking_habit import BankingHabit
from runway.calculators.lateness import ONE
from runway.calculators.payers import Payer, PayerBook

SPREAD_PER_MILLE = (100, 250, 500, 750, 900)
# Fifty equally likely days an invoice: what the band draws from. Finer than a band of 500 draws can tell apart.
LIKELY_PER_MILLE = tuple(range(10, 1000, 20))
EXCLUDED_BEYOND_DAYS = 120
_ALMOST_NOTHING = ONE // 4
_P90 = 900
_ASSUMED_EXCESS_DAYS = 15.0  # of a company that has no paid invoice yet
_LONGEST_DAYS = 3650
_WEEK = 7


class ExpectedBy(StrEnum):
    """What decided the date, strongest first."""

    PROMISE = "promise"
    MANUAL = "manual"
    EXCLUDED = "excluded"
    MODEL = "model"


@dataclass(frozen=True)
class Override:
    """What a person said about one invoice.

    Attributes:
        by: promise and manual need `on`; excluded covers disputes.
        expires_on: the last day on which it holds; None holds until it is taken back.
    """

    external_id: str
    by: ExpectedBy
    author: str
    made_on: date
    on: date | None = None
    expires_on: date | None = None

    def __post_init__(self) -> None:
        if self.by is ExpectedBy.MODEL:
            raise ValueError("The model is what holds without an override.")
        if (self.by is ExpectedBy.EXCLUDED) == (self.on is not None):
            raise ValueError("A promise and a manual date have a date; an exclusion has none.")

    def holds_on(self, as_of: date) -> bool:
        """A date that has passed with the invoice still open is no date any more."""
        is_past = self.on is not None and self.on < as_of
        return not is_past and self.made_on <= as_of and (self.expires_on is None or as_of <= self.expires_on)


@dataclass(frozen=True)
class ExpectedReceipt:
    """One open invoice on the days it may be paid.

    Attributes:
        amount: home currency, what is expected of it: open, less credits, times the collection probability.
        dates: P10, P25, P50, P75, P90; all equal under an override with a date, empty when excluded.
        banked: the same days, as far as the customer's money waits first before it is banked; empty: it is banked at once.
        likely_days: fifty equally likely days after T on which it is in the bank, for drawing; empty when excluded.
        is_doubtful: later than nearly all that was ever paid.
        asks_in_tray: excluded by the rule, not by a person.
        n: paid invoices of the customer.
    """

    external_id: str
    customer_id: str
    amount: Decimal
    by: ExpectedBy
    dates: tuple[date, ...]
    likely_days: tuple[int, ...]
    n: int
    is_doubtful: bool = False
    asks_in_tray: bool = False
    override: Override | None = None
    banked: tuple[date, ...] = ()

    def spread(self) -> tuple[tuple[date, Decimal], ...]:
        """A fifth on each date on which it is banked, the odd cents on the last."""
        if not self.dates:
            return ()
        part = to_cents(self.amount / len(self.dates))
        parts = [part] * (len(self.dates) - 1)
        return tuple(zip(self.banked or self.dates, [*parts, self.amount - sum(parts, ZERO)], strict=True))


@dataclass(frozen=True)
class Expectations:
    """Attributes:
    probabilities: external id → chance of collecting, only where a dispute or write-off is recorded.
    banking: how long money waits before it is in the bank. A day that a person names is the day on which it is there.
    """

    book: PayerBook
    overrides: Sequence[Override] = ()
    probabilities: tuple[tuple[str, Decimal], ...] = ()
    holidays: AbstractSet[date] = frozenset()
    banking: BankingHabit = field(default_factory=BankingHabit)

    def receipts(
        self, invoices: Iterable[OpenDocument], *, usual: dict[str, ExpectedReceipt] | None = None
    ) -> list[ExpectedReceipt]:
        """One for each invoice with something open, in order of id.

        `usual` are those of invoices that nobody has said anything of, by id, found before of the same invoices, book, holidays and
        banking; what is found now is added.
        """
        usual = {} if usual is None else usual
        chosen = chosen_overrides(self.overrides, self.book.as_of)
        chances = dict(self.probabilities)
        days = _Days(self.book.as_of, self.holidays)
        ordered = sorted((item for item in invoices if item.open_amount > 0), key=lambda item: item.external_id)
        told = chosen.keys() | chances.keys()
        for item in ordered:
            if item.external_id not in told and item.external_id not in usual:
                found = _receipt(item, self.book, override=None, chance=None, days=days)
                usual[item.external_id] = self._banked(found, item.party_name)
        return [
            self._told(item, chosen.get(item.external_id), chances.get(item.external_id), days)
            if item.external_id in told
            else usual[item.external_id]
            for item in ordered
        ]

    def _told(
        self, item: OpenDocument, override: Override | None, chance: Decimal | None, days: "_Days"
    ) -> ExpectedReceipt:
        return self._banked(_receipt(item, self.book, override=override, chance=chance, days=days), item.party_name)

    def _banked(self, receipt: ExpectedReceipt, customer: str) -> ExpectedReceipt:
        if receipt.by is not ExpectedBy.MODEL or not self.banking.is_late(customer):
            return receipt
        as_of, holidays = self.book.as_of, self.holidays
        banked = {
            on: on_or_after(self.banking.banked_on(on, customer), holidays)
            for on in {*receipt.dates, *(as_of + timedelta(days=ahead) for ahead in set(receipt.likely_days))}
        }
        likely = tuple((banked[as_of + timedelta(days=ahead)] - as_of).days for ahead in receipt.likely_days)
        return replace(receipt, banked=tuple(banked[on] for on in receipt.dates), likely_days=likely)


def counted_from(as_of: date, receipts: Sequence[ExpectedReceipt], *, since: date) -> list[ExpectedReceipt]:
    """The same receipts, their likely days counted from `as_of` instead of from `since`."""
    gap = (as_of - since).days
    if not gap:
        return list(receipts)
    return [replace(one, likely_days=tuple(max(0, ahead - gap) for ahead in one.likely_days)) for one in receipts]


def chosen_overrides(overrides: Iterable[Override], as_of: date) -> dict[str, Override]:
    """The strongest that holds for each invoice; of equals the newest."""
    rank = {by: index for index, by in enumerate(ExpectedBy)}
    holding = [item for item in overrides if item.holds_on(as_of)]
    holding.sort(key=lambda item: (-rank[item.by], item.made_on, item.on or date.min, item.author))
    return {item.external_id: item for item in holding}


def _receipt(
    invoice: OpenDocument, book: PayerBook, *, override: Override | None, chance: Decimal | None, days: "_Days"
) -> ExpectedReceipt:
    payer = book.of(invoice.party_id)
    amount = invoice.open_amount if chance is None else to_cents(invoice.open_amount * chance)
    base = ExpectedReceipt(invoice.external_id, invoice.party_id, amount, ExpectedBy.MODEL, (), (), payer.n)
    if override is not None:
        on = () if override.on is None else (on_or_after(override.on, days.holidays),) * len(SPREAD_PER_MILLE)
        likely = tuple((day - book.as_of).days for day in on[:1]) * len(LIKELY_PER_MILLE)
        return replace(base, by=override.by, dates=on, likely_days=likely, override=override)
    late = (book.as_of - invoice.ages_from).days
    if late > EXCLUDED_BEYOND_DAYS and late > 2 * _p90(payer):
        return replace(base, by=ExpectedBy.EXCLUDED, is_doubtful=True, asks_in_tray=True)
    is_doubtful = payer.mixed.weight_beyond(late) < _ALMOST_NOTHING
    wanted = (*SPREAD_PER_MILLE, *LIKELY_PER_MILLE)
    ahead = _tail(book, late, wanted) if is_doubtful else _survivors(payer, late, wanted)
    paid = tuple(days.paid(day, payer.weekday) for day in ahead)
    spread = tuple(book.as_of + timedelta(days=day) for day in paid[: len(SPREAD_PER_MILLE)])
    likely = paid[len(SPREAD_PER_MILLE) :]
    return replace(base, by=ExpectedBy.MODEL, dates=spread, likely_days=likely, is_doubtful=is_doubtful)


def _p90(payer: Payer) -> int:
    return payer.mixed.quantile(_P90) if payer.mixed.weight else 0


def _survivors(payer: Payer, late: int, per_mille: Iterable[int]) -> list[int]:
    """Days after T at these quantiles of what was paid later than `late`: it was not paid so far."""
    return [day - late for day in payer.mixed.quantiles(per_mille, beyond=late)]


def _tail(book: PayerBook, late: int, per_mille: Iterable[int]) -> list[int]:
    """Exponential: an invoice that outlived all examples has no memory of how long it waited."""
    excess = book.pool.mean_excess(book.pool.quantile(500)) if book.pool.weight else None
    mean = max(1.0, excess if excess is not None else _ASSUMED_EXCESS_DAYS)
    # Not due yet: the wait begins at the due date, not today.
    start = max(0, -late)
    return [start + max(1, math.ceil(-mean * math.log1p(-q / 1000))) for q in per_mille]


class _Days:
    """Rolls days after T to banking days. Hundreds of invoices ask for the same few hundred days, so it remembers."""

    def __init__(self, as_of: date, holidays: AbstractSet[date]) -> None:
        self.holidays = holidays
        self._as_of = as_of
        self._known: dict[tuple[int, int | None], int] = {}

    def paid(self, ahead: int, weekday: int | None) -> int:
        key = (min(ahead, _LONGEST_DAYS), weekday)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._rolled(*key)
        return known

    def _rolled(self, ahead: int, weekday: int | None) -> int:
        """On the nearest usual weekday after T, else on the next banking day."""
        day = self._as_of + timedelta(days=ahead)
        if weekday is not None:
            to_usual = (weekday - day.weekday() + _WEEK // 2) % _WEEK - _WEEK // 2
            usual = day + timedelta(days=to_usual)
            usual += timedelta(days=_WEEK if usual <= self._as_of else 0)
            day = usual if is_banking_day(usual, self.holidays) else day
        return (on_or_after(day, self.holidays) - self._as_of).days
