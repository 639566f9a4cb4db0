"""Whether a bill looks like one that is there already, by its vendor, number, amount and date. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import IntEnum, StrEnum

from domains.core.lookalikes import Lookalike
from infra.money import CENT

SAME_AMOUNT_WITHIN_DAYS = 10  # before or after
SPENT_WITHIN_DAYS = 45  # before the bill

# What firms add to their names and leave out again.
_FORMS = frozenset(
    [
        "inc",
        "incorporated",
        "llc",
        "llp",
        "lp",
        "ltd",
        "limited",
        "co",
        "corp",
        "corporation",
        "company",
        "plc",
        "gmbh",
        "ag",
        "sa",
        "sarl",
        "bv",
        "nv",
        "pty",
        "pte",
        "the",
        "and",
        "of",
    ]
)
_PREFIX = re.compile(r"^(?:invoice|inv|bill|rechnung|number|num|no|nr|ref)+(?=\d)")


class Sign(StrEnum):
    """What two documents of one vendor have in common."""

    NUMBER = "same_number"
    AMOUNT_AND_DATE = "same_amount_near_date"
    SPENT_LATELY = "same_amount_lately"


class Strength(IntEnum):
    """`STRONG` blocks an approval until somebody says why; the others are shown."""

    WEAK = 1
    LIKELY = 2
    STRONG = 3


@dataclass(frozen=True)
class Duplicate:
    """Another document that this bill looks like, and why."""

    other: Lookalike
    signs: tuple[Sign, ...]
    strength: Strength

    @property
    def words(self) -> str:
        number = self.other.doc_number or self.other.external_id
        return f"{self.other.kind.value} {number} of {self.other.on.isoformat()} for {self.other.amount:,.2f}"


def find_duplicates(bill: Lookalike, others: Iterable[Lookalike]) -> list[Duplicate]:
    """Those of `others` that `bill` looks like, the strongest first, then the nearest in time. Itself is left out."""
    found = [
        Duplicate(other, signs, _strength(signs, is_same_amount=_is_same_amount(bill, other)))
        for other in others
        if other.id != bill.id and _is_same_vendor(bill, other) and (signs := _signs(bill, other))
    ]
    return sorted(found, key=lambda one: (-one.strength, abs(bill.on - one.other.on), one.other.external_id))


def fold_number(number: str | None) -> str:
    """A document's number without case, punctuation, prefix and leading zeros: `INV-0042` → `42`, `HS-018` → `hs18`.

    Empty for one that says nothing.
    """
    bare = re.sub(r"[\W_]+", "", (number or "").casefold())
    return re.sub(r"(?<!\d)0+", "", _PREFIX.sub("", bare))


def number_end(folded: str) -> str:
    """What every writing of a folded number ends in: `hs18` → `18`."""
    found = re.search(r"(?:[1-9]\d*)?\D*$", folded)
    return found.group() if found else ""


def fold_name(name: str | None) -> str:
    """A firm's name without case, punctuation and legal form: `The Harbor Supply Co., Inc.` → `harbor supply`."""
    words = re.sub(
        r"[^\w\s]+", " ", (name or "").casefold().replace("'", "").replace("\N{RIGHT SINGLE QUOTATION MARK}", "")
    ).split()
    return " ".join([word for word in words if word not in _FORMS] or words)


def _is_same_vendor(bill: Lookalike, other: Lookalike) -> bool:
    if bill.party_external_id == other.party_external_id:
        return True
    name = fold_name(bill.party_name)
    return bool(name) and name == fold_name(other.party_name)


def _is_same_amount(bill: Lookalike, other: Lookalike) -> bool:
    return bill.currency == other.currency and abs(bill.amount - other.amount) <= CENT


def _signs(bill: Lookalike, other: Lookalike) -> tuple[Sign, ...]:
    signs = []
    number = fold_number(bill.doc_number)
    if number and number == fold_number(other.doc_number):
        signs.append(Sign.NUMBER)
    if _is_same_amount(bill, other):
        if abs(bill.on - other.on).days <= SAME_AMOUNT_WITHIN_DAYS:
            signs.append(Sign.AMOUNT_AND_DATE)
        if 0 <= (bill.on - other.on).days <= SPENT_WITHIN_DAYS:
            signs.append(Sign.SPENT_LATELY)
    return tuple(signs)


def _strength(signs: tuple[Sign, ...], *, is_same_amount: bool) -> Strength:
    if Sign.NUMBER in signs and is_same_amount:
        return Strength.STRONG
    return Strength.LIKELY if signs != (Sign.SPENT_LATELY,) else Strength.WEAK


def window(on: date) -> tuple[date, date]:
    """The days in which a document of the same amount is looked for."""
    return date.fromordinal(on.toordinal() - SPENT_WITHIN_DAYS), date.fromordinal(
        on.toordinal() + SAME_AMOUNT_WITHIN_DAYS
    )


def amounts_around(amount: Decimal) -> tuple[Decimal, Decimal]:
    """What counts as the same amount, both inside."""
    return amount - CENT, amount + CENT
