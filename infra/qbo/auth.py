"""QBO's access tokens, refreshed by one process at a time.

Intuit kills the old refresh token when it hands out a new one, so two refreshes at once end the connection. A
session-level advisory lock on a connection of its own (a pooled one could be shared by transactions) lets one process
in; the others wait, read the row again and find the new token. The new token is in the spool before it is committed, and committed
before anyone uses it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

import psycopg
from psycopg.errors import LockNotAvailable
from pydantic import SecretStr
from sqlalchemy.exc import SQLAlchemyError

from infra.clock import Clock
from infra.config import Rail
from infra.logging import get_logger
from infra.qbo.errors import QBOAccessRevoked, QBOAuthExpired, QBOError, QBOUnavailable
from infra.qbo.grant_keeping import GrantKeeping
from infra.qbo.oauth import IntuitOAuth, TokenGrant
from infra.qbo.tokens import TokenSource
from infra.redaction import words_of
from infra.security.keyring import CannotOpen
from infra.security.rail_tokens import (
    DISCONNECTED,
    AlsoWrite,
    NotConnected,
    RailGrant,
    RailTokenStore,
    nothing_else,
)
from infra.security.token_spool import TokenSpool

LOCK_WAIT = timedelta(seconds=10)
_LAST_USE = timedelta(minutes=1)  # a token with less life than this is not handed out
_BETWEEN_REJECTIONS = timedelta(minutes=1)
_AFTER_FAILED_REFRESH = timedelta(minutes=1)

log = get_logger()


class QBOAuth:
    """One a process: hands each business its `TokenSource` and merges refreshes inside the process."""

    def __init__(
        self,
        *,
        store: RailTokenStore,
        oauth: IntuitOAuth,
        database_url: str,
        clock: Clock,
        spool: TokenSpool | None = None,
    ) -> None:
        """`spool` keeps a rotated token until its commit is done; without one a failed commit loses it, loudly."""
        self._store = store
        self._keeping = GrantKeeping(store=store, clock=clock, spool=spool)
        self._oauth = oauth
        self._conninfo = database_url.replace("postgresql+psycopg://", "postgresql://", 1)
        self._clock = clock
        self._running: dict[tuple[UUID, SecretStr | None], asyncio.Task[RailGrant]] = {}
        self._no_early_refresh_before: dict[UUID, datetime] = {}

    def tokens_of(self, business_id: UUID) -> TokenSource:
        return _BusinessTokens(business_id, auth=self)

    async def connect(
        self, business_id: UUID, realm_id: str, *, grant: TokenGrant, also: AlsoWrite = nothing_else
    ) -> None:
        """Keep the grant of a callback whose `state` was checked; ends "needs reconnect". Waits for a running refresh.

        What `also` writes becomes visible with the tokens or not at all; it may be called again after a lost connection.
        """
        async with self._alone(business_id):
            await self._keeping.replace(business_id, _as_rail_grant(realm_id, grant), also=also)
        log.info("qbo.connection.made", business_id=str(business_id), realm_id=realm_id)

    async def disconnect(self, business_id: UUID, *, also: AlsoWrite = nothing_else) -> bool:
        """End the connection here, then the grant at Intuit; True when both are done and the tokens deleted.

        From the first commit on, which `also` is part of, every call fails at once. What Intuit does not answer to is left to
        `revoke_disconnected`, called again later.
        """
        async with self._alone(business_id):
            await self._keeping.take_spooled(business_id)
            await self._store.mark_disconnected(business_id, Rail.QBO, at=self._clock.now(), also=also)
        log.info("qbo.connection.ended", business_id=str(business_id))
        try:
            await self.revoke_disconnected(business_id)
        except QBOError as error:
            log.warning("qbo.connection.not_revoked", business_id=str(business_id), error=type(error).__name__)
            return False
        return True

    async def revoke_disconnected(self, business_id: UUID) -> None:
        """Revoke at Intuit what was disconnected here, and delete the tokens. A connection made since is left alone.

        Raises:
            QBOError: Intuit did not do it; the tokens stay for another time.
        """
        async with self._alone(business_id):
            try:
                grant = await self._store.get(business_id, Rail.QBO)
            except NotConnected:
                return
            except CannotOpen:  # nobody can use or revoke them any more
                await self._store.forget(business_id, Rail.QBO, at=self._clock.now())
                return
            if grant.reconnect_reason != DISCONNECTED or not grant.refresh_token.get_secret_value():
                return
            await self._oauth.revoke(grant.refresh_token)
            await self._store.forget(business_id, Rail.QBO, at=self._clock.now())
        log.info("qbo.connection.revoked", business_id=str(business_id), realm_id=grant.external_account_id)

    async def take_spooled(self) -> None:
        """Bring what an earlier process had to leave in the spool into the database; what fails waits on, for the next use."""
        for business_id in self._keeping.list_spooled():
            failure = None
            try:
                async with self._alone(business_id):
                    await self._keeping.take_spooled(business_id)
            except (QBOUnavailable, CannotOpen, SQLAlchemyError) as error:
                failure = words_of(error)
            if failure:
                log.error("qbo.token.still_spooled", business_id=str(business_id), error=failure)

    async def close(self) -> None:
        """Wait for the refreshes under way: cut off behind Intuit's answer, one would lose the connection.

        Each is bounded by the time-outs of its lock, its call and its commit.
        """
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def current(self, business_id: UUID) -> SecretStr:
        grant = await self._read(business_id)
        now = self._clock.now()
        if now < refresh_due_at(business_id, grant) and not self._keeping.is_spooled(business_id):
            return grant.access_token
        is_usable = now < grant.expires_at - _LAST_USE
        if is_usable and now < self._no_early_refresh_before.get(business_id, now):
            return grant.access_token
        try:
            return (await self._single_flight(business_id, rejected=None)).access_token
        except QBOUnavailable:
            if not is_usable:
                raise
            self._no_early_refresh_before[business_id] = now + _AFTER_FAILED_REFRESH
            return grant.access_token

    async def replace_rejected(self, business_id: UUID, rejected: SecretStr) -> SecretStr:
        return (await self._single_flight(business_id, rejected=rejected)).access_token

    async def _single_flight(self, business_id: UUID, *, rejected: SecretStr | None) -> RailGrant:
        key = (business_id, rejected)
        task = self._running.get(key)
        if task is None:
            task = asyncio.create_task(self._refresh_alone(business_id, rejected=rejected))
            self._running[key] = task
            task.add_done_callback(lambda done: self._forget(key, done))
        # Shielded: a caller out of time must not end the refresh between Intuit's answer and our commit.
        return await asyncio.shield(task)

    def _forget(self, key: tuple[UUID, SecretStr | None], task: asyncio.Task[RailGrant]) -> None:
        self._running.pop(key, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("qbo.token.refresh_failed", business_id=str(key[0]), error=type(error).__name__)

    async def _refresh_alone(self, business_id: UUID, *, rejected: SecretStr | None) -> RailGrant:
        async with self._alone(business_id):
            await self._keeping.take_spooled(business_id)
            grant = await self._read(business_id)
            now = self._clock.now()
            if rejected is None:
                is_done_by_another = now < refresh_due_at(business_id, grant)
            else:
                is_done_by_another = grant.access_token != rejected
            if is_done_by_another:
                return grant
            if rejected is not None:
                _refuse_second_rejection(grant, now)
            renewed = await self._renew(business_id, grant, now=now)
            if rejected is not None:
                renewed = replace(renewed, refreshed_after_rejection_at=now)
            await self._keeping.keep(business_id, renewed)
        log.info("qbo.token.refreshed", business_id=str(business_id), was_rejected=rejected is not None)
        return renewed

    async def _renew(self, business_id: UUID, grant: RailGrant, *, now: datetime) -> RailGrant:
        try:
            answer = await self._oauth.refresh(grant.refresh_token)
        except QBOAccessRevoked as error:
            # Someone without our lock (an operator, a restored copy) may have rotated it.
            latest = await self._read(business_id)
            if latest.refresh_token != grant.refresh_token:
                return latest
            return await self._renew_by_previous(business_id, grant, now=now, refusal=error)
        has_rotated = answer.refresh_token != grant.refresh_token
        return _as_rail_grant(grant.external_account_id, answer, previous=grant.refresh_token if has_rotated else None)

    async def _renew_by_previous(
        self, business_id: UUID, grant: RailGrant, *, now: datetime, refusal: QBOAccessRevoked
    ) -> RailGrant:
        if grant.previous_refresh_token is not None:
            try:
                answer = await self._oauth.refresh(grant.previous_refresh_token)
                return _as_rail_grant(grant.external_account_id, answer)
            except QBOAccessRevoked:
                pass
        reason = refusal.code or "access refused"
        await self._store.mark_needs_reconnect(business_id, Rail.QBO, reason=reason, at=now)
        log.error(
            "qbo.token.needs_reconnect",
            business_id=str(business_id),
            realm_id=grant.external_account_id,
            reason=reason,
            intuit_tid=refusal.intuit_tid,
        )
        raise refusal

    async def _read(self, business_id: UUID) -> RailGrant:
        grant = await self._store.get(business_id, Rail.QBO)
        if grant.needs_reconnect_at is not None:
            raise QBOAccessRevoked(
                f"QuickBooks must be connected again ({grant.reconnect_reason}).", code=grant.reconnect_reason
            )
        return grant

    @asynccontextmanager
    async def _alone(self, business_id: UUID) -> AsyncIterator[None]:
        try:
            connection = await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True, connect_timeout=10)
        except psycopg.OperationalError as error:
            raise QBOUnavailable("The lock of this token cannot be asked for: the database does not answer.") from error
        async with connection:
            milliseconds = int(LOCK_WAIT.total_seconds() * 1000)
            await connection.execute("SELECT set_config('lock_timeout', %s, false)", [f"{milliseconds}ms"])
            try:
                await connection.execute(
                    "SELECT pg_advisory_lock(hashtextextended(%s, 0))", [f"rail_token:qbo:{business_id}"]
                )
            except LockNotAvailable as error:
                raise QBOUnavailable("Another process has been refreshing this token for too long.") from error
            yield  # the lock ends with the connection


class _BusinessTokens:
    def __init__(self, business_id: UUID, *, auth: QBOAuth) -> None:
        self._business_id = business_id
        self._auth = auth

    async def access_token(self) -> SecretStr:
        return await self._auth.current(self._business_id)

    async def refresh(self, *, after_rejected: SecretStr) -> SecretStr:
        return await self._auth.replace_rejected(self._business_id, after_rejected)


def refresh_due_at(business_id: UUID, grant: RailGrant) -> datetime:
    """Three quarters into the token's life, give or take a twelfth: 45 ± 5 minutes of Intuit's hour.

    The spread comes from the business and the token's age, so that every process agrees and companies do not refresh all
    at once.
    """
    life = grant.expires_at - grant.issued_at
    digest = sha256(f"{business_id}{grant.issued_at.isoformat()}".encode()).digest()
    spread = int.from_bytes(digest[:4], "big") / 2**32 * 2 - 1
    return grant.issued_at + life * 3 / 4 + life / 12 * spread


def _refuse_second_rejection(grant: RailGrant, now: datetime) -> None:
    last = grant.refreshed_after_rejection_at
    if last is not None and now - last < _BETWEEN_REJECTIONS:
        raise QBOAuthExpired("QuickBooks refuses a token that it has just issued.")


def _as_rail_grant(realm_id: str, grant: TokenGrant, *, previous: SecretStr | None = None) -> RailGrant:
    return RailGrant(
        external_account_id=realm_id,
        access_token=grant.access_token,
        refresh_token=grant.refresh_token,
        previous_refresh_token=previous,
        issued_at=grant.issued_at,
        expires_at=grant.expires_at,
        refresh_expires_at=grant.refresh_expires_at,
    )
