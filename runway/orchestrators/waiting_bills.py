"""Which open bills wait for an approval."""

from dataclasses import dataclass, replace
from datetime import date

from domains.ap.approval_service import ApprovalService
from domains.ap.approvals import ApprovalStatus, Standing
from domains.ap.bill_service import BillService
from domains.core.documents import DocumentFilter
from domains.core.paging import MAX_PAGE, DueCursor, Page
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.sync.freshness import AS_IT_STANDS, Fetched, FreshnessNeed

_MOST_READ = (
    10  # pages of bills for one of these: a book whose bills are nearly all approved is told in several answers
)

_INCLUDED = {
    ApprovalStatus.WAITING: frozenset({ApprovalStatus.WAITING, ApprovalStatus.WAITING_FOR_SECOND}),
}


@dataclass(frozen=True)
class WaitingBills:
    bills: BillService
    approvals: ApprovalService
    uow: UnitOfWorkFactory

    async def page(
        self, status: ApprovalStatus, *, today: date, after: str | None, limit: int, freshness: FreshnessNeed
    ) -> Fetched[Page[Standing]]:
        """Open bills that stand so, soonest due first. Shorter than `limit` does not mean that it was the last.

        Raises:
            UnreadableCursor: `after` is none of ours.
        """
        wanted = _INCLUDED.get(status, frozenset({status}))
        asked = DocumentFilter(today=today, after=after, limit=MAX_PAGE)
        found: list[Standing] = []
        first = read = await self.bills.list_bills(asked, freshness=freshness)
        for number in range(1, _MOST_READ + 1):
            ids = [bill["id"] for bill in read.value.items]
            async with self.uow([self.bills.business_id]) as uow:
                standings = await self.approvals.standing(uow.session, ids)
            found += [standings[one] for one in ids if one in standings and standings[one].status in wanted]
            if len(found) >= limit:
                is_last = len(found) == limit and read.value.next_cursor is None
                return Fetched(Page(found[:limit], None if is_last else _after(found[limit - 1])), first.freshness)
            if read.value.next_cursor is None or number == _MOST_READ:
                break
            read = await self.bills.list_bills(replace(asked, after=read.value.next_cursor), freshness=AS_IT_STANDS)
        return Fetched(Page(found, read.value.next_cursor), first.freshness)


def _after(standing: Standing) -> str:
    return DueCursor(standing.bill.due_on, standing.bill.id).encode()
