"""Announcements by the thousand, forged, replayed, doubled, reordered and lost, in both forms: what is not Intuit's is refused and
leaves nothing, and the mirror ends as the books are.
"""

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid4

from sqlalchemy import select, text

from benchmarks.companies import TOKENS, ConnectedCompany, Town, open_town
from benchmarks.proofs.seeds import told_seed
from benchmarks.report import Measure, ProofResult, at_least, at_most, reported
from benchmarks.rig import open_shown_rig
from infra import exact_json
from infra.clock import SystemClock
from infra.config import Rail
from infra.embedded.servers import ServerAddresses
from infra.jobs.execution import execute
from infra.jobs.outbox import OutboxRow
from infra.jobs.webhook_inbox import WebhookEvent
from infra.qbo.simulator.files.generator import generate_large
from infra.qbo.simulator.files.large_company import LargeCompany
from infra.qbo.simulator.webhooks.events import Event, cloud_body, legacy_body, sign
from infra.qbo.webhooks import SIGNATURE_HEADER, read_events
from infra.sync.freshness import SyncStrategy
from runway.jobs import JOBS
from runway.orchestrators.qbo_webhooks import WEBHOOKS_JOB

_PATH = "/api/v1/webhooks/qbo"
_EDITED = ("Bill", "Invoice", "Vendor", "Customer", "Payment", "BillPayment", "Account")
_WORK_EVERY = 250  # requests


@dataclass
class Storm:
    sent: int = 0
    forged: int = 0
    forged_accepted: int = 0
    forged_stored: int = 0
    genuine: int = 0
    genuine_refused: int = 0
    stored: int = 0
    true_events: int = 0
    most_waiting_jobs: int = 0
    differing_before_schedule: int = 0
    differing: int = 0
    broken_histories: int = 0
    calls: int = 0
    seconds: list[float] = field(default_factory=list)

    def percentile(self, share: float) -> float:
        return sorted(self.seconds)[min(len(self.seconds) - 1, int(len(self.seconds) * share))] * 1000


@dataclass(frozen=True)
class _Message:
    body: bytes
    signature: str | None
    is_forged: bool


async def run(*, requests: int, seed: int | None = None) -> ProofResult:
    """The proof at full size; `seed` is a fresh one unless it is given."""
    seed = told_seed("webhooks", seed)
    with open_shown_rig("Webhooks", total=requests) as (rig, told):
        storm = await prove(rig.addresses, home=rig.home, requests=requests, seed=seed, told=told)
    measures = (*measures_of(storm, requests=requests), reported("webhooks: seed", seed, "seed"))
    return ProofResult("webhooks", measures)


