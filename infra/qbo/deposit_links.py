"""Depositing a payment links the deposit to it and moves neither its SyncToken nor its LastUpdatedTime: change capture never tells.

The deposit itself does come. The payments that it names, or named before, are read again where the mirror does not show it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from infra.config import Rail
from infra.qbo.answers import Changes, Payload
from infra.qbo.reading import QBOPull
from infra.sync.shapes import MirrorRow

DEPOSITED = ("Payment", "SalesReceipt")
_MOST = 500  # of one call

Links = set[tuple[str, str]]  # (deposited id, deposit's id)


@dataclass(frozen=True)
class FollowUp:
    """What was read again."""

    objects: Sequence[Payload]
    asked_at: datetime
    calls: int


async def read_deposited(pull: QBOPull, changes: Changes) -> dict[str, FollowUp]:
    """By entity, the objects whose deposit changed; at most one call each, none where the mirror shows it already."""
    changed = {payload["Id"]: payload for payload in changes.objects.get("Deposit", ()) if "Id" in payload}
    touched = [*changed, *(deletion.external_id for deletion in changes.deletions.get("Deposit", ()))]
    if not touched or "Deposit" not in pull.specs:
        return {}
    earlier = await _held(pull, "Deposit", touched)
    found = {}
    for entity in DEPOSITED:
        if entity not in pull.specs:
            continue
        now = _links(changed.values(), entity)
        named = {object_id for object_id, _ in now | _links(earlier.values(), entity)}
        named -= {payload.get("Id", "") for payload in changes.objects.get(entity, ())}
        if wanted := await _not_shown(pull, entity, named=named, now=now, deposits=set(touched)):
            answer = await pull.reads.read_many(entity, wanted[:_MOST])
            found[entity] = FollowUp(answer.objects, answer.asked_at, answer.cost.calls)
    return found


def _links(deposits: Iterable[Payload], entity: str) -> Links:
    return {
        (str(link.get("TxnId")), str(deposit.get("Id")))
        for deposit in deposits
        for line in deposit.get("Line") or ()
        for link in line.get("LinkedTxn") or ()
        if link.get("TxnType") == entity
    }


async def _not_shown(pull: QBOPull, entity: str, *, named: set[str], now: Links, deposits: set[str]) -> list[str]:
    """The named objects whose links to these deposits are not what the deposits say."""
    held = await _held(pull, entity, sorted(named))
    wanted = []
    for object_id in sorted(named):
        links = (held.get(object_id) or {}).get("LinkedTxn") or ()
        shown = {link.get("TxnId") for link in links if link.get("TxnType") == "Deposit"} & deposits
        if object_id not in held or shown != {deposit for linked, deposit in now if linked == object_id}:
            wanted.append(object_id)
    return wanted


async def _held(pull: QBOPull, entity: str, external_ids: Sequence[str]) -> Mapping[str, Payload]:
    if not external_ids:
        return {}
    mirror: type[MirrorRow] = pull.specs[entity].mirror
    query = select(mirror.external_id, mirror.payload).where(
        mirror.business_id == pull.business_id,
        mirror.rail == Rail.QBO.value,
        mirror.external_id.in_(external_ids),
    )
    async with pull.uow([pull.business_id]) as uow:
        rows = await uow.session.execute(query)
    return {row.external_id: row.payload for row in rows}
