"""What changed since last week, as the API shows it."""

from datetime import date
from typing import Any

from pydantic import Field

from runway.calculators.bridge import Bridge
from runway.calculators.bridge_causes import BridgeCause
from runway.papers.words import cause_in_words
from runway.routes.answers import Amount
from runway.routes.runway_answer import FigureOut, FromReport, figure_example


class ChangeOut(FromReport):
    before: FigureOut
    now: FigureOut
    change: FigureOut = Field(description="Now less before; null where one of them has no value.")


class BridgeItemOut(FromReport):
    kind: str = Field(examples=["Invoice", "Bill", "Purchase"])
    external_id: str
    name: str
    amount: Amount = Field(description="Positive is more cash.")


class BridgeStepOut(FromReport):
    cause: BridgeCause
    words: str = Field(examples=["Customers pay later"])
    days: FigureOut = Field(description="What it does to the runway.")
    cash: FigureOut = Field(description="What it did to the cash of today, beyond what was expected.")
    balance: FigureOut = Field(description="What it does to the balance expected on `until`.")
    largest: BridgeItemOut | None = Field(description="The document that weighs most.")


class BridgeOut(FromReport):
    """Each column of `steps` adds up to its change, to the day and the cent."""

    since: date = Field(description="The day of the earlier forecast: last week's Monday, or the nearest there is.")
    until: date = Field(description="The last day of the earlier forecast's 13 weeks.")
    runway_before: str = Field(description="The earlier headline.", examples=["54 days (41\N{EN DASH}70)"])
    runway: ChangeOut = Field(description="In days.")
    cash: ChangeOut
    balance: ChangeOut = Field(description="Expected on `until`.")
    low_before: FigureOut = Field(description="The earlier forecast's low point.")
    low_before_on: date
    steps: list[BridgeStepOut] = Field(
        description="In the order in which they are taken; what did nothing is left out."
    )
    is_reconstructed: bool = Field(description="Nobody had made the earlier forecast then: it follows from the books.")

    @classmethod
    def of(cls, bridge: Bridge | None) -> "BridgeOut | None":
        """None of None."""
        if bridge is None:
            return None
        steps = [{**vars(step), "words": cause_in_words(step.cause)} for step in bridge.steps]
        return cls.model_validate({**vars(bridge), "steps": steps})


def _change(before: str, now: str, change: str, unit: str) -> dict[str, Any]:
    return {name: figure_example(value, unit) for name, value in (("before", before), ("now", now), ("change", change))}


BRIDGE_EXAMPLE: dict[str, Any] = {
    "since": "2026-03-09",
    "until": "2026-06-08",
    "runway_before": "54 days (41\N{EN DASH}70)",
    "runway": _change("54", "47", "-7", "days"),
    "cash": _change("55310.25", "52310.25", "-3000.00", "USD"),
    "balance": _change("-2100.00", "-5100.00", "-3000.00", "USD"),
    "low_before": figure_example("-5140.22", "USD"),
    "low_before_on": "2026-06-08",
    "steps": [{
        "cause": "receipts_later", "words": "Customers pay later", "days": figure_example("-1", "days"),
        "cash": figure_example("-3000.00", "USD"), "balance": figure_example("0.00", "USD"),
        "largest": {"kind": "Invoice", "external_id": "130", "name": "Dune Cafe", "amount": "-3000.00"},
    }],
    "is_reconstructed": False,
}  # fmt: skip
