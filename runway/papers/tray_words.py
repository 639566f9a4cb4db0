"""What an item of the tray is and why it is there, in the reader's language: made of a code and facts, only when somebody reads it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from runway.language.formats import day, money
from runway.language.strings import _, keyed, ngettext


@dataclass(frozen=True)
class Money:
    amount: Decimal | None
    currency: str


Fact = str | int | date | Money | tuple[str, ...] | None
Facts = Mapping[str, Fact]


class ChipCode(StrEnum):
    """Why it is there. Those of notices are the notice's own kind, and say what it says."""

    DUE = "due"
    PAID_LATE = "paid_late"
    DISCOUNT_ENDS = "discount_ends"
    WAITING = "waiting"
    WAITING_FOR_SECOND = "waiting_for_second"
    CHANGED_AFTER_APPROVAL = "changed_after_approval"
    POSSIBLE_DUPLICATE = "possible_duplicate"
    BROKEN_PROMISE = "broken_promise"
    LATER_THAN_USUAL = "later_than_usual"
    NOT_IN_FORECAST = "not_in_forecast"
    FLOOR_BREACH = "floor_breach"
    UNCOVERED = "uncovered"
    DRIFT = "drift"
    QUARANTINE = "quarantine"
    STALE = "stale"
    UNRATED = "unrated"
    BYPASS = "bypass"
    ACTION = "action"
    RECONNECT_NEEDED = "reconnect_needed"
    CONNECTION_FAILING = "connection_failing"
    CLOSED_PERIOD = "closed_period"


class WhatCode(StrEnum):
    """What the item is about."""

    BILL = "bill"
    INVOICE = "invoice"
    BELOW_FLOOR = "below_floor"
    MAY_FALL_BELOW_FLOOR = "may_fall_below_floor"
    PAYROLL_UNCOVERED = "payroll_uncovered"
    TAX_UNCOVERED = "tax_uncovered"
    MUST_PAY_UNCOVERED = "must_pay_uncovered"
    DRIFT = "drift"
    QUARANTINE = "quarantine"
    STALE = "stale"
    UNRATED = "unrated"
    NOTICE = "notice"


_SENTENCES: Mapping[ChipCode, str] = {
    ChipCode.DISCOUNT_ENDS: keyed("%(saving)s off until %(until)s"),
    ChipCode.WAITING: keyed("waits for approval"),
    ChipCode.WAITING_FOR_SECOND: keyed("waits for a second approval"),
    ChipCode.CHANGED_AFTER_APPROVAL: keyed("changed after approval: %(fields)s"),
    ChipCode.BROKEN_PROMISE: keyed("promised for %(promised)s"),
    ChipCode.NOT_IN_FORECAST: keyed("too late to count on: say when it comes"),
    ChipCode.FLOOR_BREACH: keyed("lowest %(low)s on %(on)s if payments come late"),
    ChipCode.UNCOVERED: keyed("the cautious path has no cash on that day"),
    ChipCode.DRIFT: keyed("%(n)s not repaired"),
    ChipCode.QUARANTINE: keyed("%(n)s cannot be read"),
    ChipCode.UNRATED: keyed("not in these numbers: %(what)s"),
}
_NOTICES = frozenset(
    {
        ChipCode.BYPASS,
        ChipCode.ACTION,
        ChipCode.RECONNECT_NEEDED,
        ChipCode.CONNECTION_FAILING,
        ChipCode.CLOSED_PERIOD,
    }
)
_WHATS: Mapping[WhatCode, str] = {
    WhatCode.BILL: keyed("Bill %(number)s of %(party)s"),
    WhatCode.INVOICE: keyed("Invoice %(number)s of %(party)s"),
    WhatCode.BELOW_FLOOR: keyed("Cash is below the floor"),
    WhatCode.MAY_FALL_BELOW_FLOOR: keyed("Cash may fall below the floor"),
    WhatCode.PAYROLL_UNCOVERED: keyed("Payroll is not covered"),
    WhatCode.TAX_UNCOVERED: keyed("Tax is not covered"),
    WhatCode.MUST_PAY_UNCOVERED: keyed("A must-pay is not covered"),
    WhatCode.DRIFT: keyed("%(entity)s: our copy differs from QuickBooks"),
    WhatCode.QUARANTINE: keyed("Objects of QuickBooks that cannot be read"),
    WhatCode.STALE: keyed("The books are old"),
    WhatCode.UNRATED: keyed("An exchange rate is missing"),
}
_FIELDS: Mapping[str, str] = {
    "total": keyed("amount"),
    "currency": keyed("currency"),
    "vendor_external_id": keyed("vendor"),
    "due_on": keyed("due date"),
    "remit_to": keyed("remit address"),
}
_LOOKALIKES: Mapping[str, str] = {
    "bill": keyed("looks like bill %(number)s of %(on)s for %(amount)s"),
    "purchase": keyed("looks like the purchase %(number)s of %(on)s for %(amount)s"),
}


