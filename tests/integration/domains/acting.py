"""A domain's action specs against a simulated company: the steps of the engine, one by one, without its memory."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from infra import exact_json
from infra.actions.rail import AnswerKind, Payload, Write, WriteAnswer
from infra.actions.spec import ActionSpec, Go, Intent, Meaning, Verdict
from infra.clock import SystemClock
from infra.errors import RailError
from infra.ids import new_id
from infra.qbo.action_rail import QBOActionRail
from infra.qbo.errors import QBOError, to_rail_error
from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.store import Record
from tests.integration.infra.qbo.telling import Teller, telling

NOW = datetime(2026, 3, 2, 18, 0, tzinfo=UTC)  # the simulator's clock stands there
MARK = "LP-ABCDEFGH23456789"


@dataclass
class Desk:
    """`rail` reaches the simulator over HTTP. What a spec sees of a meaning is what the database would give back."""

    teller: Teller
    rail: QBOActionRail
    lost: list[str]

    @property
    def company(self) -> Company:
        return self.teller.company

    def intent(self, spec: ActionSpec, meaning: Meaning, *, mark: str = MARK, **more: Any) -> Intent:
        kept = exact_json.loads(exact_json.dumps(meaning))
        body = None if spec.build_body is None else exact_json.loads(exact_json.dumps(spec.build_body(kept, mark)))
        intent = Intent(new_id(), new_id(), spec.operation, kept, mark, created_at=NOW, body=body, external_id=None)
        return replace(intent, **more)

    async def send(self, spec: ActionSpec, intent: Intent, *, go: Go | None = None) -> tuple[Intent, WriteAnswer]:
        """The request as the engine sends it; the intent has the body that a CHANGE was sent with."""
        if intent.body is None and go is not None:
            intent = replace(intent, body=exact_json.loads(exact_json.dumps(go.body)))
        write = Write(
            spec.entity,
            exact_json.dumps(intent.body),
            str(intent.id),
            spec.options(intent.meaning),
            spec.subpath(intent.meaning),
        )
        return intent, await self.rail.write(write)

    async def carry_out(self, spec: ActionSpec, intent: Intent) -> tuple[Intent, Payload]:
        """From the look to the echo, all going well."""
        verdict: Verdict = await spec.preflight(self.rail, intent)
        assert isinstance(verdict, Go), verdict
        intent, answer = await self.send(spec, intent, go=verdict)
        assert (answer.kind, answer.payload is None) == (AnswerKind.DONE, False), answer.words
        assert answer.payload is not None
        return replace(intent, external_id=spec.check_echo(intent, answer.payload)), answer.payload

    def balance(self, record: Record) -> Any:
        """What the books show as open, a number."""
        return record.body["Balance"]


@asynccontextmanager
async def acting(redis_url: str) -> AsyncIterator[Desk]:
    lost: list[str] = []

    async def kind_of(error: QBOError, _began_at: datetime) -> RailError:
        return to_rail_error(error)

    async def on_lost(words: str, _began_at: datetime) -> None:
        lost.append(words)

    async with telling(redis_url) as teller:
        rail = QBOActionRail(
            new_id(), books=teller.client(), specs={}, clock=SystemClock(), kind_of=kind_of, on_lost=on_lost
        )
        yield Desk(teller, rail, lost)
