"""Having QuickBooks e-mail an invoice, once, and not to somebody who has paid."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated
from urllib.parse import quote

from pydantic import Field

from domains.ar.receive_payment import INVOICE
from domains.core.live_documents import Settled, amount_of, name_of, refusal_of, seen_of
from domains.core.meant import Currency, Meant, PositiveAmount, RailId
from infra.actions.rail import Payload, RailLook
from infra.actions.spec import (
    ActionSpec,
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
from infra.qbo import statements

SEND_INVOICE_OPERATION = "send_invoice"
_SENT_AT = "DeliveryTime"


class SendInvoice(Meant):
    """`balance` is what was open as the person saw it. Without `send_to` it goes to the invoice's own address."""

    invoice: RailId
    customer: RailId
    balance: PositiveAmount
    currency: Currency | None = None
    send_to: Annotated[str, Field(max_length=100, pattern=r"^[^@\s]+@[^@\s]+$")] | None = None


def _targets(meaning: Meaning) -> Sequence[Target]:
    # Its own kind: two mails at once are one too many, but a payment may be recorded while one goes out.
    meant = SendInvoice.of(meaning)
    return [Target("InvoiceMail", meant.invoice, meant.balance)]


async def _preflight(look: RailLook, intent: Intent) -> Verdict:
    meant = SendInvoice.of(intent.meaning)
    invoice = await look.read(INVOICE.entity, meant.invoice)
    refusal = refusal_of(INVOICE, invoice, Settled(meant.invoice, CENT, meant.customer, meant.currency))
    if refusal is not None:
        return _in_its_words(refusal, invoice)
    if invoice is None:
        raise AssertionError("an invoice that is not there was refused above")
    if meant.send_to is None and not _address_of(invoice):
        words = (
            f"{name_of(INVOICE, invoice)} has no e-mail address. Give one, or write it on the invoice in QuickBooks."
        )
        return Refuse("no_address", words, seen_of(invoice))
    # Nothing of this is sent: it says what the invoice was like before, for the look afterwards.
    body = {"Id": invoice["Id"], "SyncToken": invoice["SyncToken"], _SENT_AT: _sent_at(invoice)}
    return Go(body, seen_of(invoice))


def _in_its_words(refusal: Refuse, invoice: Payload | None) -> Refuse:
    if refusal.code not in {"already_paid", "balance_lower"} or invoice is None:
        return refusal
    return Refuse("paid", f"{name_of(INVOICE, invoice)} has been paid meanwhile, so nothing was sent.", refusal.seen)


def _check_echo(intent: Intent, payload: Payload) -> str:
    meant = SendInvoice.of(intent.meaning)
    is_same = {
        "invoice": str(payload.get("Id")) == meant.invoice,
        "sent": payload.get("EmailStatus") == "EmailSent",
        "address": meant.send_to is None or _address_of(payload) == meant.send_to,
    }
    if not all(is_same.values()):
        raise EchoDiffers([field for field, same in is_same.items() if not same])
    return meant.invoice


async def _find_mark(look: RailLook, intent: Intent) -> Finding:
    """The invoice tells when it was last sent: sending moves neither its version nor, for certain, anything else.

    A mail may still go out after a look that does not see it, since it names no version: nothing is impossible here.
    """
    meant = SendInvoice.of(intent.meaning)
    invoice = await look.read(INVOICE.entity, meant.invoice)
    if invoice is None:
        return NotThere({"deleted": meant.invoice})
    before = (intent.body or {}).get(_SENT_AT)
    now = _sent_at(invoice)
    if now is not None and _instant(now) != _instant(before) and invoice.get("EmailStatus") == "EmailSent":
        return Found(invoice)
    # Paid since: sending it again would chase somebody who has paid.
    is_open = (amount_of(invoice, "Balance") or 0) > 0
    return NotThere({"sent_at": now, **seen_of(invoice)}, is_unmoved=is_open)


def _sent_at(invoice: Payload) -> str | None:
    told = (invoice.get("DeliveryInfo") or {}).get(_SENT_AT)
    return None if told is None else str(told)


def _instant(text: object) -> datetime | None:
    """QuickBooks writes one instant with the offset of the day it is asked."""
    try:
        return statements.read_instant(str(text)) if text else None
    except ValueError:
        return None


def _address_of(invoice: Payload) -> str:
    return str((invoice.get("BillEmail") or {}).get("Address") or "")


def _options(meaning: Meaning) -> Mapping[str, str]:
    send_to = SendInvoice.of(meaning).send_to
    return {} if send_to is None else {"sendTo": send_to}


def _subpath(meaning: Meaning) -> str:
    return f"/{quote(SendInvoice.of(meaning).invoice, safe='')}/send"


SEND_INVOICE = ActionSpec(
    operation=SEND_INVOICE_OPERATION,
    rail=Rail.QBO,
    entity=INVOICE.entity,
    manner=Manner.CHANGE,
    targets=_targets,
    preflight=_preflight,
    check_echo=_check_echo,
    find_mark=_find_mark,
    touched=lambda _intent, _invoice: {},
    options=_options,
    subpath=_subpath,
)
