"""Which action this is: by its client key, by what it uses, by what it means, by what it made. Ids are derived, never drawn.

A row that was lost is made again with the same request id, so the rail itself still knows it.
"""

from base64 import b32encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from hashlib import sha1, sha256
from typing import Any
from uuid import UUID

from sqlalchemy import Text, Uuid, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from infra import exact_json
from infra.actions.errors import IntentNotFound, KeyUsedForOther
from infra.actions.models import ActionIntent, ActionLine
from infra.actions.spec import Meaning
from infra.actions.states import ActionState
from infra.config import Rail
from infra.db.reads import Statement, read_in

_NAMESPACE = UUID("c3b74d49-237f-48a9-9c2f-b62641c17c05")  # never another: all request ids hang on it
_BY_KEY = Statement(
    select(ActionIntent.id).where(
        ActionIntent.business_id == bindparam("business_id", type_=Uuid),
        ActionIntent.operation == bindparam("operation", type_=Text),
        ActionIntent.client_key == bindparam("client_key", type_=Text),
    ),
    lambda intent_id: intent_id,
)
_NEVER_DONE = (ActionState.FAILED.value, ActionState.CANCELLED.value)


@dataclass(frozen=True)
class Origin:
    """Where a client key is one thing. `environment` keeps a test's company and a real one apart."""

    environment: str
    rail_account_id: str
    operation: str
    client_key: str

    def request_id(self, revision: int = 0) -> str:
        """A UUIDv5: the rail's own key for the request, 36 characters."""
        return str(UUID(bytes=self._digest(revision)[:16], version=5))

    @property
    def mark(self) -> str:
        """19 characters that the rail keeps with the object and lets us look for; the same for every revision."""
        return "LP-" + b32encode(self._digest(0)[-10:]).decode()

    def _digest(self, revision: int) -> bytes:
        name = exact_json.dumps([
            self.environment, self.rail_account_id, self.operation, self.client_key, revision,
        ])  # fmt: skip
        return sha1(_NAMESPACE.bytes + name, usedforsecurity=False).digest()


def fingerprint_of(operation: str, meaning: Meaning) -> bytes:
    """SHA-256 of what was meant: however its keys are ordered and its amounts are written (12, 12.0, 12.00)."""
    return sha256(exact_json.dumps([operation, _plain(meaning)])).digest()


def _plain(value: Any) -> Any:
    match value:
        case Decimal():
            return Decimal(format(value.normalize(), "f"))
        case Mapping():
            return {str(key): _plain(each) for key, each in value.items()}
        case str() | bytes():
            return value
        case Sequence():
            return [_plain(each) for each in value]
        case _:
            return value


class IdentityGraph:
    """Finds the action that is meant already, in one transaction of one business."""

    def __init__(self, session: AsyncSession, business_id: UUID) -> None:
        self._session = session
        self._business_id = business_id

    async def get(self, intent_id: UUID, *, is_to_change: bool = False) -> ActionIntent:
        """`is_to_change` locks it for the rest of the transaction.

        Raises:
            IntentNotFound: not of this business, or not at all.
        """
        query = select(ActionIntent).where(ActionIntent.business_id == self._business_id, ActionIntent.id == intent_id)
        query = query.execution_options(populate_existing=True)
        row = await self._session.scalar(query.with_for_update() if is_to_change else query)
        if row is None:
            raise IntentNotFound(intent_id)
        return row

    async def find_by_key(self, operation: str, client_key: str) -> ActionIntent | None:
        asked = _BY_KEY.with_(business_id=self._business_id, operation=operation, client_key=client_key)
        (found,) = await read_in(self._session, asked)
        return await self.get(found[0]) if found else None  # nearly always there is none

    async def find_same(self, operation: str, client_key: str, *, fingerprint: bytes) -> ActionIntent | None:
        """The action of this key, whatever became of it.

        Raises:
            KeyUsedForOther: the key stands for another meaning.
        """
        row = await self.find_by_key(operation, client_key)
        if row is not None and row.fingerprint != fingerprint:
            raise KeyUsedForOther(row.id)
        return row

    async def find_holder(self, rail: Rail, *, kind: str, external_id: str) -> ActionIntent | None:
        """The action that is not settled and has this object for itself."""
        query = (
            select(ActionIntent)
            .join(
                ActionLine,
                (ActionLine.business_id == ActionIntent.business_id) & (ActionLine.intent_id == ActionIntent.id),
            )
            .where(
                ActionLine.business_id == self._business_id,
                ActionLine.rail == rail.value,
                ActionLine.target_kind == kind,
                ActionLine.target_external_id == external_id,
                ActionLine.is_open & ActionLine.is_guarded,
            )
        )
        return await self._session.scalar(query)

    async def list_of_target(self, rail: Rail, *, kind: str, external_id: str, limit: int = 50) -> list[ActionIntent]:
        """Every action that ever used this object, the latest first."""
        of_target = select(ActionLine.intent_id).where(
            ActionLine.business_id == self._business_id,
            ActionLine.rail == rail.value,
            ActionLine.target_kind == kind,
            ActionLine.target_external_id == external_id,
        )
        query = (
            select(ActionIntent)
            .where(ActionIntent.business_id == self._business_id, ActionIntent.id.in_(of_target))
            .order_by(ActionIntent.created_at.desc())
            .limit(limit)
        )
        return list(await self._session.scalars(query))

    async def list_alike(
        self, operation: str, content: Meaning, *, within: timedelta, limit: int = 5
    ) -> list[ActionIntent]:
        """Actions of late that look like this one to a person and were not given up, the latest first: worth a question."""
        query = (
            select(ActionIntent)
            .where(
                ActionIntent.business_id == self._business_id,
                ActionIntent.content_digest == fingerprint_of(operation, content),
                ActionIntent.created_at > func.clock_timestamp() - within,
                ActionIntent.state.not_in(_NEVER_DONE),
            )
            .order_by(ActionIntent.created_at.desc())
            .limit(limit)
        )
        return list(await self._session.scalars(query))

    async def find_by_external_id(self, operation: str, external_id: str) -> ActionIntent | None:
        """The latest action that made or changed this object."""
        return await self._one(ActionIntent.operation == operation, ActionIntent.external_id == external_id)

    async def _one(self, *conditions: Any) -> ActionIntent | None:
        query = select(ActionIntent).where(ActionIntent.business_id == self._business_id, *conditions)
        return await self._session.scalar(query.order_by(ActionIntent.created_at.desc()).limit(1))
