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
from runway.orchestrators.tray_rows import Chip, NextStep, Subject, TrayRow, TraySources, What
from runway.papers.tray_words import ChipCode, Facts, Money, WhatCode

_OF_NOTICES: Mapping[NoticeKind, tuple[TrayGroup, Reason]] = {
    NoticeKind.BYPASS: (TrayGroup.RISK, Reason.POLICY_BYPASS),
    NoticeKind.ACTION: (TrayGroup.PAY, Reason.NEEDS_REVIEW),
    NoticeKind.RECONNECT_NEEDED: (TrayGroup.FIX_DATA, Reason.DATA_QUALITY),
    NoticeKind.CONNECTION_FAILING: (TrayGroup.FIX_DATA, Reason.DATA_QUALITY),
    NoticeKind.CLOSED_PERIOD: (TrayGroup.FIX_DATA, Reason.DATA_QUALITY),
}
_UNCOVERED = {PathRow.PAYROLL: WhatCode.PAYROLL_UNCOVERED, PathRow.TAX: WhatCode.TAX_UNCOVERED}
NOTICE_KINDS = tuple(kind.value for kind in _OF_NOTICES)


def risk_rows(forecast: Forecast) -> Iterable[TrayRow]:
    runway, today = forecast.standing.runway, forecast.basis.as_of
    is_below = runway.state is RunwayState.BELOW_FLOOR
    first = today if is_below else runway.early.on(today)
    if first is not None and (is_below or not runway.early.is_beyond_horizon):
        floor, low = forecast.report.floor.value or ZERO, runway.low_point_p10
        short = max(ZERO, floor - (low.amount.value or ZERO))
        what = What(WhatCode.BELOW_FLOOR if is_below else WhatCode.MAY_FALL_BELOW_FLOOR)
        facts: Facts = {"low": Money(low.amount.value, str(low.amount.unit)), "on": low.on}
        item = TrayItem("floor", TrayGroup.RISK, frozenset({Reason.FLOOR_BREACH}), to_cents(short), first)
        yield TrayRow(item, what, None, (Chip(ChipCode.FLOOR_BREACH, facts),), NextStep.PLAN)
    seen: set[tuple[PathRow, str]] = set()
    for flow in forecast.standing.uncovered:
        if (flow.row, flow.key) not in seen:
            seen.add((flow.row, flow.key))
            yield _uncovered(flow)


def unrated_rows(forecast: Forecast) -> Iterable[TrayRow]:
    """Without a rate nothing is added up with other money; what is left out so is somebody's to mend."""
    if forecast.report.unrated:
        item = TrayItem("unrated", TrayGroup.FIX_DATA, frozenset({Reason.DATA_QUALITY}))
        chip = Chip(ChipCode.UNRATED, {"what": ", ".join(forecast.report.unrated)})
        yield TrayRow(item, What(WhatCode.UNRATED), None, (chip,), NextStep.REVIEW)


def _uncovered(flow: DatedFlow) -> TrayRow:
    """The first of its kind: when that is covered, the next one speaks."""
    digest = blake2b(flow.key.encode(), digest_size=6).hexdigest()
    item = TrayItem(
        f"uncovered:{flow.row}:{digest}",
        TrayGroup.RISK,
        frozenset({Reason.UNCOVERED_MUST_PAY}),
        amount=-flow.amount,
        due_on=flow.on,
    )
    what = What(_UNCOVERED.get(flow.row, WhatCode.MUST_PAY_UNCOVERED))
    return TrayRow(item, what, None, (Chip(ChipCode.UNCOVERED),), NextStep.PLAN)


def notice_rows(sources: TraySources) -> Iterable[TrayRow]:
    for notice in sources.notices:
        kind = NoticeKind(notice.kind)
        group, reason = _OF_NOTICES[kind]
        item = TrayItem(f"notice:{notice.id}", group, frozenset({reason}))
        step = NextStep.RECONNECT if kind is NoticeKind.RECONNECT_NEEDED else NextStep.REVIEW
        subject = Subject("notice", str(notice.id))
        what, why = What(WhatCode.NOTICE, {"title": notice.title}), Chip(ChipCode(notice.kind), {"text": notice.text})
        yield TrayRow(item, what, None, (why,), step, subject)


def mirror_rows(sources: TraySources) -> Iterable[TrayRow]:
    reasons = frozenset({Reason.DATA_QUALITY})
    for entity, drift in sorted(sources.drift.items()):
        item = TrayItem(f"drift:{entity}", TrayGroup.FIX_DATA, reasons, amount=to_cents(drift.size))
        chip = Chip(ChipCode.DRIFT, {"n": drift.count})
        yield TrayRow(item, What(WhatCode.DRIFT, {"entity": entity}), None, (chip,), NextStep.REVIEW)
    mirrors = sources.mirrors
    if mirrors is not None and mirrors.quarantined:
        item = TrayItem("quarantine", TrayGroup.FIX_DATA, reasons)
        chip = Chip(ChipCode.QUARANTINE, {"n": mirrors.quarantined})
        yield TrayRow(item, What(WhatCode.QUARANTINE), None, (chip,), NextStep.REVIEW)
    oldest = None if mirrors is None else mirrors.oldest_at
    if oldest is not None and sources.now - oldest > NEVER_SHOWN_SILENTLY:
        age = (sources.now - oldest) // timedelta(days=1)
        item = TrayItem("stale", TrayGroup.FIX_DATA, reasons)
        yield TrayRow(item, What(WhatCode.STALE), None, (Chip(ChipCode.STALE, {"days": age}),), NextStep.SYNC)
