"""What can be done to the books about what we are owed."""

from domains.ar.mail_reminder import MAIL_REMINDER, MailReminder
from domains.ar.receive_payment import RECEIVE_PAYMENT, PaidInvoice, ReceivePayment
from domains.ar.remind_customer import REMIND_CUSTOMER, RemindCustomer
from domains.ar.send_invoice import SEND_INVOICE, SendInvoice
from infra.actions.spec import ActionSpec

__all__ = [
    "AR_ACTIONS",
    "MAIL_REMINDER",
    "RECEIVE_PAYMENT",
    "REMIND_CUSTOMER",
    "SEND_INVOICE",
    "MailReminder",
    "PaidInvoice",
    "ReceivePayment",
    "RemindCustomer",
    "SendInvoice",
]

AR_ACTIONS: tuple[ActionSpec, ...] = (RECEIVE_PAYMENT, SEND_INVOICE, MAIL_REMINDER, REMIND_CUSTOMER)
