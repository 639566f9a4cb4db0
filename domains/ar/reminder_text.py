"""The text of a reminder: templates with placeholders, checked when they are saved, filled in with what is open at the last moment.

Plain text. A template is never evaluated: a placeholder is a known name in braces, and what is put in its place is not looked at again.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from domains.ar.reminder_errors import TemplateWrong
from domains.ar.reminder_rules import ReminderLevel, Tone
from domains.core.live_documents import shown
from infra.money import ZERO

PLACEHOLDERS: Final = frozenset({"customer", "business", "invoices", "count", "total", "days_overdue"})
NEEDED: Final = "invoices"
LONGEST_SUBJECT, LONGEST_TEXT = 150, 5000
_PLACE = re.compile(r"\{([^{}]*)\}")

_SUBJECTS = {
    Tone.FRIENDLY: "Reminder from {business}: {count}, {total}",
    Tone.FIRM: "Overdue at {business}: {count}, {total}",
    Tone.FINAL: "Final reminder from {business}: {count}, {total}",
}
_OPENINGS = {
    Tone.FRIENDLY: "this is a friendly note about what is open between us:",
    Tone.FIRM: "we have not received your payment yet. This is open, and past its day:",
    Tone.FINAL: "in spite of our reminders this is still open:",
}
_CLOSINGS = {
    Tone.FRIENDLY: "If you have paid in the meantime, thank you, and please disregard this mail.",
    Tone.FIRM: "Please pay it this week, or tell us when you will. If something about an invoice is not right, please tell us.",
    Tone.FINAL: "Please pay at once, or call us today, so that we need not take further steps.",
}
_NOTICE_SUBJECT = "Coming up at {business}: {count}, {total}"
_NOTICE_OPENING = "this falls due in the next days:"


@dataclass(frozen=True)
class OpenLine:
    """One invoice as the letter lists it. `days_over` is negative before the due day."""

    number: str | None
    issued_on: str
    due_on: date
    open_amount: Decimal
    currency: str | None
    days_over: int


def check_template(level: ReminderLevel) -> None:
    """Raises:
    TemplateWrong: a placeholder that there is not, a brace too many, no place for the invoices, or too long.
    """
    if level.subject is not None:
        _check(level.subject, longest=LONGEST_SUBJECT)
        if "\n" in level.subject or "{invoices}" in level.subject:
            raise TemplateWrong("a subject is one line, and has no place for {invoices}")
        if not level.subject.strip():
            raise TemplateWrong("the subject is empty")
    if level.text is not None:
        _check(level.text, longest=LONGEST_TEXT)
        if "{invoices}" not in level.text:
            raise TemplateWrong("it has no place for the {invoices}, so nobody would know what is open")


def _check(template: str, *, longest: int) -> None:
    if len(template) > longest:
        raise TemplateWrong(f"it has {len(template)} characters, and {longest} are allowed")
    unknown = [name for name in _PLACE.findall(template) if name not in PLACEHOLDERS]
    if unknown:
        known = ", ".join(f"{{{name}}}" for name in sorted(PLACEHOLDERS))
        raise TemplateWrong(f"there is no placeholder {{{unknown[0]}}}; there are {known}")
    if re.search(r"[{}]", _PLACE.sub("", template)):
        raise TemplateWrong("a brace stands alone")
    if any(ord(character) < ord(" ") and character not in "\n\r\t" for character in template):
        raise TemplateWrong("it holds a control character")


def templates_of(level: ReminderLevel) -> tuple[str, str]:
    """Subject and text of a level: its own, or those of its tone."""
    tone = level.tone
    opening = _NOTICE_OPENING if level.is_notice else _OPENINGS[tone]
    subject = _NOTICE_SUBJECT if level.is_notice else _SUBJECTS[tone]
    text = f"Hello {{customer}},\n\n{opening}\n\n{{invoices}}\n\n{_CLOSINGS[tone]}\n\n{{business}}\n"
    return level.subject or subject, level.text or text


def render(template: str, values: Mapping[str, str]) -> str:
    """Fill in a checked template."""
    return _PLACE.sub(lambda place: values[place[1]], template)


def values_of(lines: Sequence[OpenLine], *, customer: str, business: str) -> dict[str, str]:
    """What the placeholders stand for."""
    totals: dict[str | None, Decimal] = {}
    for line in lines:
        totals[line.currency] = totals.get(line.currency, ZERO) + line.open_amount
    days = max(0, *(line.days_over for line in lines))
    return {
        "customer": customer,
        "business": business,
        "invoices": "\n".join(_line(line) for line in lines),
        "count": "1 invoice" if len(lines) == 1 else f"{len(lines)} invoices",
        "total": " + ".join(shown(amount, currency) for currency, amount in totals.items()),
        "days_overdue": str(days),
    }


def _line(line: OpenLine) -> str:
    which = f"Invoice {line.number}" if line.number else "Our invoice"
    standing = f"due on {line.due_on.isoformat()}"
    if line.days_over > 0:
        standing += f", {line.days_over} {'day' if line.days_over == 1 else 'days'} overdue"
    return f"- {which} of {line.issued_on}: {shown(line.open_amount, line.currency)}, {standing}"
