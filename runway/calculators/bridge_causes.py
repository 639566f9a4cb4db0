"""What came between two forecasts, by cause: the money it moved by now, and what it changes of the days ahead."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum

from infra.money import CENT, ZERO
from runway.calculators.lately import LATELY_DAYS, Booked, BookedAs, PaidDocument
from runway.calculators.outlook import DatedFlow, PathRow
from runway.calculators.standpoint import KnownDocument, Standpoint


class BridgeCause(StrEnum):
    """In the order in which they are taken one after the other."""

    EXPECTED = "expected"
    RECEIPTS_EARLIER = "receipts_earlier"
    RECEIPTS_LATER = "receipts_later"
    RECEIPTS_UNBANKED = "receipts_unbanked"
    INVOICES_CHANGED = "invoices_changed"
    NEW_INVOICES = "new_invoices"
    BILLS_PAID = "bills_paid"
    BILLS_PUT_OFF = "bills_put_off"
    BILLS_CHANGED = "bills_changed"
    NEW_BILLS = "new_bills"
    DATES_CHANGED = "dates_changed"
    PAY_AND_TAXES = "pay_and_taxes"
    OTHER_INCOME = "other_income"
    UNPLANNED = "unplanned"
    NOT_OPERATING = "not_operating"
    SETTINGS = "settings"
    UNEXPLAINED = "unexplained"
    MODEL = "model"


@dataclass(frozen=True)
class ItemKey:
    """A document at the rail, or nothing but a name."""

    kind: str
    external_id: str
    name: str


@dataclass
class Effect:
    """Attributes:
    cash: in cash by now beyond what was expected; positive is more of it.
    ahead: day → change of what is expected on it.
    items: what it is made of, each with all its money.
    """

    cash: Decimal = ZERO
    ahead: dict[date, Decimal] = field(default_factory=lambda: defaultdict(lambda: ZERO))
    items: dict[ItemKey, Decimal] = field(default_factory=lambda: defaultdict(lambda: ZERO))

    def add(self, cash: Decimal, ahead: Mapping[date, Decimal], item: ItemKey | None = None) -> None:
        self.cash += cash
        for on, amount in ahead.items():
            self.ahead[on] += amount
        if item is not None:
            # Money that only moves between days weighs what is moved.
            self.items[item] += cash + sum(ahead.values(), ZERO) or cash


@dataclass(frozen=True)
class _Side:
    """Invoices or bills: their row, what answers it, the sign of their money, and the causes of each fate."""

    kind: str
    row: PathRow
    sign: int
    new: BridgeCause
    changed: BridgeCause
    of_known: Callable[[Decimal, Decimal], BridgeCause]


def _invoice_fate(money: Decimal, expected: Decimal) -> BridgeCause:
    if money == expected:
        return BridgeCause.DATES_CHANGED
    return BridgeCause.RECEIPTS_EARLIER if money > expected else BridgeCause.RECEIPTS_LATER


def _bill_fate(money: Decimal, expected: Decimal) -> BridgeCause:
    if money:
        return BridgeCause.BILLS_PAID
    return BridgeCause.BILLS_PUT_OFF if expected else BridgeCause.DATES_CHANGED


_INVOICES = _Side("Invoice", PathRow.INVOICES, 1, BridgeCause.NEW_INVOICES, BridgeCause.INVOICES_CHANGED, _invoice_fate)
_BILLS = _Side("Bill", PathRow.BILLS, -1, BridgeCause.NEW_BILLS, BridgeCause.BILLS_CHANGED, _bill_fate)

# Rows that no document is behind, and what of the books answers them.
_ROWS = {
    PathRow.UNDEPOSITED: BridgeCause.RECEIPTS_UNBANKED,
    PathRow.UNINVOICED_SALES: BridgeCause.OTHER_INCOME,
    PathRow.NOT_YET_INVOICED: BridgeCause.NEW_INVOICES,
    PathRow.OTHER_IN: BridgeCause.OTHER_INCOME,
    PathRow.NOT_YET_BILLED: BridgeCause.NEW_BILLS,
    PathRow.PAYROLL: BridgeCause.PAY_AND_TAXES,
    PathRow.TAX: BridgeCause.PAY_AND_TAXES,
    PathRow.RECURRING: BridgeCause.PAY_AND_TAXES,
    PathRow.UNPLANNED: BridgeCause.UNPLANNED,
    PathRow.OTHER_OUT: BridgeCause.UNPLANNED,
}
_SWITCHED = frozenset({PathRow.UNINVOICED_SALES, PathRow.NOT_YET_INVOICED, PathRow.NOT_YET_BILLED})
_BOOKED = {
    BookedAs.AGAIN: BridgeCause.PAY_AND_TAXES,
    BookedAs.OTHER_INCOME: BridgeCause.OTHER_INCOME,
    BookedAs.UNPLANNED: BridgeCause.UNPLANNED,
    BookedAs.NOT_OPERATING: BridgeCause.NOT_OPERATING,
}


def effects_between(before: Standpoint, now: Standpoint, *, until: date) -> dict[BridgeCause, Effect]:
    """All but EXPECTED, UNEXPLAINED and MODEL, which are what is left. `until` is the last day that both know."""
    found: dict[BridgeCause, Effect] = defaultdict(Effect)
    expected = _Expected(before, now, until=until)
    booked = _booked_since(before, now)
    collected, paid, sold = (
        _paid_since(getattr(before.lately, name), getattr(now.lately, name), now.as_of)
        for name in ("collected", "paid", "sold")
    )
    received = _add_documents(found, _INVOICES, expected, before.invoices, now.invoices, collected)
    in_bills = _add_documents(found, _BILLS, expected, before.bills, now.bills, paid)
    for identifier, (amount, name) in sold.items():
        found[BridgeCause.OTHER_INCOME].add(amount, {}, ItemKey("SalesReceipt", identifier, name or "SalesReceipt"))
        received += amount
    by_class: dict[BookedAs, Decimal] = defaultdict(lambda: ZERO)
    for one, amount in booked:
        by_class[one.booked_as] += amount
        if one.booked_as in _BOOKED:
            key = ItemKey(one.source, one.external_id, one.name or one.source)
            found[_BOOKED[one.booked_as]].add(amount, {}, key)
    # What the bank shows of invoices and bills, and their documents do not: received and not banked, paid by card.
    found[BridgeCause.RECEIPTS_UNBANKED].add(by_class[BookedAs.INVOICES] - received, {})
    found[BridgeCause.BILLS_PAID].add(by_class[BookedAs.BILLS] + in_bills, {})
    for row, cause in _ROWS.items():
        is_switched = row in _SWITCHED and expected.is_in_one_only(row)
        by_now, ahead = expected.of_row(row)
        found[BridgeCause.SETTINGS if is_switched else cause].add(-by_now, ahead)
    found[BridgeCause.SETTINGS].add(_recounted(before, now), {})
    return found


def _recounted(before: Standpoint, now: Standpoint) -> Decimal:
    """Cash that is more or less for the accounts that count as it."""
    added = sum((now.balances[one] for one in now.balances.keys() - before.balances.keys()), ZERO)
    return added - sum((before.balances[one] for one in before.balances.keys() - now.balances.keys()), ZERO)


def _add_documents(
    found: dict[BridgeCause, Effect],
    side: _Side,
    expected: "_Expected",
    before: Sequence[KnownDocument],
    now: Sequence[KnownDocument],
    paid: Mapping[str, tuple[Decimal, str]],
) -> Decimal:
    """The money that was paid on them, positive."""
    then, today = ({one.external_id: one for one in known} for known in (before, now))
    total = ZERO
    for identifier in sorted({*then, *today, *paid, *expected.keys_of(side.row)}):
        money, payer = paid.get(identifier, (ZERO, ""))
        by_now, ahead = expected.of_document(side.row, identifier)
        cash = side.sign * money - by_now
        total += money
        if cash or any(ahead.values()):
            known = then.get(identifier) or today.get(identifier)
            cause = _fate(side, then.get(identifier), today.get(identifier), money=money, expected=side.sign * by_now)
            name = known.party_name if known else payer
            found[cause].add(cash, ahead, ItemKey(side.kind, identifier, name or identifier))
    return total


def _fate(
    side: _Side, then: KnownDocument | None, today: KnownDocument | None, *, money: Decimal, expected: Decimal
) -> BridgeCause:
    if then is None:
        return side.new
    left = today.open_amount if today is not None else ZERO
    # A credit, an edit or a void: what is open fell or rose without money.
    if abs(left + money - then.open_amount) >= CENT:
        return side.changed
    return side.of_known(money, expected)


class _Expected:
    """What either forecast expects, by row and key: until today, and on each day from today on that both know."""

    def __init__(self, before: Standpoint, now: Standpoint, *, until: date) -> None:
        self._by_now: dict[tuple[PathRow, str], Decimal] = defaultdict(lambda: ZERO)
        self._ahead: dict[tuple[PathRow, str], dict[date, Decimal]] = defaultdict(lambda: defaultdict(lambda: ZERO))
        self._rows = tuple({flow.row for flow in one.flows} for one in (before, now))
        for flow in before.flows:
            if flow.on < now.as_of:
                self._by_now[_key(flow)] += flow.amount
            else:
                self._ahead[_key(flow)][flow.on] -= flow.amount
        for flow in now.flows:
            if flow.on <= until:
                self._ahead[_key(flow)][flow.on] += flow.amount

    def is_in_one_only(self, row: PathRow) -> bool:
        return (row in self._rows[0]) != (row in self._rows[1])

    def keys_of(self, row: PathRow) -> set[str]:
        return {key for of_row, key in (*self._by_now, *self._ahead) if of_row is row}

    def of_document(self, row: PathRow, key: str) -> tuple[Decimal, dict[date, Decimal]]:
        return self._by_now.get((row, key), ZERO), self._ahead.get((row, key), {})

    def of_row(self, row: PathRow) -> tuple[Decimal, dict[date, Decimal]]:
        by_now, ahead = ZERO, defaultdict[date, Decimal](lambda: ZERO)
        for key in sorted(self.keys_of(row)):
            past, days = self.of_document(row, key)
            by_now += past
            for on, amount in days.items():
                ahead[on] += amount
        return by_now, ahead


def _key(flow: DatedFlow) -> tuple[PathRow, str]:
    """Days of a usual week are one thing; only documents are told apart."""
    return flow.row, flow.key if flow.row in {PathRow.INVOICES, PathRow.BILLS} else ""


def _booked_since(before: Standpoint, now: Standpoint) -> list[tuple[Booked, Decimal]]:
    """Lines on accounts that counted both times, with what they moved that the earlier forecast did not know of.

    By document, not by date: what was entered late is new, what was dated ahead was in the balance already.
    """
    counted = before.balances.keys() & now.balances.keys()
    since = now.as_of - timedelta(days=LATELY_DAYS)
    then = _by_document(one for one in before.lately.booked if one.account_id in counted and one.on >= since)
    today = _by_document(one for one in now.lately.booked if one.account_id in counted)
    changed = []
    for key in sorted({*then, *today}):
        old, new = then.get(key, []), today.get(key, [])
        if sum((one.amount for one in old), ZERO) != sum((one.amount for one in new), ZERO):
            changed += [(one, one.amount) for one in new] + [(one, -one.amount) for one in old]
    return changed


def _by_document(booked: Iterable[Booked]) -> dict[tuple[str, str, str], list[Booked]]:
    found: dict[tuple[str, str, str], list[Booked]] = defaultdict(list)
    for one in booked:
        found[one.source, one.external_id, one.account_id].append(one)
    return found


def _paid_since(
    then: Iterable[PaidDocument], today: Iterable[PaidDocument], as_of: date
) -> dict[str, tuple[Decimal, str]]:
    """By document: money that the earlier forecast did not know of, and whose it was."""
    since = as_of - timedelta(days=LATELY_DAYS)
    found: dict[str, tuple[Decimal, str]] = {}
    for parts, factor in ((today, 1), ([one for one in then if one.on >= since], -1)):
        for one in sorted(parts, key=lambda part: (part.on, part.document_id, part.party_name or "")):
            so_far, name = found.get(one.document_id, (ZERO, ""))
            found[one.document_id] = (so_far + factor * one.amount, name or one.party_name or "")
    return {key: value for key, value in sorted(found.items()) if value[0]}


def items_of(effect: Effect) -> list[tuple[ItemKey, Decimal]]:
    """The heaviest first; of equals in order of their keys."""
    return sorted(effect.items.items(), key=lambda one: (-abs(one[1]), one[0].kind, one[0].external_id, one[0].name))
