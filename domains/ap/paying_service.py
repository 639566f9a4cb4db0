"""Paying bills: asked for, held, released, called off, taken back. Each verb writes in the caller's transaction and asks no rail."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from domains.ap import payable_queries as queries
from domains.ap.actions import PAY_BILLS, VOID_PAYMENT, PayBills, VoidPayment
from domains.ap.approval_errors import PayerIsOnlyApprover, SecondPersonMissing
from domains.ap.approval_queries import find_policy, list_standings
from domains.ap.approvals import ApprovalPolicy, Signatory, Standing
from domains.ap.paying import AlikePayment, BooksRules, Credit, Payable, PlannedPayment, WantedPayment, plan
from domains.ap.payment_errors import (
    AboveLimit,
    BillBeingPaid,
    NothingToVoid,
    NotToBeExecuted,
    PaidAlike,
    PaymentNotFound,
)
from domains.ap.releases import refusal_to_pay
from domains.core.asking import Asking
from domains.core.ledger import in_home_currency
from infra.actions import listing
from infra.actions.engine import ActionEngine
from infra.actions.errors import IntentNotFound, TargetTaken
from infra.actions.identity import IdentityGraph, fingerprint_of
from infra.actions.in_bulk import release_many, request_many
from infra.actions.models import ActionIntent
from infra.actions.spec import ActionRequest
from infra.actions.states import ActionState
from infra.db.tenancy import TenantAwareService
from infra.db.unit_of_work import UnitOfWork
from infra.errors import OodalooError

NEEDS_SECOND_PERSON = "needs_second_person"
_HELD_WORDS = "Somebody has to execute it."
_SECOND_PERSON_WORDS = "Somebody other than who asked for it has to release it."
# Refused of this payer alone: another may release it.
_FOR_A_SECOND = (SecondPersonMissing, PayerIsOnlyApprover)
_GIVEN_UP = frozenset({ActionState.CANCELLED.value, ActionState.FAILED.value})


@dataclass(frozen=True)
class Payer:
    """Who asks, and up to what, in home currency; None is no limit."""

    signatory: Signatory
    limit: Decimal | None = None


@dataclass(frozen=True)
class Terms:
    """When: `not_before` later, or once somebody executes it (`is_held`), or at once."""

    not_before: datetime | None = None
    is_held: bool = False


AT_ONCE = Terms()


@dataclass(frozen=True)
class Ledger:
    """What the mirror and the approvals say of the bills in question, read once for all of them."""

    bills: Mapping[UUID, Payable]
    credits: Mapping[UUID, Credit]
    alike: Sequence[AlikePayment]
    standings: Mapping[UUID, Standing]
    policy: ApprovalPolicy
    rules: BooksRules
    under_way: set[bytes] = field(default_factory=set)


@dataclass(frozen=True)
class Releases:
    """Payments that wait, and what is known of their bills. `amounts`: our id of each bill, None where it is gone, and what comes off."""

    intents: Mapping[UUID, ActionIntent]
    amounts: Mapping[UUID, Sequence[tuple[UUID | None, Decimal]]]
    standings: Mapping[UUID, Standing]
    policy: ApprovalPolicy


class PayingService(TenantAwareService):
    def __init__(self, business_id: UUID, *, home_currency: str, engine: ActionEngine) -> None:
        super().__init__(business_id)
        self._home = home_currency
        self._engine = engine

    async def read_ledger(
        self,
        session: AsyncSession,
        bill_ids: Collection[UUID],
        *,
        credit_ids: Collection[UUID] = (),
        paid_on: date,
        closed_on: date | None,
    ) -> Ledger:
        """In a number of statements that does not grow with the bills."""
        policy = await find_policy(session, self.business_id)
        bills = await queries.list_payable(session, self.business_id, bill_ids)
        vendors = {bill.vendor_external_id for bill in bills.values()}
        return Ledger(
            bills=bills,
            credits=await queries.list_credits(session, self.business_id, credit_ids) if credit_ids else {},
            alike=await queries.list_alike(session, self.business_id, vendors, around=paid_on),
            standings=await self._standings(session, bill_ids, policy),
            policy=policy,
            rules=BooksRules(self._home, closed_on=closed_on),
            under_way=await queries.list_under_way(session, self.business_id, PAY_BILLS.operation),
        )

    async def pay(
        self,
        uow: UnitOfWork,
        wanted: WantedPayment,
        *,
        ledger: Ledger,
        payer: Payer,
        asking: Asking,
        terms: Terms = AT_ONCE,
    ) -> ActionIntent:
        """Ask for one payment. Where two people are needed and this is one, it is held for the other.

        Raises:
            BillNotFound, CreditNotFound, PaymentRefused: the books forbid it.
            ApprovalRefused, AboveReleaseLimit: it is not approved, or not theirs to pay.
            BillBeingPaid: another payment that is not finished has a bill.
            KeyUsedForOther: the key stands for another wish.
            RailNeedsReconnect: there are no books to record it in.
        """
        planned, request = self._request(wanted, ledger=ledger, payer=payer, asking=asking, terms=terms)
        try:
            return await self._engine.request(uow, request)
        except TargetTaken as error:
            raise _being_paid(planned, error) from error

    async def pay_many(
        self, uow: UnitOfWork, wanted: Sequence[tuple[WantedPayment, Asking]], *, ledger: Ledger, payer: Payer
    ) -> list[ActionIntent | OodalooError]:
        """What came of each, in their order: as `pay`, in a number of statements that does not grow with them."""
        outcomes: list[ActionIntent | OodalooError | None] = []
        requests: list[tuple[int, PlannedPayment, ActionRequest]] = []
        for place, (payment, asking) in enumerate(wanted):
            try:
                planned, request = self._request(payment, ledger=ledger, payer=payer, asking=asking, terms=AT_ONCE)
            except OodalooError as error:
                outcomes.append(error)
            else:
                requests.append((place, planned, request))
                outcomes.append(None)
        taken = await request_many(self._engine.shop, uow, [request for *_, request in requests])
        for (place, planned, _), outcome in zip(requests, taken, strict=True):
            outcomes[place] = _being_paid(planned, outcome) if isinstance(outcome, TargetTaken) else outcome
        return [outcome for outcome in outcomes if outcome is not None]

    def _request(
        self, wanted: WantedPayment, *, ledger: Ledger, payer: Payer, asking: Asking, terms: Terms
    ) -> tuple[PlannedPayment, ActionRequest]:
        planned, needs_second = self.check(wanted, ledger=ledger, payer=payer)
        meaning = planned.meant(home_currency=self._home).as_meaning()
        assert PAY_BILLS.alike is not None  # noqa: S101 - it says what looks alike
        content = fingerprint_of(PAY_BILLS.operation, PAY_BILLS.alike(meaning))
        if content in ledger.under_way and not wanted.is_similar_confirmed:
            raise PaidAlike(planned.vendor, amount=planned.cash, currency=planned.currency)
        facts = {**planned.facts(), "approvals": _approvals(planned, ledger)}
        if needs_second:
            facts[NEEDS_SECOND_PERSON] = True
        held = _SECOND_PERSON_WORDS if needs_second else _HELD_WORDS if terms.is_held else ""
        return planned, ActionRequest(
            business_id=self.business_id,
            operation=PAY_BILLS.operation,
            client_key=asking.key,
            meaning=meaning,
            actor=asking.actor,
            request_id=asking.request_id,
            facts=asking.facts(**facts),
            not_before=terms.not_before,
            held=held,
        )

    def check(self, wanted: WantedPayment, *, ledger: Ledger, payer: Payer) -> tuple[PlannedPayment, bool]:
        """The payment as it would be, and whether a second person has to release it.

        Raises:
            BillNotFound, CreditNotFound, PaymentRefused, ApprovalRefused, AboveReleaseLimit: as `pay`.
        """
        planned = plan(wanted, bills=ledger.bills, credits_left=ledger.credits, alike=ledger.alike, rules=ledger.rules)
        lines = [(ledger.standings[bill.id], amount) for bill, amount in planned.lines]
        refusal = self._refusal(lines, policy=ledger.policy, payer=payer)
        if refusal is not None and not isinstance(refusal, _FOR_A_SECOND):
            raise refusal
        return planned, refusal is not None

    async def find_asked(self, session: AsyncSession, operation: str, asking: Asking) -> ActionIntent | None:
        """What the key stands for already, whatever became of it.

        Raises:
            KeyUsedForOther: it was asked for with other words.
        """
        known = await IdentityGraph(session, self.business_id).find_by_key(operation, asking.key)
        return None if known is None else asking.refuse_other(known)

    async def _read_releases(self, session: AsyncSession, payment_ids: Collection[UUID]) -> Releases:
        """What their release is decided on, in a number of statements that does not grow with them."""
        intents = await listing.get_intents(session, self.business_id, payment_ids)
        meant = {
            intent.id: PayBills.of(intent.meaning)
            for intent in intents.values()
            if intent.operation == PAY_BILLS.operation
        }
        external_ids = {line.bill for payment in meant.values() for line in payment.bills}
        ids = await queries.ids_of_bills(session, self.business_id, external_ids)
        policy = await find_policy(session, self.business_id)
        return Releases(
            intents=intents,
            amounts={
                payment_id: [(ids.get(line.bill), line.amount) for line in payment.bills]
                for payment_id, payment in meant.items()
            },
            standings=await self._standings(session, ids.values(), policy),
            policy=policy,
        )

    async def execute_many(
        self, uow: UnitOfWork, payment_ids: Collection[UUID], *, payer: Payer, request_id: str
    ) -> dict[UUID, ActionIntent | OodalooError]:
        """Release those that are held, or scheduled for later, each for itself. What is under way or recorded stays as it is.

        Refused are, of each: PaymentNotFound; NotToBeExecuted, when it was cancelled or refused; and what `pay` refuses for want of
        approval or beyond a limit, asked anew of whoever executes it.
        """
        releases = await self._read_releases(uow.session, payment_ids)
        found: dict[UUID, ActionIntent | OodalooError] = {}
        for payment_id in payment_ids:
            intent = releases.intents.get(payment_id)
            refusal = self._refusal_to_release(payment_id, releases, payer)
            if refusal is not None:
                found[payment_id] = refusal
            elif intent is not None and not waits(intent):
                found[payment_id] = intent
        waiting = [payment_id for payment_id in payment_ids if payment_id not in found]
        actor = payer.signatory.actor
        return found | await release_many(uow, self.business_id, waiting, actor=actor, request_id=request_id)

    def _refusal_to_release(self, payment_id: UUID, releases: Releases, payer: Payer) -> OodalooError | None:
        intent = releases.intents.get(payment_id)
        if intent is None:
            return PaymentNotFound(payment_id)
        if intent.state in _GIVEN_UP:
            return NotToBeExecuted(end_of(intent))
        if not waits(intent) or payment_id not in releases.amounts:  # of other actions nothing is asked anew
            return None
        lines = [
            (releases.standings[bill_id], amount)
            for bill_id, amount in releases.amounts[payment_id]
            if bill_id is not None and bill_id in releases.standings
        ]
        return self._refusal(lines, policy=releases.policy, payer=payer)

    async def void(
        self, uow: UnitOfWork, payment_id: UUID, *, reason: str, payer: Payer, asking: Asking
    ) -> ActionIntent:
        """Take back a recorded payment, ours or one that was entered in the ledger itself; `payment_id` is the action's or the mirror's.

        Raises:
            PaymentNotFound: none of that id.
            NothingToVoid: it is not recorded, or voided already.
            AboveLimit: it is more than they may pay.
            BillBeingPaid: it is being voided already.
        """
        known = await self.find_asked(uow.session, VOID_PAYMENT.operation, asking)
        if known is not None:
            return known
        recorded = await self._recorded(uow.session, payment_id)
        _refuse_above_limit(recorded, payer, self._home)
        meaning = VoidPayment(
            payment=recorded.external_id,
            total=recorded.total,
            currency=None if recorded.currency in {None, self._home} else recorded.currency,
            bills=recorded.bills,
            reason=reason,
        )
        request = ActionRequest(
            business_id=self.business_id,
            operation=VOID_PAYMENT.operation,
            client_key=asking.key,
            meaning=meaning.as_meaning(),
            actor=asking.actor,
            request_id=asking.request_id,
            facts=asking.facts(total=recorded.total, paid_on=recorded.paid_on, vendor=recorded.vendor_name),
        )
        try:
            return await self._engine.request(uow, request)
        except TargetTaken as error:
            raise BillBeingPaid(f"Payment {recorded.external_id}", intent_id=error.intent_id) from error

    async def _standings(
        self, session: AsyncSession, bill_ids: Collection[UUID], policy: ApprovalPolicy
    ) -> dict[UUID, Standing]:
        return await list_standings(session, self.business_id, bill_ids, policy=policy, home_currency=self._home)

    def _refusal(
        self, lines: Sequence[tuple[Standing, Decimal]], *, policy: ApprovalPolicy, payer: Payer
    ) -> OodalooError | None:
        return refusal_to_pay(lines, policy=policy, payer=payer.signatory, limit=payer.limit, home_currency=self._home)

    async def _recorded(self, session: AsyncSession, payment_id: UUID) -> queries.RecordedPayment:
        graph = IdentityGraph(session, self.business_id)
        try:
            intent = await graph.get(payment_id)
        except IntentNotFound:
            recorded = await queries.find_recorded(session, self.business_id, payment_id=payment_id)
            if recorded is None:
                raise PaymentNotFound(payment_id) from None
        else:
            if intent.operation != PAY_BILLS.operation or intent.state != ActionState.CONFIRMED.value:
                raise NothingToVoid(end_of(intent))
            recorded = await queries.find_recorded(session, self.business_id, external_id=intent.external_id)
            if recorded is None:
                raise NothingToVoid("QuickBooks has deleted it since.")
        if recorded.is_voided:
            raise NothingToVoid("It is voided already.")
        return recorded


def waits(intent: ActionIntent) -> bool:
    """Whether a person can set it going: it is held, or scheduled and its day has not come."""
    return intent.state == ActionState.BLOCKED.value or (
        intent.state == ActionState.REQUESTED.value and intent.not_before is not None
    )


def end_of(intent: ActionIntent) -> str:
    """What became of an action that is over, or that it is not over."""
    match ActionState(intent.state):
        case ActionState.CANCELLED:
            return "It was cancelled."
        case ActionState.FAILED:
            return f"It was not recorded: {intent.outcome_words or 'QuickBooks refused it.'}"
        case ActionState.CONFIRMED:
            return f"It is recorded in QuickBooks ({intent.external_id})."
        case _:
            return "It is not settled yet."


def _approvals(planned: PlannedPayment, ledger: Ledger) -> list[dict[str, Any]]:
    """Who had approved what, and on which figures, when it was asked for."""
    return [
        {
            "bill": bill.external_id,
            "status": ledger.standings[bill.id].status.value,
            "by": [
                {"actor": one.actor, "at": one.recorded_at, "total": one.total}
                for one in ledger.standings[bill.id].approvals
            ],
        }
        for bill, _ in planned.lines
    ]


def _words_of(planned: PlannedPayment, external_id: str) -> str:
    used = [bill for bill, _ in planned.lines] + [credit for credit, _ in planned.credits]
    return next((one.words for one in used if one.external_id == external_id), f"Document {external_id}")


def _being_paid(planned: PlannedPayment, error: TargetTaken) -> BillBeingPaid:
    return BillBeingPaid(_words_of(planned, error.external_id), intent_id=error.intent_id)


def _refuse_above_limit(recorded: queries.RecordedPayment, payer: Payer, home_currency: str) -> None:
    if payer.limit is None:
        return
    at_home = in_home_currency(recorded.total, recorded.exchange_rate)
    if at_home > payer.limit:
        raise AboveLimit(amount=at_home, limit=payer.limit, currency=home_currency)
