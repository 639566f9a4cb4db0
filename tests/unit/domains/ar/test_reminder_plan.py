"""The plan of a day: who gets which step, why not the rest, and what holds over any history of payments, pauses and disputes."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from domains.ar.reminder_plan import (
    MOST_IN_A_MAIL,
    ChasedInvoice,
    Debtor,
    PlannedCustomer,
    Promise,
    Why,
    plan_reminders,
)
from domains.ar.reminder_rules import (
    Closed,
    CustomerRules,
    Levels,
    ReminderLevel,
    ReminderRules,
    Tone,
    addresses_in,
    closed_at,
    first_open_day,
)
from infra.ids import new_id

TODAY = date(2026, 3, 16)  # a Monday
LEVELS: Levels = (ReminderLevel(-3), ReminderLevel(2), ReminderLevel(10, Tone.FIRM), ReminderLevel(20, Tone.FINAL))
RULES = ReminderRules(is_on=True, levels=LEVELS, quiet_days=5)


def invoice(external_id: str, *, over: int, customer: str = "7", **more: Any) -> ChasedInvoice:
    return ChasedInvoice(
        id=new_id(),
        external_id=external_id,
        doc_number=f"10{external_id}",
        customer_external_id=customer,
        due_on=TODAY - timedelta(days=over),
        **{"balance": Decimal(100), "currency": "USD", "email": "kim@example.com", **more},
    )


def debtor(**more: Any) -> Debtor:
    return Debtor("7", new_id(), "Dune Cafe", **more)


def planned(
    *invoices: ChasedInvoice, of: Debtor | None = None, rules: ReminderRules = RULES, today: date = TODAY
) -> PlannedCustomer:
    (one,) = plan_reminders(invoices, {"7": of or debtor()}, rules, today=today)
    return one


def test_all_that_is_due_is_one_mail_with_each_at_its_own_step() -> None:
    one = planned(invoice("1", over=12, reached=2), invoice("2", over=3), invoice("3", over=1), invoice("4", over=-9))
    assert [(each.invoice.external_id, each.level) for each in one.mailed] == [("1", 3), ("2", 2)]
    assert [each.why for each in one.invoices] == [None, None, Why.NOT_YET, Why.NOT_YET]
    assert (one.why, one.send_to, one.next_on) == (None, ("kim@example.com",), TODAY)


def test_a_book_connected_late_begins_at_the_first_step() -> None:
    assert [each.level for each in planned(invoice("1", over=400)).mailed] == [2]  # the notice's time is over
    assert [each.level for each in planned(invoice("1", over=400, reached=2)).mailed] == [3]


def test_a_notice_is_sent_before_the_due_day_or_not_at_all_and_never_beside_what_is_overdue() -> None:
    assert [each.level for each in planned(invoice("1", over=-3)).mailed] == [1]
    assert [each.level for each in planned(invoice("1", over=0)).mailed] == [1]
    late = planned(invoice("1", over=1))
    assert (late.why, late.next_on) == (Why.NOT_YET, TODAY + timedelta(days=1))
    both = planned(invoice("1", over=2), invoice("2", over=-1))
    assert [(each.invoice.external_id, each.why) for each in both.invoices] == [("1", None), ("2", Why.OVERDUE_FIRST)]


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"is_disputed": True}, Why.DISPUTED),
        ({"is_given_up": True}, Why.GIVEN_UP),
        ({"promise": Promise(TODAY, None, is_broken=False)}, Why.PROMISED),
        ({"reached": 2, "is_under_way": True}, Why.UNDER_WAY),
        ({"reached": 4}, Why.ALL_SENT),
    ],
)
def test_an_invoice_is_left_out_for_its_own_reason(more: dict[str, Any], why: Why) -> None:
    alone = planned(invoice("1", over=30, **more))
    assert (alone.why, alone.mailed) == (why, [])
    beside = planned(invoice("1", over=30, **more), invoice("2", over=30))
    assert [each.invoice.external_id for each in beside.mailed] == ["2"]


def test_after_a_broken_promise_the_steps_go_on_and_it_shows() -> None:
    one = planned(invoice("1", over=30, reached=2, promise=Promise(TODAY - timedelta(days=1), None, is_broken=True)))
    assert [each.level for each in one.mailed] == [3]
    assert one.mailed[0].invoice.promise is not None
    assert one.mailed[0].invoice.promise.is_broken


def test_what_waits_for_a_promise_comes_the_day_after_it() -> None:
    promise = Promise(TODAY + timedelta(days=2), None, is_broken=False)
    assert planned(invoice("1", over=30, promise=promise)).next_on == TODAY + timedelta(days=3)


@pytest.mark.parametrize(
    ("more", "why", "next_on"),
    [
        ({"rules": CustomerRules(is_excluded=True)}, Why.EXCLUDED, None),
        ({"rules": CustomerRules(paused_until=TODAY)}, Why.PAUSED, TODAY + timedelta(days=1)),
        ({"last_contact_on": TODAY - timedelta(days=4)}, Why.TOO_SOON, TODAY + timedelta(days=1)),
        ({"credits": {"USD": Decimal(100)}}, Why.CREDIT, TODAY),
    ],
)
def test_a_customer_is_left_out_for_a_reason(more: dict[str, Any], why: Why, next_on: date | None) -> None:
    one = planned(invoice("1", over=30), of=debtor(**more))
    assert (one.why, one.mailed, one.next_on) == (why, [], next_on)
    assert [each.invoice.external_id for each in one.due] == ["1"]


def test_what_no_longer_holds_lets_the_mail_go() -> None:
    for more in (
        {"rules": CustomerRules(paused_until=TODAY - timedelta(days=1))},
        {"last_contact_on": TODAY - timedelta(days=5)},
        {"credits": {"USD": Decimal("99.99"), "EUR": Decimal(500)}},
    ):
        assert planned(invoice("1", over=30), of=debtor(**more)).why is None


def test_the_address_is_the_rule_then_the_latest_due_invoices_then_the_customers() -> None:
    old, new = (
        invoice("1", over=30, email="old@example.com"),
        invoice("2", over=5, email="a@example.com; b@example.com"),
    )
    assert planned(old, new).send_to == ("a@example.com", "b@example.com")
    own = debtor(rules=CustomerRules(send_to="boss@example.com"))
    assert planned(old, new, of=own).send_to == ("boss@example.com",)
    bare = replace(old, email=None)
    assert planned(bare, of=debtor(email="c@example.com")).send_to == ("c@example.com",)
    nobody = planned(bare, of=debtor(email="call Kim"))
    assert (nobody.why, nobody.send_to) == (Why.NO_ADDRESS, ())
    assert addresses_in("a@b c@d,e@f") == ("a@b", "c@d", "e@f")
    assert addresses_in("Kim <kim@example.com>") == ()


def test_a_mail_has_room_for_so_many_and_the_oldest_go_first() -> None:
    many = [invoice(str(number), over=100 + number) for number in range(MOST_IN_A_MAIL + 3)]
    one = planned(*many)
    assert len(one.mailed) == MOST_IN_A_MAIL
    assert {each.invoice.external_id for each in one.invoices if each.why is Why.NO_ROOM} == {"0", "1", "2"}


def test_a_customers_own_steps_take_the_place_of_the_businesss() -> None:
    own = debtor(rules=CustomerRules(levels=(ReminderLevel(25),)))
    assert planned(invoice("1", over=24), of=own).why is Why.NOT_YET
    assert [each.level for each in planned(invoice("1", over=25), of=own).mailed] == [1]


def test_the_hours_are_the_companys() -> None:
    zone = ZoneInfo("America/Los_Angeles")
    noon, night = datetime(2026, 3, 16, 19, tzinfo=UTC), datetime(2026, 3, 17, 3, tzinfo=UTC)
    saturday = datetime(2026, 3, 15, 0, 30, tzinfo=UTC)  # there it is Saturday, 17:30
    rules = replace(RULES, send_until=18)
    assert closed_at(rules, noon, zone=zone) is None
    assert closed_at(rules, night, zone=zone) is Closed.QUIET_HOURS
    assert closed_at(rules, saturday, zone=zone) is Closed.WEEKEND
    assert closed_at(replace(rules, on_weekends=True), saturday, zone=zone) is None
    assert closed_at(replace(rules, is_on=False), noon, zone=zone) is Closed.OFF
    assert first_open_day(rules, date(2026, 3, 14)) == TODAY


def test_a_next_reminder_is_on_no_weekend() -> None:
    friday = date(2026, 3, 13)
    one = planned(invoice("1", over=-2), today=friday, rules=replace(RULES, levels=(ReminderLevel(0),)))
    assert one.next_on == TODAY + timedelta(days=2)
    weekend = replace(RULES, levels=(ReminderLevel(-1),))
    assert planned(invoice("1", over=1), today=friday, rules=weekend).next_on == TODAY


@dataclass
class History:
    """Days of one business: invoices come, are paid, disputed, promised; customers are paused; mails go out, or fail."""

    chance: random.Random
    rules: ReminderRules
    day: date = TODAY - timedelta(days=60)
    invoices: dict[str, ChasedInvoice] = field(default_factory=dict)
    debtors: dict[str, Debtor] = field(default_factory=dict)
    mails: list[tuple[date, str, dict[str, int]]] = field(default_factory=list)

    def live(self) -> Iterator[list[PlannedCustomer]]:
        """Each day's plan, before its mails are counted as sent."""
        for number in range(6):
            key = str(number % 3)
            self.debtors[key] = Debtor(key, new_id(), key, email="a@example.com")
            due = self.day + timedelta(days=self.chance.randint(-90, 30))
            self.invoices[str(number)] = ChasedInvoice(
                new_id(), str(number), None, key, due, Decimal(10), "USD", email="a@example.com"
            )
        for _ in range(90):
            self._meddle()
            plan = plan_reminders(list(self.invoices.values()), self.debtors, self.rules, today=self.day)
            yield plan
            self._send(plan)
            self.day += timedelta(days=1)

    def _meddle(self) -> None:
        for key, one in list(self.invoices.items()):
            match self.chance.randrange(40):
                case 0 if len(self.invoices) > 1:
                    del self.invoices[key]
                case 1:
                    self.invoices[key] = replace(one, is_disputed=not one.is_disputed)
                case 2:
                    on = self.day + timedelta(days=self.chance.randint(0, 9))
                    self.invoices[key] = replace(one, promise=Promise(on, None, is_broken=False))
                case 3:
                    self.invoices[key] = replace(one, due_on=one.due_on + timedelta(days=self.chance.randint(-5, 20)))
        for key, one in list(self.invoices.items()):
            if one.promise is not None:
                promise = replace(one.promise, is_broken=one.promise.on < self.day)
                self.invoices[key] = replace(one, promise=promise)
        key = self.chance.choice(sorted(self.debtors))
        if self.chance.random() < 0.1:
            until = self.day + timedelta(days=self.chance.randint(0, 10))
            self.debtors[key] = replace(self.debtors[key], rules=CustomerRules(paused_until=until))

    def _send(self, plan: list[PlannedCustomer]) -> None:
        """A mail that fails leaves its steps free."""
        for one in plan:
            if one.mailed and self.chance.random() < 0.8:
                steps = {each.invoice.external_id: each.level or 0 for each in one.mailed}
                self.mails.append((self.day, one.debtor.external_id, steps))
                self.debtors[one.debtor.external_id] = replace(
                    self.debtors[one.debtor.external_id], last_contact_on=self.day
                )
                for key, level in steps.items():
                    self.invoices[key] = replace(self.invoices[key], reached=level, last_contact_on=self.day)


