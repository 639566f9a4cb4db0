"""The tray as a person works through it: grouped, each item with why it is there, what it does to the runway, and the step that most take."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from domains.core.permissions import Permission
from runway.calculators.tray_priority import Priority, TrayGroup
from runway.orchestrators.tray import TrayEntry
from runway.orchestrators.tray_rows import NextStep, Subject
from runway.papers.tray_words import ChipCode
from runway.web.strings import _, keyed
from runway.web.views.decision import compared_with, item_words

_GROUPS = {
    TrayGroup.PAY: keyed("Pay"),
    TrayGroup.COLLECT: keyed("Collect"),
    TrayGroup.FIX_DATA: keyed("Fix data"),
    TrayGroup.RISK: keyed("Risk"),
}
_NONE_LEFT = {
    TrayGroup.PAY: keyed("No bill needs a decision now."),
    TrayGroup.COLLECT: keyed("No customer is later than usual."),
    TrayGroup.FIX_DATA: keyed("The books are read and tie out."),
    TrayGroup.RISK: keyed("Nothing uncovered is in sight."),
}
_STEPS = {
    NextStep.APPROVE: (keyed("Review and approve"), Permission.BILLS_APPROVE),
    NextStep.PAY: (keyed("Review and pay"), Permission.PAYMENTS_EXECUTE),
    NextStep.REMIND: (keyed("Review and remind"), Permission.REMINDERS_SEND),
    NextStep.REVIEW: (keyed("Look at it"), Permission.BOOKS_READ),
    NextStep.PLAN: (keyed("See the weeks"), Permission.BOOKS_READ),
    NextStep.SYNC: (keyed("Read QuickBooks"), Permission.BOOKS_SYNC),
    NextStep.RECONNECT: (keyed("Connect again"), Permission.CONNECTION_MANAGE),
}
# Below the client's own path, where the item is about no document.
_PLACES = {
    NextStep.REVIEW: "/health",
    NextStep.PLAN: "",
    NextStep.SYNC: "/health",
    NextStep.RECONNECT: "/settings/connection",
}
_DOCUMENTS = {"bill": "payables", "invoice": "receivables"}
_LOUD = frozenset(
    {
        ChipCode.CHANGED_AFTER_APPROVAL,
        ChipCode.BYPASS,
        ChipCode.ACTION,
        ChipCode.UNCOVERED,
        ChipCode.BROKEN_PROMISE,
        ChipCode.POSSIBLE_DUPLICATE,
    }
)


@dataclass(frozen=True)
class ChipView:
    words: str
    is_loud: bool


@dataclass(frozen=True)
class TrayRowView:
    """`impact` is told against what `compared_with` says. `step_href` is None where this person may not take the step; `href` opens the evidence."""

    key: str
    path: str
    client: str
    client_path: str
    group: TrayGroup
    priority: str
    what: str
    who: str | None
    amount: Decimal | None
    currency: str
    due_on: date | None
    impact: str | None
    compared_with: str | None
    chips: Sequence[ChipView]
    step: str
    step_href: str | None
    owner: str | None
    owner_id: UUID | None
    question: str | None
    is_back: bool
    is_set_aside: bool
    snoozed_until: date | None


@dataclass(frozen=True)
class TrayGroupView:
    key: TrayGroup
    title: str
    rows: Sequence[TrayRowView]
    none_left: str


def tray_view(
    entries: Iterable[TrayEntry], *, may: Mapping[UUID, Iterable[Permission]], owners: Mapping[UUID, str]
) -> Sequence[TrayGroupView]:
    """All four groups in their order; the items in the order of the tray. `may`: what the person may do in each business."""
    rows = [row_view(entry, may=frozenset(may[entry.business.id]), owners=owners) for entry in entries]
    return [
        TrayGroupView(group, _(title), [row for row in rows if row.group is group], _(_NONE_LEFT[group]))
        for group, title in _GROUPS.items()
    ]


def row_view(entry: TrayEntry, *, may: frozenset[Permission], owners: Mapping[UUID, str]) -> TrayRowView:
    row, mark, item = entry.row, entry.mark, entry.row.item
    base = f"/c/{entry.business.id}"
    step, needs = _STEPS[row.next_step]
    owner_id = mark.owner_id if mark else None
    kind = row.subject.kind if row.subject else None
    return TrayRowView(
        key=item.key,
        path=f"{base}/tray/{item.key}",
        client=entry.business.name,
        client_path=base,
        group=item.group,
        priority=Priority(entry.priority).name,
        what=row.what.words,
        who=row.who,
        amount=item.amount or None,
        currency=entry.business.home_currency,
        due_on=item.due_on,
        impact=item_words(row.impact, kind, entry.business.home_currency),
        compared_with=compared_with(kind) if row.impact else None,
        chips=[ChipView(chip.words, chip.code in _LOUD) for chip in row.chips],
        step=_(step),
        step_href=_href(base, row.next_step, row.subject) if needs in may else None,
        owner=None if owner_id is None else owners.get(owner_id, _("somebody who has left")),
        owner_id=owner_id,
        question=mark.question if mark else None,
        is_back=entry.is_back,
        is_set_aside=entry.is_set_aside,
        snoozed_until=mark.until if mark and entry.is_set_aside else None,
    )


def document_path(base: str, subject: Subject | None) -> str | None:
    """The page of the bill or invoice that it is about; None where it is about neither."""
    if subject is None or subject.kind not in _DOCUMENTS:
        return None
    return f"{base}/{_DOCUMENTS[subject.kind]}/{subject.id}"


def _href(base: str, step: NextStep, subject: Subject | None) -> str:
    return document_path(base, subject) or base + _PLACES.get(step, "")
