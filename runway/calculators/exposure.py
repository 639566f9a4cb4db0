"""Two risks a total hides: amounts in other currencies, and one customer that brings most of the money."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from infra.money import ZERO, to_cents
from runway.calculators.figures import Basis, Figure
from runway.calculators.outlook import DatedFlow

CONCENTRATED_ABOVE = Decimal(40)
PERCENT = "%"
_HUNDRED = Decimal(100)


@dataclass(frozen=True)
class OriginalAmount:
    """As the document has it, in its own currency."""

    key: str
    amount: Decimal
    currency: str


@dataclass(frozen=True)
class ConvertedAmount:
    """`home` in home currency, to the cent; None when T has no rate."""

    original: OriginalAmount
    home: Decimal | None


@dataclass(frozen=True)
class ConvertedTotal:
    """Attributes:
    rows: in order of key.
    total: without value while one rate is missing: unlike units are never added, nor silently left out.
    foreign_share: of the total's size, in percent.
    missing_rates: currencies without one, each a data item.
    """

    rows: tuple[ConvertedAmount, ...]
    total: Figure
    foreign_share: Figure
    missing_rates: tuple[str, ...]


def converted_total(amounts: Iterable[OriginalAmount], rates: Mapping[str, Decimal], *, basis: Basis) -> ConvertedTotal:
    """Args:
    amounts: open balances of one side.
    rates: currency → home currency for one unit on T, one source for documents and bank.
    basis: T and the home currency, which needs no rate.
    """
    known = {**rates, basis.currency: Decimal(1)}
    ordered = sorted(amounts, key=lambda item: (item.key, item.currency, item.amount))
    rows = tuple(ConvertedAmount(item, _home(item, known)) for item in ordered)
    missing = tuple(sorted({row.original.currency for row in rows if row.home is None}))
    if missing:
        why = f"No rate for {', '.join(missing)} on {basis.as_of}"
        total = basis.missing(why, basis.currency, n=len(rows), n_of="documents")
        return ConvertedTotal(rows, total, basis.missing(why, PERCENT, n=len(rows), n_of="documents"), missing)
    size = sum((abs(row.home or ZERO) for row in rows), ZERO)
    foreign = sum((abs(row.home or ZERO) for row in rows if row.original.currency != basis.currency), ZERO)
    share = to_cents(foreign / size * _HUNDRED) if size else ZERO
    note = f"converted at the rates of {basis.as_of}" if foreign else None
    return ConvertedTotal(
        rows,
        basis.figure(
            sum((row.home or ZERO for row in rows), ZERO), basis.currency, n=len(rows), n_of="documents", note=note
        ),
        basis.figure(share, PERCENT, n=len(rows), n_of="documents"),
        (),
    )


@dataclass(frozen=True)
class Concentration:
    """The customer that brings most; `note` when that is more than 40 %."""

    party_id: str
    share: Figure
    note: str | None


def concentration(flows: Iterable[DatedFlow], *, basis: Basis) -> Concentration | None:
    """Of all money expected in, with or without a customer's name; None when none comes in from a named one.

    Args:
        flows: the path's, inside the horizon.
        basis: T.
    """
    by_party: dict[str, Decimal] = defaultdict(lambda: ZERO)
    total, n = ZERO, 0
    for flow in flows:
        if flow.amount > 0:
            total, n = total + flow.amount, n + 1
            if flow.party_id is not None:
                by_party[flow.party_id] += flow.amount
    if not by_party:
        return None
    party, amount = min(by_party.items(), key=lambda item: (-item[1], item[0]))
    share = to_cents(amount / total * _HUNDRED)
    note = f"{share} % of what is expected in comes from one customer" if share > CONCENTRATED_ABOVE else None
    return Concentration(party, basis.figure(share, PERCENT, n=n, n_of="flows"), note)


def _home(item: OriginalAmount, rates: Mapping[str, Decimal]) -> Decimal | None:
    rate = rates.get(item.currency)
    return None if rate is None else to_cents(item.amount * rate)
