"""What a process may still call while Redis is down: its own part of the limits, kept in its own memory."""

import random
from dataclasses import dataclass, field
from time import monotonic

from infra.ratelimit.limits import Bucket, Limits

# A rail counts in seconds: what was let in together is forgotten before each goes on alone, and not all at one moment.
_REST_SECONDS = 1.0
_SPREAD_SECONDS = 0.5
_MOST_REALMS = 20_000


@dataclass(slots=True)
class _Realm:
    next_at: dict[Bucket, float] = field(default_factory=dict)
    blocked_until: float = 0.0
    made: int = 0


class LocalShare:
    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._slots = max(1, limits.in_flight // limits.processes)
        self._opens_at = 0.0
        self._realms: dict[str, _Realm] = {}

    def begin(self) -> None:
        """Redis has just been found gone: the share opens after a pause."""
        spread = random.uniform(0, _SPREAD_SECONDS)  # noqa: S311 - spreads processes
        self._opens_at = monotonic() + _REST_SECONDS + spread

    def wait_seconds(self, realm_id: str, *, bucket: Bucket, in_flight: int) -> float:
        """0 when a call may start now (and then it counts as started), else how long to wait.

        `in_flight` are this process's calls to the realm under way, whoever let them in.
        """
        realm, now = self._realm(realm_id), monotonic()
        rates = self._limits.rates(bucket)
        latest = max(realm.next_at.get(one, 0.0) for one, _ in rates)
        wait = max(latest, realm.blocked_until, self._opens_at) - now
        if wait > 0:
            return wait
        if in_flight >= self._slots:
            return 0.025
        for one, rate in rates:
            realm.next_at[one] = now + rate.interval_seconds * self._limits.processes
        realm.made += 1
        return 0.0

    def block(self, realm_id: str, *, seconds: float) -> None:
        realm = self._realm(realm_id)
        realm.blocked_until = max(realm.blocked_until, monotonic() + seconds)

    def blocked_seconds(self, realm_id: str) -> float:
        """How long a block that this process learnt of lasts."""
        realm = self._realms.get(realm_id)
        return max(realm.blocked_until - monotonic(), 0.0) if realm else 0.0

    def made(self, realm_id: str) -> int:
        """Calls let in here that Redis has not been told of."""
        realm = self._realms.get(realm_id)
        return realm.made if realm else 0

    def told(self, realm_id: str, made: int) -> None:
        """Redis knows of `made` more of these calls now."""
        if realm := self._realms.get(realm_id):
            realm.made -= made

    def _realm(self, realm_id: str) -> _Realm:
        if realm_id not in self._realms and len(self._realms) >= _MOST_REALMS:
            now = monotonic()
            self._realms = {
                known: realm
                for known, realm in self._realms.items()
                if realm.blocked_until > now or max(realm.next_at.values(), default=0.0) > now
            }
        return self._realms.setdefault(realm_id, _Realm())