def chip_in_words(code: ChipCode, facts: Facts) -> str:
    if code in _NOTICES:
        return str(facts["text"])  # a notice is written down when it is raised
    if code in _WRITTEN:
        return _WRITTEN[code](facts)
    return _(_SENTENCES[code]) % _shown(facts)


def what_in_words(code: WhatCode, facts: Facts) -> str:
    if code is WhatCode.NOTICE:
        return str(facts["title"])
    return _(_WHATS[code]) % _shown(facts)


def field_in_words(name: str) -> str:
    """One of those that an approval is of."""
    return _(_FIELDS[name]) if name in _FIELDS else name.replace("_", " ")


def _shown(facts: Facts) -> dict[str, str]:
    return {name: _fact(fact) for name, fact in facts.items()}


def _fact(fact: Fact) -> str:
    match fact:
        case Money():
            return money(fact.amount, fact.currency)
        case tuple():
            return ", ".join(map(field_in_words, fact))
        case date():
            return day(fact)
        case _:
            return str(fact)


def _due(facts: Facts) -> str:
    days = _count(facts, "days")
    if days < 0:
        return ngettext("overdue %(n)s d", "overdue %(n)s d", -days) % {"n": -days}
    return ngettext("due in %(n)s d", "due in %(n)s d", days) % {"n": days} if days else _("due today")


def _paid_late(facts: Facts) -> str:
    n = _count(facts, "days")
    return ngettext(
        "expected %(n)s day late, as this vendor is usually paid",
        "expected %(n)s days late, as this vendor is usually paid",
        n,
    ) % {"n": n}


def _later_than_usual(facts: Facts) -> str:
    late = _count(facts, "late")
    return ngettext(
        "%(late)s day late; nearly always paid within %(usual)s",
        "%(late)s days late; nearly always paid within %(usual)s",
        late,
    ) % _shown(facts)


def _stale(facts: Facts) -> str:
    n = _count(facts, "days")
    return ngettext("%(n)s day old", "%(n)s days old", n) % {"n": n}


def _duplicate(facts: Facts) -> str:
    told = _shown(facts)
    if isinstance(on := facts["on"], date):
        told["on"] = day(on, "year")  # a bill of last year may look like this one
    return _(_LOOKALIKES[str(facts["kind"])]) % told


def _count(facts: Facts, name: str) -> int:
    n = facts[name]
    if not isinstance(n, int):
        raise TypeError(f"{name} is a count.")
    return n


_WRITTEN: Mapping[ChipCode, Callable[[Facts], str]] = {
    ChipCode.DUE: _due,
    ChipCode.PAID_LATE: _paid_late,
    ChipCode.LATER_THAN_USUAL: _later_than_usual,
    ChipCode.STALE: _stale,
    ChipCode.POSSIBLE_DUPLICATE: _duplicate,
}
