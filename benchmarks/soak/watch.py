"""What QuickBooks has beside what the mirror shows: how much differs, and how long an announced change takes to arrive."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b

import psycopg
from psycopg import sql

from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.store import Record
from infra.qbo.simulator.oracle.journal import Commit
from infra.qbo.simulator.simulator import Simulator
from runway.registry import MIRROR_SPECS

Key = tuple[str, str, str]
"""Realm, entity, id."""

TABLES = {spec.entity: spec.mirror.__tablename__ for spec in MIRROR_SPECS}
_SLOWEST_SHARE = 8  # a look takes at most one part in so many of the time


@dataclass(frozen=True, slots=True)
class Held:
    digest: bytes
    version: int
    is_deleted: bool


@dataclass(frozen=True, slots=True)
class _Announced:
    """`token` is None of a deletion. `at` is monotonic."""

    token: int | None
    at: float
    is_lost: bool


@dataclass
class Seen:
    """`arrivals` are seconds of running time from a change to the first look that found it in the mirror."""

    looks: int = 0
    most_differing: float = 0.0
    differing: list[float] = field(default_factory=list)
    arrivals: list[float] = field(default_factory=list)
    late_arrivals: list[tuple[float, Key]] = field(default_factory=list)
    unannounced: list[float] = field(default_factory=list)


class Watch:
    """Counts from `begin`. Simulated hours that pass in a jump are not in any age: nothing runs in them, and nobody reads."""

    def __init__(self, simulator: Simulator, *, database_url: str, lost_webhooks: Callable[[], int]) -> None:
        self._simulator = simulator
        self._database_url = database_url
        self._lost_webhooks = lost_webhooks
        self._lost = 0
        self._waiting: defaultdict[str, dict[Key, list[_Announced]]] = defaultdict(dict)  # of each realm
        self._digests: dict[Record, tuple[bytes, bytes]] = {}
        self._realms: dict[str, str] = {}
        self.seen = Seen()

    def begin(self, realm_of: dict[str, str]) -> None:
        """`realm_of` business. From now on every commit is followed to the mirror."""
        self._realms = realm_of
        self._simulator.journal.listeners.append(self._committed)

    async def keep_looking(self) -> None:
        while True:
            began = time.monotonic()
            await self.look()
            await asyncio.sleep(max(1.0, _SLOWEST_SHARE * (time.monotonic() - began)))

    async def look(self) -> set[Key]:
        """What differs now; what we read last is the truth, so that a difference is never hidden.

        One company after the other: the simulator answers in the same event loop, and counts the calls that a long look kept waiting as
        made together.
        """
        held = await asyncio.to_thread(self._held)
        differing: set[Key] = set()
        count = 0
        for realm, company in self._simulator.companies.items():
            true, rows = self._true(realm, company), held.get(realm, {})
            count += len(true)
            differing |= {key for key, digest in true.items() if key not in rows or rows[key].digest != digest}
            differing |= {key for key, row in rows.items() if row.is_deleted is (key in true)}
            self._note_arrivals(realm, rows, true)
            await asyncio.sleep(0)
        share = len(differing) / max(1, count)
        self.seen.looks += 1
        self.seen.differing.append(share)
        self.seen.most_differing = max(self.seen.most_differing, share)
        return differing

    @property
    def waiting(self) -> int:
        return sum(map(len, self._waiting.values()))

    def _committed(self, commit: Commit) -> None:
        """Called right behind the webhooks, which have just decided whether this one is lost."""
        lost, self._lost = self._lost, self._lost_webhooks()
        if commit.entity not in TABLES or commit.operation == "Merge":
            return
        token = None if commit.operation == "Delete" else int(commit.sync_token)
        key = (commit.realm_id, commit.entity, commit.id)
        self._waiting[commit.realm_id].setdefault(key, []).append(
            _Announced(token, time.monotonic(), is_lost=self._lost > lost)
        )

    def _note_arrivals(self, realm: str, held: dict[Key, Held], true: dict[Key, bytes]) -> None:
        now = time.monotonic()
        for key, announced in list(self._waiting[realm].items()):
            row = held.get(key)
            left = []
            for one in announced:
                if not _has_arrived(one, row, is_there=key in true):
                    left.append(one)
                elif one.is_lost or any(other.is_lost for other in announced):
                    self.seen.unannounced.append(now - one.at)
                else:
                    self.seen.arrivals.append(now - one.at)
                    self.seen.late_arrivals = sorted([*self.seen.late_arrivals, (now - one.at, key)])[-5:]
            if left:
                self._waiting[realm][key] = left
            else:
                del self._waiting[realm][key]

    def _held(self) -> dict[str, dict[Key, Held]]:
        """Of each realm."""
        found: defaultdict[str, dict[Key, Held]] = defaultdict(dict)
        with psycopg.connect(self._database_url) as connection, connection.cursor(binary=True) as cursor:
            for entity, table in TABLES.items():
                cursor.execute(_HELD.format(sql.Identifier(table)))
                for business, external_id, digest, version, is_deleted in cursor:
                    realm = self._realms[business]
                    found[realm][realm, entity, external_id] = Held(digest, version, is_deleted)
        return found

    def _true(self, realm: str, company: Company) -> dict[Key, bytes]:
        return {
            (realm, entity, identifier): self._digest(record)
            for entity in TABLES
            for identifier, record in company.stores[entity].records.items()
        }

    def _digest(self, record: Record) -> bytes:
        encoded = record.encoded()
        known = self._digests.get(record)
        if known is None or known[0] is not encoded:
            known = self._digests[record] = encoded, blake2b(encoded, digest_size=16).digest()
        return known[1]


_HELD = sql.SQL(
    "SELECT business_id::text, external_id, payload_hash, coalesce(rail_version, -1), deleted_at IS NOT NULL FROM {}"
)


def _has_arrived(one: _Announced, row: Held | None, *, is_there: bool) -> bool:
    if row is None:
        return not is_there  # entered and deleted before anybody looked
    if one.token is None:
        return row.is_deleted or is_there
    return row.is_deleted or row.version >= one.token
