"""The jobs that QBO's sync asks for, by the names in runway/jobs.py. Each takes the business's id first."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from infra.db.unit_of_work import UnitOfWork

BACKFILL: Final = "qbo.backfill"
RESCAN: Final = "qbo.rescan"  # then the entities, all that wait for it unless named
TIE_OUT: Final = "qbo.tie_out"
RECONCILE: Final = "qbo.reconcile"
COMPARE: Final = "qbo.compare"
RECONCILE_ACTION: Final = "qbo.reconcile_action"  # then each object as Entity:id
_AFTER_AN_ACTION = timedelta(minutes=2)  # what others did to the same objects at that moment is there by then


def ask_about(
    uow: UnitOfWork, business_id: UUID, touched: Mapping[str, Sequence[str]], *, after: timedelta = _AFTER_AN_ACTION
) -> None:
    """Ask for a comparison of the objects that an action touched, ids by entity, in the caller's transaction."""
    objects = [f"{entity}:{external_id}" for entity, ids in sorted(touched.items()) for external_id in ids]
    if objects:
        uow.enqueue(RECONCILE_ACTION, str(business_id), *objects, queue="sync", after=after)


def touched_of(objects: Sequence[str]) -> dict[str, list[str]]:
    """What `ask_about` wrote, ids by entity."""
    touched: dict[str, list[str]] = {}
    for one in objects:
        entity, _, external_id = one.partition(":")
        touched.setdefault(entity, []).append(external_id)
    return touched
