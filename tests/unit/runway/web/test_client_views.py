"""What the settings, the audit timeline and data health show, made from what orchestrators answer."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from domains.core.errors import UnreadableCursor
from domains.core.models import Connection
from domains.core.movements import CashAccount
from infra.log_proof.proof import LogHead
from infra.log_proof.verified import Extent, Outcome, Verified
from infra.sync.runs import SyncRun
from runway.calculators.cash import CashRules, cash_position
from runway.calculators.figures import Basis
from runway.orchestrators.audit_events import AuditCursor, AuditEvent, AuditKind
from runway.orchestrators.audit_timeline import ChainState
from runway.orchestrators.data_health import EntityHealth
from runway.orchestrators.sync_progress import DriftTotals, EntityProgress, ReadingState, SyncProgress
from runway.routes.runway_settings import SettingsOut
from runway.web.views.audit import Shown, chain_pill, days_of, entry_view, initials_of
from runway.web.views.health import entity_view, progress_view
from runway.web.views.mail_settings import rows_of, wanted_levels
from runway.web.views.settings import cash_accounts, changes_of, runway_values, wanted_runway
from runway.web.views.start import steps_of

NOW = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
ADA = uuid4()
SHOWN = Shown("/c/1", "USD", ZoneInfo("America/Los_Angeles"), {ADA: "Ada Park"})


def settings(**given: object) -> SettingsOut:
    nothing: dict[str, object] = {
        "floor_amount": None, "floor_days": None, "counted_accounts": [], "uncounted_accounts": [], "filing_day": None,
        "counts_owner_draws": True, "counts_uninvoiced_sales": None, "counts_to_come": True, "bills_by_habit": False,
        "version": 0, "set_at": None, "actor": None,
    }  # fmt: skip
    return SettingsOut.model_validate(nothing | given)


@pytest.mark.parametrize(
    "held",
    [
        settings(),
        settings(floor_amount=Decimal("5000.00"), filing_day=25, counts_owner_draws=False),
        settings(bills_by_habit=True),
        settings(floor_days=10, counts_uninvoiced_sales=False, counts_to_come=False, uncounted_accounts=["2"]),
    ],
)
def test_what_the_form_holds_asks_for_what_holds_already(held: SettingsOut) -> None:
    choices = {f"account.{one}": "counts_not" for one in held.uncounted_accounts} | {"account.1": "default"}
    wanted = wanted_runway(runway_values(held) | choices, ["1", *held.uncounted_accounts])
    as_held = {name: getattr(held, name) for name in wanted}
    assert {name: None if one is None else str(one) for name, one in wanted.items()} == {
        name: None if one is None else str(one) for name, one in as_held.items()
    }


def test_an_account_says_whether_it_counts_now_and_what_was_decided() -> None:
    accounts = [
        CashAccount("1", "Checking", "Bank", "Checking", Decimal(100)),
        CashAccount("2", "Client Trust", "Bank", "TrustAccounts", Decimal(50)),
    ]
    basis = Basis(as_of=date(2026, 11, 23), source="qbo", currency="USD")
    position = cash_position(accounts, basis, rules=CashRules())
    shown = cash_accounts(position, settings(counted_accounts=["1"]), home_currency="USD")
    assert [(one.name, one.is_cash, one.choice) for one in shown] == [
        ("Checking", True, "counts"),
        ("Client Trust", False, "default"),
    ]
    assert "clients' money" in shown[1].now


def test_a_role_that_approves_nothing_is_asked_for_no_limit() -> None:
    assert changes_of("viewer", Decimal(5)) == {"role": "viewer"}
    assert changes_of("approver", None) == {"role": "approver", "approval_limit": None}


def test_steps_without_days_go_and_the_rest_stand_in_order() -> None:
    values = {
        "level.0.days": "14",
        "level.1.days": "",
        "level.1.text": "x",
        "level.2.days": "-3",
        "level.2.tone": "firm",
    }
    assert [(one["days"], one["tone"]) for one in wanted_levels(values)] == [("-3", "firm"), ("14", "friendly")]
    assert [row.number for row in rows_of(values)] == [0, 1, 2, 3]


def event(**given: object) -> AuditEvent:
    usual = {
        "at": NOW, "key": "a", "kind": AuditKind.SETTING, "verb": "set", "actor": f"user:{ADA}", "request_id": "r",
        "object_kind": "approval_policy", "changes": {"needed_from": (Decimal(0), Decimal(100))},
    }  # fmt: skip
    return AuditEvent(**{**usual, **given})  # type: ignore[arg-type]  # what a test says


def test_an_entry_tells_who_and_what_and_from_what_to_what() -> None:
    entry = entry_view(event(), {}, SHOWN)
    assert (entry.mark, entry.who, entry.verb, entry.what) == ("AP", "Ada Park", "set", "what is to be approved")
    assert [(one.name, one.before, one.after) for one in entry.changes] == [("needed from", "0", "100")]
    assert entry.href is None


def test_the_system_has_no_letters_and_a_bill_has_its_page() -> None:
    bill = uuid4()
    entry = entry_view(event(actor="job:x", kind=AuditKind.DECISION, object_kind="bill", object_id=bill), {}, SHOWN)
    assert (entry.mark, entry.who, entry.href) == ("", "system", f"/c/1/bills/{bill}")


def test_days_are_the_companys() -> None:
    late = event(at=datetime(2026, 11, 23, 5, 0, tzinfo=UTC), key="b")
    assert [(one.day.day, len(one.entries)) for one in days_of([event(), late], {}, SHOWN)] == [(23, 1), (22, 1)]


@pytest.mark.parametrize(("name", "mark"), [("Ada Park", "AP"), ("Ada", "A"), ("", "?"), ("Ann van den Berg", "AB")])
def test_a_mark_is_two_letters(name: str, mark: str) -> None:
    assert initials_of(name) == mark


@pytest.mark.parametrize(
    ("outcome", "tone"), [(Outcome.CLEAN, "good"), (Outcome.TAMPERED, "bad"), (Outcome.FAILED, "warn"), (None, "plain")]
)
def test_the_chain_is_good_only_when_it_was_verified(outcome: Outcome | None, tone: str) -> None:
    head = LogHead(3, b"h", NOW, 1, b"c", "k", b"s")
    verified = None if outcome is None else Verified(Extent.NEW, outcome, 0, 1, NOW - timedelta(minutes=5))
    assert chain_pill(ChainState(head, verified), now=NOW).tone == tone
    assert chain_pill(ChainState(None, verified), now=NOW).tone == "plain"


@pytest.mark.parametrize("text", ["", "x~y", "2026-11-23T17:00:00~k", "2026-11-23T17:00:00+00:00~"])
def test_a_cursor_that_is_none_of_ours_is_refused(text: str) -> None:
    with pytest.raises(UnreadableCursor):
        AuditCursor.decode(text)


def test_a_cursor_is_read_as_it_was_written() -> None:
    cursor = AuditCursor(NOW, "decision-1-2")
    assert AuditCursor.decode(cursor.encode()) == cursor


def progress(
    *, done: int = 2, total: int = 2, runs: list[SyncRun] | None = None, state: str = "active"
) -> SyncProgress:
    entities = [
        EntityProgress(f"E{n}", ReadingState.DONE if n < done else ReadingState.READING, 5, None, None, None)
        for n in range(total)
    ]
    return SyncProgress(Connection(state=state), entities, runs or [], DriftTotals(0, 0), [])


def run(*, state: str = "done", started_at: datetime = NOW, kind: str = "reconciliation") -> SyncRun:
    return SyncRun(state=state, kind=kind, started_at=started_at, finished_at=None if state == "running" else NOW)


def test_the_page_looks_again_while_something_is_read_or_was_asked_for() -> None:
    assert progress_view(progress(done=1), now=NOW).is_first_reading
    assert not progress_view(progress(done=1, state="disconnected"), now=NOW).is_live
    assert not progress_view(progress(runs=[run()]), now=NOW).is_live
    assert progress_view(progress(runs=[run(state="running")]), now=NOW).is_live
    before = run(started_at=NOW - timedelta(hours=1))
    assert progress_view(progress(runs=[before]), now=NOW, since=NOW).is_live
    assert not progress_view(progress(runs=[run()]), now=NOW, since=NOW).is_live
    assert progress_view(progress(runs=[run(kind="incremental")]), now=NOW, since=NOW).is_live


def test_the_page_looks_on_until_the_first_reading_was_checked() -> None:
    """The check is a job of its own, which begins after the reading has ended."""
    read, soon = run(kind="backfill"), NOW + timedelta(minutes=1)
    assert progress_view(progress(runs=[read]), now=soon).is_live
    assert not progress_view(progress(runs=[run(), read]), now=soon).is_live
    assert not progress_view(progress(runs=[read]), now=NOW + timedelta(hours=1)).is_live
    assert not progress_view(progress(runs=[run(state="failed", kind="backfill")]), now=soon).is_live


def test_a_kind_says_the_worst_that_is_known_of_it() -> None:
    def told(**given: object) -> str:
        one = EntityProgress("Bill", ReadingState.DONE, 5, NOW, NOW, None)
        return entity_view(EntityHealth(EntityProgress(**{**vars(one), **given}), 5, None)).tone

    assert [told(), told(open_drift=1), told(quarantined=2), told(last_error="no"), told(state=ReadingState.WAITING)] == [
        "good", "warn", "warn", "bad", "plain",
    ]  # fmt: skip


def test_first_steps_are_done_as_they_are_taken() -> None:
    steps = steps_of(progress(done=1), path="/c/1", people=1, has_policy=True, has_floor=False)
    assert [one.is_done for one in steps] == [True, False, False, False, True, False]
    assert len(steps_of(progress(), path="/c/1", people=None, has_policy=False, has_floor=False)) == 5
