"""Asking for payments of bills, in the caller's transaction. No rail is asked."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from domains.ap import payable_queries as queries
from domains.ap.actions import PAY_BILLS
from domains.ap.approval_queries import policy_of, read_policy, read_standings, standings_of
from domains.ap.approvals import ApprovalPolicy, Standing
from domains.ap.payer import Payer
from domains.ap.paying import AlikePayment, BooksRules, Credit, Payable, PlannedPayment, WantedPayment, plan
from domains.ap.payment_errors import BillBeingPaid, PaidAlike
from domains.ap.releases import FOR_A_SECOND, PAYER, refusal_to_pay
from domains.core.asking import Asking
from infra.actions.engine import ActionEngine
from infra.actions.errors import TargetTaken
from infra.actions.identity import fingerprint_of
from infra.actions.in_bulk import request_many
from infra.actions.models import ActionIntent
from infra.actions.spec import ActionRequest, Meaning
from infra.db.reads import read_in
from infra.db.tenancy import TenantAwareService
from infra.db.unit_of_work import UnitOfWork
from infra.errors import OodalooError

NEEDS_SECOND_PERSON = "needs_second_person"
_HELD_WORDS = "Somebody has to execute it."
SECOND_PERSON_WORDS = "Somebody other than who asked for it has to release it."


@dataclass(frozen=True)
class Terms:
    """When: `not_before` later, or once somebody executes it (`is_held`), or at once."""

    not_before: datetime | None = None
    is_held: bool = False


AT_ONCE = Terms()


@dataclass(frozen=True)
class Ledger:
    """What the mirror and the approvals say of the bills in question, read once for all of them.

    `under_way`: what payments look like that are not settled; those of a batch are added as they are taken.
    """

    bills: Mapping[UUID, Payable]
    credits: Mapping[UUID, Credit]
    alike: Sequence[AlikePayment]
    standings: Mapping[UUID, Standing]
    policy: ApprovalPolicy
    rules: BooksRules
    under_way: set[bytes] = field(default_factory=set)


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
        policies, bills, alike, figures, approvals, under_way = await read_in(
            session,
            read_policy(self.business_id),
            queries.read_payable(self.business_id, bill_ids),
            queries.read_alike(self.business_id, bill_ids, around=paid_on),
            *read_standings(self.business_id, bill_ids),
            queries.read_under_way(self.business_id, PAY_BILLS.operation, around=paid_on),
        )
        policy = policy_of(policies)
        return Ledger(
            bills={bill.id: bill for bill in bills},
            credits=await queries.list_credits(session, self.business_id, credit_ids) if credit_ids else {},
            alike=alike,
            standings=await standings_of(
                session, self.business_id, figures, approvals, policy=policy, home_currency=self._home
            ),
            policy=policy,
            rules=BooksRules(self._home, closed_on=closed_on),
            under_way=set(under_way),
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
                ledger.under_way.add(_content_of(request.meaning))  # two of one batch may be alike, too
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
        if _content_of(meaning) in ledger.under_way and not wanted.is_similar_confirmed:
            raise PaidAlike(planned.vendor, amount=planned.cash, currency=planned.currency)
        person = payer.signatory.user_id
        facts = {
            **planned.facts(),
            "approvals": _approvals(planned, ledger),
            PAYER: None if person is None else str(person),
        }
        if needs_second:
            facts[NEEDS_SECOND_PERSON] = True
        held = SECOND_PERSON_WORDS if needs_second else _HELD_WORDS if terms.is_held else ""
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
            undo_window=asking.undo_window,
        )

    def check(self, wanted: WantedPayment, *, ledger: Ledger, payer: Payer) -> tuple[PlannedPayment, bool]:
        """The payment as it would be, and whether a second person has to release it.

        Raises:
            BillNotFound, CreditNotFound, PaymentRefused, ApprovalRefused, AboveReleaseLimit: as `pay`.
        """
        planned = plan(wanted, bills=ledger.bills, credits_left=ledger.credits, alike=ledger.alike, rules=ledger.rules)
        lines = [(ledger.standings[bill.id], amount) for bill, amount in planned.lines]
        refusal = self._refusal(lines, policy=ledger.policy, payer=payer)
        if refusal is not None and not isinstance(refusal, FOR_A_SECOND):
            raise refusal
        return planned, refusal is not None

    def _refusal(
        self, lines: Sequence[tuple[Standing, Decimal]], *, policy: ApprovalPolicy, payer: Payer
    ) -> OodalooError | None:
        return refusal_to_pay(lines, policy=policy, payer=payer.signatory, limit=payer.limit, home_currency=self._home)


def _content_of(meaning: Meaning) -> bytes:
    """What makes another payment look the same."""
    assert PAY_BILLS.alike is not None  # noqa: S101 - it says what looks alike
    return fingerprint_of(PAY_BILLS.operation, PAY_BILLS.alike(meaning))


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
