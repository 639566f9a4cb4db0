from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from domains.ap.approvals import ApprovalStatus, BillFigures, Standing
from domains.ap.duplicates import Duplicate, Sign, Strength
from domains.ap.tray_queries import OpenBill
from domains.ar.tray_queries import InvoiceFigures, OpenPromise
from domains.core.decision_models import TrayMark
from domains.core.lookalikes import Lookalike, LookalikeKind
from domains.core.models import Business
from domains.core.notice_models import Notice
from domains.core.tray_queries import MirrorState, OpenDrift
from runway.calculators.ageing import OpenDocument
from runway.calculators.tray_priority import Priority, Reason, TrayGroup, priority, state_mark
from runway.orchestrators.tray import TrayEntry, marked
from runway.orchestrators.tray_items import bill_row, invoice_row
from runway.orchestrators.tray_risks import mirror_rows, notice_rows, unrated_rows
from runway.orchestrators.tray_rows import NextStep, TrayRow, TraySources
from tests.unit.runway.calculators.making import T, make_account
from tests.unit.runway.calculators.test_forecast import make_books, make_forecast

ID = UUID(int=1)
NOW = datetime(2025, 11, 21, 15, tzinfo=UTC)


def a_bill(
    status: ApprovalStatus = ApprovalStatus.APPROVED, *, changed: Mapping[str, Any] | None = None, twice: bool = False
) -> OpenBill:
    figures = BillFigures(ID, "7", "42", "31", "Harbor", T, T, Decimal(120), Decimal(120), None, None, 1, None)
    other = Lookalike(LookalikeKind.BILL, UUID(int=2), "8", "42", "31", "Harbor", T, Decimal(120), "USD")
    alike = [Duplicate(other, (Sign.NUMBER,), Strength.STRONG)] if twice else []
    return OpenBill(
        Standing(
            figures,
            status,
            needs_two=False,
            home_amount=Decimal(120),
            approvals=(),
            changed=changed or {},
            material=None,
        ),
        None,
        alike,
    )


def document(in_days: int, amount: int = 120) -> OpenDocument:
    return OpenDocument("7", "31", "Harbor", T - timedelta(days=90), T + timedelta(days=in_days), Decimal(amount))


def row_of(bill: OpenBill, in_days: int, amount: int = 120) -> TrayRow:
    row = bill_row(bill, document(in_days, amount), T, offer=None, impact=None)
    assert row is not None
    return row


def test_a_bill_is_there_for_what_it_waits_for() -> None:
    assert bill_row(a_bill(), document(20), T, offer=None, impact=None) is None
    due = row_of(a_bill(), 2)
    assert (due.item.reasons, due.next_step, due.chips[0].words) == ({Reason.BILL_DUE}, NextStep.PAY, "due in 2 d")
    assert [row_of(a_bill(), days).chips[0].words for days in (0, -4)] == ["due today", "overdue 4 d"]
    late = bill_row(a_bill(), document(2), T, offer=None, impact=None, late_by_habit=9)
    assert late is not None
    assert [chip.words for chip in late.chips] == ["due in 2 d", "expected 9 days late, as this vendor is usually paid"]
    waiting = row_of(a_bill(ApprovalStatus.WAITING), 40)
    assert (waiting.item.reasons, waiting.next_step) == ({Reason.WAITS_FOR_APPROVAL}, NextStep.APPROVE)
    twice = row_of(a_bill(twice=True), 2)
    assert twice.item.reasons == {Reason.BILL_DUE, Reason.POSSIBLE_DUPLICATE}
    assert twice.chips[1].words == "looks like bill 42 of Nov 21, 2025 for $120.00"


def test_another_payee_after_the_approval_is_the_most_urgent() -> None:
    moved = a_bill(ApprovalStatus.WAITING, changed={"remit_to": ("Here", "There")})
    dearer = a_bill(ApprovalStatus.WAITING, changed={"total": (Decimal(1), Decimal(2))})
    assert priority(row_of(moved, 40).item, T) is Priority.P0
    assert priority(row_of(dearer, 40).item, T) is Priority.P3
    assert {chip.code for chip in row_of(dearer, 40).chips} == {"waiting", "changed_after_approval"}


INVOICE = InvoiceFigures(ID, "9", "1071", "5", "Dune", T, T, Decimal(500), None, None)


