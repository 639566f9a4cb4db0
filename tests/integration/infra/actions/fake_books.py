"""A rail for the state machine alone: books in memory, and a script of what goes wrong. What QuickBooks does is the simulator's to say."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from infra import exact_json
from infra.actions.rail import ActionRail, AnswerKind, Payload, RailLook, Rails, SendStage, Write, WriteAnswer
from infra.actions.spec import (
    ActionSpec,
    Adopt,
    EchoDiffers,
    EchoVoid,
    Finding,
    Found,
    Go,
    Intent,
    Manner,
    Meaning,
    NotThere,
    Refuse,
    Target,
    Verdict,
)
from infra.config import Rail
from infra.errors import InvalidInput

PAY, RENAME, VOID = "test_pay", "test_rename", "test_void"
_NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)

Trouble = Callable[["FakeBooks", Write], Awaitable[WriteAnswer]]


def answer(kind: AnswerKind, *, stage: SendStage = SendStage.BODY, **more: Any) -> WriteAnswer:
    return WriteAnswer(kind, stage, _NOON, **more)


@dataclass
class FakeBooks(ActionRail):
    """`script` says what becomes of each write in turn; without one it is done. `reads` fails every look while it holds an error."""

    bills: dict[str, Decimal] = field(default_factory=lambda: {"1": Decimal(100), "2": Decimal(50)})
    payments: dict[str, Payload] = field(default_factory=dict)
    names: dict[str, Payload] = field(default_factory=lambda: {"9": {"Id": "9", "Name": "old", "SyncToken": 0}})
    by_request: dict[str, str] = field(default_factory=dict)
    script: list[Trouble] = field(default_factory=list)
    reads: Exception | None = None
    writes: list[Write] = field(default_factory=list)
    looks: int = 0
    checks: list[bool] = field(default_factory=list)  # of each time that it was reached, whether only to look again
    kept: list[tuple[str, str]] = field(default_factory=list)
    is_hidden: bool = False  # what is there is not shown

    async def read(self, entity: str, external_id: str) -> Payload | None:
        self.looks += 1
        await asyncio.sleep(0)
        if self.reads is not None:
            raise self.reads
        match entity:
            case "Payment":
                return None if self.is_hidden else self.payments.get(external_id)
            case "Bill":
                return {"Id": external_id, "Balance": self.bills[external_id]}
            case _:
                return dict(self.names[external_id])

    async def find(self, entity: str, *conditions: str) -> list[Payload]:
        del entity
        self.looks += 1
        if self.reads is not None:
            raise self.reads
        return [] if self.is_hidden else [one for one in self.payments.values() if one["Mark"] in conditions]

    async def write(self, request: Write) -> WriteAnswer:
        self.writes.append(request)
        await asyncio.sleep(0)
        return await (self.script.pop(0) if self.script else FakeBooks.done)(self, request)

    async def keep(
        self,
        session: AsyncSession,
        seen: Mapping[str, Sequence[Payload]],
        *,
        fetched_at: datetime,
        actor: str,
        request_id: str,
    ) -> None:
        del session, fetched_at, actor, request_id
        self.kept += [
            (entity, str(payload.get("Id"))) for entity, payloads in sorted(seen.items()) for payload in payloads
        ]

    def execute(self, request: Write) -> Payload:
        """As a rail does that honours request ids."""
        if request.entity == "Name":
            return self.rename(exact_json.loads(request.body))
        if request.options:
            return self.void(exact_json.loads(request.body)["Id"])
        if request.request_id not in self.by_request:
            payment = {**exact_json.loads(request.body), "Id": str(1000 + len(self.payments))}
            self.payments[payment["Id"]] = payment
            self.by_request[request.request_id] = payment["Id"]
            self.bills[payment["Bill"]] -= payment["Amount"]
        return self.payments[self.by_request[request.request_id]]

    def void(self, payment: str) -> Payload:
        self.payments[payment]["Void"] = True
        return self.payments[payment]

    def rename(self, body: Payload) -> Payload:
        held = self.names[body["Id"]]
        self.names[body["Id"]] = {**held, "Name": body["Name"], "SyncToken": held["SyncToken"] + 1}
        return self.names[body["Id"]]

    async def done(self, request: Write) -> WriteAnswer:
        if request.entity == "Name" and exact_json.loads(request.body)["SyncToken"] != self.names["9"]["SyncToken"]:
            return answer(AnswerKind.STALE, code="5010")
        return answer(AnswerKind.DONE, payload=self.execute(request), status=200, trace_id="tid-1")

    async def lost_answer(self, request: Write) -> WriteAnswer:
        self.execute(request)
        return answer(AnswerKind.DOUBTFUL, stage=SendStage.SENT)

    async def lost_request(self, _request: Write) -> WriteAnswer:
        return answer(AnswerKind.DOUBTFUL, stage=SendStage.SENT)


def saying(kind: AnswerKind, **more: Any) -> Trouble:
    async def say(_books: FakeBooks, _request: Write) -> WriteAnswer:
        return answer(kind, **more)

    return say


def _targets(meaning: Meaning) -> Sequence[Target]:
    amount = Decimal(meaning["amount"])
    if amount <= 0:
        raise InvalidInput("The amount must be positive.")
    return [Target("Bill", meaning["bill"], amount)]


async def _preflight(rail: RailLook, intent: Intent) -> Verdict:
    bill = await rail.read("Bill", intent.meaning["bill"])
    own = await rail.find("Payment", intent.mark)
    if own:
        return Adopt(own[0])
    assert bill is not None
    if bill["Balance"] < intent.meaning["amount"]:
        return Refuse("already_paid", "Less is open than you want to pay.", {"balance": bill["Balance"]})
    return Go(seen={"balance": bill["Balance"]})


def _echo(intent: Intent, payload: Payload) -> str:
    if payload.get("Void") and payload["Mark"] == intent.mark:
        raise EchoVoid(str(payload["Id"]))
    if payload["Amount"] != intent.meaning["amount"] or payload["Mark"] != intent.mark:
        raise EchoDiffers(["Amount"])
    return str(payload["Id"])


async def _find(rail: RailLook, intent: Intent) -> Finding:
    found = await rail.find("Payment", intent.mark)
    if found:
        return Found(found[0], tuple(str(one["Id"]) for one in found[1:]))
    bill = await rail.read("Bill", intent.meaning["bill"])
    assert bill is not None
    return NotThere({"balance": bill["Balance"]}, is_impossible=bill["Balance"] < intent.meaning["amount"])


PAYING = ActionSpec(
    operation=PAY,
    rail=Rail.QBO,
    entity="Payment",
    manner=Manner.CREATE,
    targets=_targets,
    preflight=_preflight,
    check_echo=_echo,
    find_mark=_find,
    touched=lambda intent, _: {"Bill": [intent.meaning["bill"]]},
    build_body=lambda meaning, mark: {"Bill": meaning["bill"], "Amount": meaning["amount"], "Mark": mark},
    alike=lambda meaning: {"payee": meaning.get("payee"), "amount": meaning["amount"]},
)


async def _rename_preflight(rail: RailLook, intent: Intent) -> Verdict:
    held = await rail.read("Name", "9")
    assert held is not None
    if held["Name"] == intent.meaning["name"]:
        return Adopt(held)
    return Go({"Id": "9", "Name": intent.meaning["name"], "SyncToken": held["SyncToken"]})


async def _find_renamed(rail: RailLook, intent: Intent) -> Finding:
    held = await rail.read("Name", "9")
    assert held is not None
    if held["Name"] == intent.meaning["name"]:
        return Found(held)
    is_unmoved = intent.body is not None and held["SyncToken"] == intent.body["SyncToken"]
    return NotThere({"version": held["SyncToken"]}, is_unmoved=is_unmoved, is_impossible=not is_unmoved)


def _check_name(intent: Intent, payload: Payload) -> str:
    if payload["Name"] != intent.meaning["name"]:
        raise EchoDiffers(["Name"])
    return str(payload["Id"])


RENAMING = ActionSpec(
    operation=RENAME,
    rail=Rail.QBO,
    entity="Name",
    manner=Manner.CHANGE,
    targets=lambda _: [Target("Name", "9", Decimal(1))],
    preflight=_rename_preflight,
    check_echo=_check_name,
    find_mark=_find_renamed,
    touched=lambda *_: {},
)


async def _void_preflight(rail: RailLook, intent: Intent) -> Verdict:
    payment = await rail.read("Payment", intent.meaning["payment"])
    assert payment is not None
    return Adopt(payment) if payment.get("Void") else Go({"Id": payment["Id"]})


async def _find_void(rail: RailLook, intent: Intent) -> Finding:
    payment = await rail.read("Payment", intent.meaning["payment"])
    assert payment is not None
    return Found(payment) if payment.get("Void") else NotThere(is_unmoved=True)


VOIDING = ActionSpec(
    operation=VOID,
    rail=Rail.QBO,
    entity="Payment",
    manner=Manner.CHANGE,
    targets=lambda meaning: [Target("Payment", meaning["payment"], Decimal(1))],
    preflight=_void_preflight,
    check_echo=lambda _, payload: str(payload["Id"]),
    find_mark=_find_void,
    touched=lambda *_: {},
    options=lambda _: {"include": "void"},
    undoes=PAY,
)
SPECS: Mapping[str, ActionSpec] = {PAY: PAYING, RENAME: RENAMING, VOID: VOIDING}


def rails_of(books: FakeBooks) -> Rails:
    async def rail_of(business_id: UUID, *, is_check: bool = False) -> ActionRail:
        del business_id
        books.checks.append(is_check)
        return books

    return rail_of
