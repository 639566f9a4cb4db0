"""E-mailing a document: what it leaves on the document. No mail is sent."""

from typing import Final

from infra.qbo.simulator import faults
from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.store import Record
from infra.qbo.simulator.timestamps import show_instant, whole_seconds

MAILED: Final = frozenset({"Invoice", "SalesReceipt", "CreditMemo"})


def mark_sent(company: Company, entity: str, identifier: str, *, send_to: str | None) -> Record:
    """`send_to` overwrites BillEmail. Time moves; the SyncToken stays, unless the company behaves otherwise.

    Raises:
        ServiceFault: 500 for what cannot be mailed, 610, or 6000 without an address.
    """
    if entity not in MAILED:
        raise faults.unsupported("send")
    record = company.get(entity, identifier)
    address = send_to or (record.body.get("BillEmail") or {}).get("Address")
    if not address or "@" not in address:
        raise faults.refused("There is no e-mail address to send to.", element="BillEmail")
    at = whole_seconds(company.clock)
    body = record.own()
    body |= {
        "BillEmail": {"Address": address},
        "EmailStatus": "EmailSent",
        "DeliveryInfo": {"DeliveryType": "Email", "DeliveryTime": show_instant(at)},
    }
    record.forget_encoding()
    if company.behaviour.send_moves_token:
        record.bump_sync_token()
    company.stores[entity].move(record, at)
    return record
