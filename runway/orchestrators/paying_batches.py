"""Many payments in one call: what is known is read once for all of them, and each is taken or refused for itself."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from domains.ap.pay_bills import MOST_BILLS, PAY_BILLS, PayBills
from domains.ap.payer import Payer
from domains.ap.paying import WantedBill, WantedPayment
from domains.ap.paying_service import Ledger
from domains.ap.payment_errors import BillListedTwice
from domains.core.asking import Asking
from infra.actions import listing
from infra.actions.models import ActionIntent
from infra.db.unit_of_work import UnitOfWork
from infra.errors import OodalooError
from runway.orchestrators.paying_bills import PayingBills

_AT_ONCE = 50  # payments a transaction: the first are sent while the others are still being taken


@dataclass(frozen=True)
class BatchWish:
    """Many payments from one account on one day."""

    bills: Sequence[WantedBill]
    account_id: str
    paid_on: date | None = None
    combine_by_vendor: bool = False
    is_similar_confirmed: bool = False


@dataclass(frozen=True)
class Item:
    """What became of one payment: an action, or a refusal. `bills` are ours; `payment_id` names one that was there before."""

    bills: Sequence[UUID] = ()
    payment_id: UUID | None = None
    intent: ActionIntent | None = None
    refusal: OodalooError | None = None


@dataclass(frozen=True)
class PayingBatches:
    one: PayingBills

    async def pay(self, wish: BatchWish, *, payer: Payer, asking: Asking) -> list[Item]:
        """One payment a bill, or a vendor. The same key again is the same payments.

        Raises:
            KeyUsedForOther: a batch of this key was asked for with other words.
            AccountUnusable: no payment could be made from it.
        """
        business_id, paid_on = self.one.business.id, wish.paid_on or self.one.today
        async with self.one.uow([business_id]) as uow:
            known = await _known(uow.session, business_id, asking)
            ledger = await self.one.read_ledger(uow.session, wish.bills, paid_on=paid_on)
            if _are_all_taken(wish, ledger, known):  # whatever has become of the account since
                return [_taken_before(intent, ledger) for intent in known]
            account = await self.one.get_account(uow.session, wish.account_id)

        def refusal_of(bill: WantedBill) -> OodalooError | None:
            """Why it can be in no payment at all, so that it keeps no other bill of its vendor from being paid."""
            alone = WantedPayment([bill], account, paid_on, is_similar_confirmed=True)
            try:
                self.one.paying.check(alone, ledger=ledger, payer=payer)
            except OodalooError as error:
                return error
            return None

        items, left = _screened(wish, ledger, known=known, refusal_of=refusal_of)
        wanted = [
            WantedPayment(bills, account, paid_on, is_similar_confirmed=wish.is_similar_confirmed)
            for bills in _grouped(left, ledger, is_combined=wish.combine_by_vendor)
        ]
        for start in range(0, len(wanted), _AT_ONCE):
            async with self.one.uow([business_id]) as uow:
                items += await self._taken(uow, wanted[start : start + _AT_ONCE], ledger, payer=payer, asking=asking)
        if not any(item.refusal for item in items):
            return items
        async with self.one.uow([business_id]) as uow:
            return _with_own(items, await _known(uow.session, business_id, asking), ledger)

    async def execute(self, payment_ids: Sequence[UUID], *, payer: Payer, request_id: str) -> list[Item]:
        """Release payments that are held or scheduled."""
        items: list[Item] = []
        ordered = sorted(set(payment_ids))
        for start in range(0, len(ordered), _AT_ONCE):
            chunk = ordered[start : start + _AT_ONCE]
            async with self.one.uow([self.one.business.id]) as uow:
                outcomes = await self.one.executing.execute_many(uow, chunk, payer=payer, request_id=request_id)
            items += [_item(outcomes[payment_id], payment_id=payment_id) for payment_id in chunk]
        return items

    async def _taken(
        self, uow: UnitOfWork, wanted: Sequence[WantedPayment], ledger: Ledger, *, payer: Payer, asking: Asking
    ) -> list[Item]:
        bills = [[bill.bill_id for bill in payment.bills] for payment in wanted]
        wishes = [
            (payment, asking.of_item(",".join(sorted(map(str, ids)))))
            for payment, ids in zip(wanted, bills, strict=True)
        ]
        outcomes = await self.one.paying.pay_many(uow, wishes, ledger=ledger, payer=payer)
        return [_item(outcome, bills=ids) for outcome, ids in zip(outcomes, bills, strict=True)]


def _item(outcome: ActionIntent | OodalooError, *, bills: Sequence[UUID] = (), payment_id: UUID | None = None) -> Item:
    if isinstance(outcome, OodalooError):
        return Item(bills, payment_id=payment_id, refusal=outcome)
    return Item(bills, payment_id=outcome.id, intent=outcome)


async def _known(session: AsyncSession, business_id: UUID, asking: Asking) -> list[ActionIntent]:
    """The batch's payments that an earlier call took."""
    before = await listing.list_by_key_prefix(
        session, business_id, operation=PAY_BILLS.operation, prefix=asking.batch_prefix
    )
    return [asking.refuse_other(intent) for intent in before]


