"""Change data capture: what changed since an instant, live objects first, at most 1,000 in one answer."""

from contextvars import ContextVar
from itertools import chain
from typing import Final

from infra import exact_json
from infra.qbo.simulator import faults
from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.entities import NOT_IN_CHANGES, EntityKind, find_absent_kind, find_kind
from infra.qbo.simulator.books.store import EntityStore
from infra.qbo.simulator.timestamps import read_instant, show_instant

LARGEST_ANSWER: Final = 1000
LIMIT: Final[ContextVar[int]] = ContextVar("cdc_limit", default=LARGEST_ANSWER)
"""Trouble may cut a request's answer earlier."""
LOOK_BACK_SECONDS: Final = 30 * 86_400


def changes_since(company: Company, *, entities: str, changed_since: str) -> tuple[bytes, int]:
    """The CDCResponse array's bytes and how many objects are in it; one element an entity, in the order asked.

    The books keep no order between entities: at the cap the later groups are cut, without a sign.

    Raises:
        ServiceFault: unknown entity, unreadable instant, or one more than 30 days back.
    """
    kinds = [_kind(name.strip()) for name in entities.split(",") if name.strip()]
    if not kinds:
        raise faults.missing("entities")
    try:
        since = read_instant(changed_since)
    except ValueError as error:
        raise faults.unsupported_property("changedSince", "should be an ISO date or date-time") from error
    if since < company.clock.now().timestamp() - LOOK_BACK_SECONDS:
        raise faults.unsupported_property("changedSince", "cannot be more than 30 days ago")
    limit = room = LIMIT.get()
    groups = []
    for kind in kinds:
        group, count = (b"{}", 0) if kind.is_absent else _group(company.stores[kind.name], since, room=room)
        if count or company.behaviour.cdc_empty_group == "empty":
            groups.append(group)
        room -= count
    return b'[{"QueryResponse":[' + b",".join(groups) + b"]}]", limit - room


def _group(store: EntityStore, since: float, *, room: int) -> tuple[bytes, int]:
    order, low, high = store.between(since, None)
    live = [order[position][2].encoded() for position in range(low, min(high, low + room))]
    gone = sorted(tombstone for tombstone in store.tombstones if tombstone.deleted >= since)[: room - len(live)]
    count = len(live) + len(gone)
    if not count:
        return b"{}", 0
    objects = b",".join(chain(live, (_deleted(tombstone.id, tombstone.deleted) for tombstone in gone)))
    start = b'"startPosition":1,' if live else b""
    return b'{"%s":[%s],%s"maxResults":%d,"totalCount":%d}' % (
        store.kind.name.encode(),
        objects,
        start,
        count,
        count,
    ), count


def _deleted(identifier: str, at: int) -> bytes:
    return exact_json.dumps(
        {"status": "Deleted", "domain": "QBO", "Id": identifier, "MetaData": {"LastUpdatedTime": show_instant(at)}}
    )


def _kind(name: str) -> EntityKind:
    kind = find_kind(name) or find_absent_kind(name)
    if kind is None or kind.name in NOT_IN_CHANGES:
        raise faults.unsupported_property("entities", f"{name} is not supported by change data capture")
    return kind
