"""Plays one history in a lane, lets everything come to rest, and takes down how it ended."""

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Final
from uuid import UUID

from benchmarks.proofs.payments.afterwards import Afterwards, is_held, rests
from benchmarks.proofs.payments.deciding import CLERK
from benchmarks.proofs.payments.driving import Driver
from benchmarks.proofs.payments.endings import Ending, Told
from benchmarks.proofs.payments.fates import CURRENT, Fate, Killed
from benchmarks.proofs.payments.plan import Act, Deed, Plan
from benchmarks.proofs.payments.screens import ON_BILLS, change_bill, change_payment
from benchmarks.proofs.payments.town import Lane, Machines
from domains.ap.models import PayType
from domains.ap.pay_bills import PAY_BILLS, PaidBill, PayBills
from domains.ap.releases import PAYER
from infra.actions.errors import TooLate
from infra.actions.spec import ActionRequest, Meaning
from infra.errors import OodalooError
from infra.ids import new_id
from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.store import Record
from infra.qbo.simulator.faults import ServiceFault
from infra.qbo.simulator.files.demo_company import profile
from infra.qbo.simulator.files.demo_company.books import expense_line, ref
from infra.qbo.simulator.trouble.rules import read_rules

REST_WITHIN = 75 * 60.0
"""Seconds of the lane's time from the calm on until an action that is still open counts as stuck."""

WITHIN: Final = 4 * 3600.0

_TRIES = 4


