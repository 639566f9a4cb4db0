"""Everything the edge decides by, made once from the settings when the application starts."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from redis.asyncio import Redis
from starlette.datastructures import Headers
from starlette.types import Scope

from infra.qbo.hosts import consent_origins
from runway.routes.edge.addresses import AllowedHosts, TrustedProxies
from runway.routes.edge.body import BodyRules
from runway.routes.edge.headers import AnswerHeaders
from runway.routes.edge.rates import Rates
from runway.routes.refusals import AddressTooLong, HeadersTooLarge, Misdirected
from runway.settings import Settings

_ADDRESS_BYTES = 8 * 1024
_HEADER_BYTES = 32 * 1024
_HEADER_FIELDS = 100
# They ask no other server, or one a second at most, and a busy machine's watcher must not be turned away.
_UNLIMITED = frozenset({"/healthz", "/readyz"})


@dataclass(frozen=True)
class EdgeRules:
    hosts: AllowedHosts
    proxies: TrustedProxies
    headers: AnswerHeaders
    body: BodyRules
    rates: Rates
    request_timeout: timedelta
    shows_api_docs: bool

    @classmethod
    def of(cls, settings: Settings, redis: Redis) -> Self:
        edge = settings.edge
        return cls(
            hosts=AllowedHosts.of(edge, settings.web),
            proxies=TrustedProxies(edge.trusted_proxies),
            headers=AnswerHeaders.of(
                settings.web, form_targets=consent_origins(settings.qbo) if settings.qbo is not None else ()
            ),
            body=BodyRules(most_bytes=edge.body_bytes, most_levels=edge.json_depth, within=edge.body_timeout),
            rates=Rates.of(edge, redis),
            request_timeout=edge.request_timeout,
            shows_api_docs=edge.shows_api_docs,
        )

    def check(self, scope: Scope, headers: Headers) -> None:
        """What the first lines of a request tell.

        Raises:
            Misdirected, AddressTooLong, HeadersTooLarge: 421, 414, 431.
        """
        fields = scope["headers"]
        if len(fields) > _HEADER_FIELDS or sum(len(name) + len(value) for name, value in fields) > _HEADER_BYTES:
            raise HeadersTooLarge(_HEADER_BYTES, most=_HEADER_FIELDS)
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > _ADDRESS_BYTES:
            raise AddressTooLong(_ADDRESS_BYTES)
        if not self.hosts.allow(headers.getlist("host")):
            raise Misdirected

    async def admit(self, scope: Scope, headers: Headers, *, address: str) -> None:
        """Charge the request to its address and its credential.

        Raises:
            LimitReached: 429.
        """
        if scope["path"] not in _UNLIMITED:
            await self.rates.admit(address, headers)
