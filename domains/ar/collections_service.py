"""Getting paid: reminders, and what customers paid. Each verb writes in the caller's transaction and asks no rail."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Uuid, bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from domains.ar.collection_errors import (
    DepositAccountUnusable,
    InvoiceBusy,
    InvoicePaidAlready,
    MoreThanOwed,
    NoAddress,
    NotReceivedYet,
    ReceiptInClosedBooks,
)
from domains.ar.errors import InvoiceNotFound
from domains.ar.mail_reminder import MAIL_REMINDER, MailReminder
from domains.ar.models import Invoice
from domains.ar.receive_payment import RECEIVE_PAYMENT, PaidInvoice, ReceivePayment
from domains.ar.send_invoice import SEND_INVOICE, SendInvoice
from domains.core.asking import Asking, find_asked
from domains.core.ledger import live
from domains.core.meant import Meant
from infra.actions.engine import ActionEngine
from infra.actions.errors import TargetTaken
from infra.actions.models import ActionIntent
from infra.actions.spec import ActionRequest, ActionSpec
from infra.db.tenancy import TenantAwareService
from infra.db.unit_of_work import UnitOfWork
from infra.money import ZERO

_INVOICE = select(Invoice).where(
    *live(Invoice, bindparam("business_id", type_=Uuid)), Invoice.id == bindparam("invoice_id", type_=Uuid)
)


class Through(StrEnum):
    """Who mails a reminder."""

    QBO = "qbo"
    MAIL = "mail"


@dataclass(frozen=True)
class Received:
    """What a customer paid on one invoice. `deposit_to` and `method` are the rail's ids, `deposit_currency` that of the account."""

    amount: Decimal
    on: date
    deposit_to: str | None = None
    method: str | None = None
    reference: str | None = None
    deposit_currency: str | None = None


class CollectionsService(TenantAwareService):
    def __init__(self, business_id: UUID, *, name: str, home_currency: str, engine: ActionEngine) -> None:
        """`name` is the business's, at the foot of its letters."""
        super().__init__(business_id)
        self._name = name
        self._home = home_currency
        self._engine = engine

    async def send_reminder(
        self, uow: UnitOfWork, invoice_id: UUID, *, through: Through, to: str | None, asking: Asking
    ) -> ActionIntent:
        """Remind the customer, who is asked for at QuickBooks just before: nobody who has paid is reminded.

        Raises:
            InvoiceNotFound, InvoicePaidAlready, NoAddress: there is nobody to remind, as far as we know.
            InvoiceBusy: a reminder of it is on its way.
            KeyUsedForOther: the key stands for another wish.
            RailNeedsReconnect: QuickBooks cannot be asked.
        """
        spec = SEND_INVOICE if through is Through.QBO else MAIL_REMINDER
        for either in (SEND_INVOICE, MAIL_REMINDER):  # one key, one reminder, whoever mails it
            known = await find_asked(uow.session, self.business_id, either.operation, asking)
            if known is not None:
                return known
        invoice = await self._open_invoice(uow.session, invoice_id)
        if to is None and not invoice.email:
            raise NoAddress(_words(invoice))
        meant = {
            "invoice": invoice.external_id,
            "customer": invoice.customer_external_id,
            "balance": invoice.balance,
            "currency": invoice.currency,
            "send_to": to,
        }
        wish = SendInvoice.of(meant) if through is Through.QBO else MailReminder.of({**meant, "sender": self._name})
        return await self._ask(uow, spec, wish, invoice=invoice, asking=asking)

    async def record_payment(
        self,
        uow: UnitOfWork,
        invoice_id: UUID,
        received: Received,
        *,
        today: date,
        closed_on: date | None,
        asking: Asking,
    ) -> ActionIntent:
        """Record what the customer paid on one invoice.

        Raises:
            InvoiceNotFound, InvoicePaidAlready, MoreThanOwed, ReceiptInClosedBooks, NotReceivedYet, DepositAccountUnusable: the books forbid it.
            InvoiceBusy: another payment on it is being recorded.
            KeyUsedForOther, RailNeedsReconnect: as `send_reminder`.
        """
        known = await find_asked(uow.session, self.business_id, RECEIVE_PAYMENT.operation, asking)
        if known is not None:
            return known
        invoice = await self._open_invoice(uow.session, invoice_id)
        currency = invoice.currency or self._home
        if received.amount > invoice.balance:
            raise MoreThanOwed(_words(invoice), amount=received.amount, open_amount=invoice.balance, currency=currency)
        if received.on > today:
            raise NotReceivedYet(received.on)
        if closed_on is not None and received.on <= closed_on:
            raise ReceiptInClosedBooks(on=received.on, closed_on=closed_on)
        if received.deposit_currency not in {None, currency, self._home}:
            why = f"it is in {received.deposit_currency}, and the invoice in {currency}"
            raise DepositAccountUnusable(f"Account {received.deposit_to}", why)
        wish = ReceivePayment(
            customer=invoice.customer_external_id,
            received_on=received.on,
            currency=None if currency == self._home else currency,
            invoices=(PaidInvoice(invoice=invoice.external_id, amount=received.amount, total=invoice.total),),
            deposit_to=received.deposit_to,
            method=received.method,
            reference=received.reference,
        )
        return await self._ask(uow, RECEIVE_PAYMENT, wish, invoice=invoice, asking=asking)

    async def _ask(
        self, uow: UnitOfWork, spec: ActionSpec, wish: Meant, *, invoice: Invoice, asking: Asking
    ) -> ActionIntent:
        request = ActionRequest(
            business_id=self.business_id,
            operation=spec.operation,
            client_key=asking.key,
            meaning=wish.as_meaning(),
            actor=asking.actor,
            request_id=asking.request_id,
            facts=asking.facts(balance=invoice.balance, version=invoice.version, customer=invoice.customer_name),
            undo_window=asking.undo_window,
        )
        try:
            return await self._engine.request(uow, request)
        except TargetTaken as error:
            raise InvoiceBusy(_words(invoice), intent_id=error.intent_id) from error

    async def _open_invoice(self, session: AsyncSession, invoice_id: UUID) -> Invoice:
        invoice: Invoice | None = await session.scalar(
            _INVOICE, {"business_id": self.business_id, "invoice_id": invoice_id}
        )
        if invoice is None:
            raise InvoiceNotFound(invoice_id)
        if invoice.balance <= ZERO:
            raise InvoicePaidAlready(_words(invoice))
        return invoice


def _words(invoice: Invoice) -> str:
    number = f"Invoice {invoice.doc_number}" if invoice.doc_number else f"The invoice {invoice.external_id}"
    return f"{number} of {invoice.customer_name or f'customer {invoice.customer_external_id}'}"
