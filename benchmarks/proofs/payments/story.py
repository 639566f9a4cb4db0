"""Plays one history in a lane, lets everything come to rest, and takes down how it ended."""

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any, Final
from uuid import UUID

from benchmarks.proofs.payments.driving import Driver
from benchmarks.proofs.payments.fates import CURRENT, Fate, Killed
from benchmarks.proofs.payments.plan import Act, Deed, Plan
from benchmarks.proofs.payments.town import Lane, Machines
from domains.ap.models import PayType
from domains.ap.pay_bills import PAY_BILLS, PaidBill, PayBills
from infra.actions.errors import FoundAfterAll, TooLate
from infra.actions.spec import ActionRequest, Meaning
from infra.errors import OodalooError
from infra.ids import new_id
from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.store import Record
from infra.qbo.simulator.faults import ServiceFault
from infra.qbo.simulator.files.demo_company import profile
from infra.qbo.simulator.files.demo_company.books import expense_line, linked_line, ref
from infra.qbo.simulator.trouble.rules import read_rules

REST_WITHIN = 75 * 60.0
"""Seconds of the lane's time from the calm on until an action that is still open counts as stuck."""

WITHIN: Final = 4 * 3600.0

_RESTING = frozenset({"confirmed", "failed", "cancelled", "needs_review"})
_TRIES = 4


@dataclass
class Told:
    """An answer to a form: the action that stands for it, or why there is none."""

    form: int
    at: float
    intent_id: UUID | None = None
    refusal: str = ""


