"""`rail_token`: one grant a business and rail, its tokens sealed. The only reader and writer of the table."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from pydantic import SecretStr
from sqlalchemy import Select, Text, Uuid, bindparam, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from infra.config import Rail
from infra.db.base import Base
from infra.db.reads import Reads, Statement, read_in
from infra.db.unit_of_work import UnitOfWork, UnitOfWorkFactory
from infra.errors import NotFound, RailNeedsReconnect
from infra.security.keyring import Keyring

DISCONNECTED = "disconnected"  # the reason of a grant that a person ended here

AlsoWrite = Callable[[UnitOfWork], Awaitable[None]]
AlsoTrue = Callable[[UnitOfWork], Awaitable[bool]]


class RailToken(Base):
    __tablename__ = "rail_token"

    business_id: Mapped[UUID] = mapped_column(primary_key=True)
    rail: Mapped[str] = mapped_column(primary_key=True)
    external_account_id: Mapped[str]  # QBO's realm id
    access_token_sealed: Mapped[str]
    refresh_token_sealed: Mapped[str]
    previous_refresh_token_sealed: Mapped[str | None]  # kept until the newer one has worked
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    refresh_expires_at: Mapped[datetime]
    refreshed_after_rejection_at: Mapped[datetime | None]
    needs_reconnect_at: Mapped[datetime | None]
    reconnect_reason: Mapped[str | None]
    updated_at: Mapped[datetime]


class NotConnected(NotFound):
    def __init__(self, business_id: UUID, rail: Rail) -> None:
        self.business_id = business_id
        self.rail = rail
        super().__init__(f"The business {business_id} is not connected to {rail}.")


@dataclass(frozen=True, slots=True)
class RailGrant:
    """What a rail handed out, opened. Its text shows no token; after `forget` its tokens are empty."""

    external_account_id: str
    access_token: SecretStr
    refresh_token: SecretStr
    issued_at: datetime
    expires_at: datetime
    refresh_expires_at: datetime
    previous_refresh_token: SecretStr | None = None
    refreshed_after_rejection_at: datetime | None = None
    needs_reconnect_at: datetime | None = None
    reconnect_reason: str | None = None


async def _always(_uow: UnitOfWork) -> bool:
    return True


async def nothing_else(_uow: UnitOfWork) -> None:
    pass


class _Sealed(NamedTuple):
    """The columns of a grant."""

    external_account_id: str
    access_token_sealed: str
    refresh_token_sealed: str
    previous_refresh_token_sealed: str | None
    issued_at: datetime
    expires_at: datetime
    refresh_expires_at: datetime
    refreshed_after_rejection_at: datetime | None
    needs_reconnect_at: datetime | None
    reconnect_reason: str | None


def _of_business(*columns: Any) -> Select[Any]:
    return select(*columns).where(
        RailToken.business_id == bindparam("business_id", type_=Uuid), RailToken.rail == bindparam("rail", type_=Text)
    )


_ACCOUNT = Statement(_of_business(RailToken.external_account_id), lambda account: account)
_GRANT = Statement(_of_business(*(getattr(RailToken, name) for name in _Sealed._fields)), _Sealed)


async def account_of(session: AsyncSession, business_id: UUID, rail: Rail) -> str:
    """The id of the rail's account that the business is connected to, or was last (QBO: the realm).

    Raises:
        RailNeedsReconnect: it never was.
    """
    (found,) = await read_in(session, _ACCOUNT.with_(business_id=business_id, rail=rail.value))
    if not found:
        raise RailNeedsReconnect(f"This business is not connected to {rail} yet.")
    account: str = found[0]
    return account


class RailTokenStore:
    """Each method is one short transaction, committed when it returns. `reads` are of the role that sees books: every call to a rail
    reads its grant.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory, reads: Reads, *, keyring: Keyring) -> None:
        self._unit_of_work = unit_of_work
        self._reads = reads
        self._keyring = keyring

    async def get(self, business_id: UUID, rail: Rail) -> RailGrant:
        """Read and open the grant.

        Raises:
            NotConnected: the business never connected this rail.
            CannotOpen: the row is not what this keyring sealed.
            OperationalError: SQLAlchemy's, as of the other methods: the database cannot be reached.
        """
        try:
            (found,) = await self._reads.of([business_id], _GRANT.with_(business_id=business_id, rail=rail.value))
        except psycopg.OperationalError as error:
            raise OperationalError(None, None, error, hide_parameters=True) from error
        if not found:
            raise NotConnected(business_id, rail)
        return self._opened(found[0], business_id, rail)

    async def save(
        self, business_id: UUID, rail: Rail, *, grant: RailGrant, at: datetime, also: AlsoWrite = nothing_else
    ) -> None:
        """Write a grant in place of what was there, on connecting and on each refresh; what `also` writes in one transaction with it."""
        values = {
            "external_account_id": grant.external_account_id,
            "access_token_sealed": self._sealed(grant.access_token, business_id, rail, column="access_token"),
            "refresh_token_sealed": self._sealed(grant.refresh_token, business_id, rail, column="refresh_token"),
            "previous_refresh_token_sealed": None
            if grant.previous_refresh_token is None
            else self._sealed(grant.previous_refresh_token, business_id, rail, column="previous_refresh_token"),
            "issued_at": grant.issued_at,
            "expires_at": grant.expires_at,
            "refresh_expires_at": grant.refresh_expires_at,
            "refreshed_after_rejection_at": grant.refreshed_after_rejection_at,
            "needs_reconnect_at": grant.needs_reconnect_at,
            "reconnect_reason": grant.reconnect_reason,
            "updated_at": at,
        }
        statement = insert(RailToken).values(business_id=business_id, rail=rail.value, **values)
        async with self._unit_of_work([business_id]) as uow:
            await also(uow)
            await uow.session.execute(
                statement.on_conflict_do_update(index_elements=["business_id", "rail"], set_=values)
            )

    async def mark_disconnected(
        self, business_id: UUID, rail: Rail, *, at: datetime, also: AlsoWrite = nothing_else
    ) -> None:
        """A person ended the connection: every call fails at once. The tokens stay until they are revoked; see `forget`."""
        async with self._unit_of_work([business_id]) as uow:
            await also(uow)
            await uow.session.execute(
                update(RailToken)
                .where(RailToken.business_id == business_id, RailToken.rail == rail)
                .values(needs_reconnect_at=at, reconnect_reason=DISCONNECTED, updated_at=at)
            )

    async def forget(self, business_id: UUID, rail: Rail, *, at: datetime) -> None:
        """Delete the tokens of a grant that was disconnected. That there was one, and its company, stays."""
        async with self._unit_of_work([business_id]) as uow:
            await uow.session.execute(
                update(RailToken)
                .where(
                    RailToken.business_id == business_id,
                    RailToken.rail == rail,
                    RailToken.reconnect_reason == DISCONNECTED,
                )
                .values(
                    access_token_sealed="", refresh_token_sealed="", previous_refresh_token_sealed=None, updated_at=at
                )
            )

    async def mark_needs_reconnect(
        self, business_id: UUID, rail: Rail, *, reason: str, at: datetime, if_also: AlsoTrue = _always
    ) -> None:
        """From now on every call fails at once until the business connects again; the first reason stays.

        Nothing is written when `if_also`, called first in the same transaction, says no.
        """
        async with self._unit_of_work([business_id]) as uow:
            if not await if_also(uow):
                return
            await uow.session.execute(
                update(RailToken)
                .where(
                    RailToken.business_id == business_id,
                    RailToken.rail == rail,
                    RailToken.needs_reconnect_at.is_(None),
                )
                .values(needs_reconnect_at=at, reconnect_reason=reason, updated_at=at)
            )

    def _sealed(self, secret: SecretStr, business_id: UUID, rail: str, *, column: str) -> str:
        return self._keyring.seal(secret, context=(str(business_id), rail, column))

    def _opened(self, row: _Sealed, business_id: UUID, rail: Rail) -> RailGrant:
        def opened(sealed: str, column: str) -> SecretStr:
            if not sealed:
                return SecretStr("")  # forgotten
            return self._keyring.open(sealed, context=(str(business_id), rail.value, column))

        previous = row.previous_refresh_token_sealed
        return RailGrant(
            external_account_id=row.external_account_id,
            access_token=opened(row.access_token_sealed, "access_token"),
            refresh_token=opened(row.refresh_token_sealed, "refresh_token"),
            previous_refresh_token=None if previous is None else opened(previous, "previous_refresh_token"),
            issued_at=row.issued_at,
            expires_at=row.expires_at,
            refresh_expires_at=row.refresh_expires_at,
            refreshed_after_rejection_at=row.refreshed_after_rejection_at,
            needs_reconnect_at=row.needs_reconnect_at,
            reconnect_reason=row.reconnect_reason,
        )