def measures_of(storm: Storm, *, requests: int) -> tuple[Measure, ...]:
    return (
        at_least("requests", storm.sent, "requests", bar=requests),
        at_least("of them forged", storm.forged, "requests", bar=requests // 5),
        at_most("forged ones accepted", storm.forged_accepted, "requests", bar=0),
        at_most("events stored that nobody signed", storm.forged_stored, "events", bar=0),
        at_most("genuine ones refused", storm.genuine_refused, "requests", bar=0),
        at_most("events stored twice or not at all", abs(storm.stored - storm.true_events), "events", bar=0),
        at_most("jobs that waited for one company", storm.most_waiting_jobs, "jobs", bar=1),
        at_most("objects that differ, every event told", storm.differing_before_schedule, "objects", bar=0),
        at_most("objects that differ after the schedule, one in ten lost", storm.differing, "objects", bar=0),
        at_most("objects with a broken history", storm.broken_histories, "objects", bar=0),
        at_most("answer, median", round(storm.percentile(0.5), 2), "ms", bar=20),
        at_most("answer, p99", round(storm.percentile(0.99), 2), "ms", bar=100),
        reported("calls to QuickBooks", storm.calls, "calls"),
    )


async def prove(addresses: ServerAddresses, *, home: Path, requests: int, seed: int, told: object = None) -> Storm:
    """Edit, announce, forge and work off, in turns; then compare."""
    size = LargeCompany(bills=40, invoices=30, vendors=6, customers=6, months=6)
    file = generate_large(size, today=SystemClock().now().date())
    async with open_town(addresses, home=home, files=[file, file]) as town:
        for company in town.companies:
            await company.sync()
        storm, draw = Storm(), random.Random(seed)  # noqa: S311  # a schedule, not a secret
        keys = await _blow(town, storm, draw, requests=requests // 2, lost=0.0, told=told)
        storm.differing_before_schedule = await _differing(town.companies)
        keys |= await _blow(town, storm, draw, requests=requests, lost=0.1, told=told)
        for company in town.companies:
            sync = await town.services.sync_of(company.business_id)
            await sync.bring_up_to_date(SyncStrategy.SCHEDULED)
        storm.differing = await _differing(town.companies)
        storm.broken_histories = sum([await company.broken_histories() for company in town.companies])
        await _count_stored(town, storm, keys)
    return storm


async def _differing(companies: Sequence[ConnectedCompany]) -> int:
    return sum([len(await company.differing()) for company in companies])


async def _blow(
    town: Town, storm: Storm, draw: random.Random, *, requests: int, lost: float, told: object
) -> set[bytes]:
    """Send until `requests` were sent in all; the keys of the events that were told."""
    keys: set[bytes] = set()
    past: list[_Message] = []
    held: list[_Message] = []
    while storm.sent < requests:
        genuine = _announce(town, draw)
        if draw.random() >= lost:
            held += [genuine] * draw.choice((1, 1, 1, 2))
            keys |= {event.key for event in read_events(genuine.body)}
        held += _forgeries(genuine, draw)
        if past and draw.random() < 0.3:
            held.append(draw.choice(past))
        draw.shuffle(held)
        for message in [held.pop() for _ in range(min(len(held), draw.randrange(1, 6)))]:
            await _send(town, storm, message)
            past = [*past[-200:], *([] if message.is_forged else [message])]
        if storm.sent % _WORK_EVERY < 5:
            await _work(town, storm)
        if callable(told):
            told(storm.sent)
    for message in held:
        await _send(town, storm, message)
    await _work(town, storm)
    return keys


def _announce(town: Town, draw: random.Random) -> _Message:
    """Someone edits some objects in QuickBooks, and Intuit tells of it in one of its forms, signed with one of the tokens."""
    company = draw.choice(town.companies).company
    events = []
    for _ in range(draw.randrange(1, 4)):
        entity = draw.choice(_EDITED)
        record = town.simulator.other_users.edit_one(company, entity)
        if record is not None:
            at = town.simulator.clock.now().timestamp()
            operation = draw.choice(("Update", "Update", "Create", "Void"))
            identifier = UUID(int=draw.getrandbits(128))
            events.append(Event(identifier, company.realm_id, entity, record.id, operation, at))
    is_old = draw.random() < 0.5
    body = legacy_body(company.realm_id, events) if is_old else cloud_body(events, source="intuit.x")
    return _Message(body, sign(body, draw.choice(TOKENS)), is_forged=False)


def _forgeries(genuine: _Message, draw: random.Random) -> Iterator[_Message]:
    """What somebody could make of a message they saw, or of nothing."""
    body, signature = genuine.body, genuine.signature or ""
    spoilt = bytearray(body)
    spoilt[draw.randrange(len(spoilt))] ^= 1 << draw.randrange(7)
    made_up = exact_json.dumps([{"specversion": "1.0", "id": str(uuid4()), "type": "qbo.bill.deleted.v1"}])
    choices = (
        _Message(bytes(spoilt), signature, is_forged=True),
        _Message(body[:-1], signature, is_forged=True),
        _Message(body + b" ", signature, is_forged=True),
        _Message(body, None, is_forged=True),
        _Message(body, signature[::-1], is_forged=True),
        _Message(body, sign(body, "another-token"), is_forged=True),
        _Message(made_up, sign(made_up, ""), is_forged=True),
    )
    yield draw.choice(choices)


async def _send(town: Town, storm: Storm, message: _Message) -> None:
    headers = {"content-type": "application/json"}
    if message.signature is not None:
        headers[SIGNATURE_HEADER] = message.signature
    began = time.perf_counter()
    answer = await town.http.post(_PATH, content=message.body, headers=headers)
    storm.seconds.append(time.perf_counter() - began)
    storm.sent += 1
    storm.forged += message.is_forged
    storm.genuine += not message.is_forged
    storm.forged_accepted += message.is_forged and answer.status_code != 401
    storm.genuine_refused += not message.is_forged and answer.status_code != 200


async def _work(town: Town, storm: Storm) -> None:
    """What a worker does, after a look at how much waits."""
    realms = [company.company.realm_id for company in town.companies]
    async with town.services.jobs_uow([]) as uow:
        query = select(OutboxRow).where(
            OutboxRow.job == WEBHOOKS_JOB, OutboxRow.finished_at.is_(None), OutboxRow.key.in_(realms)
        )
        waiting = [(row.id, row.key) for row in await uow.session.scalars(query)]
    for realm_id in realms:
        storm.most_waiting_jobs = max(storm.most_waiting_jobs, sum(key == realm_id for _, key in waiting))
    before = sum(sum(counts.values()) for counts in town.simulator.requests.values())
    for outbox_id, _ in waiting:
        await execute(outbox_id, jobs=JOBS, context=town.services, uow=town.services.jobs_uow)
    storm.calls += sum(sum(counts.values()) for counts in town.simulator.requests.values()) - before


async def _count_stored(town: Town, storm: Storm, keys: set[bytes]) -> None:
    realms = [company.company.realm_id for company in town.companies]
    async with town.services.jobs_uow([]) as uow:
        query = select(WebhookEvent.event_key).where(
            WebhookEvent.rail == Rail.QBO.value, WebhookEvent.external_account_id.in_(realms)
        )
        stored = [bytes(key) for key in await uow.session.scalars(query)]
        undone = text("SELECT count(*) FROM webhook_event WHERE done_at IS NULL AND external_account_id = ANY(:realms)")
        storm.forged_stored += (await uow.session.execute(undone, {"realms": realms})).scalar_one()
    storm.stored, storm.true_events = len(stored), len(keys)
    storm.forged_stored += len(set(stored) - keys)