@pytest.mark.parametrize("seed", [*range(60), pytest.param(random.SystemRandom().randrange(10**6), id="fresh")])
def test_over_any_history_no_step_is_skipped_or_repeated_and_no_two_come_too_soon(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  # a history, no secret
    days = sorted(chance.sample(range(-10, 40), k=chance.randint(1, 5)))
    rules = replace(RULES, levels=tuple(ReminderLevel(day) for day in days), quiet_days=chance.randint(1, 9))
    history = History(chance, rules)
    for plan in history.live():
        for one in plan:
            assert len({each.invoice.external_id for each in one.mailed}) == len(one.mailed)
            for each in one.mailed:
                held = each.invoice
                assert not held.is_disputed
                assert held.promise is None or held.promise.is_broken
                assert one.debtor.rules.paused_until is None or one.debtor.rules.paused_until < history.day
                assert each.step is not None
                assert each.days_over >= each.step.days
                assert not (each.step.is_notice and each.days_over > 0)
            if one.mailed:
                assert one.next_on == first_open_day(rules, history.day)
                assert len({each.step.is_notice for each in one.mailed if each.step}) == 1
    _check(history, days)


def _check(history: History, days: list[int]) -> None:
    notices = sum(day < 0 for day in days)
    taken: dict[str, list[int]] = {}
    last: dict[str, date] = {}
    for day, customer, steps in history.mails:
        assert customer not in last or (day - last[customer]).days >= history.rules.quiet_days
        last[customer] = day
        for key, level in steps.items():
            taken.setdefault(key, []).append(level)
    for levels in taken.values():
        assert levels == sorted(set(levels))  # none twice, none backwards
        after_due = [level for level in levels if level > notices]
        assert after_due == list(range(notices + 1, notices + 1 + len(after_due)))  # none skipped


def test_the_histories_say_something() -> None:
    """With a planner that skips or repeats, the check above fails."""
    history = History(random.Random(1), RULES)  # noqa: S311  # as above
    for mails in ([(0, 2), (9, 4)], [(0, 2), (9, 2)], [(0, 2), (2, 3)]):
        history.mails = [(TODAY + timedelta(days=day), "7", {"1": level}) for day, level in mails]
        with pytest.raises(AssertionError):
            _check(history, [-3, 2, 10, 20])
    enough = 0
    for seed in range(10):
        told = History(random.Random(seed), RULES)  # noqa: S311  # as above
        list(told.live())
        enough += len(told.mails)
    assert enough > 50