@dataclass
class Ending:
    """How a history ended. `rows` are the actions as the database has them, by id."""

    plan: Plan
    calm_at: float
    rows: dict[UUID, dict[str, Any]]
    told: list[Told]
    edits: list[tuple[float, str]]
    bills: list[str]
    reviews: dict[UUID, str]
    stuck: list[UUID]
    removed: set[str]
    fate: Fate
    faults: list[str]


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
        began = self.now
        for deed in plan.deeds:
            self.driver.at(began + deed.at, partial(self._do, deed))
        for number, spell in enumerate(plan.spells):
            self.driver.at(began + spell.starts, partial(self._begin_trouble, number))
            self.driver.at(began + spell.ends, partial(self._end_trouble, number))
        await self.driver.until(lambda: not self.driver.events and self.now >= began + plan.ends_at, within=WITHIN)
        calm_at = await self._calm()
        is_at_rest = await self.driver.until(self._is_at_rest, within=REST_WITHIN)
        stuck = [] if is_at_rest else [each for each, row in self.driver.rows.items() if not _rests(row)]
        reviews = await self._look_once_more()
        await self._leave()
        lane.fate = None
        faults = [*self.faults, *lane.watched.faults, *(f"a step raised {what}" for what in lane.raised)]
        bills = [bill.id for bill in self.bills]
        return Ending(
            plan, calm_at, self.driver.rows, self.told, self.edits, bills, reviews, stuck, self.removed, self.driver.fate, faults
        )  # fmt: skip

    def _enter_bills(self) -> None:
        company = self.company
        self.vendor = company.create("Vendor", {"DisplayName": f"Vendor {self.plan.key}"}).id
        for total in self.plan.totals:
            body = {"VendorRef": ref(self.vendor), "Line": [expense_line(profile.UTILITIES, total)]}
            self.bills.append(company.create("Bill", body))
        self._settled()
        self.forms = [self._meaning(form.bills, form.shares) for form in self.plan.forms]

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
            case _:
                with suppress(ServiceFault):
                    self._in_quickbooks(deed)
                self._settled()

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
            actor="user:proof",
            request_id=str(new_id()),
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
        try:
            async with self.machines.uow([self.lane.business_id]) as uow:
                await self.lane.engines[0].cancel(
                    uow, self.lane.business_id, known, actor="user:proof", request_id="cancel"
                )
        except (Killed, TooLate):
            return

    def _in_quickbooks(self, deed: Deed) -> None:
        """Somebody at QuickBooks' own screens; refused by it, nothing happens."""
        company, bill = self.company, self.bills[deed.bill]
        if bill.id not in company.stores["Bill"].records:
            return
        payments = [each for marked in self._marks() for each in self.machines.witness.created[marked]]
        living = [each for each in payments if self.machines.witness.is_living(each)]
        match deed.what:
            case Act.EDIT_BILL:
                total = Decimal(str(bill.body["TotalAmt"])) + Decimal(5)
                company.update("Bill", {**bill.body, "Line": [expense_line(profile.UTILITIES, total)]})
                self.edits.append((self.now, bill.id))
            case Act.NOTE_BILL:
                company.update("Bill", {**bill.body, "PrivateNote": "looked at"})
            case Act.DELETE_BILL:
                company.delete("Bill", bill.body)
            case Act.PAY_ELSEWHERE:
                self._pay_elsewhere(bill)
            case Act.REMOVE_PAYMENT | Act.VOID_PAYMENT if living:
                record = company.stores["BillPayment"].records[living[0].id]
                self.removed.add(record.id)
                (company.delete if deed.what is Act.REMOVE_PAYMENT else company.void)("BillPayment", record.body)
            case Act.NOTE_PAYMENT if living:
                record = company.stores["BillPayment"].records[living[0].id]
                note = f"{record.body.get('PrivateNote', '')} seen"
                company.update("BillPayment", {**record.body, "PrivateNote": note})

    def _pay_elsewhere(self, bill: Record) -> None:
        still_open = Decimal(str(bill.body.get("Balance", 0)))
        if still_open <= 0:
            return
        self.company.create(
            "BillPayment",
            {
                "VendorRef": ref(self.vendor),
                "PayType": "Check",
                "CheckPayment": {"BankAccountRef": ref(profile.CHECKING)},
                "TotalAmt": still_open,
                "Line": [linked_line(still_open, to=bill.id, kind="Bill")],
            },
        )

    def _marks(self) -> list[str]:
        return [mark for mark in self.lane.watched.sent if mark]

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
        return all(_rests(row) for row in self.driver.rows.values())

    async def _look_once_more(self) -> dict[UUID, str]:
        """What was given up in doubt is watched for days, and a review is looked at each hour: that hour is over now.

        Then the people: they look into the books, and say what they find. The answers by action.
        """
        doubtful = {each: row["fence"] for each, row in self.driver.rows.items() if _is_doubtful(row)}
        if doubtful:
            await self._due_now(list(doubtful))
            looked = await self.driver.until(
                lambda: (
                    all(self.driver.rows[each]["fence"] > fence for each, fence in doubtful.items())
                    and self._is_at_rest()
                ),
                within=3600,
            )
            if not looked:
                self.faults.append("a look that was due was not made")
        reviews = {}
        for each in doubtful:
            if self.driver.rows[each]["state"] == "needs_review":
                reviews[each] = await self._review(each)
        if reviews:
            await self.driver.until(self._is_at_rest, within=600)
        return reviews

    async def _review(self, intent_id: UUID) -> str:
        row, engine = self.driver.rows[intent_id], self.lane.engines[0]
        living = [each for each in self.machines.witness.created[row["mark"]] if self.machines.witness.is_living(each)]
        try:
            if living:
                await engine.review_found(
                    self.lane.business_id, intent_id, external_id=living[0].id, actor="user:proof", request_id="review"
                )
                return f"{row['outcome_code']}: it is there"
            await engine.review_not_there(self.lane.business_id, intent_id, actor="user:proof", request_id="review")
        except FoundAfterAll:
            return f"{row['outcome_code']}: found after all"
        except OodalooError as error:
            self.faults.append(f"a person's word was refused: {error}")
        return f"{row['outcome_code']}: not there"

    async def _due_now(self, intents: Sequence[UUID]) -> None:
        await self._as_owner(
            "UPDATE action_intent SET due_at = clock_timestamp() WHERE id = ANY(%s) AND due_at IS NOT NULL", intents
        )

    async def _leave(self) -> None:
        """Nobody watches this history any longer."""
        await self._as_owner("UPDATE action_intent SET due_at = NULL WHERE id = ANY(%s)", list(self.driver.rows))

    async def _as_owner(self, statement: str, intents: Sequence[UUID]) -> None:
        root = self.lane.root
        async with root.transaction():
            await root.execute("SET LOCAL session_replication_role = replica")
            await root.execute(statement, (list(intents),))


def _rests(row: dict[str, Any]) -> bool:
    if row["state"] not in _RESTING or row["lease_until"] is not None:
        return False
    return row["state"] != "confirmed" or bool(row["verifications"]) or row["reversed_at"] is not None


def _is_doubtful(row: dict[str, Any]) -> bool:
    return bool(row["state"] == "needs_review" or (row["state"] == "failed" and row["ever_ambiguous"]))


async def play(lane: Lane, plan: Plan) -> Ending:
    """One history from its first click to its rest."""
    draw = random.Random(f"fate:{plan.seed}")  # noqa: S311 - a schedule, not a secret
    fate = Fate(draw, set(plan.points), death=plan.death, cut=plan.cut, stall=plan.stall)
    return await Story(lane, plan, Driver(lane, fate, plan.key)).play()
