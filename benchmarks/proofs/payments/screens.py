"""What people do at QuickBooks' own screens, past everything of ours."""

from datetime import timedelta
from decimal import Decimal
from typing import Final

from benchmarks.proofs.payments.plan import Act
from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.store import Record
from infra.qbo.simulator.files.demo_company import profile
from infra.qbo.simulator.files.demo_company.books import expense_line, linked_line, ref

ON_BILLS: Final = frozenset({Act.EDIT_BILL, Act.MOVE_DUE, Act.NOTE_BILL, Act.DELETE_BILL, Act.PAY_ELSEWHERE})


def change_bill(company: Company, bill: Record, what: Act) -> None:
    """Raises:
    ServiceFault: QuickBooks refuses it.
    """
    match what:
        case Act.EDIT_BILL:
            total = Decimal(str(bill.body["TotalAmt"])) + Decimal(5)
            company.update("Bill", {**bill.body, "Line": [expense_line(profile.UTILITIES, total)]})
        case Act.MOVE_DUE:
            later = company.today() + timedelta(days=45 + int(bill.body["SyncToken"]))  # another day each time
            company.update("Bill", {**bill.body, "DueDate": later.isoformat()})
        case Act.NOTE_BILL:
            company.update("Bill", {**bill.body, "PrivateNote": "looked at"})
        case Act.DELETE_BILL:
            company.delete("Bill", bill.body)
        case Act.PAY_ELSEWHERE:
            _pay(company, bill)


def change_payment(company: Company, payment: str, what: Act) -> set[str]:
    """The payments that are gone by that.

    Raises:
        ServiceFault: QuickBooks refuses it.
    """
    record = company.stores["BillPayment"].records[payment]
    if what is Act.NOTE_PAYMENT:
        note = f"{record.body.get('PrivateNote', '')} seen"
        company.update("BillPayment", {**record.body, "PrivateNote": note})
        return set()
    (company.delete if what is Act.REMOVE_PAYMENT else company.void)("BillPayment", record.body)
    return {payment}


def _pay(company: Company, bill: Record) -> None:
    still_open = Decimal(str(bill.body.get("Balance", 0)))
    if still_open <= 0:
        return
    company.create(
        "BillPayment",
        {
            "VendorRef": bill.body["VendorRef"],
            "PayType": "Check",
            "CheckPayment": {"BankAccountRef": ref(profile.CHECKING)},
            "TotalAmt": still_open,
            "Line": [linked_line(still_open, to=bill.id, kind="Bill")],
        },
    )
