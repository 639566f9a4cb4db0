"""What the engine tells people of. Who hears it is decided outside."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

from infra.db.unit_of_work import UnitOfWork
from infra.logging import get_logger

log = get_logger()


class ActionNoticeKind(StrEnum):
    NEEDS_REVIEW = "needs_review"  # a person must look in the rail's books
    DUPLICATE = "duplicate"  # two objects there carry one mark
    LATE_FOUND = "late_found"  # given up, and done after all
    ECHO_DIFFERS = "echo_differs"  # what is there is not what was sent
    REVERSED = "reversed_externally"  # somebody removed it there
    PARKED = "parked"  # it came to nothing so often that it is left alone


@dataclass(frozen=True)
class ActionNotice:
    kind: ActionNoticeKind
    business_id: UUID
    intent_id: UUID
    operation: str
    words: str
    details: dict[str, Any] = field(default_factory=dict)


Tell = Callable[[UnitOfWork, ActionNotice], Awaitable[None]]
"""Told in the transaction of the fact."""


async def tell_the_log(_uow: UnitOfWork, notice: ActionNotice) -> None:
    log.warning(
        "actions.notice",
        kind=notice.kind.value,
        business_id=str(notice.business_id),
        intent_id=str(notice.intent_id),
        operation=notice.operation,
        words=notice.words,
    )
