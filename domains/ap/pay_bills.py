"""Paying bills of one vendor in one payment: what it means, what QuickBooks is told, and how it is found again."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from domains.ap.models import PayType
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
    Refuse,
    Target,
    Verdict,
)
from infra.config import Rail
from infra.money import ZERO
from infra.qbo import marks, statements

PAY_BILLS_OPERATION = "pay_bills"
MOST_BILLS = 100
_WAITED = timedelta(minutes=10)  # what was asked for sooner was decided on books that are hardly older
BILL = DocumentKind("Bill", "bill", "VendorRef", "vendor", payments="BillPayment", link="BillPayment")
VENDOR_CREDIT = DocumentKind(
    "VendorCredit", "vendor credit", "VendorRef", "vendor", payments="BillPayment", link="BillPayment"
)


class PaidBill(Meant):
    """`total` is the bill's own as the person saw it; None: they decided on the open amount alone."""

    bill: RailId
    amount: PositiveAmount
    total: Decimal | None = None


class AppliedCredit(Meant):
    credit: RailId
    amount: PositiveAmount


class PayBills(Meant):
    """Ids are QuickBooks'. Amounts are in `currency`, the bills' own; None in a company that knows one only.

    `check_number` is a real cheque's; without one the payment's number is our mark.
    """

    vendor: RailId
    account: RailId
    pay_type: PayType
    paid_on: date
    currency: Currency | None = None
    bills: Annotated[tuple[PaidBill, ...], Field(min_length=1, max_length=MOST_BILLS)]
    credits: Annotated[tuple[AppliedCredit, ...], Field(max_length=MOST_BILLS)] = ()
    check_number: Annotated[str, Field(min_length=1, max_length=marks.LONGEST_NUMBER)] | None = None
    note: Annotated[str, Field(max_length=marks.LONGEST_NOTE - 100)] = ""

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        for ids in ([line.bill for line in self.bills], [line.credit for line in self.credits]):
            if len(set(ids)) < len(ids):
                raise ValueError("a document is listed twice")
        if self.cash < ZERO:
            raise ValueError("the credits are more than the bills")
        return self

    @property
    def cash(self) -> Decimal:
        """What leaves the account: bills less credits, never negative."""
        paid = sum((line.amount for line in self.bills), ZERO)
        return paid - sum((line.amount for line in self.credits), ZERO)

    @property
    def lines(self) -> list[tuple[str, str, Decimal]]:
        """Kind, id and amount of all that the payment touches."""
        bills = [(BILL.entity, line.bill, line.amount) for line in self.bills]
        return bills + [(VENDOR_CREDIT.entity, line.credit, line.amount) for line in self.credits]


def _targets(meaning: Meaning) -> Sequence[Target]:
    return [Target(kind, external_id, amount) for kind, external_id, amount in PayBills.of(meaning).lines]


def _build_body(meaning: Meaning, mark: str) -> Payload:
    meant = PayBills.of(meaning)
    body: Payload = {
        "VendorRef": {"value": meant.vendor},
        "TotalAmt": meant.cash,
        "TxnDate": meant.paid_on.isoformat(),
        "DocNumber": meant.check_number or mark,
        "PrivateNote": marks.note_with(mark, meant.note),
        "Line": [
            {"Amount": amount, "LinkedTxn": [{"TxnId": external_id, "TxnType": kind}]}
            for kind, external_id, amount in meant.lines
        ],
        **_paid_from(meant),
    }
    return body if meant.currency is None else {**body, "CurrencyRef": {"value": meant.currency}}


def _paid_from(meant: PayBills) -> Payload:
    account = {"value": meant.account}
    match meant.pay_type:
        case PayType.CHECK:
            # Left out, QuickBooks puts the payment on its list of cheques to print.
            return {"PayType": "Check", "CheckPayment": {"BankAccountRef": account, "PrintStatus": "NotSet"}}
        case PayType.CREDIT_CARD:
            return {"PayType": "CreditCard", "CreditCardPayment": {"CCAccountRef": account}}