@dataclass
class Story:
    lane: Lane
    plan: Plan
    driver: Driver
    bills: list[Record] = field(default_factory=list)
    vendor: str = ""
    forms: list[Meaning] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    edits: list[tuple[float, str]] = field(default_factory=list)
    removed: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)

    @property
    def machines(self) -> Machines:
        return self.lane.machines

    @property
    def company(self) -> Company:
        return self.lane.company.company

    @property
    def now(self) -> float:
        return self.lane.time.now()

    async def play(self) -> Ending:
        plan, lane = self.plan, self.lane
        lane.lost_bells, lane.doubled, lane.is_redis_lost = plan.lost_bells, plan.doubled, False
        lane.begin(self.driver.fate, skews=plan.skews, lies=plan.lies)
        self._enter_bills()
        await self._begin_deciding()
        began = self.now
        for deed in plan.deeds:
            self.driver.at(began + deed.at, partial(self._do, deed))
        for number, spell in enumerate(plan.spells):
            self.driver.at(began + spell.starts, partial(self._begin_trouble, number))
            self.driver.at(began + spell.ends, partial(self._end_trouble, number))
        await self.driver.until(lambda: not self.driver.events and self.now >= began + plan.ends_at, within=WITHIN)
        calm_at = await self._calm()
        afterwards = Afterwards(lane, self.driver, self.faults)
        is_at_rest = await self.driver.until(self._is_at_rest, within=REST_WITHIN)
        is_at_rest = await self._decide_in_the_end() and is_at_rest
        stuck = [] if is_at_rest else [each for each, row in self.driver.rows.items() if not rests(row)]
        reviews = await afterwards.look_once_more()
        await afterwards.leave()
        words = list(lane.deciders.words)
        if plan.is_deciding:
            await lane.deciders.set_policy(is_needed=False)
        lane.fate = None
        faults = [*self.faults, *lane.watched.faults, *(f"a step raised {what}" for what in lane.raised)]
        bills = [bill.id for bill in self.bills]
        return Ending(
            plan, calm_at, self.driver.rows, self.told, self.edits, bills, reviews, stuck, self.removed, self.driver.fate, faults, words
        )  # fmt: skip

    def _enter_bills(self) -> None:
        company = self.company
        self.vendor = company.create("Vendor", {"DisplayName": f"Vendor {self.plan.key}"}).id
        for total in self.plan.totals:
            body = {"VendorRef": ref(self.vendor), "Line": [expense_line(profile.UTILITIES, total)]}
            self.bills.append(company.create("Bill", body))
        self._settled()
        self.forms = [self._meaning(form.bills, form.shares) for form in self.plan.forms]

    async def _begin_deciding(self) -> None:
        """Before the first click: what is needed, and who has said yes already."""
        plan, deciders = self.plan, self.lane.deciders
        if not plan.is_deciding:
            return
        await deciders.enter(self.bills)
        await deciders.set_policy(is_needed=plan.needs_approval)
        for number in plan.approved:
            await deciders.approve(self.bills[number].id)

    async def _decide_in_the_end(self) -> bool:
        """What is still held is approved and let go, or cancelled by whoever may not have it; whether all came to rest."""
        held = self._held()
        if not held:
            return True
        for bill in self.bills:
            await self.lane.deciders.approve(bill.id)
        await self.lane.deciders.let_go(held)
        await self.driver.until(self._is_at_rest, within=REST_WITHIN)
        for intent_id in self._held():
            with suppress(TooLate):
                await self._withdraw_wish(intent_id)
        return await self.driver.until(self._is_at_rest, within=REST_WITHIN) and not self._held()

    def _held(self) -> list[UUID]:
        return [intent_id for intent_id, row in self.driver.rows.items() if is_held(row)]

    def _settled(self) -> None:
        self.machines.town.simulator.settle(self.company)

    def _meaning(self, bills: Sequence[int], shares: Sequence[int]) -> Meaning:
        lines = [
            (self.bills[number], self.plan.totals[number], share) for number, share in zip(bills, shares, strict=True)
        ]
        return PayBills(
            vendor=self.vendor,
            account=profile.CHECKING,
            pay_type=PayType.CHECK,
            paid_on=self.company.today(),
            bills=tuple(
                PaidBill(
                    bill=bill.id,
                    amount=max((total * share / 100).quantize(Decimal("0.01")), Decimal("0.01")),
                    total=total,
                )
                for bill, total, share in lines
            ),
        ).as_meaning()

    def _name_of(self, number: int) -> str:
        return f"{self.lane.realm_id}-{self.plan.key[:12]}-{number}"

    async def _begin_trouble(self, number: int) -> None:
        spell = self.plan.spells[number]
        match = {**spell.rule["match"], "realm": self.lane.realm_id}
        rule = {**spell.rule, "name": self._name_of(number), "match": match}
        self.machines.town.simulator.trouble.add(read_rules(rule, source="the history"))
        self.driver.longest_late = max(spell.late, 1.0) if spell.late else self.driver.longest_late

    async def _end_trouble(self, number: int) -> None:
        self.machines.town.simulator.trouble.remove(self._name_of(number))

    async def _do(self, deed: Deed) -> None:
        lane = self.lane
        match deed.what:
            case Act.PAY | Act.RETRY:
                await self._ask(deed.form)
            case Act.DOUBLE_CLICK:
                await asyncio.gather(self._ask(deed.form), self._ask(deed.form))
            case Act.OTHER_WORDS:
                await self._ask(deed.form, other_words=True)
            case Act.CANCEL:
                await self._cancel(deed.form)
            case Act.LOSE_REDIS | Act.FIND_REDIS:
                lane.is_redis_lost = deed.what is Act.LOSE_REDIS
            case Act.DISCONNECT:
                lane.disconnect()
            case Act.RECONNECT:
                await lane.reconnect()
            case Act.APPROVE | Act.WITHDRAW | Act.ASK_FOR_APPROVAL | Act.ASK_FOR_NONE | Act.LET_GO:
                await self._decide(deed)
            case _:
                self._in_quickbooks(deed)
                self._settled()

    async def _decide(self, deed: Deed) -> None:
        deciders, bill = self.lane.deciders, self.bills[deed.bill].id
        match deed.what:
            case Act.APPROVE:
                await deciders.approve(bill)
            case Act.WITHDRAW:
                await deciders.withdraw(bill)
            case Act.LET_GO:
                await deciders.let_go(self._held())
            case _:
                await deciders.set_policy(is_needed=deed.what is Act.ASK_FOR_APPROVAL)

    async def _ask(self, form: int, *, other_words: bool = False) -> None:
        """A client tries until it has an answer; each try is a request of its own, which may die with its process."""
        meaning = self.forms[form]
        if other_words:
            meaning = {**meaning, "note": "and something else"}
        wish = ActionRequest(
            business_id=self.lane.business_id,
            operation=PAY_BILLS.operation,
            client_key=self.plan.key_of(form),
            meaning=meaning,
            actor=CLERK.actor,
            request_id=str(new_id()),
            facts={PAYER: str(CLERK.user_id)},
        )
        for _ in range(_TRIES):
            CURRENT.set(self.lane.fate)
            try:
                async with self.machines.uow([self.lane.business_id]) as uow:
                    row = await self.lane.engines[0].request(uow, wish)
            except Killed:
                assert self.lane.fate is not None
                await self.lane.fate.sleep(3)
                continue
            except OodalooError as error:
                self.told.append(Told(form, self.now, refusal=type(error).__name__))
                return
            if other_words and any(told.form == form and told.intent_id == row.id for told in self.told):
                self.faults.append("one key stands for two meanings")
            self.told.append(Told(form, self.now, row.id))
            return

    async def _cancel(self, form: int) -> None:
        known = next((told.intent_id for told in self.told if told.form == form and told.intent_id), None)
        if known is None:
            return
        CURRENT.set(self.lane.fate)
        with suppress(Killed, TooLate):
            await self._withdraw_wish(known)

    async def _withdraw_wish(self, intent_id: UUID) -> None:
        async with self.machines.uow([self.lane.business_id]) as uow:
            await self.lane.engines[0].cancel(
                uow, self.lane.business_id, intent_id, actor=CLERK.actor, request_id="cancel"
            )

    def _in_quickbooks(self, deed: Deed) -> None:
        """Somebody at QuickBooks' own screens; refused by it, nothing happens."""
        bill = self.bills[deed.bill]
        if bill.id not in self.company.stores["Bill"].records:
            return
        payments = [each for mark in self.lane.watched.sent if mark for each in self.machines.witness.created[mark]]
        living = [each.id for each in payments if self.machines.witness.is_living(each)]
        with suppress(ServiceFault):
            if deed.what in ON_BILLS:
                self._on_bill(deed, bill)
            elif living:
                self.removed |= change_payment(self.company, living[0], deed.what)

    def _on_bill(self, deed: Deed, bill: Record) -> None:
        change_bill(self.company, bill, deed.what)
        if deed.what is Act.EDIT_BILL:
            self.edits.append((self.now, bill.id))
        elif deed.what is Act.MOVE_DUE:
            self.lane.deciders.changed(bill.id)

    async def _calm(self) -> float:
        """Nothing goes wrong any more, and QuickBooks has carried out all that it still had. When that was."""
        self.driver.fate.is_over = True
        self.lane.is_redis_lost = False
        while not await self.driver.until(lambda: not self.machines.witness.is_late(self.lane.realm_id), within=WITHIN):
            self.faults.append("a late request was never carried out")
        if self.machines.is_revoked(self.lane.realm_id) or await self.lane.is_disconnected():
            await self.lane.reconnect()
        return self.now

    def _is_at_rest(self) -> bool:
        """Every action is answered, and what is confirmed verified."""
        return all(rests(row) for row in self.driver.rows.values())


async def play(lane: Lane, plan: Plan) -> Ending:
    """One history from its first click to its rest."""
    draw = random.Random(f"fate:{plan.seed}")  # noqa: S311 - a schedule, not a secret
    fate = Fate(draw, set(plan.points), death=plan.death, cut=plan.cut, stall=plan.stall)
    return await Story(lane, plan, Driver(lane, fate, plan.key)).play()
