"""Calls to rails by the size of the company. Which company made them is forgotten as soon as its size is known."""

from collections import Counter
from collections.abc import Collection, Mapping
from http import HTTPStatus
from time import monotonic

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from infra.db.unit_of_work import UnitOfWorkFactory
from infra.observability.counted import CALLS, HELD_BACK, TALLY

UNKNOWN = "unknown"
_CLASSES = ((1_000, "small"), (20_000, "medium"))
_LARGEST = "large"
_KNOWN_FOR_SECONDS = 3600.0
_MOST_KNOWN = 100_000
_SIZES = text("""
SELECT c.external_account_id, sum(s.stored_objects)
FROM connection c JOIN sync_state s ON s.business_id = c.business_id AND s.rail = c.rail
WHERE c.rail = :rail AND c.external_account_id = ANY(:realms) AND c.state <> 'disconnected' GROUP BY 1
""")


def realm_class(stored_objects: int | None) -> str:
    """By the objects that its first reading brought: below 1,000 small, below 20,000 medium; None: nobody knows."""
    if stored_objects is None:
        return UNKNOWN
    return next((name for below, name in _CLASSES if stored_objects < below), _LARGEST)


class RealmCalls:
    """What calls of one rail ended in. `note_…` take no time; `settle` counts them by class."""

    def __init__(self, rail: str) -> None:
        self._rail = rail
        self._calls: Counter[tuple[str, str, str]] = Counter()
        self._held_back: Counter[tuple[str, str, str]] = Counter()
        self._classes: dict[str, tuple[float, str]] = {}

    def note_call(self, realm_id: str, lane: str, status: int) -> None:
        """`status` is HTTP's; 0: there was no answer."""
        self._calls[realm_id, lane, _outcome_of(status)] += 1

    def note_held_back(self, realm_id: str, lane: str, reason: str) -> None:
        self._held_back[realm_id, lane, reason] += 1

    async def settle(self, jobs_uow: UnitOfWorkFactory) -> None:
        """As the role oodaloo_jobs. A database that is away leaves the class unknown."""
        realms = {realm_id for realm_id, _, _ in (*self._calls, *self._held_back)}
        if not realms:
            return
        classes = await self._classes_of(realms, jobs_uow)
        calls, self._calls = self._calls, Counter()
        held_back, self._held_back = self._held_back, Counter()
        for (realm_id, lane, outcome), count in calls.items():
            TALLY.counter(CALLS, self._rail, classes.get(realm_id, UNKNOWN), lane, outcome).add(count)
        for (realm_id, lane, reason), count in held_back.items():
            TALLY.counter(HELD_BACK, self._rail, classes.get(realm_id, UNKNOWN), lane, reason).add(count)

    async def _classes_of(self, realms: Collection[str], jobs_uow: UnitOfWorkFactory) -> Mapping[str, str]:
        now = monotonic()
        new = [realm for realm in realms if self._classes.get(realm, (0.0, ""))[0] < now]
        if new:
            try:
                async with jobs_uow([]) as uow:
                    rows = await uow.session.execute(_SIZES, {"rail": self._rail, "realms": new})
                    sizes = {realm: int(size) for realm, size in rows}
            except SQLAlchemyError:
                return {realm: self._classes.get(realm, (0.0, UNKNOWN))[1] for realm in realms}
            if len(self._classes) >= _MOST_KNOWN:
                self._classes.clear()
                new = list(realms)
            for realm in new:
                self._classes[realm] = (now + _KNOWN_FOR_SECONDS, realm_class(sizes.get(realm)))
        return {realm: self._classes[realm][1] for realm in realms}


def _outcome_of(status: int) -> str:
    if status == 0:
        return "unanswered"
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return "throttled"
    if status < HTTPStatus.MULTIPLE_CHOICES:
        return "answered"
    return "refused" if status < HTTPStatus.INTERNAL_SERVER_ERROR else "out_of_order"


QBO_CALLS = RealmCalls("qbo")
