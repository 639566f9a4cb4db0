"""A reminder by our own mail, as an action: the invoice is read live just before, and one wish makes one letter.

The letter is an object that no rail has but ours: `infra/mail/letters.py` keeps it under an id that follows from the action's
mark, so that whoever writes it again finds it there.
"""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from domains.ar.letters import check_letter, letter_id, touches_nothing
from domains.ar.receive_payment import INVOICE
from domains.core.live_documents import Settled, amount_of, name_of, refusal_of, seen_of, shown
from domains.core.meant import Currency, Meant, PositiveAmount, RailId
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

MAIL_REMINDER_OPERATION = "mail_reminder"


class MailReminder(Meant):
    """`balance` is what was open as the person saw it, `sender` the business's name. Without `send_to` it goes to the invoice's own address."""

    invoice: RailId
    customer: RailId
    balance: PositiveAmount
    sender: Annotated[str, Field(min_length=1, max_length=200)]
    currency: Currency | None = None
    send_to: Annotated[str, Field(max_length=100, pattern=r"^[^@\s]+@[^@\s]+$")] | None = None


def _targets(meaning: Meaning) -> Sequence[Target]:
    # The same kind as of a mail through QuickBooks: two at once are one too many.
    meant = MailReminder.of(meaning)
    return [Target("InvoiceMail", meant.invoice, meant.balance)]


async def _preflight(look: RailLook, intent: Intent) -> Verdict:
    """Nobody is reminded who has paid meanwhile, or whose invoice is gone."""
    written = await look.read(LETTER, letter_id(intent.mark))
    if written is not None:
        return Adopt(written)
    meant = MailReminder.of(intent.meaning)
    invoice = await look.read(INVOICE.entity, meant.invoice)
    refusal = refusal_of(INVOICE, invoice, Settled(meant.invoice, CENT, meant.customer, meant.currency))
    if refusal is not None and invoice is not None and refusal.code in {"already_paid", "balance_lower"}:
        words = f"{name_of(INVOICE, invoice)} has been paid meanwhile, so nobody was reminded."
        return Refuse("paid", words, refusal.seen)
    if refusal is not None or invoice is None:
        return refusal or Refuse("gone", "The invoice is gone.")
    send_to = meant.send_to or str((invoice.get("BillEmail") or {}).get("Address") or "")
    if not send_to:
        words = (
            f"{name_of(INVOICE, invoice)} has no e-mail address. Give one, or write it on the invoice in QuickBooks."
        )
        return Refuse("no_address", words, seen_of(invoice))
    return Go({"Id": letter_id(intent.mark), "To": send_to, **_letter(meant, invoice)}, seen_of(invoice))


def _letter(meant: MailReminder, invoice: Payload) -> Payload:
    number = invoice.get("DocNumber")
    which = f"Invoice {number}" if number else "Our invoice"
    currency = (invoice.get("CurrencyRef") or {}).get("value") or meant.currency
    open_amount = shown(amount_of(invoice, "Balance") or ZERO, currency)
    due = f", due on {invoice['DueDate']}," if invoice.get("DueDate") else ""
    text = f"""Hello,

{which} of {invoice["TxnDate"]}{due} is still open in our books: {open_amount}.

If you have paid in the meantime, thank you, and please disregard this letter. If something about the invoice is not right, please tell us.

{meant.sender}
"""
    return {"Subject": f"Reminder: {which} from {meant.sender}", "Text": text}


async def _find_letter(look: RailLook, intent: Intent) -> Finding:
    """It is kept in our own database, in one transaction: not there means not written."""
    written = await look.read(LETTER, letter_id(intent.mark))
    return NotThere(is_unmoved=True) if written is None else Found(written)


MAIL_REMINDER = ActionSpec(
    operation=MAIL_REMINDER_OPERATION,
    rail=Rail.QBO,
    entity=LETTER,
    manner=Manner.CHANGE,
    targets=_targets,
    preflight=_preflight,
    check_echo=check_letter,
    find_mark=_find_letter,
    touched=touches_nothing,
)