def test_an_invoice_is_there_when_it_is_later_than_its_customer_or_its_promise() -> None:
    late = document(-41)
    none = invoice_row(INVOICE, late, T, usual=None, promise=None, impact=None)
    assert none is None
    usual = invoice_row(INVOICE, late, T, usual=30, promise=None, impact=None)
    assert usual is not None
    assert (usual.item.group, usual.item.reasons) == (TrayGroup.COLLECT, {Reason.LATER_THAN_USUAL})
    assert usual.chips[0].words == "41 days late; nearly always paid within 30"
    broken = OpenPromise(INVOICE, T - timedelta(days=1), None)
    told = invoice_row(INVOICE, late, T, usual=None, promise=broken, impact=None)
    assert told is not None
    assert told.item.reasons == {Reason.BROKEN_PROMISE}
    kept = OpenPromise(INVOICE, T, None)
    assert invoice_row(INVOICE, late, T, usual=30, promise=kept, impact=None) is None


def test_what_is_wrong_with_our_copy_is_to_be_repaired() -> None:
    old = MirrorState(NOW - timedelta(days=3), quarantined=2)
    drift = {"Bill": OpenDrift(1, Decimal(5))}
    rows = list(mirror_rows(TraySources(today=T, now=NOW, currency="USD", drift=drift, mirrors=old)))
    assert [row.item.key for row in rows] == ["drift:Bill", "quarantine", "stale"]
    assert {row.item.group for row in rows} == {TrayGroup.FIX_DATA}
    fresh = MirrorState(NOW - timedelta(hours=3), quarantined=0)
    assert list(mirror_rows(TraySources(today=T, now=NOW, currency="USD", mirrors=fresh))) == []


def test_a_payment_past_the_policy_is_a_risk_before_all_else() -> None:
    notice = Notice(id=ID, kind="bypass", title="Paid without approval", text="A payment of 5")
    (row,) = notice_rows(TraySources(today=T, now=NOW, currency="USD", notices=[notice]))
    assert (row.item.group, priority(row.item, T), row.what.words) == (
        TrayGroup.RISK,
        Priority.P0,
        "Paid without approval",
    )


def entry(row: TrayRow) -> TrayEntry:
    business = Business(id=ID, name="Bakery", home_currency="USD")
    return TrayEntry(
        business, row, priority(row.item, T), state_mark(row.item, T), None, is_set_aside=False, is_back=False
    )


def test_what_was_dismissed_stays_away_until_it_changes_materially() -> None:
    seen = entry(row_of(a_bill(), 10, 1200))
    mark = TrayMark(item=seen.row.item.key, set_aside="dismissed", state=seen.state)
    assert (marked(seen, mark, T).is_set_aside, marked(seen, mark, T).is_back) == (True, False)
    nearly = entry(row_of(a_bill(), 9, 1210))
    assert marked(nearly, mark, T).is_set_aside
    for changed in (row_of(a_bill(), 10, 1500), row_of(a_bill(), 2, 1200), row_of(a_bill(twice=True), 10, 1200)):
        back = marked(entry(changed), mark, T)
        assert (back.is_set_aside, back.is_back) == (False, True)


def test_what_is_snoozed_is_back_on_its_day() -> None:
    seen = entry(row_of(a_bill(), 10))
    mark = TrayMark(item=seen.row.item.key, set_aside="snoozed", until=T + timedelta(days=2), state=seen.state)
    assert marked(seen, mark, T + timedelta(days=1)).is_set_aside
    assert not marked(seen, mark, T + timedelta(days=2)).is_set_aside
    restored = replace(marked(seen, TrayMark(item=seen.row.item.key), T))
    assert (restored.is_set_aside, restored.is_back) == (False, False)


def test_a_missing_exchange_rate_is_there_to_be_mended() -> None:
    euros = make_account("euros", subtype="Checking", balance=Decimal(500), currency="EUR", name="Berlin")
    (row,) = unrated_rows(make_forecast(make_books(accounts=(euros,))))
    assert (row.what.words, row.chips[0].words) == (
        "An exchange rate is missing",
        "not in these numbers: Berlin (EUR)",
    )
    assert list(unrated_rows(make_forecast(make_books()))) == []
