"""What stands in quarantine is tried again at every refresh: a later release may read what an earlier one could not. No call to QBO."""

from collections.abc import Mapping
from itertools import groupby

from infra.config import Rail
from infra.errors import UnknownRailValue, UnreadableRailObject
from infra.logging import get_logger
from infra.qbo.reading import PullTally, QBOPull
from infra.qbo.wire import MalformedRailObject, record_of
from infra.sync import mirror_store, quarantine
from infra.sync.quarantine import QuarantinedObject
from infra.sync.runs import SyncState
from infra.sync.spec import AnySpec

log = get_logger()


class _Row:
    """What a trial fills."""


async def read_quarantined(pull: QBOPull, states: Mapping[str, SyncState], *, tally: PullTally) -> None:
    """Store what can be read now, as of when it was fetched."""
    if not any(state.quarantined for state in states.values()):
        return
    async with pull.uow([pull.business_id]) as uow:
        standing = await quarantine.list_open(uow.session, pull.business_id, rail=Rail.QBO)
    readable = [one for one in standing if one.entity in pull.specs and _is_readable(pull.specs[one.entity], one)]
    for entity, group in groupby(sorted(readable, key=lambda one: one.entity), key=lambda one: one.entity):
        for one in group:
            delivery = pull.delivery(entity, [one.payload], fetched_at=one.last_seen_at)
            async with pull.uow([pull.business_id]) as uow:
                outcome = await mirror_store.store(uow.session, pull.specs[entity], delivery)
            tally.add(0, entity=entity, delivery=delivery, outcome=outcome)
            log.info("qbo.quarantine.tried_again", entity=entity, external_id=one.external_id)


def _is_readable(spec: AnySpec, one: QuarantinedObject) -> bool:
    if one.reason.startswith(quarantine.UNSTORABLE):
        return False
    try:
        record_of(one.payload, one.entity)
        spec.fill(_Row(), spec.read(one.payload, external_id=one.external_id))
    except (MalformedRailObject, UnreadableRailObject, UnknownRailValue):
        return False
    return True
