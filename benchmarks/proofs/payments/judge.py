"""Was it right? Judged by what QuickBooks has, and what the people were told; our tables only say what we believe."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import UUID

from benchmarks.proofs.payments.deciding import Send, is_forbidden
from benchmarks.proofs.payments.endings import Ending
from benchmarks.proofs.payments.town import Lane
from benchmarks.proofs.payments.witness import Seen
from infra.actions.states import EDGES, ActionState

FIVE_MINUTES = 300
_GIVEN_UP_AFTER_QUIET = "closed_elsewhere"

_LOG = """
SELECT entity_id, version, transaction_type AS event, snapshot->>'state' AS state, (snapshot->>'fence')::int AS fence, recorded_at
FROM action_transaction_log WHERE business_id = %s AND entity_id = ANY(%s) ORDER BY entity_id, version
"""


@dataclass
class Verdict:
    """One history's. Each kind of wrong is told in words; what is only counted has numbers."""

    seed: int
    duplicates: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    wrongly_told: list[str] = field(default_factory=list)
    disallowed: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    """Simulated ones, from the calm to each outcome that could be known."""

    @property
    def wrongs(self) -> list[str]:
        return [*self.duplicates, *self.lost, *self.stuck, *self.wrongly_told, *self.disallowed, *self.broken]


@dataclass(frozen=True)
class _Logged:
    version: int
    event: str
    state: str
    fence: int
    at: float


async def judge(lane: Lane, ending: Ending) -> Verdict:
    """After everything came to rest."""
    verdict = Verdict(ending.plan.seed)
    verdict.broken += ending.faults
    logs = await _logs(lane, list(ending.rows))
    marks = {row.get("mark"): row for row in ending.rows.values() if row}
    _judge_keys(ending, verdict)
    for intent_id, row in ending.rows.items():
        if not row:
            verdict.lost.append(f"action {intent_id} was never seen")
            continue
        _judge_books(lane, ending, row, verdict)
        _judge_log(row, logs[intent_id], verdict)
        _judge_rights(ending, row, logs[intent_id], verdict)
        _measure(ending, row, logs[intent_id], verdict)
    verdict.stuck += [f"{_name(ending.rows[each])} is still {ending.rows[each].get('state')}" for each in ending.stuck]
    _judge_guards(ending, logs, verdict)
    _judge_sight(ending, logs, verdict)
    for seen in lane.machines.witness.unmarked.pop(lane.realm_id, []):
        verdict.duplicates.append(f"payment {seen.id} was recorded by us and carries no mark")
    for mark in set(lane.watched.sent) - set(marks):
        verdict.lost.append(f"something was sent with the mark {mark}, and no action has it")
    verdict.counts += Counter(f"died at {name}" for name in ending.fate.deaths.elements())
    verdict.counts["stalls"] += ending.fate.stalls
    verdict.counts.update(f"told: {told.refusal}" for told in ending.told if told.refusal)
    return verdict


def _name(row: dict[str, Any]) -> str:
    return f"action {row.get('id')} ({row.get('mark')})"


async def _logs(lane: Lane, intents: Sequence[UUID]) -> dict[UUID, list[_Logged]]:
    cursor = await lane.root.execute(_LOG, (lane.business_id, list(intents)))
    logs: dict[UUID, list[_Logged]] = {intent_id: [] for intent_id in intents}
    for row in await cursor.fetchall():
        at = lane.time.of(row["recorded_at"].timestamp())
        logs[row["entity_id"]].append(_Logged(row["version"], row["event"], row["state"], row["fence"], at))
    return logs


def _judge_keys(ending: Ending, verdict: Verdict) -> None:
    """One key is one action, whoever asks how often."""
    by_key = Counter(row.get("client_key") for row in ending.rows.values())
    verdict.duplicates += [f"the key {key} stands for {count} actions" for key, count in by_key.items() if count > 1]
    known = {row.get("client_key"): intent_id for intent_id, row in ending.rows.items()}
    for told in ending.told:
        if told.intent_id is not None and known.get(ending.plan.key_of(told.form)) != told.intent_id:
            verdict.lost.append(f"form {told.form} was told of action {told.intent_id}, which does not stand for it")


def _judge_books(lane: Lane, ending: Ending, row: dict[str, Any], verdict: Verdict) -> None:
    witness, name, state = lane.machines.witness, _name(row), row["state"]
    created = witness.created[row["mark"]]
    living = [seen for seen in created if witness.is_living(seen)]
    if len(created) > 1:
        verdict.duplicates.append(f"{name} was recorded {len(created)} times: {[seen.id for seen in created]}")
    match state:
        case "confirmed":
            verdict.wrongly_told += _wrongs_of_confirmed(ending, row, created, is_living=bool(living))
        case "failed" | "cancelled" if living:
            verdict.wrongly_told.append(
                f"{name} is {state} ({row['outcome_code']}), and payment {living[0].id} is in the books"
            )
        case "needs_review":
            verdict.stuck.append(f"{name} is in review still")
    if (reviewed := ending.reviews.get(row["id"])) is not None:
        verdict.counts[f"review, {reviewed}"] += 1
        if reviewed in _SEEN_BY_ANYBODY:
            verdict.wrongly_told.append(f"{name} was given to a person though it could be seen")
    verdict.counts[state] += 1


