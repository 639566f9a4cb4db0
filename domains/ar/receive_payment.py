"""Recording what a customer has paid on invoices: what it means, what QuickBooks is told, and how it is found again."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Self

from pydantic import Field, model_validator

from domains.core.live_documents import (
    DocumentKind,
    Settled,
    amount_of,
    has_less_open,
    read_each,
    read_payments,
    refusal_of,
    seen_of,
)
from domains.core.marked import one_of, search_marked
from domains.core.meant import Currency, Meant, PositiveAmount, RailId
from infra.actions.rail import Payload, RailLook
from infra.actions.spec import (
    ActionSpec,
    Adopt,
    EchoDiffers,
    EchoVoid,
    Finding,
    Go,
    Intent,
    Manner,
    Meaning,
    NotThere,
    Target,
    Verdict,
)
from infra.config import Rail
from infra.money import ZERO
from infra.qbo import marks, statements

RECEIVE_PAYMENT_OPERATION = "receive_payment"
MOST_INVOICES = 100
INVOICE = DocumentKind("Invoice", "invoice", "CustomerRef", "customer", payments="Payment", link="Payment")


class PaidInvoice(Meant):
    """`total` is the invoice's own as the person saw it; None: they decided on the open amount alone."""

    invoice: RailId
    amount: PositiveAmount
    total: Decimal | None = None


class ReceivePayment(Meant):
    """Ids are QuickBooks'. Amounts are in `currency`, the invoices' own.

    Attributes:
        deposit_to: the account it goes to; without one QuickBooks keeps it in Undeposited Funds.
        reference: the customer's cheque or transfer number; without one it is our mark.
    """

    customer: RailId
    received_on: date
    currency: Currency | None = None
    invoices: Annotated[tuple[PaidInvoice, ...], Field(min_length=1, max_length=MOST_INVOICES)]
    deposit_to: RailId | None = None
    method: RailId | None = None
    reference: Annotated[str, Field(min_length=1, max_length=marks.LONGEST_NUMBER)] | None = None
    note: Annotated[str, Field(max_length=marks.LONGEST_NOTE - 100)] = ""

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if len({line.invoice for line in self.invoices}) < len(self.invoices):
            raise ValueError("an invoice is listed twice")
        return self

    @property
    def amount(self) -> Decimal:
        """All of it is applied."""
        return sum((line.amount for line in self.invoices), ZERO)

    @property
    def lines(self) -> list[tuple[str, str, Decimal]]:
        return [(INVOICE.entity, line.invoice, line.amount) for line in self.invoices]


def _targets(meaning: Meaning) -> Sequence[Target]:
    return [Target(kind, external_id, amount) for kind, external_id, amount in ReceivePayment.of(meaning).lines]


def _build_body(meaning: Meaning, mark: str) -> Payload:
    meant = ReceivePayment.of(meaning)
    refs = {"DepositToAccountRef": meant.deposit_to, "PaymentMethodRef": meant.method, "CurrencyRef": meant.currency}
    return {
        "CustomerRef": {"value": meant.customer},
        "TotalAmt": meant.amount,
        "TxnDate": meant.received_on.isoformat(),
        "PaymentRefNum": meant.reference or mark,
        "PrivateNote": marks.note_with(mark, meant.note),
        "Line": [
            {"Amount": amount, "LinkedTxn": [{"TxnId": external_id, "TxnType": kind}]}
            for kind, external_id, amount in meant.lines
        ],
        **{field: {"value": value} for field, value in refs.items() if value is not None},
    }


async def _preflight(look: RailLook, intent: Intent) -> Verdict:
    meant = ReceivePayment.of(intent.meaning)
    invoices = await read_each(look, INVOICE.entity, [line.invoice for line in meant.invoices])
    payments = await read_payments(look, INVOICE, invoices)
    ours = marks.find_marked(payments, intent.mark)
    if ours is not None:
        return Adopt(ours)
    for line, invoice in zip(meant.invoices, invoices, strict=True):
        settled = Settled(line.invoice, line.amount, meant.customer, meant.currency, line.total)
        if refusal := refusal_of(INVOICE, invoice, settled, payments=payments):
            return refusal
    return Go(seen={"invoices": [seen_of(invoice) for invoice in invoices if invoice]})


def _check_echo(intent: Intent, payload: Payload) -> str:
    meant = ReceivePayment.of(intent.meaning)
    is_known = marks.is_known_by(payload, mark=intent.mark, external_id=intent.external_id)
    if is_known and marks.is_voided(payload):
        raise EchoVoid(str(payload["Id"]))
    is_same = {
        "amount": amount_of(payload, "TotalAmt") == meant.amount,
        "customer": (payload.get("CustomerRef") or {}).get("value") == meant.customer,
        "lines": sorted(_lines_of(payload)) == sorted(meant.lines),
        "mark": is_known,
    }
    if not all(is_same.values()):
        raise EchoDiffers([field for field, same in is_same.items() if not same])
    return str(payload["Id"])


def _lines_of(payload: Payload) -> list[tuple[str, str, Decimal]]:
    return [
        (str(link.get("TxnType")), str(link.get("TxnId")), amount_of(line, "Amount") or ZERO)
        for line in payload.get("Line") or ()
        for link in line.get("LinkedTxn") or ()
    ]


async def _find_mark(look: RailLook, intent: Intent) -> Finding:
    meant = ReceivePayment.of(intent.meaning)
    marked: list[Payload] = []
    known = await look.read("Payment", intent.external_id) if intent.external_id else None
    if known is not None:
        marked.append(known)
    invoices = await read_each(look, INVOICE.entity, [line.invoice for line in meant.invoices])
    linked = await read_payments(look, INVOICE, invoices)
    marked += [payment for payment in linked if marks.carries(payment, intent.mark)]
    marked += await search_marked(
        look,
        intent,
        entity="Payment",
        number_field="PaymentRefNum",
        numbers=[intent.mark, *([meant.reference] if meant.reference else [])],
        party=statements.equals("CustomerRef", meant.customer),
    )
    if (found := one_of(marked)) is not None:
        return found
    seen: dict[str, object] = {"invoices": [seen_of(invoice) for invoice in invoices if invoice]}
    if intent.external_id:
        seen["deleted"] = intent.external_id
    return NotThere(seen, is_impossible=_is_closed_by_others(meant, invoices))


def _is_closed_by_others(meant: ReceivePayment, invoices: Sequence[Payload | None]) -> bool:
    """Without our mark on any of them, an invoice has less open than we would record: now, that would be refused."""
    return any(has_less_open(invoice, line.amount) for line, invoice in zip(meant.invoices, invoices, strict=True))


def _touched(intent: Intent, _payment: Payload) -> Mapping[str, Sequence[str]]:
    return {INVOICE.entity: [line.invoice for line in ReceivePayment.of(intent.meaning).invoices]}


def _alike(meaning: Meaning) -> Meaning:
    meant = ReceivePayment.of(meaning)
    return {"customer": meant.customer, "amount": meant.amount, "currency": meant.currency}


RECEIVE_PAYMENT = ActionSpec(
    operation=RECEIVE_PAYMENT_OPERATION,
    rail=Rail.QBO,
    entity="Payment",
    manner=Manner.CREATE,
    targets=_targets,
    build_body=_build_body,
    preflight=_preflight,
    check_echo=_check_echo,
    find_mark=_find_mark,
    touched=_touched,
    alike=_alike,
    is_numbered_by_mark=lambda intent: ReceivePayment.of(intent.meaning).reference is None,
)
