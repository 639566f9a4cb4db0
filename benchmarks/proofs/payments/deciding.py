"""People who decide on bills while their payments are under way, through the product's own services; and what they had decided when.

Which payment was surely forbidden is judged from their words alone, by the lane's time: never from the product's tables.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from sqlalchemy import select

from domains.ap.approval_policies import NewPolicy
from domains.ap.approval_service import ApprovalService
from domains.ap.approvals import Signatory
from domains.ap.deciding import Deciding
from domains.ap.executing_service import ExecutingService
from domains.ap.models import Bill
from domains.ap.payer import Payer
from infra import exact_json
from infra.clock import SystemClock
from infra.errors import OodalooError
from infra.ids import new_id
from infra.qbo.simulator.books.store import Record
from runway.orchestrators.held_payments import withdraw

if TYPE_CHECKING:
    from benchmarks.proofs.payments.town import Lane

CLERK: Final = Signatory("user:00000000-0000-7000-8000-0000000000c1", UUID("00000000-0000-7000-8000-0000000000c1"))
OWNER: Final = Signatory("user:00000000-0000-7000-8000-0000000000f1", UUID("00000000-0000-7000-8000-0000000000f1"))
_HOME: Final = "USD"
_NOTHING_NEEDS_IT: Final = NewPolicy(needed_from=Decimal(900_000_000))
_ALL_NEED_IT: Final = NewPolicy()


@dataclass(frozen=True)
class Word:
    """Of a bill, or of the policy where there is none. It was said between two moments.

    Attributes:
        allows: a yes; of the policy, that nothing needs an approval.
        waits: whoever said it waited for a payment that is being sent, so that the one has seen the other.
    """

    bill: str | None
    allows: bool
    begun: float
    done: float
    waits: bool = False


@dataclass(frozen=True)
class Send:
    """One that could still be held back: when its worker took it, before it looked at anything, and when it was written down."""

    bills: frozenset[str]
    taken_at: float
    at: float


def is_forbidden(send: Send, words: Sequence[Word]) -> bool:
    """Whether an approval was surely needed, and one of its bills surely had none; what crossed the send may have come after it."""
    policy = [word for word in words if word.bill is None]
    if not _is_surely_no(policy, send, is_no_at_first=False):
        return False
    return any(
        _is_surely_no([word for word in words if word.bill == bill], send, is_no_at_first=True) for bill in send.bills
    )


def _is_surely_no(words: Iterable[Word], send: Send, *, is_no_at_first: bool) -> bool:
    heard = [word for word in words if word.begun <= send.at]
    yes = [word for word in heard if word.allows]
    no = [word for word in heard if not word.allows and word.done < (send.at if word.waits else send.taken_at)]
    if not no:
        return is_no_at_first and not yes
    latest = max(no, key=lambda word: word.begun)
    return all(word.done < latest.begun for word in yes)


@dataclass
class Deciders:
    """Of one history. What is refused them they have not said."""

    lane: "Lane"
    words: list[Word] = field(default_factory=list)

    @property
    def _approvals(self) -> ApprovalService:
        return ApprovalService(self.lane.business_id, home_currency=_HOME)

    def _deciding(self) -> Deciding:
        return Deciding(self.lane.business_id, OWNER, request_id=str(new_id()))

    async def set_policy(self, *, is_needed: bool) -> None:
        begun, wanted = self.lane.time.now(), _ALL_NEED_IT if is_needed else _NOTHING_NEEDS_IT
        async with self.lane.machines.uow([self.lane.business_id]) as uow:
            await self._approvals.set_policy(uow.session, wanted, deciding=self._deciding(), now=SystemClock().now())
        self.words.append(Word(None, not is_needed, begun, self.lane.time.now()))

    async def enter(self, bills: Sequence[Record]) -> None:
        """What stands in the books comes into the mirror, as by a refresh."""
        rail = await self.lane.machines.rail(self.lane)
        payloads = [exact_json.loads(bill.encoded()) for bill in bills]
        async with self.lane.machines.uow([self.lane.business_id]) as uow:
            await rail.keep(
                uow.session, {"Bill": payloads}, fetched_at=SystemClock().now(), actor="proof", request_id=str(new_id())
            )

    async def approve(self, bill: str) -> bool:
        """Whether it was to be had."""
        begun = self.lane.time.now()
        try:
            async with self.lane.machines.uow([self.lane.business_id]) as uow:
                ours = await self._id_of(uow.session, bill)
                await self._approvals.approve(uow.session, ours, self._deciding(), duplicate_reason="another delivery")
        except OodalooError:
            return False
        self.words.append(Word(bill, allows=True, begun=begun, done=self.lane.time.now()))
        return True

    async def withdraw(self, bill: str) -> None:
        begun = self.lane.time.now()
        try:
            async with self.lane.machines.uow([self.lane.business_id]) as uow:
                ours = await self._id_of(uow.session, bill)
                await withdraw(uow, self._approvals, ours, deciding=self._deciding())
        except OodalooError:
            return
        self.words.append(Word(bill, allows=False, begun=begun, done=self.lane.time.now(), waits=True))

    def changed(self, bill: str) -> None:
        """The bill is another one in QuickBooks now than the one that was approved."""
        now = self.lane.time.now()
        self.words.append(Word(bill, allows=False, begun=now, done=now))

    async def let_go(self, payments: Sequence[UUID]) -> None:
        """Release those that are held, and may be released."""
        async with self.lane.machines.uow([self.lane.business_id]) as uow:
            await ExecutingService(self.lane.business_id, home_currency=_HOME).execute_many(
                uow, payments, payer=Payer(OWNER), request_id=str(new_id())
            )

    async def _id_of(self, session: Any, bill: str) -> UUID:
        query = select(Bill.id).where(Bill.business_id == self.lane.business_id, Bill.external_id == bill)
        found: UUID = (await session.scalars(query)).one()
        return found
