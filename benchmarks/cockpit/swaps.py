"""Every kind of swap of the pages: where a template asks for it, and how a person's hand does so in the browser."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final


class Hand(StrEnum):
    """`CHANGE` is of a field inside the element, which then waits for more typing; `POLL` is what time does; the last are the page's own words."""

    CLICK = "click"
    CHOOSE = "choose"
    SUBMIT = "submit"
    CHANGE = "change"
    POLL = "poll"
    ACTED = "acted"
    WAKE = "wake"


@dataclass(frozen=True)
class Step:
    """One swap. `selector` is the element that asks; `by` is what the hand takes inside of it; `fill` are fields of it, by name; `closes`: a dialog that it opened."""

    name: str
    selector: str
    hand: Hand = Hand.CLICK
    by: str = ""
    fill: Mapping[str, str] = field(default_factory=dict)
    closes: bool = False


@dataclass(frozen=True)
class Scene:
    """Steps that leave the page as they found it, on `path`, where `{name}` is one of the place's; `is_idle`: only while no worker works."""

    path: str
    steps: Sequence[Step]
    is_idle: bool = False


_HERE_AFTER: Final = '{{ "&cursor=" ~ asked.cursor | urlencode if asked.cursor }}'
_NEXT: Final = "{{ here }}?{{ asked_for }}&amp;cursor={{ next_cursor | urlencode }}"
_AGE: Final = '{{ here }}{{ "" if block.is_chosen else "?age=" ~ block.bucket.value | urlencode }}'
_LOOK: Final = (
    "{{ client.path }}?seen={{ look.mark | urlencode }}{% if look.looks %}&amp;looks={{ look.looks }}{% endif %}"
)
_ACTION: Final = "{{ client.path }}/payments/{{ progress.id }}"

# By name: the template and the address that it asks for, word for word. A test holds the list to the templates.
SWAPS: Final[Mapping[str, Sequence[tuple[str, str]]]] = {
    "portfolio: looks again": [("portfolio/_list.html", "{{ shown.look }}")],
    "cockpit: being read": [("cockpit/_reading.html", "{{ client.path }}")],
    "cockpit: a cell of a week": [
        ("cockpit/_weeks.html", "{{ client.path }}/weeks/{{ week.starts_on }}/{{ cell.group.value }}")
    ],
    "cockpit: is anything new": [("cockpit/_look.html", _LOOK)],
    "payables: after an action": [("payables/_table.html", "{{ here }}?{{ asked_for }}" + _HERE_AFTER)],
    "payables: filter": [("payables/_table.html", "{{ here }}")],
    "payables: by age": [("payables/_ageing.html", _AGE)],
    "payables: next page": [("payables/_table.html", _NEXT)],
    "payables: tick": [("payables/_table.html", "{{ here }}/selection")],
    "payables: open a bill": [("payables/_table.html", "{{ row.path }}")],
    "payables: a row's payment": [("payments/_inline.html", _ACTION + "/progress?inline=1")],
    "bill: must pay": [("payables/_bill.html", "{{ bill.path }}/must-pay")],
    "bill: can wait": [("payables/_bill.html", "{{ bill.path }}/must-pay/end")],
    "bill: approve": [("payables/_bill.html", "{{ bill.path }}/approve")],
    "bill: withdraw the approval": [("payables/_bill.html", "{{ bill.path }}/unapprove")],
    "bill: preview": [("payables/_bill.html", "{{ bill.path }}/preview")],
    "bill: review the payment": [("payables/_bill.html", "{{ bill.path }}/pay")],
    "bill: back from the review": [("payables/_confirm.html", "{{ bill.path }}")],
    "bill: pay": [("payables/_confirm.html", "{{ bill.path }}/pay")],
    "action: how far it is": [("payments/_progress.html", _ACTION + "/progress")],
    "action: undo": [("payments/_progress.html", _ACTION + "/{{ progress.undo_door }}")],
    "action: release": [("payments/_progress.html", _ACTION + "/execute")],
    "action: its trail": [("payments/page.html", _ACTION)],
    "receivables: after an action": [("receivables/_table.html", "{{ here }}?{{ asked_for }}" + _HERE_AFTER)],
    "receivables: filter": [("receivables/_table.html", "{{ here }}")],
    "receivables: by age": [("payables/_ageing.html", _AGE)],
    "receivables: next page": [("receivables/_table.html", _NEXT)],
    "receivables: tick": [("receivables/_table.html", "{{ here }}/selection")],
    "receivables: open an invoice": [("receivables/_table.html", "{{ row.path }}")],
    "invoice: preview": [("receivables/_invoice.html", "{{ invoice.path }}/preview")],
    "invoice: promise": [("receivables/_invoice.html", "{{ invoice.path }}/promise")],
    "invoice: expect": [("receivables/_invoice.html", "{{ invoice.path }}/expected-date")],
    "invoice: expect no more": [("receivables/_invoice.html", "{{ invoice.path }}/expected-date/end")],
    "invoice: dispute": [("receivables/_invoice.html", "{{ invoice.path }}/dispute")],
    "invoice: give up": [("receivables/_invoice.html", "{{ invoice.path }}/write-off-note")],
    "invoice: end what was agreed": [("receivables/_invoice.html", "{{ invoice.path }}/{{ note.path }}/close")],
    "invoice: remind": [("receivables/_invoice.html", "{{ invoice.path }}/remind")],
    "invoice: record a payment": [("receivables/_invoice.html", "{{ invoice.path }}/record-payment")],
    "ritual: who did what": [("ritual/_rail.html", "{{ client.path }}/ritual/rail/{{ page.here.key }}")],
    "ritual: bills after an action": [("ritual/_due.html", "{{ client.path }}/ritual/due")],
    "ritual: open a bill": [("ritual/_due.html", "{{ row.path }}")],
    "ritual: invoices after an action": [("ritual/_overdue.html", "{{ client.path }}/ritual/overdue")],
    "ritual: open an invoice": [("ritual/_overdue.html", "{{ row.path }}")],
    "health: how far it is": [("health/_progress.html", "{{ client.path }}/health?since={{ since }}")],
    "digest: how far it is": [("digest/_sends.html", "{{ client.path }}/digest/sends/{{ sending.ask_id }}")],
}

