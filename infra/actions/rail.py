"""What the engine needs of a rail: to look, to tell it once, and to keep what it answered. Each rail's sync service gives one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

Payload = dict[str, Any]


class SendStage(StrEnum):
    """How far a request got before its answer or error, as the transport saw it."""

    NOT_CONNECTED = "not_connected"
    CONNECTED = "connected"
    SENT = "sent"
    HEADERS = "headers"
    BODY = "body"


class AnswerKind(StrEnum):
    """What an answer, or its absence, proves about a write."""

    DONE = "done"  # success, and a body that can be read
    NOT_SENT = "not_sent"  # no permit, circuit open, no connection: no byte of it left
    NOT_EXECUTED = "not_executed"  # the rail turned it away unread: too many calls, or a token it does not take
    REFUSED = "refused"  # the rail read it and said no, by a code that is known to mean just that
    STALE = "stale"  # refused: the object changed since it was read
    DUPLICATE_NUMBER = "duplicate_number"  # refused: its document number is taken, perhaps by ourselves
    ACCESS_GONE = "access_gone"  # only a person can bring the access back; not executed
    DOUBTFUL = "doubtful"  # everything else: it may have been executed, or may be yet


@dataclass(frozen=True)
class WriteAnswer:
    """What came of one request.

    Attributes:
        payload: the object as the rail answered it, with DONE.
        code: the rail's own code of a refusal; `words` are ours, for the user.
        trace_id: what the rail's support asks for (QBO: intuit_tid).
        retry_after_seconds: with NOT_SENT and NOT_EXECUTED, how long a further try is hopeless.
        answered_at: the rail's own time where it told one, else ours before the call.
        digest: BLAKE2b of the body, None when none came.
    """

    kind: AnswerKind
    stage: SendStage
    answered_at: datetime
    payload: Payload | None = None
    status: int | None = None
    code: str | None = None
    words: str = ""
    trace_id: str | None = None
    retry_after_seconds: float | None = None
    digest: bytes | None = None


@dataclass(frozen=True)
class Write:
    """One request that changes the rail's books. `body` and `request_id` are frozen before the first send and never change."""

    entity: str
    body: bytes
    request_id: str
    options: Mapping[str, str] = field(
        default_factory=dict
    )  # of the address: {"operation": "update", "include": "void"}
    subpath: str = ""  # "/129/send"


class RailLook(Protocol):
    """Live reads. Each raises RailError when the rail does not answer."""

    async def read(self, entity: str, external_id: str) -> Payload | None:
        """One object by its id; None when the rail says that there is none, or no more."""

    async def find(self, entity: str, *conditions: str) -> list[Payload]:
        """Every object that meets all conditions, in the rail's own words."""


class ActionRail(RailLook, Protocol):
    """A rail that can be told."""

    async def write(self, request: Write) -> WriteAnswer:
        """Send once. Never repeats what may have been executed, never raises a RailError: what is not known is DOUBTFUL."""

    async def keep(
        self,
        session: AsyncSession,
        seen: Mapping[str, Sequence[Payload]],
        *,
        fetched_at: datetime,
        actor: str,
        request_id: str,
    ) -> None:
        """Store objects, by entity, as the rail just gave them, in mirror and log, in the caller's transaction; and say so where the mirror changed."""


class Rails(Protocol):
    async def __call__(self, business_id: UUID, *, is_check: bool = False) -> ActionRail:
        """The rail of a business; `is_check`: to look once more at what was settled and seen, behind whoever pays or waits for a page.

        Raises:
            RailNeedsReconnect: there is no grant.
        """
