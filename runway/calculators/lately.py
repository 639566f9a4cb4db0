"""What was booked and settled in the last weeks, kept with a forecast: two of them tell what came between."""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum

from runway.calculators.flows import Flow, FlowKind
from runway.calculators.outflow_kinds import PastOutflow
from runway.calculators.recurring import Recurring
from runway.calculators.to_come import Settled

# A forecast is compared with one of at most five weeks ago, and what is entered late is mostly younger than that.
LATELY_DAYS = 70
_BILL_PAYMENT, _RECEIPT, _SALES_RECEIPT = "BillPayment", "Receipt", "SalesReceipt"


class BookedAs(StrEnum):
    """Which part of what is expected it answers."""

    INVOICES = "invoices"
    BILLS = "bills"
    AGAIN = "again"  # pay, taxes, and what comes in a rhythm
    OTHER_INCOME = "other_income"
    UNPLANNED = "unplanned"
    NOT_OPERATING = "not_operating"


@dataclass(frozen=True)
class Booked:
    """One line of a document on an operating account; home currency, positive came in."""

    on: date
    amount: Decimal
    account_id: str
    booked_as: BookedAs
    source: str
    external_id: str
    name: str | None


@dataclass(frozen=True)
class PaidDocument:
    """Money that settled an invoice or a bill; `amount` positive, home currency."""

    on: date
    amount: Decimal
    document_id: str
    party_name: str | None


@dataclass(frozen=True)
class Lately:
    """Of `LATELY_DAYS` before T and of what is dated after it. `sold`: without an invoice, and not banked when it was sold."""

    booked: tuple[Booked, ...]
    collected: tuple[PaidDocument, ...]
    paid: tuple[PaidDocument, ...]
    sold: tuple[PaidDocument, ...]


def lately(
    flows: Sequence[Flow],
    outflows: Sequence[PastOutflow],
    *,
    series: Sequence[Recurring],
    counted: AbstractSet[str],
    collected: Iterable[Settled],
    paid: Iterable[Settled],
    as_of: date,
) -> Lately:
    """Args:
    flows: every movement, as `classify` sorts them; `outflows` are those of them that are costs.
    series: what comes again.
    counted: ids of the accounts that are operating cash.
    collected, paid: what invoices and bills were settled with.
    as_of: T.
    """
    since = as_of - timedelta(days=LATELY_DAYS)
    again = {key for item in series for key in item.payee_keys}
    expected = {
        (item.source, item.external_id) for item in outflows if item.kind.is_must_pay or item.payee_key in again
    }
    recent = [flow for flow in flows if flow.movement.on >= since]
    return Lately(
        booked=tuple(_booked(flow, expected) for flow in recent if flow.movement.account_id in counted),
        collected=_settled(collected, since),
        paid=_settled(paid, since),
        sold=tuple(
            PaidDocument(flow.movement.on, flow.movement.amount, flow.movement.external_id, flow.movement.counterparty)
            for flow in recent
            if flow.kind is FlowKind.UNDEPOSITED and flow.movement.source == _SALES_RECEIPT
        ),
    )


def _booked(flow: Flow, expected: AbstractSet[tuple[str, str]]) -> Booked:
    move = flow.movement
    booked_as = _booked_as(flow, expected)
    return Booked(move.on, move.amount, move.account_id, booked_as, move.source, move.external_id, move.counterparty)


def _booked_as(flow: Flow, expected: AbstractSet[tuple[str, str]]) -> BookedAs:
    """`expected`: documents of who is paid in a rhythm, of pay and of taxes."""
    move = flow.movement
    if not flow.is_operating:
        return BookedAs.NOT_OPERATING
    if move.source == _BILL_PAYMENT:
        return BookedAs.BILLS
    if move.amount > 0:
        is_of_invoices = move.source == _RECEIPT or (move.is_trade and move.source != _SALES_RECEIPT)
        return BookedAs.INVOICES if is_of_invoices else BookedAs.OTHER_INCOME
    return BookedAs.AGAIN if (move.source, move.external_id) in expected else BookedAs.UNPLANNED


def _settled(parts: Iterable[Settled], since: date) -> tuple[PaidDocument, ...]:
    return tuple(
        PaidDocument(one.on, one.amount, one.document_id, one.party_name)
        for one in parts
        if one.on >= since and one.document_id
    )
