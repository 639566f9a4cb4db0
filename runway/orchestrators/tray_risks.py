"""Items of the tray that are about no single document: what may go wrong, what to be told of, what is wrong with our copy. Pure."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from hashlib import blake2b

from domains.core.notices import NoticeKind
from infra.money import ZERO, to_cents
from infra.sync.freshness import NEVER_SHOWN_SILENTLY
from runway.calculators.burn_runway import RunwayState
from runway.calculators.forecast import Forecast
from runway.calculators.outlook import DatedFlow, PathRow
from runway.calculators.tray_priority import Reason, TrayGroup, TrayItem
from runway.language.formats import day, money
from runway.orchestrators.tray_rows import Chip, NextStep, Subject, TrayRow, TraySources

_OF_NOTICES: Mapping[NoticeKind, tuple[TrayGroup, Reason]] = {
    NoticeKind.BYPASS: (TrayGroup.RISK, Reason.POLICY_BYPASS),
    NoticeKind.ACTION: (TrayGroup.PAY, Reason.NEEDS_REVIEW),
    NoticeKind.RECONNECT_NEEDED: (TrayGroup.FIX_DATA, Reason.DATA_QUALITY),
    NoticeKind.CONNECTION_FAILING: (TrayGroup.FIX_DATA, Reason.DATA_QUALITY),
    NoticeKind.CLOSED_PERIOD: (TrayGroup.FIX_DATA, Reason.DATA_QUALITY),
}
NOTICE_KINDS = tuple(kind.value for kind in _OF_NOTICES)


def risk_rows(forecast: Forecast) -> Iterable[TrayRow]:
    runway, today = forecast.standing.runway, forecast.basis.as_of
    is_below = runway.state is RunwayState.BELOW_FLOOR
    first = today if is_below else runway.early.on(today)
    if first is not None and (is_below or not runway.early.is_beyond_horizon):
        floor, low = forecast.report.floor.value or ZERO, runway.low_point_p10
        short = max(ZERO, floor - (low.amount.value or ZERO))
        words = "Cash is below the floor" if is_below else "Cash may fall below the floor"
        lowest = f"lowest {money(low.amount.value, str(low.amount.unit))} on {day(low.on)} if payments come late"
        item = TrayItem("floor", TrayGroup.RISK, frozenset({Reason.FLOOR_BREACH}), to_cents(short), first)
        yield TrayRow(item, words, None, (Chip("floor_breach", lowest),), NextStep.PLAN)
    seen: set[tuple[PathRow, str]] = set()
    for flow in forecast.standing.uncovered:
        if (flow.row, flow.key) not in seen:
            seen.add((flow.row, flow.key))
            yield _uncovered(flow)


def _uncovered(flow: DatedFlow) -> TrayRow:
    """The first of its kind: when that is covered, the next one speaks."""
    digest = blake2b(flow.key.encode(), digest_size=6).hexdigest()
    what = {PathRow.PAYROLL: "Payroll", PathRow.TAX: "Tax"}.get(flow.row, "A must-pay")
    item = TrayItem(
        f"uncovered:{flow.row}:{digest}",
        TrayGroup.RISK,
        frozenset({Reason.UNCOVERED_MUST_PAY}),
        amount=-flow.amount,
        due_on=flow.on,
    )
    chip = Chip("uncovered", "the cautious path has no cash on that day")
    return TrayRow(item, f"{what} is not covered", flow.key, (chip,), NextStep.PLAN)


def notice_rows(sources: TraySources) -> Iterable[TrayRow]:
    for notice in sources.notices:
        kind = NoticeKind(notice.kind)
        group, reason = _OF_NOTICES[kind]
        item = TrayItem(f"notice:{notice.id}", group, frozenset({reason}))
        step = NextStep.RECONNECT if kind is NoticeKind.RECONNECT_NEEDED else NextStep.REVIEW
        subject = Subject("notice", str(notice.id))
        yield TrayRow(item, notice.title, None, (Chip(notice.kind, notice.text),), step, subject)


def mirror_rows(sources: TraySources) -> Iterable[TrayRow]:
    reasons = frozenset({Reason.DATA_QUALITY})
    for entity, drift in sorted(sources.drift.items()):
        item = TrayItem(f"drift:{entity}", TrayGroup.FIX_DATA, reasons, amount=to_cents(drift.size))
        chip = Chip("drift", f"{drift.count} not repaired")
        yield TrayRow(item, f"{entity}: our copy differs from QuickBooks", None, (chip,), NextStep.REVIEW)
    mirrors = sources.mirrors
    if mirrors is not None and mirrors.quarantined:
        item = TrayItem("quarantine", TrayGroup.FIX_DATA, reasons)
        chip = Chip("quarantine", f"{mirrors.quarantined} cannot be read")
        yield TrayRow(item, "Objects of QuickBooks that cannot be read", None, (chip,), NextStep.REVIEW)
    oldest = None if mirrors is None else mirrors.oldest_at
    if oldest is not None and sources.now - oldest > NEVER_SHOWN_SILENTLY:
        age = (sources.now - oldest) // timedelta(days=1)
        item = TrayItem("stale", TrayGroup.FIX_DATA, reasons)
        yield TrayRow(item, "The books are old", None, (Chip("stale", f"{age} days old"),), NextStep.SYNC)
