"""One mail to a customer about all that is due, as an action: each invoice is read live just before, and one wish makes one letter."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Annotated, Any

from pydantic import Field

from domains.ar.letters import check_letter, letter_id, touches_nothing
from domains.ar.receive_payment import INVOICE
from domains.ar.reminder_plan import MOST_IN_A_MAIL
from domains.ar.reminder_text import LONGEST_SUBJECT, LONGEST_TEXT, OpenLine, render, values_of
from domains.core.live_documents import Settled, amount_of, read_each, refusal_of, seen_of
from domains.core.meant import Currency, Meant, PositiveAmount, RailId
from infra import exact_json
from infra.actions.rail import Payload, RailLook
from infra.actions.spec import (
    ActionSpec,
    Adopt,
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
from infra.mail.letters import LETTER
from infra.money import CENT, ZERO

REMIND_CUSTOMER_OPERATION = "remind_customer"
_LISTED = "Invoices"
_PAID = frozenset({"already_paid", "balance_lower"})

Address = Annotated[str, Field(max_length=200, pattern=r"^[^@\s]+@[^@\s]+$")]
Name = Annotated[str, Field(min_length=1, max_length=500)]


class RemindedInvoice(Meant):
    """`level` is the step, from 1, `days` its days after the due day; `balance` what was open as we knew it."""

    invoice: RailId
    level: Annotated[int, Field(ge=1)]
    days: int
    balance: PositiveAmount
    currency: Currency | None = None


class RemindCustomer(Meant):
    """`on` is the company's day. `subject` and `text` are checked templates; `sender` is the business's name in them."""

    customer: RailId
    customer_name: Name
    send_to: Annotated[tuple[Address, ...], Field(min_length=1, max_length=5)]
    sender: Name
    from_name: Name
    reply_to: Address | None = None
    on: date
    subject: Annotated[str, Field(min_length=1, max_length=LONGEST_SUBJECT)]
    text: Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)]
    invoices: Annotated[tuple[RemindedInvoice, ...], Field(min_length=1, max_length=MOST_IN_A_MAIL)]


def listed_in(body: bytes | None) -> frozenset[str]:
    """The rail's ids of the invoices that the letter lists, from the bytes that were sent; none were: empty."""
    return frozenset() if body is None else frozenset(exact_json.loads(body)[_LISTED])


def _targets(meaning: Meaning) -> Sequence[Target]:
    # The kind of every mail about an invoice, by hand or by the rail: two at once are one too many.
    return [Target("InvoiceMail", line.invoice, line.balance) for line in RemindCustomer.of(meaning).invoices]


async def _preflight(look: RailLook, intent: Intent) -> Verdict:
    """Whoever has paid meanwhile, or contests nothing any more because it is gone, is not asked for it."""
    written = await look.read(LETTER, letter_id(intent.mark))
    if written is not None:
        return Adopt(written)
    meant = RemindCustomer.of(intent.meaning)
    invoices = await read_each(look, INVOICE.entity, [line.invoice for line in meant.invoices])
    pairs = list(zip(meant.invoices, invoices, strict=True))
    left_out = {line.invoice: why for line, invoice in pairs if (why := _why_not(meant, line, invoice)) is not None}
    seen = {"invoices": [seen_of(invoice) for invoice in invoices if invoice], "left_out": left_out}
    if intent.body is not None and set(intent.body[_LISTED]) & set(left_out):
        # What is sent again are the same bytes, and they would chase somebody who has paid.
        return Refuse("paid", "What the mail lists has been paid meanwhile, so it was not sent.", seen)
    lines = [_open_line(meant, line, invoice) for line, invoice in pairs if invoice and line.invoice not in left_out]
    if not lines:
        is_paid = set(left_out.values()) <= _PAID
        words = "Everything was paid meanwhile" if is_paid else "Nothing of it is due any more"
        return Refuse("paid" if is_paid else "nothing_due", f"{words}, so nobody was reminded.", seen)
    listed = [line.invoice for line in meant.invoices if line.invoice not in left_out]
    return Go({"Id": letter_id(intent.mark), _LISTED: listed, **_letter(meant, lines)}, seen)


def _why_not(meant: RemindCustomer, line: RemindedInvoice, invoice: Payload | None) -> str | None:
    refusal = refusal_of(INVOICE, invoice, Settled(line.invoice, CENT, meant.customer, line.currency))
    if refusal is not None or invoice is None:
        return refusal.code if refusal is not None else "gone"
    due_on = _due_on(invoice)
    if line.days < 0 and meant.on > due_on:  # a notice of a day that is over by now
        return "notice_over"
    # They were given more time.
    return "not_due" if due_on + timedelta(days=line.days) > meant.on else None


def _due_on(invoice: Payload) -> date:
    return date.fromisoformat(str(invoice.get("DueDate") or invoice["TxnDate"])[:10])


def _open_line(meant: RemindCustomer, line: RemindedInvoice, invoice: Payload) -> OpenLine:
    return OpenLine(
        number=invoice.get("DocNumber"),
        issued_on=str(invoice["TxnDate"]),
        due_on=_due_on(invoice),
        open_amount=amount_of(invoice, "Balance") or ZERO,
        currency=(invoice.get("CurrencyRef") or {}).get("value") or line.currency,
        days_over=(meant.on - _due_on(invoice)).days,
    )


def _letter(meant: RemindCustomer, lines: Sequence[OpenLine]) -> dict[str, Any]:
    values = values_of(lines, customer=meant.customer_name, business=meant.sender)
    return {
        "To": ", ".join(meant.send_to),
        "FromName": meant.from_name,
        "ReplyTo": meant.reply_to,
        "Subject": render(meant.subject, values),
        "Text": render(meant.text, values),
    }


async def _find_letter(look: RailLook, intent: Intent) -> Finding:
    """It is kept in our own database, in one transaction: not there means not written. It is written later only while all that it
    lists is still open.
    """
    written = await look.read(LETTER, letter_id(intent.mark))
    if written is not None:
        return Found(written)
    meant = RemindCustomer.of(intent.meaning)
    listed = set((intent.body or {}).get(_LISTED) or ())
    lines = [line for line in meant.invoices if line.invoice in listed]
    invoices = await read_each(look, INVOICE.entity, [line.invoice for line in lines])
    is_same = all(_why_not(meant, line, invoice) is None for line, invoice in zip(lines, invoices, strict=True))
    return NotThere(is_unmoved=is_same, is_impossible=not is_same)


REMIND_CUSTOMER = ActionSpec(
    operation=REMIND_CUSTOMER_OPERATION,
    rail=Rail.QBO,
    entity=LETTER,
    manner=Manner.CHANGE,
    targets=_targets,
    preflight=_preflight,
    check_echo=check_letter,
    find_mark=_find_letter,
    touched=touches_nothing,
)
