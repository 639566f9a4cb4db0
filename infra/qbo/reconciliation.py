"""Does the mirror tie out with QBO? Counts, open A/P and A/R by name and age, every account's balance. What differs is found and named.

A difference is believed when it is seen twice, with a refresh in between: what changed while we asked is none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from math import ceil
from typing import NamedTuple

from infra.config import Rail
from infra.logging import get_logger
from infra.qbo import controls, incremental, statements
from infra.qbo.closed_period import tell_changes_in_closed_period
from infra.qbo.comparing import compare, compare_delivery, comparison_of, pages_of_a_round, tell_merges
from infra.qbo.controls import PAYABLES, RECEIVABLES, Control
from infra.qbo.deletions import settle_deletions
from infra.qbo.keyset import KeysetCursor, keyset_pages
from infra.qbo.posted_elsewhere import Side
from infra.qbo.reading import PullTally, QBOPull
from infra.sync import drift
from infra.sync.drift import Drift, DriftCause, DriftKind
from infra.sync.reconciliation import Comparison, Difference
from infra.sync.scans import ScanPurpose

ROUND_DAYS = 7  # every object is looked at within so many nights
_NAMES_ONE_BY_ONE = 20
_MOST_NAMED = 50

log = get_logger()


@dataclass
class Reconciled:
    """What a reconciliation saw: control figures looked at, those that differed, objects found different, and what is repaired."""

    tally: PullTally = field(default_factory=PullTally)
    checked: int = 0
    differing: int = 0
    objects: int = 0
    repaired: int = 0
    closed_period: int = 0


class Reread(NamedTuple):
    differences: list[Difference]
    tally: PullTally


async def reconcile(pull: QBOPull, *, today: date) -> Reconciled:
    """The night's look: tie out, look at a part of all objects one by one, tell what changed in closed books."""
    done = await tie_out(pull, today=today)
    comparison = await comparison_of(pull)
    pages = ceil(await pages_of_a_round(pull) / ROUND_DAYS)
    await compare(pull, comparison, tally=done.tally, purpose=ScanPurpose.ROLLING, most_pages=pages)
    await tell_merges(pull, comparison)
    done.objects += len(comparison.found)
    done.repaired += comparison.repaired
    done.closed_period = len(await tell_changes_in_closed_period(pull))
    return done


async def compare_all(pull: QBOPull) -> Reconciled:
    """Every object, field by field. Cut off, the next call goes on there."""
    done = Reconciled(tally=await incremental.refresh(pull))
    comparison = await comparison_of(pull)
    await compare(pull, comparison, tally=done.tally)
    await tell_merges(pull, comparison)
    done.objects, done.repaired = len(comparison.found), comparison.repaired
    return done


async def read_touched(pull: QBOPull, touched: Mapping[str, Sequence[str]]) -> Reread:
    """The named objects, ids by entity, as QBO has them now. Whatever differs is told, however new: we caused it ourselves."""
    tally = PullTally()
    end_of_time = datetime.max.replace(tzinfo=UTC)
    comparison = await comparison_of(pull, news_from=dict.fromkeys(touched, end_of_time))
    for entity, external_ids in sorted(touched.items()):
        await _read_again(pull, comparison, entity, external_ids, tally=tally)
    return Reread([difference for difference, _ in comparison.found], tally)


async def tie_out(pull: QBOPull, *, today: date) -> Reconciled:
    """Compare the control figures, find the records behind what differs, and repair them through the ordinary path."""
    done = Reconciled(tally=await incremental.refresh(pull))
    first = await _controls(pull, today=today, tally=done.tally)
    done.checked = len(first)
    suspects = {control.key for control in first if not control.is_equal}
    if suspects:
        done.tally.merge(await incremental.refresh(pull))
        again = await _controls(pull, today=today, tally=done.tally, like=suspects)
        differing = [control for control in again if not control.is_equal and control.key in suspects]
        done.differing = len(differing)
        if differing:
            await _mend(pull, differing, today=today, done=done)
    await _close_equal(pull, [control for control in first if control.is_equal])
    log.info(
        "qbo.tie_out.done",
        business_id=str(pull.business_id),
        checked=done.checked,
        differing=done.differing,
        objects=done.objects,
        repaired=done.repaired,
    )
    return done


async def _controls(
    pull: QBOPull, *, today: date, tally: PullTally, like: set[tuple[str, str, str | None]] | None = None
) -> list[Control]:
    """All control figures, or the groups that those of `like` are of."""
    names = {name for name, _, _ in like} if like is not None else None
    entities = [entity for name, entity, _ in like if name == "count"] if like is not None else None
    found: list[Control] = []
    if names is None or "count" in names:
        found += await controls.counts(pull, tally=tally, entities=entities)
    if names is None or "account balance" in names:
        found += await controls.account_balances(pull, today=today, tally=tally)
    for side in (PAYABLES, RECEIVABLES):
        if names is None or side.name in names:
            found += await controls.ageing(pull, side, today=today, tally=tally)
    return found


