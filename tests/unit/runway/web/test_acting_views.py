"""What the acting screens show, from what the orchestrators answer."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest
from starlette.datastructures import FormData

from domains.ap.approval_errors import LooksLikeDuplicate
from domains.ap.approvals import ApprovalStatus, BillFigures, Standing
from domains.ap.payment_errors import BillBeingPaid, BillPaidAlready, DayReversed, PaidAlike
from domains.ap.queries import ListedBill
from domains.ar.reminder_plan import ChasedInvoice, Debtor, PlannedCustomer, PlannedInvoice, Why
from domains.core.access_service import Entry
from domains.core.models import Business
from domains.core.permissions import MAY, Permission, Role
from infra.actions.models import ActionIntent
from infra.actions.states import ActionState
from runway.calculators.ageing import Bucket, OpenDocument, age
from runway.calculators.expected_dates import ExpectedBy, ExpectedReceipt
from runway.calculators.figures import DAYS
from runway.calculators.impacts import Impact
from runway.calculators.lateness import LatePoint
from runway.calculators.outlook import DatedFlow, PathRow
from runway.calculators.tray_priority import Priority, Reason, TrayGroup, TrayItem
from runway.orchestrators.party_pages import Habit, LatePayment
from runway.orchestrators.payables_table import Payable
from runway.orchestrators.tray import TrayEntry
from runway.orchestrators.tray_rows import Chip, NextStep, Subject, TrayRow, What
from runway.papers.tray_words import ChipCode, WhatCode
from runway.routes.action_out import ActionOut
from runway.routes.action_words import May, Outcome
from runway.routes.preview_out import PREVIEW_EXAMPLE, PreviewOut
from runway.web.forms import FormTooOld, Typed, typed_of
from runway.web.payment_forms import previewed_payment, read_batch, read_payment
from runway.web.views.ageing import age_blocks
from runway.web.views.decision import compared_with, impact_words, item_words, preview_view
from runway.web.views.parties import habit_view
from runway.web.views.payables import bill_view
from runway.web.views.progress import meant_view, progress_view
from runway.web.views.receivables import expected_view, reminder_view
from runway.web.views.refusals import refusal_view
from runway.web.views.trail import who_is
from runway.web.views.tray import row_view, tray_view
from tests.unit.runway.calculators.making import BASIS, T

ID, BILL = UUID(int=1), UUID(int=7)
BUSINESS = Business(id=ID, name="Corner Shop", home_currency="USD", time_zone="UTC")


@dataclass(frozen=True)
class Looker:
    """Who looks, in a role."""

    role: Role = Role.OWNER
    today: date = T
    home_currency: str = "USD"
    path: str = "/c/1"

    @property
    def entry(self) -> Entry:
        return cast("Entry", SimpleNamespace(permissions=MAY[self.role]))


def a_bill(**more: Any) -> ListedBill:
    fields: dict[str, Any] = {
        "id": BILL, "rail": "qbo", "external_id": "145", "doc_number": "2231", "issued_on": T - timedelta(days=40),
        "due_on": T + timedelta(days=3), "total": Decimal(120), "balance": Decimal(120), "currency": None, "exchange_rate": None,
        "terms_external_id": None, "memo": None, "version": 1, "vendor_external_id": "31", "vendor_name": "Harbor",
    }  # fmt: skip
    return cast("ListedBill", fields | more)


def a_standing(status: ApprovalStatus, changed: Mapping[str, Any] | None = None) -> Standing:
    figures = BillFigures(BILL, "145", "2231", "31", "Harbor", T, T, Decimal(120), Decimal(120), None, None, 1, None)
    return Standing(
        figures, status, needs_two=False, home_amount=Decimal(120), approvals=(), changed=changed or {}, material=None
    )


def a_payable(status: ApprovalStatus = ApprovalStatus.APPROVED, *, planned: date | None = None, **more: Any) -> Payable:
    bill = a_bill(**more)
    flow = DatedFlow(planned or bill["due_on"] or T, Decimal(-120), PathRow.BILLS, "145")
    return Payable(bill, a_standing(status), [flow], is_must_pay=False, payment=None)


NOW, ASKED_BY = datetime(2026, 3, 15, 21, 0, tzinfo=UTC), "user:1"


def an_action(
    outcome: Outcome, state: ActionState, *, operation: str = "pay_bills", may: tuple[May, ...] = (), **more: Any
) -> ActionOut:
    fields: dict[str, Any] = dict.fromkeys(ActionOut.model_fields)
    given = {
        "id": ID,
        "operation": operation,
        "outcome": outcome,
        "state": state,
        "words": "words",
        "version": 3,
        "asked_by": ASKED_BY,
        **more,
    }
    return ActionOut.model_construct(**{**fields, **given, "may": list(may)})


def an_entry(row: TrayRow) -> TrayEntry:
    return TrayEntry(BUSINESS, row, Priority.P1, "state", None, is_set_aside=False, is_back=False)


def a_row(group: TrayGroup, step: NextStep, subject: Subject | None = None) -> TrayRow:
    item = TrayItem("key", group, frozenset({Reason.BILL_DUE}), Decimal(10), T)
    what = What(WhatCode.BILL, {"number": "1", "party": "Harbor"})
    return TrayRow(item, what, "Harbor", (Chip(ChipCode.DUE, {"days": 3}),), step, subject, None)


AN_IMPACT = Impact(
    days=BASIS.figure(Decimal(-6), DAYS, n=1, n_of="documents"),
    low=BASIS.figure(Decimal(4100), "USD", n=1, n_of="documents"),
    low_change=BASIS.figure(Decimal(-5700), "USD", n=1, n_of="documents"),
    low_on=date(2026, 12, 9),
    low_week_on=date(2026, 12, 7),
)


def test_an_impact_is_told_in_days_and_by_the_low_point() -> None:
    told = impact_words(AN_IMPACT, "USD")
    assert told == "\N{MINUS SIGN}6 days; low falls by $5,700 to $4,100 in the week of Dec 7"
    none = replace(AN_IMPACT, days=BASIS.missing("cash never ends", DAYS, n=1, n_of="documents"))
    assert impact_words(none, "USD") == "low falls by $5,700 to $4,100 in the week of Dec 7"
    assert impact_words(None, "USD") is None


def test_an_effect_says_what_it_is_the_effect_of_and_what_it_is_compared_with() -> None:
    assert item_words(AN_IMPACT, "bill", "USD") == f"Paying it: {impact_words(AN_IMPACT, 'USD')}"
    assert item_words(AN_IMPACT, "invoice", "USD") == f"If it is paid today: {impact_words(AN_IMPACT, 'USD')}"
    assert item_words(None, "bill", "USD") is None
    row = replace(a_row(TrayGroup.PAY, NextStep.PAY, Subject("bill", str(BILL), "145")), impact=AN_IMPACT)
    view = row_view(an_entry(row), may=frozenset(), owners={})
    assert (view.impact, view.compared_with) == (item_words(AN_IMPACT, "bill", "USD"), compared_with("bill"))


def test_a_preview_warns_of_what_it_puts_at_risk_and_of_the_floor() -> None:
    view = preview_view(PreviewOut.model_validate(PREVIEW_EXAMPLE["data"]))
    assert (view.tone, view.low, view.low_is_below_floor) == ("warn", "$4,100.00", True)
    assert (view.runway_before, view.runway_after) == ("61 days", "55 days")
    assert view.at_risk == ["payroll, $8,200.00 on Apr 30"]


def test_the_tray_has_its_four_groups_and_no_step_that_would_be_refused() -> None:
    subject = Subject("bill", str(BILL), "145")
    entries = [
        an_entry(a_row(TrayGroup.PAY, NextStep.APPROVE, subject)),
        an_entry(a_row(TrayGroup.RISK, NextStep.PLAN)),
    ]
    owner = tray_view(entries, may={ID: MAY[Role.OWNER]}, owners={})
    told = [(group.title, len(group.rows)) for group in owner]
    assert told == [("Pay", 1), ("Collect", 0), ("Fix data", 0), ("Risk", 1)]
    assert owner[0].rows[0].step_href == f"/c/{ID}/payables/{BILL}"
    assert owner[3].rows[0].step_href == f"/c/{ID}"
    viewer = tray_view(entries, may={ID: MAY[Role.VIEWER]}, owners={})
    assert viewer[0].rows[0].step_href is None


@pytest.mark.parametrize(
    ("planned", "due", "why"),
    [
        (3, 3, "It is due then."),
        (-9, -9, "so the forecast pays it today."),
        (9, 3, "Scheduled; it is due on"),
    ],
)
def test_the_day_a_bill_is_expected_to_be_paid_has_its_reason(planned: int, due: int, why: str) -> None:
    on = T + timedelta(days=planned)
    view = bill_view(a_payable(planned=on, due_on=T + timedelta(days=due)), Looker())
    assert view.planned_on == max(on, T)
    assert why in view.planned_why


@pytest.mark.parametrize(("due", "told"), [(-4, "It was due on"), (3, "It is due on")])
def test_a_bill_that_waits_by_habit_says_so(due: int, told: str) -> None:
    on = T + timedelta(days=due + 9)
    row = replace(a_payable(planned=on, due_on=T + timedelta(days=due)), late_by_habit=9)
    view = bill_view(row, Looker())
    assert view.planned_on == on
    assert view.planned_why.startswith(told)
    assert view.planned_why.endswith("By the habit of the last 12 months, this vendor is paid 9 days late.")
    paying = replace(row, payment=cast("ActionIntent", SimpleNamespace()))
    assert "habit" not in bill_view(paying, Looker()).planned_why


def test_overdue_is_red_beyond_sixty_days_alone() -> None:
    tones = {
        days: bill_view(a_payable(due_on=T - timedelta(days=days)), Looker()).status.tone for days in (0, 1, 60, 61)
    }
    assert tones == {0: "plain", 1: "warn", 60: "warn", 61: "bad"}


def test_what_may_be_done_with_a_bill_follows_its_approval_and_the_role() -> None:
    def may(status: ApprovalStatus, role: Role, **more: Any) -> tuple[bool, bool]:
        view = bill_view(a_payable(status, **more), Looker(role))
        return view.can_approve, view.can_pay

    assert may(ApprovalStatus.WAITING, Role.OWNER) == (True, False)
    assert may(ApprovalStatus.APPROVED, Role.OWNER) == (False, True)
    assert may(ApprovalStatus.WAITING, Role.BOOKKEEPER) == (False, False)
    assert may(ApprovalStatus.APPROVED, Role.VIEWER) == (False, False)
    assert may(ApprovalStatus.APPROVED, Role.OWNER, balance=Decimal(0)) == (False, False)


def a_receipt(*ahead: int, by: ExpectedBy = ExpectedBy.MODEL, n: int = 14, asks: bool = False) -> ExpectedReceipt:
    dates = tuple(T + timedelta(days=days) for days in ahead)
    return ExpectedReceipt("9", "58", Decimal(100), by, dates, (), n, asks_in_tray=asks)


def test_an_expected_day_is_given_with_its_days_more_or_less_and_why() -> None:
    view = expected_view(a_receipt(2, 4, 6, 9, 13))
    assert (view.on, view.give) == (T + timedelta(days=6), 6)
    assert "From 14 invoices that they paid." in view.why
    assert "all customers' habits" in expected_view(a_receipt(1, 2, 3, 4, 5, n=0)).why
    promised = expected_view(a_receipt(5, 5, 5, 5, 5, by=ExpectedBy.PROMISE))
    assert (promised.give, promised.why) == (None, "The customer promised this day.")
    excluded = expected_view(a_receipt(by=ExpectedBy.EXCLUDED, asks=True))
    assert (excluded.on, excluded.is_doubtful) == (None, True)
    assert "say when it comes" in excluded.why


def test_a_reminder_tells_why_there_is_none_today() -> None:
    invoice = ChasedInvoice(ID, "9", "I-9", "58", T, Decimal(100), "USD", last_contact_on=T - timedelta(days=2))
    planned = PlannedInvoice(invoice, 2, None, 5, None, T + timedelta(days=1))
    customer = PlannedCustomer(Debtor("58", ID, "Dune"), (), [planned], Why.TOO_SOON, T + timedelta(days=5))
    view = reminder_view(planned, customer, is_on=True)
    assert (view.last_contact_on, view.next_on) == (T - timedelta(days=2), T + timedelta(days=5))
    assert view.why == "the last mail was too short ago"
    excluded = reminder_view(planned, replace(customer, why=Why.EXCLUDED, next_on=None), is_on=True)
    assert (excluded.next_on, excluded.why) == (None, "this customer is never reminded")
    off = reminder_view(planned, customer, is_on=False)
    assert (off.next_on, off.why) == (None, "reminders do not go out by themselves")


@pytest.mark.parametrize(
    ("outcome", "state", "title", "seconds"),
    [
        (Outcome.PROCESSING, ActionState.REQUESTED, "Processing", 1),
        (Outcome.PROCESSING, ActionState.UNKNOWN, "Processing", 1),
        (Outcome.PROCESSING, ActionState.RETRY_WAIT, "Processing", 10),
        (Outcome.SCHEDULED, ActionState.REQUESTED, "Scheduled", None),
        (Outcome.HELD, ActionState.BLOCKED, "On hold", None),
        (Outcome.REVIEW, ActionState.NEEDS_REVIEW, "Needs a person", None),
        (Outcome.RECORDED, ActionState.CONFIRMED, "Recorded", None),
        (Outcome.NOT_RECORDED, ActionState.FAILED, "Not recorded", None),
    ],
)
def test_progress_is_looked_at_again_until_nothing_comes_by_itself(
    outcome: Outcome, state: ActionState, title: str, seconds: int | None
) -> None:
    view = progress_view(an_action(outcome, state), MAY[Role.OWNER], now=NOW, actor=ASKED_BY)
    assert (view.title, view.look_seconds) == (title, seconds)
    mailed = progress_view(
        an_action(Outcome.RECORDED, state, operation="send_invoice"), MAY[Role.OWNER], now=NOW, actor=ASKED_BY
    )
    assert mailed.title == "Mailed"


def test_only_a_payer_is_offered_to_undo() -> None:
    out = an_action(Outcome.PROCESSING, ActionState.REQUESTED, may=(May.CANCEL, May.RECONNECT))
    assert progress_view(out, MAY[Role.APPROVER], now=NOW, actor=ASKED_BY).may == [May.CANCEL]
    assert progress_view(out, MAY[Role.VIEWER], now=NOW, actor=ASKED_BY).may == []
    assert progress_view(out, [Permission.CONNECTION_MANAGE], now=NOW, actor=ASKED_BY).may == [May.RECONNECT]


def test_what_one_asked_for_oneself_can_be_taken_back_and_only_that_without_a_payers_right() -> None:
    asked = an_action(Outcome.PROCESSING, ActionState.REQUESTED, operation="send_invoice", may=(May.CANCEL,))
    doors = {
        (role, actor): progress_view(asked, MAY[role], now=NOW, actor=actor).undo_door
        for role in (Role.APPROVER, Role.BOOKKEEPER, Role.VIEWER)
        for actor in (ASKED_BY, "user:2")
    }
    assert set(doors.values()) == {"cancel", "undo", None}
    assert {role for (role, _), door in doors.items() if door == "cancel"} == {Role.APPROVER}
    assert [key for key, door in doors.items() if door == "undo"] == [(Role.BOOKKEEPER, ASKED_BY)]
    sent = an_action(Outcome.RECORDED, ActionState.CONFIRMED)
    assert progress_view(sent, MAY[Role.OWNER], now=NOW, actor=ASKED_BY).undo_door is None


def test_the_page_looks_again_when_the_time_to_undo_is_over() -> None:
    until = NOW + timedelta(seconds=6.2)
    waiting = an_action(Outcome.PROCESSING, ActionState.REQUESTED, may=(May.CANCEL,), undo_until=until)
    view = progress_view(waiting, MAY[Role.OWNER], now=NOW, actor=ASKED_BY)
    assert (view.undo_seconds, view.look_seconds) == (7, 7)
    last = progress_view(waiting, MAY[Role.OWNER], now=until, actor=ASKED_BY)
    assert (last.undo_seconds, last.look_seconds) == (1, 1)


def test_what_a_payment_meant_is_its_cash() -> None:
    lines = {"bills": [{"bill": "1", "amount": 100}], "credits": [{"credit": "2", "amount": 25}]}
    facts = {"vendor": "Harbor", "account": "Checking"}
    meant = meant_view(ActionIntent(meaning={"paid_on": "2026-03-15", **lines}, facts=facts), "USD")
    assert (meant.amount, meant.who, meant.on, meant.account) == (Decimal(75), "Harbor", date(2026, 3, 15), "Checking")


def test_five_blocks_of_age_of_which_late_ones_are_marked() -> None:
    documents = [
        OpenDocument(str(days), "31", "Harbor", T - timedelta(days=200), T - timedelta(days=days), Decimal(amount))
        for days, amount in ((0, 60), (10, 30), (100, 10))
    ]
    blocks = age_blocks(age(documents, [], basis=BASIS), Bucket.DAYS_1_30)
    assert [block.amount.value for block in blocks] == [Decimal(60), Decimal(30), 0, 0, Decimal(10)]
    assert [block.share for block in blocks] == [60, 30, 0, 0, 10]
    assert [block.is_late for block in blocks] == [False, False, False, False, True]
    thirds = [replace(one, open_amount=Decimal(10)) for one in documents]
    assert [block.share for block in age_blocks(age(thirds, [], basis=BASIS), None)] == [34, 33, 0, 0, 33]
    assert [block.is_chosen for block in blocks] == [False, True, False, False, False]


def test_refusals_say_what_to_do_in_the_form() -> None:
    alike = refusal_view(PaidAlike("Harbor", amount=Decimal(5), currency="USD", on=T, payment="9"))
    assert alike.needs == "confirm_similar"
    assert "confirm_similar" not in alike.words
    assert "tick the box" in alike.words
    twice = refusal_view(LooksLikeDuplicate("Bill 1", []))
    assert (twice.needs, "duplicate_reason" in twice.words) == ("duplicate_reason", False)
    taken = refusal_view(BillBeingPaid("Bill 1", intent_id=ID))
    assert (taken.action_id, str(ID) in taken.words) == (ID, False)
    assert "`on`" not in refusal_view(DayReversed()).words
    assert refusal_view(BillPaidAlready("Bill 1")).words == "Bill 1 is paid already: nothing is open on it."


def test_a_habit_is_told_by_month_with_its_dots() -> None:
    days = [(date(2026, 3, 2), 4), (date(2026, 3, 9), 10), (date(2026, 3, 20), -1), (date(2026, 4, 1), 7)]
    payments = [LatePayment(str(n), LatePoint(on, late, 1)) for n, (on, late) in enumerate(days)]
    usual, late = (BASIS.figure(Decimal(value), DAYS, n=4, n_of="payments") for value in (4, 10))
    view = habit_view(Habit(payments, usual, late), "Bill")
    told = [(one.month, one.n, one.median, one.worst) for one in view.months]
    assert told == [("Apr 2026", 1, 7, 7), ("Mar 2026", 3, 4, 10)]
    assert view.words == "Usually 4 days late; nine times in ten by 10 days late."
    assert view.chart is not None
    assert view.chart.count("<circle") == 4
    none = BASIS.missing("nothing", DAYS, n=0, n_of="payments")
    assert habit_view(Habit([], none, none), "Bill").chart is None


def test_one_day_field_is_a_date_until_today_and_a_schedule_after_it() -> None:
    def asked(**typed: str) -> Any:
        read = read_payment(Typed({"account_id": "35", **typed}), T)
        assert read.wanted is not None, read.errors
        return read.wanted

    today, later, before = (T + timedelta(days=days) for days in (0, 4, -4))
    assert (asked(date=today.isoformat()).date, asked(date=today.isoformat()).on) == (None, None)
    assert (asked(date=later.isoformat()).on, asked(date=before.isoformat()).date) == (later, before)
    assert asked(hold="true").execute is False
    applied = asked(amount="100", **{f"credit.{ID}": "25.00"})
    assert [one.amount for one in applied.credits] == [Decimal(25)]
    assert previewed_payment(BILL, applied, T).amount == Decimal(75)
    assert previewed_payment(BILL, asked(date=later.isoformat()), T).on == later


def test_what_a_form_says_wrong_stands_by_its_field() -> None:
    read = read_payment(Typed({"amount": "much", "date": "soon", f"credit.{ID}": "x"}), T)
    assert read.wanted is None
    assert set(read.errors) == {"account_id", "amount", "date", "credits"}
    assert read_batch(Typed({"account_id": "35"}), []).wanted is None


def test_a_form_without_its_key_does_nothing() -> None:
    typed = typed_of(FormData([("bill", "1"), ("bill", "2"), ("idempotency_key", "short")]))
    assert typed.all("bill") == ["1", "2"]
    with pytest.raises(FormTooOld):
        _ = typed.key


def test_people_are_named_and_programs_described() -> None:
    assert who_is(f"user:{ID}", {ID: "Ada Park"}) == "Ada Park"
    assert who_is(f"user:{BILL}", {}) == "somebody who has left"
    assert who_is("token:1", {}) == "a program with a token"
    assert who_is("job:collections.run", {}) == "Oodaloo itself"
