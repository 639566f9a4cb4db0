"""A set of actions as one decision: what each does to the flows and receipts that are expected, one after the other."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import TypeAlias, assert_never

from infra.money import ZERO
from runway.calculators.banking_days import on_or_after
from runway.calculators.consequence import Decision
from runway.calculators.expected_dates import LIKELY_PER_MILLE, SPREAD_PER_MILLE, ExpectedBy, ExpectedReceipt
from runway.calculators.outlook import DatedFlow, PathRow
from runway.calculators.scenarios import customer_late, customer_lost, delay_bills, hire, top_customer

_NONE: frozenset[date] = frozenset()


@dataclass(frozen=True)
class PayBill:
    """Pay, schedule or put off. `amount` in home currency, positive; None: all that is expected to be paid of it."""

    external_id: str
    on: date
    amount: Decimal | None = None


@dataclass(frozen=True)
class ReceiveInvoice:
    """Taken that the customer pays on a day: because of a reminder, or as promised. `amount` None: all that is expected."""

    external_id: str
    on: date
    amount: Decimal | None = None


@dataclass(frozen=True)
class CustomerLate:
    """`customer_id` None: whoever is expected to bring most."""

    days: int
    customer_id: str | None = None


@dataclass(frozen=True)
class CustomerLost:
    customer_id: str | None = None


@dataclass(frozen=True)
class Hire:
    """`cost` each pay-run, taxes included, home currency."""

    cost: Decimal
    starts_on: date
    every_days: int


@dataclass(frozen=True)
class DelayBills:
    """All but must-pays and those `kept` (external ids) are paid `days` later."""

    days: int
    kept: frozenset[str] = frozenset()


Hypothesis: TypeAlias = CustomerLate | CustomerLost | Hire | DelayBills
Step: TypeAlias = PayBill | ReceiveInvoice | Hypothesis


@dataclass(frozen=True)
class Expected:
    """What a decision changes: the dated flows and the receipts of one forecast."""

    as_of: date
    flows: Sequence[DatedFlow]
    receipts: Sequence[ExpectedReceipt]
    holidays: AbstractSet[date] = _NONE


def decide(expected: Expected, steps: Iterable[Step]) -> Decision:
    """All steps together, in their order: a bill that is put off and then paid is paid. What is not open is left as it is."""
    plan = _Plan(expected)
    for step in steps:
        plan.take(step)
    return plan.decision()


class _Plan:
    """What would be expected after the steps so far. Only what a step touches is copied."""

    def __init__(self, expected: Expected) -> None:
        self._expected = expected
        self._bills: dict[str, list[DatedFlow]] = defaultdict(list)
        for flow in expected.flows:
            if flow.row is PathRow.BILLS:
                self._bills[flow.key].append(flow)
        self._receipts = {receipt.external_id: [receipt] for receipt in expected.receipts}
        self._original_bills: dict[str, list[DatedFlow]] = {}
        self._original_receipts: dict[str, list[ExpectedReceipt]] = {}
        self._more: list[DatedFlow] = []

    def take(self, step: Step) -> None:
        match step:
            case PayBill():
                self._pay(step)
            case ReceiveInvoice():
                self._receive(step)
            case CustomerLate(days=days):
                if customer := step.customer_id or top_customer(self._open_receipts()):
                    e = self._expected
                    late = customer_late(self._open_receipts(), customer, days=days, as_of=e.as_of, holidays=e.holidays)
                    self._replace_receipts(late)
            case CustomerLost():
                if customer := step.customer_id or top_customer(self._open_receipts()):
                    self._replace_receipts(customer_lost(self._open_receipts(), customer))
            case Hire(cost=cost, starts_on=starts_on, every_days=every_days):
                runs = hire(cost, starts_on=starts_on, every_days=every_days, as_of=self._expected.as_of)
                self._more.extend(runs.added)
            case DelayBills(days=days, kept=kept):
                self._delay(days, kept)
            case _:
                assert_never(step)

    def decision(self) -> Decision:
        removed = tuple(flow for flows in self._original_bills.values() for flow in flows)
        added = [flow for key in self._original_bills for flow in self._bills[key]]
        return Decision(
            removed=removed,
            added=(*added, *self._more),
            receipts_before=tuple(receipt for held in self._original_receipts.values() for receipt in held),
            receipts_after=tuple(receipt for key in self._original_receipts for receipt in self._receipts[key]),
        )

    def _pay(self, step: PayBill) -> None:
        own = self._bills.get(step.external_id, [])
        left = -sum((flow.amount for flow in own), ZERO)
        paid = left if step.amount is None else step.amount
        if not own or paid <= 0:
            return
        flow = replace(own[0], on=max(step.on, self._expected.as_of), amount=-paid)
        rest, unpaid = [], left - paid
        for one in own:
            if unpaid > 0:
                rest.append(replace(one, amount=-min(unpaid, -one.amount)))
                unpaid -= -one.amount
        self._change_bill(step.external_id, [flow, *rest])

    def _delay(self, days: int, kept: AbstractSet[str]) -> None:
        flows = [flow for held in self._bills.values() for flow in held]
        delayed = delay_bills(flows, days=days, as_of=self._expected.as_of, fixed=kept)
        later: dict[str, list[DatedFlow]] = defaultdict(list)
        for flow in delayed.added:
            later[flow.key].append(flow)
        for key, moved in later.items():
            self._change_bill(key, [flow for flow in self._bills[key] if flow.is_must_pay] + moved)

    def _receive(self, step: ReceiveInvoice) -> None:
        held = self._receipts.get(step.external_id)
        if not held:
            return
        whole = held[0]
        amount = whole.amount if step.amount is None else min(step.amount, whole.amount)
        on = on_or_after(max(step.on, self._expected.as_of), self._expected.holidays)
        ahead = (on - self._expected.as_of).days
        coming = replace(
            whole,
            amount=amount,
            by=ExpectedBy.PROMISE,
            dates=(on,) * len(SPREAD_PER_MILLE),
            banked=(),
            likely_days=(ahead,) * len(LIKELY_PER_MILLE),
            asks_in_tray=False,
        )
        rest = [replace(whole, amount=whole.amount - amount)] if amount < whole.amount else []
        self._change_receipt(step.external_id, [coming, *rest])

    def _open_receipts(self) -> list[ExpectedReceipt]:
        return [receipt for held in self._receipts.values() for receipt in held]

    def _replace_receipts(self, change: Decision) -> None:
        after: dict[str, list[ExpectedReceipt]] = defaultdict(list)
        for receipt in change.receipts_after:
            after[receipt.external_id].append(receipt)
        for external_id in dict.fromkeys(receipt.external_id for receipt in change.receipts_before):
            self._change_receipt(external_id, after[external_id])

    def _change_bill(self, key: str, flows: list[DatedFlow]) -> None:
        self._original_bills.setdefault(key, self._bills[key])
        self._bills[key] = flows

    def _change_receipt(self, key: str, receipts: list[ExpectedReceipt]) -> None:
        self._original_receipts.setdefault(key, self._receipts[key])
        self._receipts[key] = receipts
