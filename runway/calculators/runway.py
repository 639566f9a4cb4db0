"""The runway of one company on one day: every part of the answer, from what the domains hand over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import partial

from domains.core.movements import CashAccount, CashMovement
from domains.core.rates import HomeRate
from infra.money import ZERO, to_cents
from runway.calculators.burn import MAIN_WINDOW_DAYS, WINDOWS_DAYS, BurnWindow, burn_window, history_days
from runway.calculators.burn_runway import BurnRunway, LowPoint, burn_runway, coverage_days
from runway.calculators.cash import CashPosition, cash_position
from runway.calculators.figures import Basis, Figure
from runway.calculators.floor import DefaultFloor, FloorPolicy, below_floor_since, floor_figure
from runway.calculators.flows import Flow, FlowRules, classify
from runway.calculators.quality import BillEntry, BillEntryCheck, BooksAge, bill_entry_check, books_age
from runway.calculators.weekly import WeeklyFlows, weekly_flows


@dataclass(frozen=True)
class RunwayInputs:
    """Attributes:
    accounts: the whole chart of accounts, inactive ones included.
    movements: 365 days or all there is; one for each account posted to, so both sides of a transfer.
    bill_entries: bills entered in the last nine weeks; None when the caller has none to give (then no flag).
    synced_at: when the oldest of what was used was true; None when never synced.
    now: the present instant; only the age of the books is measured against it.
    history_from: first booked day, if known better than from the first movement given.
    rates: of other currencies, the newest by T. Balances in one that has none are no part of any total.
    unrated: what else of the books has no rate and was left out, in words.
    booked_through: the last day that is in the books; None: T. On the morning of T, the day before: what T brings is still to come.
    """

    basis: Basis
    accounts: Sequence[CashAccount]
    movements: Sequence[CashMovement]
    synced_at: datetime | None
    now: datetime
    last_sync_failed: bool = False
    bill_entries: Sequence[BillEntry] | None = None
    history_from: date | None = None
    rates: Mapping[str, HomeRate] = field(default_factory=dict)
    unrated: tuple[str, ...] = ()
    booked_through: date | None = None


@dataclass(frozen=True)
class RunwayReport:
    """Attributes:
    burn: the main window, of 90 days unless asked otherwise; `windows` holds those of 30, 90 and 365 days.
    unrated: what no exchange rate is known for, in words: it is in no number here.
    flags: what a reader should be told beside the numbers, in words.
    """

    as_of: date
    cash: CashPosition
    floor: Figure
    burn: BurnWindow
    windows: tuple[BurnWindow, ...]
    weekly: WeeklyFlows
    runway: BurnRunway
    coverage_days: Figure
    books: BooksAge
    bill_entry: BillEntryCheck | None
    unrated: tuple[str, ...]
    flags: tuple[str, ...]


@dataclass(frozen=True)
class RunwayCalculator:
    """Holds what a company's owner decided; `calculate` may be called for many days.

    Attributes:
        window_days: the main window, which floor and runway are measured by.
    """

    floor: FloorPolicy = field(default_factory=DefaultFloor)
    rules: FlowRules = field(default_factory=FlowRules)
    window_days: int = MAIN_WINDOW_DAYS

    def calculate(
        self, inputs: RunwayInputs, low_point: LowPoint | None = None, *, flows: Sequence[Flow] | None = None
    ) -> RunwayReport:
        """The whole answer for `inputs.basis.as_of`. `low_point` comes from a forecast, where there is one, and so may `flows`:
        the movements as `classify` sorts them by these rules.
        """
        basis = inputs.basis
        position = self._cash(inputs)
        if flows is None:
            flows = classify(inputs.movements, inputs.accounts, rules=self.rules)
        history = history_days(flows, basis.as_of, began_on=inputs.history_from)
        by_days = {
            days: burn_window(flows, basis, asked_days=days, history=history)
            for days in (*WINDOWS_DAYS, self.window_days)
        }
        windows, main = tuple(by_days[days] for days in WINDOWS_DAYS), by_days[self.window_days]
        floor = floor_figure(self.floor, main, basis)
        since = partial(
            below_floor_since,
            position.cash.value or ZERO,
            floor.value or ZERO,
            movements=inputs.movements,
            account_ids={account.account_id for account in position.counted},
            as_of=basis.as_of,
        )
        weekly = weekly_flows(flows, basis, history=history)
        books = books_age(inputs.synced_at, now=inputs.now, last_sync_failed=inputs.last_sync_failed)
        entries = inputs.bill_entries
        bills = None if entries is None else bill_entry_check(entries, as_of=basis.as_of)
        unrated = (*position.unrated, *inputs.unrated)
        return RunwayReport(
            as_of=basis.as_of,
            cash=position,
            floor=floor,
            burn=main,
            windows=windows,
            weekly=weekly,
            runway=burn_runway(position.cash, floor, burn=main, basis=basis, below_since=since, low_point=low_point),
            coverage_days=coverage_days(position.cash, main, basis),
            books=books,
            bill_entry=bills,
            unrated=unrated,
            flags=_flags(books, bills, weekly, unrated),
        )

    def _cash(self, inputs: RunwayInputs) -> CashPosition:
        """The ledger's balances, saying how much of them is dated after T: a ledger holds post-dated cheques too."""
        rules = replace(self.rules.cash, rates={**self.rules.cash.rates, **inputs.rates})
        position = cash_position(inputs.accounts, inputs.basis, rules=rules)
        counted = {account.account_id for account in position.counted}
        # A transfer between two of them changes nothing of their sum.
        later = sum((m.amount for m in inputs.movements if m.account_id in counted and m.on > inputs.basis.as_of), ZERO)
        if not later:
            return position
        note = f"holds {to_cents(later):,} dated after {inputs.basis.as_of}"
        joined = f"{position.cash.note}; {note}" if position.cash.note else note
        return replace(position, cash=replace(position.cash, note=joined))


def with_age_of_books(report: RunwayReport, books: BooksAge) -> RunwayReport:
    """The same report a while later: what it says of the books' age, and nothing else, changes by itself."""
    return replace(report, books=books, flags=_flags(books, report.bill_entry, report.weekly, report.unrated))


def with_checks_of(report: RunwayReport, other: RunwayReport) -> RunwayReport:
    """The report, with what another one of the same books found of how whole they are."""
    unrated, bills = other.unrated, other.bill_entry
    flags = _flags(report.books, bills, report.weekly, unrated)
    return replace(report, bill_entry=bills, unrated=unrated, flags=flags)


def _flags(
    books: BooksAge, bills: BillEntryCheck | None, weekly: WeeklyFlows, unrated: Sequence[str]
) -> tuple[str, ...]:
    rates = f"no exchange rate for {', '.join(unrated)}: not in these numbers" if unrated else None
    found = (books.display, rates, bills.display if bills else None, weekly.difference)
    return tuple(flag for flag in found if flag)
