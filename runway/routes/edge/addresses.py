"""Whose request it is and for which host: what the socket says, and what proxies add, believed only from those we trust."""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Self
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from infra.config import EdgeSettings, WebSettings

UNKNOWN = "unknown"
_OWN_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
_MOST_HOPS = 16
_HOST = re.compile(r"([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")


@dataclass(frozen=True)
class TrustedProxies:
    networks: tuple[IPv4Network | IPv6Network, ...]

    def client_of(self, peer: str | None, headers: Headers) -> str:
        """The client's address: the last one in X-Forwarded-For that no proxy of ours has, else the peer's own.

        A client may write whatever it likes to the left; each proxy adds to the right whom it heard it from.
        """
        if peer is None:
            return UNKNOWN
        if not self.networks or not self.trusts(peer):
            return peer
        hops = ",".join(headers.getlist("x-forwarded-for")).split(",")
        nearest = peer
        for hop in reversed(hops[-_MOST_HOPS:]):
            address = _read(hop)
            if address is None:
                break
            nearest = str(address)
            if not self.trusts(nearest):
                break
        return nearest

    def scheme_of(self, peer: str | None, headers: Headers, *, own: str) -> str:
        """`own` unless a proxy of ours says which scheme it was asked with."""
        if peer is None or not self.networks or not self.trusts(peer):
            return own
        told = headers.get("x-forwarded-proto", "").rpartition(",")[2].strip().lower()
        return told if told in {"http", "https"} else own

    def trusts(self, peer: str) -> bool:
        address = _read(peer)
        return address is not None and any(address in network for network in self.networks)


@dataclass(frozen=True)
class AllowedHosts:
    """Names without ports: `exact`, and everything under each of `domains` (`.example.com`)."""

    exact: frozenset[str]
    domains: tuple[str, ...]

    @classmethod
    def of(cls, edge: EdgeSettings, web: WebSettings) -> Self:
        named = edge.allowed_hosts or ((urlsplit(str(web.public_url)).hostname or ""), *_OWN_NAMES)
        names = [name.strip("[]").lower() for name in named]
        return cls(
            exact=frozenset(name for name in names if not name.startswith("*.")),
            domains=tuple(name[1:] for name in names if name.startswith("*.")),
        )

    def allow(self, hosts: Sequence[str]) -> bool:
        """Exactly one Host, and one of ours."""
        if len(hosts) != 1:
            return False
        name = _name_of(hosts[0])
        return name in self.exact or (bool(self.domains) and name.endswith(self.domains))


@lru_cache(maxsize=256)
def _name_of(host: str) -> str:
    """Without port and brackets; empty when it is no host."""
    found = _HOST.fullmatch(host)
    return found[1].strip("[]").lower() if found else ""


def _read(text: str) -> IPv4Address | IPv6Address | None:
    """`192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]:4711`."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address
