"""A deletion is believed when QBO, asked for the id, has nothing: change data capture also reports objects that are back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from infra.config import Rail
from infra.qbo.answers import Payload
from infra.qbo.reading import QBOPull
from infra.sync.shapes import MirrorRow
from infra.sync.spec import RailDeletion


@dataclass(frozen=True)
class SettledDeletions:
    """`deletions` are proved; `returned` are objects that were reported or missed but are there."""

    deletions: Sequence[RailDeletion] = ()
    returned: Sequence[Payload] = ()
    asked_at: datetime | None = None
    calls: int = 0


async def settle_deletions(pull: QBOPull, entity: str, *, suspected: Mapping[str, datetime | None]) -> SettledDeletions:
    """Ask QBO for the suspected ids that our mirror still shows, 500 a call; no call when it shows none of them.

    An id suspected without an instant (a sweep missed it) counts as deleted when QBO answered.
    """
    live = await live_ids(pull, entity, among=list(suspected))
    if not live:
        return SettledDeletions()
    answer = await pull.reads.read_many(entity, sorted(live))
    returned = {payload["Id"] for payload in answer.objects}
    deletions = [
        RailDeletion(external_id, updated_at=suspected[external_id] or answer.answered_at)
        for external_id in sorted(live - returned)
    ]
    return SettledDeletions(deletions, list(answer.objects), asked_at=answer.asked_at, calls=answer.cost.calls)


async def live_ids(pull: QBOPull, entity: str, *, among: Sequence[str] | None = None) -> set[str]:
    """QBO's ids of the objects that the mirror shows as there."""
    mirror: type[MirrorRow] = pull.specs[entity].mirror
    query = select(mirror.external_id).where(
        mirror.business_id == pull.business_id, mirror.rail == Rail.QBO.value, mirror.deleted_at.is_(None)
    )
    if among is not None:
        query = query.where(mirror.external_id.in_(among))
    async with pull.uow([pull.business_id]) as uow:
        return set(await uow.session.scalars(query))
