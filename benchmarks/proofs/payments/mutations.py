"""Engines broken on purpose, one guard each: the histories must find every one, or they prove nothing. The product has no switch for it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import func, text, update

from benchmarks.proofs.payments import driving, town
from benchmarks.proofs.payments.plan import Kind
from infra.actions import accept, answering, claim, edges, evidence, resolving, sending, settling, verifying
from infra.actions.answering import Sent
from infra.actions.classify import Reading
from infra.actions.edges import Change
from infra.actions.judging import Next
from infra.actions.models import ActionIntent
from infra.actions.rail import AnswerKind
from infra.actions.spec import Go, NotThere
from infra.actions.states import ActionState
from infra.actions.workshop import Held
from infra.qbo.simulator.behaviour import DEFAULT, Behaviour
from runway.orchestrators.last_word import LastWord

Patch = tuple[Any, str, Callable[[Any], Any]]
"""Where, which name, and what takes its place, made from the true one."""

IGNORES_IDS: Final = replace(DEFAULT, requestid_replay="ignored")
SOON_IN_DOUBT: Final = Kind(longest_late=40, stall=0.0, doubtful=True, keeps_payments=True)
"""On books that do not know request ids, what comes late must come before a replay, and nobody may remove it before it is found:
nobody could tell otherwise."""

_DECIDING: Final = Kind(deciding=1.0)

_S = ActionState


@dataclass(frozen=True)
class Mutation:
    """`found_by`: the kind of wrong that must be seen, of `Outcome`; empty: any. `histories`: within so many."""

    patches: tuple[Patch, ...]
    histories: int = 150
    found_by: str = ""
    kind: Kind = Kind()  # noqa: RUF009 - frozen
    behaviour: Behaviour = DEFAULT
    without_trigger: str = ""


def _drawn_anew(true: Any) -> Any:
    return lambda **given: true(**{**given, "request_id": str(uuid4())})


def _sent_first(_true: Any) -> Any:
    async def send(shop: Any, held: Held, rail: Any, *, go: Go) -> Held | None:
        kind, began = evidence.kind_of_send(held.row), shop.clock.now()
        answer = await sending._write(shop, held, rail, began=began)  # noqa: SLF001 - broken on purpose
        async with shop.uow([held.row.business_id]) as uow:
            started = await edges.move(uow, held.row, sending._start(shop, held, go, kind=kind))  # noqa: SLF001
        if started is None:
            return None
        held.row = started
        return await answering.take_answer(shop, held, rail, Sent(answer, kind, began))

    return send


def _with_spec(**changes: Callable[[Any], Any]) -> Patch:
    def make(true: Mapping[str, Any]) -> Any:
        spec = true["pay_bills"]
        return {
            **true,
            "pay_bills": replace(spec, **{name: change(getattr(spec, name)) for name, change in changes.items()}),
        }

    return town, "ACTION_SPECS", make


def _always_go(_true: Any) -> Any:
    async def preflight(_look: Any, _intent: Any) -> Go:
        return Go()

    return preflight


def _unguarded(true: Any) -> Any:
    return lambda meaning: [replace(target, is_guarded=False) for target in true(meaning)]


def _never_found(_true: Any) -> Any:
    async def find_mark(_look: Any, _intent: Any) -> NotThere:
        return NotThere()

    return find_mark


def _doubt_read_as(reading: Reading) -> Callable[[Any], Any]:
    def make(true: Any) -> Any:
        def read(answer: Any, **more: Any) -> Reading:
            is_first = not more["ever_ambiguous"]
            return reading if answer.kind is AnswerKind.DOUBTFUL and is_first else true(answer, **more)

        return read

    return make


def _not_sent_at_death(true: Any) -> Any:
    async def recover(uow: Any, row: ActionIntent) -> ActionIntent | None:
        if row.state == _S.SENDING.value and not row.ever_ambiguous:
            left = {**edges.NO_PROGRESS, "due_at": func.clock_timestamp()}
            return await edges.move(uow, row, Change(_S.RETRY_WAIT, "lease_over", left))
        recovered: ActionIntent | None = await true(uow, row)
        return recovered

    return recover


def _without_fence(_true: Any) -> Any:
    async def write(session: Any, row: ActionIntent, values: Mapping[str, Any]) -> ActionIntent | None:
        statement = (
            update(ActionIntent)
            .where(ActionIntent.business_id == row.business_id, ActionIntent.id == row.id)
            .values(**values)
            .returning(ActionIntent)
            .execution_options(synchronize_session=False, populate_existing=True)
        )
        written: ActionIntent | None = (await session.execute(statement)).scalar_one_or_none()
        return written

    return write


def _replay_at_once(_true: Any) -> Any:
    return lambda _finding, doubt, timing: Next.REPLAY if doubt.replays < timing.most_replays else Next.WAIT


def _no_look(_true: Any) -> Any:
    async def go(*_given: Any) -> Go:
        return Go()

    return go


def _any_echo(_true: Any) -> Any:
    return lambda _held, payload: str(payload["Id"])


def _closes_lines(true: Any) -> Any:
    async def write(shop: Any, held: Held, rail: Any, **more: Any) -> Any:
        async with shop.uow([held.row.business_id]) as uow:
            await uow.session.execute(
                text("UPDATE action_line SET is_open = false WHERE intent_id = :id"), {"id": held.row.id}
            )
        return await true(shop, held, rail, **more)

    return write


def _believes_refusals(true: Any) -> Any:
    def read(answer: Any, *, manner: Any, ever_ambiguous: bool) -> Reading:
        is_doubted = ever_ambiguous and answer.kind is not AnswerKind.REFUSED
        reading: Reading = true(answer, manner=manner, ever_ambiguous=is_doubted)
        return reading

    return read


def _with_reason(true: Any) -> Any:
    def unfinished(*given: Any, **more: Any) -> Change:
        change: Change = true(*given, **more)
        if change.to is not _S.FAILED:
            return change
        return replace(change, values={**change.values, "release_reason": "refused"})

    return unfinished


def _verified_unseen(_true: Any) -> Any:
    async def verify(shop: Any, held: Held) -> None:
        async with shop.uow([held.row.business_id]) as uow:
            await edges.move(
                uow, held.row, Change(_S.CONFIRMED, "verified", {"verifications": held.row.verifications + 1})
            )

    return verify


def _unasked(_true: Any) -> Any:
    async def say(*_given: Any) -> None:
        return None

    return say


def _keeps_nothing(true: Any) -> Any:
    async def bring(uow: Any, rail: Any, row: Any, **more: Any) -> None:
        if row.state != _S.CLAIMED.value:
            await true(uow, rail, row, **more)

    return bring


def _no_sweep(_true: Any) -> Any:
    async def sweep(*_given: Any, **_more: Any) -> int:
        return 0

    return sweep


def _key_anew(true: Any) -> Any:
    async def request(shop: Any, uow: Any, asked: Any) -> Any:
        return await true(shop, uow, replace(asked, client_key=f"{asked.client_key[:24]}{uuid4().hex[:8]}"))

    return request


def _never_late(_true: Any) -> Any:
    return lambda _held, _timing: False


_LIARS: Final = Kind(lies=1.0)
_IN_DOUBT: Final = Kind(doubtful=True)

MUTATIONS: Final[dict[str, Mutation]] = {
    "a request id is drawn for each send": Mutation(
        ((sending, "Write", _drawn_anew),), found_by="duplicates", kind=_IN_DOUBT
    ),
    "the intention is written after the call": Mutation(((sending, "send", _sent_first),)),
    "nothing is read before a payment": Mutation((_with_spec(preflight=_always_go),)),
    "bills are not guarded": Mutation((_with_spec(targets=_unguarded),)),
    "a doubtful answer is a failure": Mutation(
        ((answering, "read_answer", _doubt_read_as(Reading(_S.FAILED))),), found_by="wrongly_told"
    ),
    "a doubtful answer was not executed": Mutation(
        ((answering, "read_answer", _doubt_read_as(Reading(_S.RETRY_WAIT, was_not_executed=True))),), kind=_IN_DOUBT
    ),
    "a crash is taken as not sent": Mutation(
        ((claim, "_recover", _not_sent_at_death),), kind=Kind(calm=True, dies_sending=True)
    ),
    "the fence is not compared": Mutation(((edges, "_update", _without_fence),), kind=Kind(stall=1.0)),
    "a replay comes at once and unseen, on books that ignore request ids": Mutation(
        ((resolving, "judge", _replay_at_once), (resolving, "_look_before_replay", _no_look)),
        found_by="duplicates",
        kind=SOON_IN_DOUBT,
        behaviour=IGNORES_IDS,
    ),
    "what was recorded is not compared": Mutation(
        ((settling, "check_echo", _any_echo),), found_by="wrongly_told", kind=_LIARS
    ),
    "bills are let go when the payment is sent": Mutation(
        ((sending, "_write", _closes_lines),), without_trigger="keeps_order"
    ),
    "a refusal after a doubt is a failure": Mutation(
        ((answering, "read_answer", _believes_refusals), (answering, "unfinished", _with_reason)),
        histories=400,
        found_by="wrongly_told",
        kind=replace(_LIARS, doubtful=True),
    ),
    "what was confirmed is not read": Mutation(
        ((verifying, "verify", _verified_unseen),), found_by="wrongly_told", kind=_LIARS
    ),
    "nobody has a last word": Mutation(((LastWord, "say", _unasked),), found_by="disallowed", kind=_DECIDING),
    "the last word is said on the books as they were": Mutation(
        ((settling, "bring", _keeps_nothing),), histories=400, found_by="disallowed", kind=_DECIDING
    ),
    "nobody sweeps": Mutation(((driving, "sweep", _no_sweep),), found_by="stuck"),
    "a key is not remembered": Mutation(((accept, "request", _key_anew),)),
    "marks are not looked for, on books that ignore request ids": Mutation(
        (_with_spec(find_mark=_never_found),), kind=SOON_IN_DOUBT, behaviour=IGNORES_IDS
    ),
    "a sleeper sends late, on books that ignore request ids": Mutation(
        ((Held, "is_too_late_to_send", _never_late),),
        histories=400,
        found_by="duplicates",
        kind=replace(SOON_IN_DOUBT, stall=1.0),
        behaviour=IGNORES_IDS,
    ),
}


@contextmanager
def broken(mutation: Mutation) -> Iterator[None]:
    """The engine without that guard for as long as the block runs."""
    with ExitStack() as stack:
        for where, name, make in mutation.patches:
            true = getattr(where, name)
            setattr(where, name, make(true))
            stack.callback(setattr, where, name, true)
        yield
