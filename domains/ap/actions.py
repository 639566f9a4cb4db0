"""What can be done to the books about what we owe."""

from domains.ap.pay_bills import PAY_BILLS, AppliedCredit, PaidBill, PayBills
from domains.ap.void_payment import VOID_PAYMENT, VoidPayment
from infra.actions.spec import ActionSpec

__all__ = ["AP_ACTIONS", "PAY_BILLS", "VOID_PAYMENT", "AppliedCredit", "PaidBill", "PayBills", "VoidPayment"]

AP_ACTIONS: tuple[ActionSpec, ...] = (PAY_BILLS, VOID_PAYMENT)