async def _preflight(look: RailLook, intent: Intent) -> Verdict:
    meant = PayBills.of(intent.meaning)
    bills = await read_each(look, BILL.entity, [line.bill for line in meant.bills])
    credits_left = await read_each(look, VENDOR_CREDIT.entity, [line.credit for line in meant.credits])
    payments = await read_payments(look, BILL, [*bills, *credits_left])
    ours = marks.find_marked(payments, intent.mark)
    if ours is not None:
        return Adopt(ours)
    for line, bill in zip(meant.bills, bills, strict=True):
        settled = Settled(line.bill, line.amount, meant.vendor, meant.currency, line.total)
        if refusal := refusal_of(BILL, bill, settled, payments=payments):
            return refusal
    for applied, credit in zip(meant.credits, credits_left, strict=True):
        settled = Settled(applied.credit, applied.amount, meant.vendor, meant.currency)
        if refusal := refusal_of(VENDOR_CREDIT, credit, settled, payments=payments):
            return Refuse(f"credit_{refusal.code}", refusal.words, refusal.seen)
    read = {BILL.entity: [bill for bill in bills if bill], **(await _read_around(look, intent, meant))}
    return Go(seen=_seen(bills, credits_left), read=read)


async def _read_around(look: RailLook, intent: Intent, meant: PayBills) -> dict[str, list[Payload]]:
    """Of a payment that has waited, what else it was decided on: where a vendor's money goes, and the account that pays."""
    if intent.age < _WAITED:
        return {}
    around = {entity: await look.read(entity, known) for entity, known in _around(meant)}
    return {entity: [payload] for entity, payload in around.items() if payload is not None}


def _around(meant: PayBills) -> tuple[tuple[str, str], ...]:
    return ("Vendor", meant.vendor), ("Account", meant.account)


def _seen(bills: Sequence[Payload | None], credits_left: Sequence[Payload | None]) -> dict[str, Any]:
    seen = {"bills": [seen_of(bill) for bill in bills if bill]}
    return {**seen, "credits": [seen_of(credit) for credit in credits_left if credit]} if credits_left else seen


def _check_echo(intent: Intent, payload: Payload) -> str:
    meant = PayBills.of(intent.meaning)
    is_known = marks.is_known_by(payload, mark=intent.mark, external_id=intent.external_id)
    if is_known and marks.is_voided(payload):
        raise EchoVoid(str(payload["Id"]))
    is_same = {
        "amount": amount_of(payload, "TotalAmt") == meant.cash,
        "vendor": (payload.get("VendorRef") or {}).get("value") == meant.vendor,
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
    meant = PayBills.of(intent.meaning)
    marked: list[Payload] = []
    known = await look.read("BillPayment", intent.external_id) if intent.external_id else None
    if known is not None:
        marked.append(known)
    bills = await read_each(look, BILL.entity, [line.bill for line in meant.bills])
    linked = await read_payments(look, BILL, bills)
    marked += [payment for payment in linked if marks.carries(payment, intent.mark)]
    marked += await search_marked(
        look,
        intent,
        entity="BillPayment",
        number_field="DocNumber",
        numbers=[intent.mark, *([meant.check_number] if meant.check_number else [])],
        party=statements.equals("VendorRef", meant.vendor),
    )
    if (found := one_of(marked)) is not None:
        return found
    seen = _seen(bills, ())
    if intent.external_id:
        seen["deleted"] = intent.external_id
    return NotThere(seen, is_impossible=_is_closed_by_others(meant, bills))


def _is_closed_by_others(meant: PayBills, bills: Sequence[Payload | None]) -> bool:
    """Without our mark on any of them, a bill has less open than we would pay: recorded now, it would be refused."""
    return any(has_less_open(bill, line.amount) for line, bill in zip(meant.bills, bills, strict=True))


def _touched(intent: Intent, _payment: Payload) -> Mapping[str, Sequence[str]]:
    touched: dict[str, list[str]] = {}
    for kind, external_id, _ in PayBills.of(intent.meaning).lines:
        touched.setdefault(kind, []).append(external_id)
    return touched


def _alike(meaning: Meaning) -> Meaning:
    meant = PayBills.of(meaning)
    return {"vendor": meant.vendor, "amount": meant.cash, "currency": meant.currency}


PAY_BILLS = ActionSpec(
    operation=PAY_BILLS_OPERATION,
    rail=Rail.QBO,
    entity="BillPayment",
    manner=Manner.CREATE,
    targets=_targets,
    build_body=_build_body,
    preflight=_preflight,
    check_echo=_check_echo,
    find_mark=_find_mark,
    touched=_touched,
    alike=_alike,
    is_numbered_by_mark=lambda intent: PayBills.of(intent.meaning).check_number is None,
)