# What a swap sets off beside itself where the forecast takes longer: by then the rest of it stands and can be acted on.
FORECAST_AFTER: Final = "the forecast after a decision"
SET_OFF: Final[Mapping[str, Sequence[tuple[str, str]]]] = {
    "bill: what the forecast says": [("payables/_outlook.html", "{{ bill.path }}/outlook")],
    "invoice: what the forecast says": [("receivables/_outlook.html", "{{ invoice.path }}/outlook")],
}


def _list(side: str, opens: str) -> Sequence[Step]:
    """What a person does with a table of documents."""
    return (
        Step(f"{side}: next page", 'a[hx-get*="cursor="]'),
        Step(f"{side}: filter", "form.filters", Hand.CHOOSE, fill={"status": "overdue"}),
        Step(f"{side}: filter", "form.filters", Hand.CHOOSE, fill={"status": "open"}),
        Step(f"{side}: by age", "li:last-child > .age-block"),
        Step(f"{side}: by age", '.age-block[aria-current="true"]'),
        Step(f"{side}: tick", "#selection", by="input[type=checkbox]"),
        Step(f"{side}: open {opens}", "#table [data-open]", closes=True),
        Step(f"{side}: after an action", "#table", Hand.ACTED),
    )


_UNDO = (
    Step("action: how far it is", '[id^="action-"][hx-get]', Hand.POLL),
    Step("action: undo", 'form[hx-post$="/cancel"]', Hand.SUBMIT),
)
_END = Step("invoice: end what was agreed", 'form[hx-post$="/close"]', Hand.SUBMIT)
SCENES: Final[Sequence[Scene]] = (
    Scene(  # first: a check that was asked for long ago is not waited for
        "/c/{client}/health?since={since}",
        (Step("health: how far it is", "#progress[hx-get]", Hand.POLL),),
        is_idle=True,
    ),
    Scene(
        "/c/{client}",
        (
            Step("cockpit: a cell of a week", 'a[hx-target="#cell"]'),
            Step("cockpit: is anything new", "#look", Hand.WAKE),
        ),
    ),
    Scene("/c/{client}/payables?status=all", _list("payables", "a bill")),
    Scene(
        "/c/{client}/payables/{bill}",
        (
            Step("bill: must pay", 'form[hx-post$="/must-pay"]', Hand.SUBMIT),
            Step("bill: can wait", 'form[hx-post$="/must-pay/end"]', Hand.SUBMIT),
            Step("bill: approve", 'form[hx-post$="/approve"]', Hand.SUBMIT),
            Step("bill: withdraw the approval", 'form[hx-post$="/unapprove"]', Hand.SUBMIT),
        ),
    ),
    Scene(
        "/c/{client}/payables/{approved_bill}",
        (
            Step("bill: preview", '[hx-get$="/preview"]', Hand.CHANGE, fill={"check_number": "1234"}),
            Step("bill: review the payment", 'form[hx-get$="/pay"]', Hand.SUBMIT),
            Step("bill: back from the review", ".confirm a[hx-get]"),
            Step("bill: review the payment", 'form[hx-get$="/pay"]', Hand.SUBMIT),
            Step("bill: pay", 'form[hx-post$="/pay"]', Hand.SUBMIT),
            *_UNDO,
        ),
    ),
    Scene("/c/{client}/receivables?status=all", _list("receivables", "an invoice")),
    Scene(
        "/c/{client}/receivables/{invoice}",
        (
            Step("invoice: preview", '[hx-get$="/preview"]', Hand.CHANGE, fill={"promised_on": "{soon}"}),
            Step("invoice: promise", 'form[hx-post$="/promise"]', Hand.SUBMIT, fill={"promised_on": "{soon}"}),
            _END,
            Step("invoice: dispute", 'form[hx-post$="/dispute"]', Hand.SUBMIT, fill={"reason": "Half is missing"}),
            _END,
            Step("invoice: give up", 'form[hx-post$="/write-off-note"]', Hand.SUBMIT, fill={"reason": "They are gone"}),
            _END,
            Step("invoice: expect", 'form[hx-post$="/expected-date"]', Hand.SUBMIT, fill={"expected_on": "{soon}"}),
            Step("invoice: expect no more", 'form[hx-post$="/expected-date/end"]', Hand.SUBMIT),
        ),
    ),
    Scene(
        "/c/{client}/receivables/{invoice}",
        (
            Step("invoice: remind", 'form[hx-post$="/remind"]', Hand.SUBMIT, fill={"to": "books@customer.example"}),
            *_UNDO,
        ),
    ),
    Scene(
        "/c/{client}/receivables/{invoice}",
        (Step("invoice: record a payment", 'form[hx-post$="/record-payment"]', Hand.SUBMIT), *_UNDO),
    ),
    Scene(
        "/c/{client}/ritual/due",
        (
            Step("ritual: who did what", "#rail", Hand.POLL),
            Step("ritual: bills after an action", "#ritual-rows", Hand.ACTED),
            Step("ritual: open a bill", "#ritual-rows [data-open]", closes=True),
        ),
    ),
    Scene(
        "/c/{client}/ritual/overdue",
        (
            Step("ritual: invoices after an action", "#ritual-rows", Hand.ACTED),
            Step("ritual: open an invoice", "#ritual-rows [data-open]", closes=True),
        ),
    ),
    Scene(
        "/c/{client}/payments/{held}",
        (
            Step("action: its trail", "#trail", Hand.ACTED),
            Step("action: release", 'form[hx-post$="/execute"]', Hand.SUBMIT),
        ),
        is_idle=True,
    ),
    Scene(
        "/c/{client}/payables?q={paid_number}",
        (Step("payables: a row's payment", '[id^="inline-"][hx-get]', Hand.POLL),),
        is_idle=True,
    ),
    Scene("/c/{client}/digest", (Step("digest: how far it is", "#sends[hx-get]", Hand.POLL),), is_idle=True),
    Scene("/c/{unread}", (Step("cockpit: being read", ".reading[hx-get]", Hand.POLL),), is_idle=True),
    Scene("/", (Step("portfolio: looks again", "#portfolio[hx-get]", Hand.POLL),), is_idle=True),
)
