"""Voiding a payment of bills: it stays, with nothing paid, and its bills are open again."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import Field

from domains.ap.pay_bills import PAY_BILLS_OPERATION
from domains.core.live_documents import amount_of, shown
from domains.core.meant import Amount, Currency, Meant, RailId
from infra.actions.rail import Payload, RailLook
from infra.actions.spec import (
    ActionSpec,
    Adopt,
    EchoDiffers,
    Finding,
    Found,
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
from infra.money import CENT
from infra.qbo import marks

VOID_PAYMENT_OPERATION = "void_payment"
ENTITY = "BillPayment"


class VoidPayment(Meant):
    """Ids are QuickBooks'. `total` is the payment's as the person saw it, zero where credits paid all; `bills` are those it paid."""

    payment: RailId
    total: Amount
    currency: Currency | None = None
    bills: tuple[RailId, ...] = ()
    reason: Annotated[str, Field(max_length=500)] = ""


def _targets(meaning: Meaning) -> Sequence[Target]:
    meant = VoidPayment.of(meaning)
    return [Target(ENTITY, meant.payment, max(meant.total, CENT))]  # a target's amount is positive


async def _preflight(look: RailLook, intent: Intent) -> Verdict:
    meant = VoidPayment.of(intent.meaning)
    payment = await look.read(ENTITY, meant.payment)
    if payment is None:
        words = "This payment is no longer in QuickBooks: somebody deleted it, and its bills are open again. There is nothing to void."
        return Refuse("gone", words, {"id": meant.payment})
    seen = {"id": payment["Id"], "version": payment.get("SyncToken"), "total": payment.get("TotalAmt")}
    if marks.is_voided(payment):
        return Adopt(payment)
    total = amount_of(payment, "TotalAmt")
    if total is not None and total != meant.total:
        words = (
            f"This payment is {shown(total, meant.currency)} in QuickBooks now and was {shown(meant.total, meant.currency)} when this "
            "was decided. Look at it again before you void it."
        )
        return Refuse("total_changed", words, seen)
    return Go({"Id": payment["Id"], "SyncToken": payment["SyncToken"], "sparse": True}, seen)


def _check_echo(intent: Intent, payload: Payload) -> str:
    meant = VoidPayment.of(intent.meaning)
    differing = [] if str(payload.get("Id")) == meant.payment else ["payment"]
    if not marks.is_voided(payload) or payload.get("Line"):
        differing.append("void")
    if differing:
        raise EchoDiffers(differing)
    return meant.payment


async def _find_mark(look: RailLook, intent: Intent) -> Finding:
    """The payment itself tells: voided, or as it was when we named its version, or changed by somebody since.

    Deleted, it does not tell whether it was voided before.
    """
    payment = await look.read(ENTITY, VoidPayment.of(intent.meaning).payment)
    if payment is None:
        return NotThere({"deleted": VoidPayment.of(intent.meaning).payment})
    if marks.is_voided(payment):
        return Found(payment)
    seen = {"version": payment.get("SyncToken"), "total": payment.get("TotalAmt")}
    is_unmoved = intent.body is None or payment.get("SyncToken") == intent.body.get("SyncToken")
    return NotThere(seen, is_impossible=not is_unmoved, is_unmoved=is_unmoved)


def _touched(intent: Intent, _payment: Payload) -> Mapping[str, Sequence[str]]:
    bills = VoidPayment.of(intent.meaning).bills
    return {"Bill": bills} if bills else {}


VOID_PAYMENT = ActionSpec(
    operation=VOID_PAYMENT_OPERATION,
    rail=Rail.QBO,
    entity=ENTITY,
    manner=Manner.CHANGE,
    targets=_targets,
    preflight=_preflight,
    check_echo=_check_echo,
    find_mark=_find_mark,
    touched=_touched,
    options=lambda _: {"operation": "update", "include": "void"},
    undoes=PAY_BILLS_OPERATION,
)
