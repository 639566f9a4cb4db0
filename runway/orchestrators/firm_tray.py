"""One tray over many businesses: their forecasts beside one another, then everything else in one round of reads."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from domains.core.models import Business
from infra.clock import Clock
from infra.errors import OodalooError
from infra.sync.freshness import AS_IT_STANDS, Freshness, FreshnessSource
from runway.orchestrators.cash_runway import oldest_of
from runway.orchestrators.outlook import Outlook
from runway.orchestrators.tray import TrayBook, TrayEntry, TrayService

_AT_ONCE = 4  # what is not kept takes a whole processor
_NOTHING_READ = Freshness(as_of=None, age_seconds=None, source=FreshnessSource.MIRROR, calls_spent=0, stale=False)


@dataclass(frozen=True)
class WithoutForecast:
    business: Business
    why: str


@dataclass(frozen=True)
class FirmEntries:
    """`freshness` of the oldest books; `without_forecast`: of these only what is to be repaired is listed.

    `unread`: those whose books are not read whole yet, of which more may come.
    """

    entries: list[TrayEntry]
    without_forecast: list[WithoutForecast]
    freshness: Freshness
    unread: list[Business]


@dataclass(frozen=True)
class FirmTray:
    """`outlook_of` binds the services of one business; its books are taken as they stand, and nobody waits for QuickBooks."""

    tray: TrayService
    outlook_of: Callable[[Business], Outlook]
    clock: Clock

    async def get(self, businesses: Sequence[Business]) -> FirmEntries:
        room = asyncio.Semaphore(_AT_ONCE)

        async def read(business: Business) -> tuple[TrayBook, Freshness | WithoutForecast]:
            outlook = self.outlook_of(business)
            async with room:
                try:
                    fetched = await outlook.get(freshness=AS_IT_STANDS)
                except OodalooError as error:
                    today = self.clock.now().astimezone(ZoneInfo(business.time_zone)).date()
                    return TrayBook(business, today), WithoutForecast(business, str(error))
            return TrayBook(business, fetched.value.basis.as_of, fetched.value), fetched.freshness

        found = await asyncio.gather(*map(read, businesses))
        unread = [book.business for book, age in found if isinstance(age, Freshness) and age.as_of is None]
        ages = [age for _, age in found if isinstance(age, Freshness)]
        return FirmEntries(
            entries=await self.tray.list_entries([book for book, _ in found]),
            without_forecast=[why for _, why in found if isinstance(why, WithoutForecast)],
            freshness=oldest_of(ages) if ages else _NOTHING_READ,
            unread=unread,
        )