def _screened(
    wish: BatchWish,
    ledger: Ledger,
    *,
    known: Sequence[ActionIntent],
    refusal_of: Callable[[WantedBill], OodalooError | None],
) -> tuple[list[Item], list[WantedBill]]:
    """What is decided already, taken by an earlier call or refused; and the bills that are left to be paid."""
    items = [_taken_before(intent, ledger) for intent in known]
    taken = {bill_id for item in items for bill_id in item.bills}
    left: dict[UUID, WantedBill] = {}
    for bill in wish.bills:
        if bill.bill_id in taken:
            continue
        refusal = BillListedTwice(bill.bill_id) if bill.bill_id in left else refusal_of(bill)
        if refusal is None:
            left[bill.bill_id] = bill
        else:
            items.append(Item([bill.bill_id], refusal=refusal))
    return items, list(left.values())


def _taken_before(intent: ActionIntent, ledger: Ledger) -> Item:
    ours = {bill.external_id: bill.id for bill in ledger.bills.values()}
    return Item([ours[line.bill] for line in PayBills.of(intent.meaning).bills if line.bill in ours], intent=intent)


def _are_all_taken(wish: BatchWish, ledger: Ledger, known: Sequence[ActionIntent]) -> bool:
    taken = {bill_id for intent in known for bill_id in _taken_before(intent, ledger).bills}
    return all(bill.bill_id in taken for bill in wish.bills)


def _with_own(items: Sequence[Item], known: Sequence[ActionIntent], ledger: Ledger) -> list[Item]:
    """The first click of two came between: what stood in an item's way may be what this very key asked for."""
    told = {item.intent.id for item in items if item.intent is not None}
    late = [_taken_before(intent, ledger) for intent in known if intent.id not in told]
    theirs = {bill_id for item in late for bill_id in item.bills}
    return [item for item in items if item.refusal is None or not theirs.issuperset(item.bills)] + late


def _grouped(bills: Sequence[WantedBill], ledger: Ledger, *, is_combined: bool) -> list[list[WantedBill]]:
    """The bills of each payment, in one order for everybody, so that two batches wait and do not block each other."""
    ordered = sorted(bills, key=lambda one: ledger.bills[one.bill_id].external_id)
    if not is_combined:
        return [[one] for one in ordered]
    groups: dict[tuple[str, str | None], list[WantedBill]] = defaultdict(list)
    for one in ordered:
        bill = ledger.bills[one.bill_id]
        groups[bill.vendor_external_id, bill.currency].append(one)
    return [
        group[start : start + MOST_BILLS] for group in groups.values() for start in range(0, len(group), MOST_BILLS)
    ]
