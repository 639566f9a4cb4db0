"""Grants on their way into the database: patiently, and by the spool, where the next process finds what this one could not bring."""

from uuid import UUID

from sqlalchemy.exc import OperationalError, SQLAlchemyError
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from infra.clock import Clock
from infra.config import Rail
from infra.logging import get_logger
from infra.qbo.errors import QBOUnavailable
from infra.redaction import words_of
from infra.security.rail_tokens import AlsoWrite, NotConnected, RailGrant, RailTokenStore, nothing_else
from infra.security.token_spool import TokenSpool

log = get_logger()


class GrantKeeping:
    """Whoever calls holds the lock of the business's token."""

    def __init__(self, *, store: RailTokenStore, clock: Clock, spool: TokenSpool | None) -> None:
        self._store = store
        self._clock = clock
        self._spool = spool

    async def replace(self, business_id: UUID, grant: RailGrant, *, also: AlsoWrite) -> None:
        """Commit the grant of a new consent; one that waits in the spool is of the past now."""
        await self._commit(business_id, grant, also=also)
        if self._spool is not None:
            self._spool.remove(business_id, Rail.QBO)

    async def keep(self, business_id: UUID, grant: RailGrant) -> None:
        """Commit a rotated token; until that is done it lies in the spool, since the one it replaces may be dead already.

        First the file, then the commit: whoever kills this process between the two loses nothing.

        Raises:
            QBOUnavailable: it is in the spool; it must not be used before the database has it.
        """
        not_spooled = self._put(business_id, grant)
        try:
            await self._commit(business_id, grant)
        except SQLAlchemyError as error:
            log.warning("qbo.token.not_committed", business_id=str(business_id), error=words_of(error))
            if self._spool is None:
                raise
            if not_spooled is not None:
                log.error("qbo.token.lost", business_id=str(business_id), exc_info=not_spooled)  # noqa: TRY400 - this is not the one
                raise not_spooled from error
            log.warning("qbo.token.spooled", business_id=str(business_id))
            raise QBOUnavailable("A new token waits for the database to take it.") from error
        if self._spool is not None:
            self._spool.remove(business_id, Rail.QBO)

    def _put(self, business_id: UUID, grant: RailGrant) -> OSError | None:
        """Why the disk does not take it: the database still may."""
        try:
            if self._spool is not None:
                self._spool.put(business_id, Rail.QBO, grant=grant)
        except OSError as error:
            log.warning("qbo.token.not_spooled", business_id=str(business_id), error=type(error).__name__)
            return error
        return None

    def is_spooled(self, business_id: UUID) -> bool:
        return self._spool is not None and self._spool.has(business_id, Rail.QBO)

    def list_spooled(self) -> list[UUID]:
        return self._spool.list_waiting(Rail.QBO) if self._spool is not None else []

    async def take_spooled(self, business_id: UUID) -> None:
        """The grant that waits, if one does and is newer, goes where it belongs.

        Raises:
            QBOUnavailable: the database still refuses it.
        """
        waiting = self._spool.find(business_id, Rail.QBO) if self._spool is not None else None
        if waiting is None or self._spool is None:
            return
        try:
            if await self._is_wanted(business_id, waiting):
                await self._commit(business_id, waiting)
                log.info("qbo.token.taken_from_spool", business_id=str(business_id))
        except SQLAlchemyError as error:
            raise QBOUnavailable("A new token still waits for the database to take it.") from error
        self._spool.remove(business_id, Rail.QBO)

    async def _is_wanted(self, business_id: UUID, waiting: RailGrant) -> bool:
        """Not once the company was disconnected, connected anew, or its token refreshed since."""
        try:
            kept = await self._store.get(business_id, Rail.QBO)
        except NotConnected:
            return False
        is_same = kept.external_account_id == waiting.external_account_id
        return is_same and kept.needs_reconnect_at is None and kept.issued_at < waiting.issued_at

    async def _commit(self, business_id: UUID, grant: RailGrant, *, also: AlsoWrite = nothing_else) -> None:
        # Losing a rotated token loses the connection, so a database that restarts is worth some patience.
        attempts = AsyncRetrying(
            retry=retry_if_exception_type(OperationalError),
            stop=stop_after_attempt(5),
            wait=wait_exponential(multiplier=0.1, max=2),
            reraise=True,
        )
        await attempts(self._store.save, business_id, Rail.QBO, grant=grant, at=self._clock.now(), also=also)
