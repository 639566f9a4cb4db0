"""Companies with known payer behaviour (FORMULAS section 6): log-normal lateness with early payers, some payments very slow.

Nothing here was chosen by what a rule makes of it; a regime is how late its customers are, and nothing else.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from random import Random

from runway.calculators.banking_days import on_or_after

T = date(2026, 3, 2)
HISTORY_DAYS = 400
CUSTOMERS = 25
TERMS_DAYS = (15, 30, 30, 45)


class Regime(StrEnum):
    """Median days late of the usual customer, before what comes early is taken off."""

    PROMPT = "prompt"
    BASE = "base"
    SLOW = "slow"

    @property
    def median_days(self) -> float:
        return {Regime.PROMPT: 6.0, Regime.BASE: 12.0, Regime.SLOW: 24.0}[self]


@dataclass(frozen=True)
class Sale:
    """One invoice and, what no rule may look at before its day, when it is paid."""

    external_id: str
    customer_id: str
    issued_on: date
    due_on: date
    amount: Decimal
    paid_on: date


@dataclass(frozen=True)
class _Customer:
    """`early_days` shifts all its payments; `very_slow` is the share of them that waits weeks more."""

    every_days: float
    terms_days: int
    usual_amount: float
    median_days: float
    spread: float
    early_days: float
    very_slow: float


def sales_of(regime: Regime, seed: int) -> list[Sale]:
    """All invoices of one company that were issued before T."""
    dice = Random(f"{regime}/{seed}")  # noqa: S311  # a simulation; secrecy is no matter
    return [
        sale
        for number in range(CUSTOMERS)
        for sale in _sales(_customer(regime, dice), name=f"customer {number}", dice=dice)
    ]


def _customer(regime: Regime, dice: Random) -> _Customer:
    return _Customer(
        every_days=dice.uniform(7, 35),
        terms_days=dice.choice(TERMS_DAYS),
        usual_amount=math.exp(dice.gauss(7, 0.6)),
        median_days=regime.median_days * math.exp(dice.gauss(0, 0.5)),
        spread=dice.uniform(0.4, 0.9),
        early_days=dice.uniform(0, 10),
        very_slow=dice.uniform(0, 0.15),
    )


def _sales(customer: _Customer, *, name: str, dice: Random) -> Iterator[Sale]:
    ago, number = HISTORY_DAYS - dice.uniform(0, customer.every_days), 0
    while ago > 1:
        issued_on = T - timedelta(days=math.floor(ago))
        due_on = issued_on + timedelta(days=customer.terms_days)
        amount = Decimal(round(customer.usual_amount * math.exp(dice.gauss(0, 0.4)))) + 1
        paid_on = on_or_after(max(issued_on, due_on + timedelta(days=_days_late(customer, dice))))
        yield Sale(f"{name}/{number}", name, issued_on, due_on, amount, paid_on)
        ago -= customer.every_days * dice.uniform(0.6, 1.4)
        number += 1


def _days_late(customer: _Customer, dice: Random) -> int:
    late = customer.median_days * math.exp(dice.gauss(0, customer.spread)) - customer.early_days
    if dice.random() < customer.very_slow:
        late += dice.expovariate(1 / 30) + 15
    return round(late)
