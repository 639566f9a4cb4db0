"""All rounding happens here. Amounts are Decimal in major units (dollars, not cents)."""

from decimal import ROUND_HALF_EVEN, Decimal

ZERO = Decimal(0)
CENT = Decimal("0.01")


def to_cents(amount: Decimal) -> Decimal:
    """`amount` to two places, half to even: for showing and for averages; stored amounts are never rounded."""
    return amount.quantize(CENT, rounding=ROUND_HALF_EVEN)
