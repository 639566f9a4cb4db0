"""The rail of the ritual and the digest's outcomes, as they are told."""

from datetime import UTC, date, datetime
from uuid import UUID

from domains.core.digests import DigestChoices
from domains.core.member_queries import Reader
from domains.core.models import Business
from domains.core.permissions import Role
from domains.core.ritual import Ritual, RitualEvent, RitualEventKind, RitualOutcome, RitualStep
from infra.ids import new_id
from runway.orchestrators.digest_progress import BusinessSend, BusinessState, Reached, RecipientSend
from runway.orchestrators.ritual import RitualView
from runway.web.views.digest import recipients_view, sending_view, weekday_choices
from runway.web.views.ritual import ritual_page, step_after

MONDAY = date(2026, 3, 16)
NOW = datetime(2026, 3, 16, 17, 0, tzinfo=UTC)
BUSINESS = Business(id=new_id(), name="Corner Bakery", home_currency="USD", time_zone="America/New_York")


def event(version: int, kind: RitualEventKind, step: RitualStep | None = None, **told: object) -> RitualEvent:
    given = {"outcome": None, "note": None, "figures": None, "actor": "user:ada", "at": NOW} | told
    return RitualEvent(version=version, kind=kind, step=step, **given)  # type: ignore[arg-type]  # a test's own words


def view(*events: RitualEvent) -> RitualView:
    return RitualView(BUSINESS, Ritual(MONDAY, events), MONDAY, {"user:ada": "Ada Park"}, None, None)


def test_the_rail_says_who_did_what_and_where_one_is() -> None:
    done = event(2, RitualEventKind.DONE, RitualStep.BOOKS, outcome=RitualOutcome.LOOKED, note="tied out")
    page = ritual_page(view(event(1, RitualEventKind.STARTED), done), RitualStep.CHANGES, base="/c/1")
    first, second = page.steps[:2]
    assert (first.is_done, first.said, first.who, first.note) == (True, "Looked at", "Ada Park", "tied out")
    assert (second.is_here, second.is_done, second.said) == (True, False, None)
    assert (page.version, page.done, page.back) == (2, 1, "/c/1/ritual/books")
    assert [choice.value for choice in page.choices] == ["looked", "skipped"]


def test_a_step_done_again_is_to_do_again() -> None:
    events = [
        event(1, RitualEventKind.STARTED),
        event(2, RitualEventKind.DONE, RitualStep.DUE, outcome=RitualOutcome.DECIDED),
        event(3, RitualEventKind.REOPENED, RitualStep.DUE),
    ]
    page = ritual_page(view(*events), RitualStep.DUE, base="/c/1")
    assert (page.here.is_done, page.here.said, page.done) == (False, "Reopened", 0)


def test_the_low_point_is_accepted_or_acted_on_and_the_summary_has_its_own_form() -> None:
    page = ritual_page(view(event(1, RitualEventKind.STARTED)), RitualStep.LOW_POINT, base="/c/1")
    assert [choice.value for choice in page.choices] == ["accepted", "acted", "skipped"]
    assert [choice.is_quiet for choice in page.choices] == [False, True, True]
    assert ritual_page(view(), RitualStep.SUMMARY, base="/c/1").choices == []
    assert step_after(RitualStep.LOW_POINT) is step_after(RitualStep.SUMMARY) is RitualStep.SUMMARY


def test_who_gets_the_digest_by_role_or_by_name() -> None:
    readers = [Reader(new_id(), role.value, f"{role.value}@x.example", role) for role in (Role.OWNER, Role.VIEWER)]
    by_role = recipients_view(readers, DigestChoices(), by_role={Role.OWNER})
    assert [one.gets_it for one in by_role] == [True, False]
    named = DigestChoices(recipients=(readers[1].user_id,))
    assert [one.gets_it for one in recipients_view(readers, named, by_role={Role.OWNER})] == [False, True]


def test_a_sending_is_live_until_every_letter_is_over() -> None:
    def sending(state: BusinessState, *reached: Reached) -> bool:
        told = tuple(RecipientSend("Ada", "a@x.example", one, None, None) for one in reached)
        return sending_view(UUID(int=1), BusinessSend(BUSINESS, MONDAY, state, None, NOW, told)).is_live

    assert sending(BusinessState.QUEUED)
    assert sending(BusinessState.DONE, Reached.SENT, Reached.QUEUED)
    assert not sending(BusinessState.DONE, Reached.SENT, Reached.ALREADY, Reached.FAILED)


def test_the_days_of_a_week_begin_on_monday() -> None:
    assert [name for _number, name in weekday_choices()][:2] == ["Monday", "Tuesday"]
