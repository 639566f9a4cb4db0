"""Bills as the payables page shows them: where each stands, when it is to be paid and why then."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID

from domains.ap.approvals import ApprovalStatus, Standing
from domains.core.access_service import Entry
from domains.core.documents import DocumentStatus, status_of
from domains.core.permissions import Permission
from infra.actions.models import ActionIntent
from runway.orchestrators.payables_table import Payable
from runway.papers.tray_words import field_in_words
from runway.web import formats
from runway.web.strings import _, keyed, ngettext

_APPROVALS = {
    ApprovalStatus.NOT_NEEDED: (keyed("No approval needed"), "plain"),
    ApprovalStatus.WAITING: (keyed("Waits for approval"), "warn"),
    ApprovalStatus.WAITING_FOR_SECOND: (keyed("Waits for a second approval"), "warn"),
    ApprovalStatus.APPROVED: (keyed("Approved"), "good"),
}
_TO_APPROVE = frozenset({ApprovalStatus.WAITING, ApprovalStatus.WAITING_FOR_SECOND})
_STATUSES = {
    DocumentStatus.OPEN: (keyed("Open"), "plain"),
    DocumentStatus.OVERDUE: (keyed("Overdue"), "warn"),
    DocumentStatus.PAID: (keyed("Paid"), "good"),
}
_VERY_LATE_DAYS = 60


class Viewer(Protocol):
    """Who looks: a page's client."""

    @property
    def today(self) -> date: ...
    @property
    def home_currency(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def entry(self) -> Entry: ...


@dataclass(frozen=True)
class StatusView:
    """A word with its tone, and how many days it is overdue."""

    text: str
    tone: str
    days_over: int


@dataclass(frozen=True)
class ApprovalView:
    text: str
    tone: str
    changed: Sequence[str]
    fingerprint: str | None
    is_given: bool


@dataclass(frozen=True)
class BillView:
    """`pick` is the name of its box in a list. `planned_why` is told on focus. `can_…`: what this person may do with it now."""

    id: UUID
    path: str
    pick: str
    number: str
    vendor: str
    vendor_external_id: str
    issued_on: date
    due_on: date | None
    status: StatusView
    total: Decimal
    balance: Decimal
    currency: str
    memo: str | None
    approval: ApprovalView | None
    planned_on: date | None
    planned_why: str
    is_must_pay: bool
    payment: ActionIntent | None
    can_approve: bool
    can_unapprove: bool
    can_pay: bool


def status_view(document: Mapping[str, Any], today: date) -> StatusView:
    due_on, issued_on = document["due_on"], document["issued_on"]
    status = status_of(balance=document["balance"], due_on=due_on, issued_on=issued_on, today=today)
    days = (today - (due_on or issued_on)).days
    text, tone = _STATUSES[status]
    if status is DocumentStatus.OVERDUE:
        told = ngettext("%(n)s day over", "%(n)s days over", days) % {"n": days}
        return StatusView(told, "bad" if days > _VERY_LATE_DAYS else "warn", days)
    return StatusView(_(text), tone, 0)


def bill_view(row: Payable, to: Viewer) -> BillView:
    today, permissions = to.today, to.entry.permissions
    bill, standing = row.bill, row.standing
    is_open = bill["balance"] > 0
    waits = standing is not None and standing.status in _TO_APPROVE
    may_approve = Permission.BILLS_APPROVE in permissions and is_open
    planned_on = row.planned[0].on if row.planned and is_open else None
    number, vendor = bill["doc_number"] or bill["external_id"], bill["vendor_name"] or bill["vendor_external_id"]
    return BillView(
        id=bill["id"],
        path=f"{to.path}/payables/{bill['id']}",
        pick=_("Select bill %(number)s of %(vendor)s") % {"number": number, "vendor": vendor},
        number=number,
        vendor=vendor,
        vendor_external_id=bill["vendor_external_id"],
        issued_on=bill["issued_on"],
        due_on=bill["due_on"],
        status=status_view(bill, today),
        total=bill["total"],
        balance=bill["balance"],
        currency=bill["currency"] or to.home_currency,
        memo=bill["memo"],
        approval=None if standing is None else approval_view(standing),
        planned_on=None if planned_on is None else max(planned_on, today),
        planned_why=_planned_why(row, planned_on, today) if is_open else "",
        is_must_pay=row.is_must_pay,
        payment=row.payment,
        can_approve=may_approve and waits,
        can_unapprove=may_approve and standing is not None and bool(standing.approvals),
        can_pay=Permission.PAYMENTS_EXECUTE in permissions and is_open and not waits and row.payment is None,
    )


def approval_view(standing: Standing) -> ApprovalView:
    text, tone = _APPROVALS[standing.status]
    return ApprovalView(
        text=_(text),
        tone="warn" if standing.changed else tone,
        changed=[field_in_words(name) for name in sorted(standing.changed)],
        fingerprint=standing.material.fingerprint if standing.material else None,
        is_given=bool(standing.approvals),
    )


def _planned_why(row: Payable, planned_on: date | None, today: date) -> str:
    """Why the forecast pays it then."""
    if row.payment is not None:
        return _("A payment of it is on its way or waits.")
    if planned_on is None:
        return _("The forecast does not count it: credits cover it, or it is not open.")
    due = row.bill["due_on"] or row.bill["issued_on"]
    told = {"day": formats.day(due)}
    if row.late_by_habit is not None:
        was = _("It was due on %(day)s.") if due < today else _("It is due on %(day)s.")
        return was % told + " " + _habit_why(row.late_by_habit)
    if due < today:
        return _("It was due on %(day)s, so the forecast pays it today.") % told
    if planned_on == due:
        return _("It is due then.")
    return _("Scheduled; it is due on %(day)s.") % told


def _habit_why(days: int) -> str:
    return ngettext(
        "By the habit of the last 12 months, this vendor is paid %(n)s day late.",
        "By the habit of the last 12 months, this vendor is paid %(n)s days late.",
        days,
    ) % {"n": days}