async def _mend(pull: QBOPull, differing: Sequence[Control], *, today: date, done: Reconciled) -> None:
    comparison = await comparison_of(pull)
    for side in (PAYABLES, RECEIVABLES):
        names = [control.subject for control in differing if control.name == side.name and control.subject]
        for name in names if len(names) <= _NAMES_ONE_BY_ONE else ():
            await _read_name(pull, comparison, side, name=name, tally=done.tally)
    accounts = [control.subject for control in differing if control.name == "account balance" and control.subject]
    await _read_again(pull, comparison, "Account", accounts, tally=done.tally)
    counted = [control.entity for control in differing if control.kind is DriftKind.COUNT]
    if counted:
        await compare(pull, comparison, tally=done.tally, entities=counted)
    keys = {control.key for control in differing}
    after = await _still(pull, keys, today=today, tally=done.tally)
    rest = _behind(after, done=counted)
    if rest:  # the names' own documents do not explain it: look at all that could
        await compare(pull, comparison, tally=done.tally, entities=rest)
        after = await _still(pull, keys, today=today, tally=done.tally)
    await tell_merges(pull, comparison)
    done.objects += len(comparison.found)
    done.repaired += comparison.repaired
    await _tell(pull, comparison, differing, after=after)


async def _still(
    pull: QBOPull, keys: set[tuple[str, str, str | None]], *, today: date, tally: PullTally
) -> list[Control]:
    tally.merge(await incremental.refresh(pull))
    again = await _controls(pull, today=today, tally=tally, like=keys)
    return [control for control in again if control.key in keys and not control.is_equal]


def _behind(controls_left: Sequence[Control], *, done: Sequence[str]) -> list[str]:
    wanted: set[str] = set()
    for side in (PAYABLES, RECEIVABLES):
        if any(control.name == side.name for control in controls_left):
            wanted |= {side.party, side.document, side.credit, side.payment, "JournalEntry", "Purchase", "Deposit"}
    return sorted(wanted - set(done))


async def _read_name(pull: QBOPull, comparison: Comparison, side: Side, *, name: str, tally: PullTally) -> None:
    """The vendor or customer and its documents, whole; what the mirror has of it besides is asked for by its id."""
    await _read_again(pull, comparison, side.party, [name], tally=tally)
    where = f"{side.party}Ref = {statements.literal(name)}"
    for entity in (side.document, side.credit, side.payment):
        met: set[str] = set()
        async for page in keyset_pages(pull.reads.query, entity=entity, cursor=KeysetCursor(), where=(where,)):
            tally.calls += page.answer.cost.calls
            delivery = pull.delivery(entity, page.objects, fetched_at=page.answer.asked_at)
            await compare_delivery(pull, comparison, entity, delivery)
            met |= {record.external_id for record in delivery.records}
        shown = await controls.documents_of(pull, side, entity=entity, name=name)
        settled = await settle_deletions(pull, entity, suspected=dict.fromkeys(shown - met))
        tally.calls += settled.calls
        delivery = pull.delivery(
            entity,
            settled.returned,
            fetched_at=settled.asked_at or pull.clock.now(),
            deletions=settled.deletions,
            are_proved=True,
        )
        await compare_delivery(pull, comparison, entity, delivery)


async def _read_again(
    pull: QBOPull, comparison: Comparison, entity: str, external_ids: Sequence[str], *, tally: PullTally
) -> None:
    if external_ids:
        answer = await pull.reads.read_many(entity, list(external_ids))
        tally.calls += answer.cost.calls
        delivery = pull.delivery(entity, answer.objects, fetched_at=answer.asked_at)
        await compare_delivery(pull, comparison, entity, delivery)


async def _tell(
    pull: QBOPull, comparison: Comparison, differing: Sequence[Control], *, after: Sequence[Control]
) -> None:
    """An item for each figure, with the records that were behind it. One that no record explains stays open."""
    left = {control.key: control for control in after}
    records = [
        {"entity": difference.entity, "external_id": difference.external_id, "item": str(item)}
        for difference, item in comparison.found[:_MOST_NAMED]
    ]
    async with pull.uow([pull.business_id]) as uow:
        for control in differing:
            is_open = control.key in left
            found = Drift(
                control.kind,
                control.entity,
                control.subject,
                DriftCause.UNKNOWN if is_open else DriftCause.MISSED_RECORDS,
                size=control.size,
                details={
                    "figure": control.name,
                    "mirror": str(control.mirror),
                    "rail": str(control.rail),
                    "records": records,
                },
            )
            (item,) = await drift.record(
                uow.session, pull.business_id, rail=Rail.QBO, run_id=pull.run_id, found=[found], now=pull.clock.now()
            )
            if not is_open:
                await drift.close(
                    uow.session,
                    pull.business_id,
                    ids=[item.id],
                    request_id=str(pull.run_id),
                    now=pull.clock.now(),
                )


async def _close_equal(pull: QBOPull, equal: Sequence[Control]) -> None:
    """A figure that differed once and ties out now is settled."""
    keys = {(control.kind.value, control.entity, control.subject) for control in equal}
    async with pull.uow([pull.business_id]) as uow:
        standing = await drift.list_open(uow.session, pull.business_id, rail=Rail.QBO)
        settled = [item.id for item in standing if (item.kind, item.entity, item.external_id) in keys]
        await drift.close(
            uow.session,
            pull.business_id,
            ids=settled,
            request_id=str(pull.run_id),
            now=pull.clock.now(),
        )
