"""How often one may ask: by address, by token or session, and by business where money moves."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b
from typing import Self
from uuid import UUID

from redis.asyncio import Redis
from starlette.datastructures import Headers
from starlette.requests import Request, cookie_parser

from infra.config import EdgeSettings
from infra.logging import get_logger
from infra.ratelimit.guesses import address_prefix
from infra.ratelimit.inbound import Charge, InboundLimiter, Rate
from runway.routes.refusals import LimitReached

SESSION_COOKIES = ("__Host-sid", "sid")

log = get_logger()
_prefix_of = lru_cache(maxsize=4096)(address_prefix)


class NamedLimit(StrEnum):
    ADDRESS = "address"
    CREDENTIAL = "credential"
    MONEY = "money"
    HEALTH = "health"


@dataclass(frozen=True)
class Rates:
    limiter: InboundLimiter
    rates: Mapping[NamedLimit, Rate]

    @classmethod
    def of(cls, edge: EdgeSettings, redis: Redis) -> Self:
        return cls(
            limiter=InboundLimiter(redis, processes=edge.web_processes),
            rates={
                NamedLimit.ADDRESS: Rate.per_minute(edge.address_per_minute, burst_percent=edge.burst_percent),
                NamedLimit.CREDENTIAL: Rate.per_minute(edge.credential_per_minute, burst_percent=edge.burst_percent),
                NamedLimit.MONEY: Rate.per_minute(edge.money_per_minute),
                NamedLimit.HEALTH: Rate.per_minute(edge.health_per_minute),
            },
        )

    async def admit(self, address: str, headers: Headers) -> None:
        """Every request, before it is known whose token it is: a made-up one still counts for its address.

        Raises:
            LimitReached: 429.
        """
        whose = {NamedLimit.ADDRESS: _prefix_of(address)}
        if credential := _credential(headers):
            # Hashed: Redis keeps no token.
            whose[NamedLimit.CREDENTIAL] = blake2b(credential.encode(), digest_size=16).hexdigest()
        await self.charge(whose)

    async def charge(self, whose: Mapping[NamedLimit, str]) -> None:
        """One request on each of these limits.

        Raises:
            LimitReached: 429.
        """
        charges = [Charge(f"{limit}:{name}", self.rates[limit]) for limit, name in whose.items()]
        if full := await self.limiter.admit(charges):
            limit = full.bucket.partition(":")[0]
            log.warning("http.request.limited", limit=limit)
            raise LimitReached(limit, retry_after_seconds=full.retry_after_seconds)


async def charge(request: Request, limit: NamedLimit, business_id: UUID) -> None:
    """One request of this business on a limit of its own, once the caller is known: `NamedLimit.MONEY` where money moves.

    Raises:
        LimitReached: 429.
    """
    await request.app.state.edge.rates.charge({limit: str(business_id)})


def _credential(headers: Headers) -> str | None:
    if shown := headers.get("authorization"):
        return shown
    cookies = headers.get("cookie")
    if not cookies or "sid=" not in cookies:
        return None
    named = cookie_parser(cookies)
    return next((named[name] for name in SESSION_COOKIES if named.get(name)), None)
