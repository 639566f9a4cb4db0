"""Templates: what is refused when they are saved, and what they become."""

from datetime import date
from decimal import Decimal

import pytest

from domains.ar.reminder_errors import LevelsSenseless, NobodyReminded, TemplateWrong
from domains.ar.reminder_rules import DEFAULT_LEVELS, Closed, ReminderLevel, Tone, check_levels
from domains.ar.reminder_text import LONGEST_TEXT, OpenLine, check_template, render, templates_of, values_of

LINES = [
    OpenLine("1071", "2026-02-01", date(2026, 3, 1), Decimal("1250.5"), "USD", 15),
    OpenLine(None, "2026-03-01", date(2026, 3, 15), Decimal(20), "EUR", 1),
]
VALUES = values_of(LINES, customer="Dune {business} Cafe", business="Craig & Co")


@pytest.mark.parametrize("level", DEFAULT_LEVELS)
def test_every_text_of_ours_can_be_saved_and_is_filled_in(level: ReminderLevel) -> None:
    subject, text = templates_of(level)
    check_template(ReminderLevel(1, Tone.FIRM, subject, text))
    assert "{" not in render(subject, VALUES)
    assert "2 invoices, 1,250.50 USD + 20.00 EUR" in render(subject, VALUES)
    filled = render(text, VALUES)
    assert "- Invoice 1071 of 2026-02-01: 1,250.50 USD, due on 2026-03-01, 15 days overdue" in filled
    assert "- Our invoice of 2026-03-01: 20.00 EUR, due on 2026-03-15, 1 day overdue" in filled


def test_what_is_filled_in_is_not_looked_at_again() -> None:
    assert render("Hello {customer}", VALUES) == "Hello Dune {business} Cafe"
    assert render("{days_overdue} {count}", VALUES) == "15 2 invoices"


def test_an_invoice_that_is_not_due_yet_is_said_so() -> None:
    values = values_of(
        [OpenLine("1", "2026-03-01", date(2026, 3, 20), Decimal(1), "USD", -4)], customer="", business=""
    )
    assert values["invoices"] == "- Invoice 1 of 2026-03-01: 1.00 USD, due on 2026-03-20"
    assert (values["days_overdue"], values["count"]) == ("0", "1 invoice")


@pytest.mark.parametrize(
    ("subject", "text", "why"),
    [
        (None, "no place", "no place for the {invoices}"),
        (None, "{invoices} {secret}", "no placeholder {secret}"),
        (None, "{invoices.__class__}", "no placeholder"),
        (None, "{invoices!r}", "no placeholder"),
        (None, "{invoices:>999999999}", "no placeholder"),
        (None, "{invoices} {", "brace stands alone"),
        (None, "{{invoices}}", "brace stands alone"),
        (None, "{invoices}" + "x" * LONGEST_TEXT, "characters"),
        (None, "{invoices}\x07", "control character"),
        ("two\nlines", None, "one line"),
        ("{invoices}", None, "one line"),
        ("   ", None, "empty"),
        ("{0}", None, "no placeholder {0}"),
    ],
)
def test_a_template_that_cannot_be_filled_in_is_refused(subject: str | None, text: str | None, why: str) -> None:
    with pytest.raises(TemplateWrong, match=r".") as refused:
        check_template(ReminderLevel(1, Tone.FIRM, subject, text))
    assert why in str(refused.value)


@pytest.mark.parametrize("days", [[], [3, 3], [4, 3], [-31], [366], list(range(11))])
def test_steps_out_of_order_are_refused(days: list[int]) -> None:
    with pytest.raises(LevelsSenseless, match=r"\.$"):
        check_levels([ReminderLevel(day) for day in days])


def test_each_reason_to_remind_nobody_has_its_words() -> None:
    assert all(str(NobodyReminded(reason.value)).endswith(".") for reason in Closed)
