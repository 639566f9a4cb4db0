"""What people do with items of one business's tray, each on the item as it is at that moment."""

from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from domains.core.access_service import AccessService
from domains.core.decision_errors import OwnerNotMember, SnoozeInPast
from domains.core.decision_models import TrayMark
from domains.core.tray_marks import TrayMarks
from infra.clock import Clock
from infra.db.unit_of_work import UnitOfWorkFactory
from runway.orchestrators.tray import TrayBook, TrayEntry, TrayService, marked

_FURTHEST = timedelta(days=366)


@dataclass(frozen=True)
class TrayDesk:
    """Each verb answers with the item as it stands afterwards.

    Raises:
        TrayItemNotFound: of each verb: there is no such matter, or not any more.
    """

    book: TrayBook
    tray: TrayService
    uow: UnitOfWorkFactory
    access_uow: UnitOfWorkFactory
    access: AccessService
    clock: Clock
    actor: str

    async def assign(self, item: str, owner_id: UUID | None) -> TrayEntry:
        """To somebody who belongs to the business; None: to nobody.

        Raises:
            OwnerNotMember: they do not.
        """
        entry = await self.tray.get_entry(self.book, item)
        if owner_id is not None:
            async with self.access_uow([]) as uow:
                theirs = await self.access.list_businesses(uow.session, owner_id)
            if self.book.business.id not in {business.id for business, _ in theirs}:
                raise OwnerNotMember
        async with self.uow([self.book.business.id]) as uow:
            mark = await self._marks.assign(uow.session, item, owner_id, actor=self.actor, now=self.clock.now())
        return self._after(entry, mark)

    async def snooze(self, item: str, until: date) -> TrayEntry:
        """Raises SnoozeInPast: the day is not one of the year to come."""
        if not self.book.today < until <= self.book.today + _FURTHEST:
            raise SnoozeInPast
        entry = await self.tray.get_entry(self.book, item)
        async with self.uow([self.book.business.id]) as uow:
            mark = await self._marks.snooze(
                uow.session, item, until, state=entry.state, actor=self.actor, now=self.clock.now()
            )
        return self._after(entry, mark)

    async def dismiss(self, item: str) -> TrayEntry:
        entry = await self.tray.get_entry(self.book, item)
        async with self.uow([self.book.business.id]) as uow:
            mark = await self._marks.dismiss(
                uow.session, item, state=entry.state, actor=self.actor, now=self.clock.now()
            )
        return self._after(entry, mark)

    async def ask(self, item: str, question: str) -> TrayEntry:
        entry = await self.tray.get_entry(self.book, item)
        async with self.uow([self.book.business.id]) as uow:
            mark = await self._marks.ask(uow.session, item, question, actor=self.actor, now=self.clock.now())
        return self._after(entry, mark)

    async def restore(self, item: str) -> TrayEntry:
        entry = await self.tray.get_entry(self.book, item)
        async with self.uow([self.book.business.id]) as uow:
            mark = await self._marks.restore(uow.session, item, actor=self.actor, now=self.clock.now())
        return self._after(entry, mark)

    @property
    def _marks(self) -> TrayMarks:
        return TrayMarks(self.book.business.id)

    def _after(self, entry: TrayEntry, mark: TrayMark) -> TrayEntry:
        return marked(entry, mark, self.book.today)