def _wrongs_of_confirmed(ending: Ending, row: dict[str, Any], created: Sequence[Seen], *, is_living: bool) -> list[str]:
    name, ids = _name(row), {seen.id for seen in created}
    if not created:
        return [f"{name} is confirmed, and nobody ever recorded it"]
    if row["external_id"] not in ids:
        return [f"{name} is confirmed as {row['external_id']}; it is {created[0].id}"]
    if not is_living and not ids & ending.removed:
        return [f"{name} is confirmed, and is gone though nobody removed it"]
    return [] if _is_as_meant(row, created[0].body) else [f"{name} was recorded as something else"]


def _is_as_meant(row: dict[str, Any], body: dict[str, Any]) -> bool:
    meant = sum(Decimal(str(line["amount"])) for line in row["meaning"]["bills"])
    return Decimal(str(body["TotalAmt"])) == meant


def _judge_log(row: dict[str, Any], log: Sequence[_Logged], verdict: Verdict) -> None:
    name = _name(row)
    if [each.version for each in log] != list(range(1, row["version"] + 1)):
        verdict.broken.append(f"{name} has version {row['version']}, its log {[each.version for each in log]}")
        return
    if log[-1].state != row["state"]:
        verdict.broken.append(f"{name} is {row['state']}; its log says {log[-1].state}")
    for before, after in pairwise(log):
        is_edge = before.state == after.state or after.state in EDGES[ActionState(before.state)]
        if not is_edge or after.fence < before.fence:
            verdict.broken.append(f"{name}: {before.state} ({before.fence}) became {after.state} ({after.fence})")


def _judge_rights(ending: Ending, row: dict[str, Any], log: Sequence[_Logged], verdict: Verdict) -> None:
    """Nothing leaves after it was forbidden: what people said before the last moment at which it could be held back counts."""
    bills = frozenset(line["bill"] for line in row["meaning"]["bills"])
    for before, after in pairwise(log):
        if after.event != "send_started" or before.state != ActionState.CLAIMED.value:
            continue  # it may have been executed already: then it is not asked any more
        verdict.counts["sent where an approval could be taken back"] += ending.plan.is_deciding
        if is_forbidden(Send(bills, taken_at=before.at, at=after.at), ending.words):
            verdict.disallowed.append(f"{_name(row)} was sent, and people had forbidden it before")
    verdict.counts["held back"] += sum(each.event == "held" for each in log)


def _measure(ending: Ending, row: dict[str, Any], log: Sequence[_Logged], verdict: Verdict) -> None:
    """How soon it was settled once QuickBooks could answer; what only half an hour of quiet proves, or a person, counts apart."""
    if any(each.event == "held" for each in log):  # it waited for people
        return
    if row["id"] in ending.reviews:
        verdict.counts["settled by a person"] += 1
        return
    if row["release_reason"] == _GIVEN_UP_AFTER_QUIET or any(each.event == "released" for each in log):
        verdict.counts["given up after half an hour of quiet"] += 1
        return
    settled = next((each.at for each in log if each.state in _SETTLED), None)
    if settled is not None:
        verdict.seconds.append(max(0.0, settled - ending.calm_at))


_SEEN_BY_ANYBODY = frozenset({"unproved: it is there", "gone: it is there"})
_SETTLED = frozenset({"confirmed", "failed", "cancelled"})


def _judge_guards(ending: Ending, logs: dict[UUID, list[_Logged]], verdict: Verdict) -> None:
    """While one action has a bill, no other is begun on it (I1)."""
    spans: list[tuple[float, float | None, str, set[str]]] = []
    for intent_id, row in ending.rows.items():
        log = logs[intent_id]
        if row and log:
            ended = next((each.at for each in log if each.state in _SETTLED), None)
            spans.append((log[0].at, ended, _name(row), {line["bill"] for line in row["meaning"]["bills"]}))
    spans.sort(key=lambda span: span[0])
    for number, (_, ended, name, bills) in enumerate(spans):
        for begun, _, other, theirs in spans[number + 1 :]:
            if bills & theirs and (ended is None or begun < ended):
                verdict.broken.append(f"{other} was begun while {name} had the same bill (I1)")


def _judge_sight(ending: Ending, logs: dict[UUID, list[_Logged]], verdict: Verdict) -> None:
    """Nobody pays a bill that is another than they saw, unless it became so after the last look."""
    for at, bill in ending.edits:
        for intent_id, row in ending.rows.items():
            if not row or row["state"] != "confirmed" or bill not in {line["bill"] for line in row["meaning"]["bills"]}:
                continue
            if at < logs[intent_id][0].at:
                verdict.wrongly_told.append(
                    f"{_name(row)} paid bill {bill} though it was changed before it was asked for"
                )
