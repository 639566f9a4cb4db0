"""The life of a key: added and sealing from then on, then only opening, then used by nothing, then gone."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from infra.clock import Clock
from infra.security.keyring_file import add_key, drop_keys, read_keys
from infra.security.resealing import Resealing, ResealTally
from infra.security.token_spool import TokenSpool

# Processes follow the file with their next use of it; what they sealed just before may still be on its way to a commit.
GRACE = timedelta(minutes=15)
_MOST_ROUNDS = 3


@dataclass(frozen=True)
class KeyUse:
    """One key as an operator sees it. `values` counts what it sealed and is still kept."""

    id: str
    added_at: datetime
    values: int
    is_sealing: bool


@dataclass(frozen=True)
class KeysInUse:
    """`keys`, oldest first. `lost` counts values by the id of a key that is not in the file: nothing opens them."""

    keys: Sequence[KeyUse]
    lost: Mapping[str, int]


@dataclass(frozen=True)
class Rotated:
    """`left` counts values that are still under older keys: unreadable ones, or sealed by others meanwhile."""

    key_id: str
    tally: ResealTally
    left: int


@dataclass(frozen=True)
class Retired:
    """`waits_until` is set where unused keys had to stay because the newest one is too young."""

    dropped: Sequence[str]
    kept: Sequence[KeyUse]
    waits_until: datetime | None


class KeyRotation:
    def __init__(self, path: Path, *, resealing: Resealing, spool: TokenSpool, clock: Clock) -> None:
        self._path = path
        self._resealing = resealing
        self._spool = spool
        self._clock = clock

    async def look(self) -> KeysInUse:
        """What each key is used for. A key whose age was not written down is as old as the file's last change at least."""
        counts = await self._resealing.count_by_key() + self._spool.count_by_key()
        entries = read_keys(self._path)
        changed_at = datetime.fromtimestamp(self._path.stat().st_mtime, tz=UTC)
        keys = [
            KeyUse(entry.id, entry.added_at or changed_at, counts.pop(entry.id, 0), is_sealing=entry is entries[-1])
            for entry in entries
        ]
        return KeysInUse(keys, lost=counts)

    async def rotate(self, *, adds_key: bool = True, on_done: Callable[[int, int], None] = lambda *_: None) -> Rotated:
        """Add a key and seal everything under it; without `adds_key` only finish what was left. `on_done` hears (done, of all)."""
        if adds_key:
            add_key(self._path, at=self._clock.now())
        done, total, tally = 0, await self._count_left(), ResealTally()

        def tell(count: int) -> None:
            nonlocal done
            done += count
            on_done(done, max(done, total))

        for _ in range(_MOST_ROUNDS):
            this_round = await self._resealing.reseal(on_done=tell)
            tally.resealed += this_round.resealed
            tally.unreadable = this_round.unreadable
            if not this_round.resealed:
                break
        return Rotated(read_keys(self._path)[-1].id, tally, await self._count_left())

    async def retire(self, *, grace: timedelta = GRACE) -> Retired:
        """Drop every older key that nothing uses, once the newest has been there for `grace`."""
        keys = (await self.look()).keys
        older, newest = keys[:-1], keys[-1]
        unused = [key.id for key in older if key.values == 0]
        due_at = newest.added_at + grace
        if not unused or self._clock.now() < due_at:
            return Retired([], keys, due_at if unused else None)
        drop_keys(self._path, unused)
        return Retired(unused, [key for key in keys if key.id not in unused], None)

    async def _count_left(self) -> int:
        return sum(key.values for key in (await self.look()).keys if not key.is_sealing)
