"""What a client's first page shows: the one forecast, what changed since last week, the tray, and how far the week's ritual is."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from domains.core.kept_forecasts import list_weeks_before
from domains.core.models import Business
from domains.core.ritual import RitualState, week_of
from domains.core.rituals import Rituals
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.sync.freshness import Fetched, FreshnessNeed
from runway.calculators.figures import Figure
from runway.orchestrators.kept_forecast import UnreadableContent, WorkedOut, read
from runway.orchestrators.outlook import Marked, Outlook
from runway.orchestrators.portfolio import change_in_days
from runway.orchestrators.sync_progress import SyncProgress, SyncProgressReport
from runway.orchestrators.tray import TrayBook, TrayEntry, TrayService


@dataclass(frozen=True)
class Cockpit:
    """`tray`: what is not set aside, the most urgent first. `days_change`: of the runway, since last week."""

    worked: WorkedOut
    days_change: Figure
    ritual: RitualState
    tray: list[TrayEntry]


@dataclass(frozen=True)
class CockpitReader:
    business: Business
    outlook: Outlook
    tray: TrayService
    progress: Callable[[], SyncProgressReport]
    uow: UnitOfWorkFactory

    async def look(self, *, freshness: FreshnessNeed) -> Fetched[Marked | None]:
        """The forecast that the cockpit is about, for `get`: one round trip, where it is worked out and the books are fresh.

        Raises:
            StaleRefused: as Outlook.get.
        """
        return await self.outlook.get_of_whole_books(freshness=freshness)

    async def get(self, looked: Fetched[Marked | None]) -> Fetched[Cockpit | SyncProgress]:
        """While the books were never read whole, how far the reading is: figures of half the books would mislead."""
        if looked.value is None:
            return Fetched(await self.progress().get(self.business.id), looked.freshness)
        worked = looked.value.worked
        change, ritual = await self._of_weeks(self.business.id, worked)
        book = TrayBook(self.business, worked.forecast.basis.as_of, worked.forecast)
        entries = [one for one in await self.tray.list_entries([book]) if not one.is_set_aside]
        return Fetched(Cockpit(worked, change, ritual, entries), looked.freshness)

    async def _of_weeks(self, business_id: UUID, worked: WorkedOut) -> tuple[Figure, RitualState]:
        week = week_of(worked.forecast.basis.as_of)
        async with self.uow([business_id]) as uow:
            held = (await list_weeks_before(uow.session, {business_id: week})).get(business_id)
            ritual = await Rituals(business_id).get(uow.session, week)
        try:
            before = None if held is None else read(held[1])
        except UnreadableContent:
            before = None
        return change_in_days(worked.forecast.standing.runway.days, before), ritual.state
