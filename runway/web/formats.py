"""The pages' amounts and days: the product's own, of `runway.language`."""

from runway.language.formats import (
    FILTERS,
    NOTHING,
    ago,
    clock,
    day,
    days,
    money,
    number,
    round_money,
    short_money,
    when,
)

__all__ = ["FILTERS", "NOTHING", "ago", "clock", "day", "days", "money", "number", "round_money", "short_money", "when"]
