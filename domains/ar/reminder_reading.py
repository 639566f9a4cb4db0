"""What a day's plan rests on: open invoices, what was noted and sent about them, and their customers. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from domains.ar.collection_notes import NoteKind
from domains.ar.plan_rows import OpenNote, PlanRows
from domains.ar.reminder_plan import ChasedInvoice, Debtor, Promise
from domains.ar.reminder_queries import Step
from domains.ar.reminder_rules import CustomerRules
from domains.core.ledger import in_home_currency
from infra.money import ZERO


@dataclass(frozen=True)
class Reading:
    """A business on one of its days. `zone` is where its days are counted, `home` its currency."""

    home: str
    zone: ZoneInfo
    today: date

    def of(self, rows: PlanRows) -> tuple[list[ChasedInvoice], dict[str, Debtor]]:
        """The open invoices, and every customer who has one, by the rail's id."""
        steps = _by_invoice(rows.steps)
        noted: dict[UUID, list[OpenNote]] = {}
        for note in rows.notes:
            noted.setdefault(note.invoice_id, []).append(note)
        days = {invoice: at.astimezone(self.zone).date() for invoice, _, at in rows.contacts}
        invoices = [
            _noted(
                ChasedInvoice(
                    id=row.id,
                    external_id=row.external_id,
                    doc_number=row.doc_number,
                    customer_external_id=row.customer_external_id,
                    due_on=row.due_on or row.issued_on,
                    balance=row.balance,
                    currency=row.currency or self.home,
                    home_balance=in_home_currency(row.balance, row.exchange_rate),
                    email=row.email,
                    reached=max((step.level for step in steps.get(row.id, ())), default=0),
                    is_under_way=any(step.is_mailed is None for step in steps.get(row.id, ())),
                    last_contact_on=days.get(row.external_id),
                ),
                noted.get(row.id, ()),
                today=self.today,
            )
            for row in rows.invoices
        ]
        return invoices, self._debtors(rows)

    def _debtors(self, rows: PlanRows) -> dict[str, Debtor]:
        names = {row.customer_external_id: row.customer_name for row in rows.invoices}
        unapplied: dict[str, dict[str, Decimal]] = {}
        for credit in rows.credits:
            held = unapplied.setdefault(credit.party_external_id, {})
            currency = credit.currency or self.home
            held[currency] = held.get(currency, ZERO) + credit.amount
        last: dict[str, date] = {}
        for _, customer, at in rows.contacts:
            day = at.astimezone(self.zone).date()
            last[customer] = max(last.get(customer, day), day)
        debtors = {}
        for external_id, name in names.items():
            known = rows.customers.get(external_id)
            debtors[external_id] = Debtor(
                external_id=external_id,
                id=known.id if known else None,
                name=(known.display_name if known else name) or f"customer {external_id}",
                email=known.email if known else None,
                rules=rows.decided.get(known.id, CustomerRules()) if known else CustomerRules(),
                last_contact_on=last.get(external_id),
                credits=unapplied.get(external_id, {}),
            )
        return debtors


def _noted(invoice: ChasedInvoice, notes: Sequence[OpenNote], *, today: date) -> ChasedInvoice:
    if not notes:  # most have none, and a page of customers has a thousand invoices
        return invoice
    kinds = {note.kind: note for note in notes}
    promise = kinds.get(NoteKind.PROMISE.value)
    return replace(
        invoice,
        is_disputed=NoteKind.DISPUTE.value in kinds,
        is_given_up=NoteKind.WRITE_OFF.value in kinds,
        promise=Promise(promise.promised_on, promise.amount, is_broken=promise.promised_on < today)
        if promise is not None and promise.promised_on is not None
        else None,
    )


def _by_invoice(steps: Sequence[Step]) -> Mapping[UUID, list[Step]]:
    """Those that count: a mail lists them, or may."""
    found: dict[UUID, list[Step]] = {}
    for step in steps:
        if step.is_mailed is not False:
            found.setdefault(step.invoice_id, []).append(step)
    return found
