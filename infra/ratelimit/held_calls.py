"""The calls that this process has under way, by whoever they were let in, and that they stay known to Redis while they last."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence

# A server that was emptied lets nobody in for a second: by then it has been told of every call under way.
_RENEWAL_SECONDS = 0.4


class HeldCalls:
    """`renew` tells Redis of a realm's calls, `release` that one is over; both swallow what goes wrong."""

    def __init__(
        self,
        *,
        renew: Callable[[str, Sequence[str]], Awaitable[None]],
        release: Callable[[str, str], Awaitable[None]],
    ) -> None:
        self._renew = renew
        self._release = release
        self._held: defaultdict[str, set[str]] = defaultdict(set)
        self._renewal: asyncio.Task[None] | None = None
        self._is_asleep = False

    def count(self, realm_id: str) -> int:
        return len(self._held.get(realm_id, ()))

    def begin(self, realm_id: str, call: str) -> None:
        self._held[realm_id].add(call)
        if self._renewal is None or self._renewal.done():
            self._renewal = asyncio.create_task(self._keep())

    def end(self, realm_id: str, call: str) -> None:
        calls = self._held.get(realm_id)
        if calls is None:
            return
        calls.discard(call)
        if not calls:
            del self._held[realm_id]
        if not self._held and self._renewal is not None and self._is_asleep:
            self._renewal.cancel()
            self._renewal = None

    async def _keep(self) -> None:
        while self._held:
            self._is_asleep = True
            await asyncio.sleep(_RENEWAL_SECONDS)
            self._is_asleep = False  # cut off while it speaks with Redis it would cost a connection
            for realm_id, calls in list(self._held.items()):
                renewed = list(calls)
                await self._renew(realm_id, renewed)
                # One that ended meanwhile may have been put back behind its own release.
                for call in set(renewed) - self._held.get(realm_id, set()):
                    await self._release(realm_id, call)
