"""Many payments executed as one batch, while a company's books are being read again from end to end: QuickBooks' limits are kept, the
payments overtake what is read, and each is reported.

The real processes: web app, worker, scheduler; the simulator, a process of its own, counts the calls and refuses what is too many.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from benchmarks.paying.judge import Verdict, intents_of, judge
from benchmarks.paying.town import PayingCompany, PayingTown, approve_nothing, open_paying_town
from benchmarks.report import Measure, ProofResult, at_least, at_most, reported
from benchmarks.rig import open_shown_rig
from infra.actions.models import ActionIntent
from infra.embedded.servers import ServerAddresses
from infra.jobs import outbox
from infra.qbo.asked_jobs import RESCAN
from infra.qbo.simulator.files.large_company import LargeCompany
from runway.jobs import JOBS

# No payment looks at these: a call for them is the background's.
_READ_AGAIN = ("Invoice", "Customer", "Deposit", "JournalEntry", "Transfer", "Purchase", "SalesReceipt", "CreditMemo")
_PATIENCE_SECONDS = 900.0
_ORACLE_REMEMBERS = 10_000


@dataclass
class Batch:
    asked: int
    reported: int = 0
    accepted: int = 0
    answer_seconds: float = 0
    seconds: float = 0
    first_seconds: float = 0
    calls: dict[str, int] = field(default_factory=dict)
    background_calls: int = 0
    background_before: int = 0
    refused_calls: int = 0
    verdict: Verdict = field(default_factory=Verdict)

    @property
    def calls_a_payment(self) -> float:
        return (self.calls["all"] - self.background_calls) / max(1, self.verdict.recorded)

    @property
    def payments_share(self) -> float:
        return 100 * (self.calls["all"] - self.background_calls) / max(1, self.calls["all"])


async def run(*, payments: int) -> ProofResult:
    """The proof at full size."""
    with open_shown_rig("A batch of payments", total=payments) as (rig, told):
        batch = await prove(rig.addresses, home=rig.home, payments=payments, told=told)
    return ProofResult("payment_batch", measures_of(batch))


def measures_of(batch: Batch) -> tuple[Measure, ...]:
    verdict = batch.verdict
    wrong = len(verdict.doubled) + len(verdict.wrongly_told) + len(verdict.unsettled) + len(verdict.lost)
    return (
        at_least("items reported by the batch's answer", batch.reported, "items", bar=batch.asked),
        at_least("payments recorded in QuickBooks", verdict.recorded, "payments", bar=batch.asked),
        at_most("payments doubled, lost, wrongly told or unsettled", wrong, "payments", bar=0),
        at_most("calls in any 60 s, payments and background", batch.calls["minute"], "calls", bar=500),
        at_most("calls in any second", batch.calls["second"], "calls", bar=10),
        at_most("calls in flight", batch.calls["flight"], "calls", bar=10),
        at_most("calls that QuickBooks refused as too many", batch.refused_calls, "calls", bar=0),
        at_least("calls of the background meanwhile", batch.background_calls, "calls", bar=1),
        at_least("share of the payments in the calls", round(batch.payments_share, 1), "%", bar=50),
        reported("calls a payment", round(batch.calls_a_payment, 1), "calls"),
        reported("until the batch was answered", round(batch.answer_seconds, 2), "s"),
        reported("until the first payment was recorded", round(batch.first_seconds, 1), "s"),
        reported("until the last one was", round(batch.seconds, 1), "s"),
    )


async def prove(
    addresses: ServerAddresses, *, home: Path, payments: int, told: Callable[[int], object] = lambda _: None
) -> Batch:
    """One company, whose background is asked for again as soon as it is done."""
    size = LargeCompany(
        bills=payments, invoices=10 * payments, vendors=payments // 4, customers=30, months=2, paid_share=0
    )
    batch = Batch(asked=payments)
    async with open_paying_town(addresses, home=home, companies=1, size=size) as town:
        [company] = town.companies
        await town.start_web()
        town.plant.start("worker", "worker")
        town.plant.start("scheduler", "scheduler")
        await approve_nothing(town)
        async with asyncio.TaskGroup() as group:
            background = group.create_task(_read_again_and_again(town, company))
            await _until_it_reads(town, company)
            before = await _background_calls(town, company)
            await _pay(town, company, batch, told=told)
            after = await _background_calls(town, company)
            background.cancel()
        batch.background_calls = after - before
        batch.background_before = before
        batch.verdict = await judge(town, town.companies, told={})
        await _count(town, company, batch)
    return batch


async def _pay(town: PayingTown, company: PayingCompany, batch: Batch, *, told: Callable[[int], object]) -> None:
    wanted: dict[str, Any] = {
        "bills": [{"bill_id": str(bill.id)} for bill in company.bills[: batch.asked]],
        "account_id": town.account,
        "confirm_similar": True,
    }
    headers = {"Authorization": f"Bearer {company.token}", "Idempotency-Key": str(uuid4())}
    calls_before = sum((await town.oracle(company.realm_id))["realms"][company.realm_id]["requests"].values())
    began = time.monotonic()
    async with httpx.AsyncClient(base_url=town.web_url, trust_env=False, timeout=120) as http:
        answer = await http.post("/api/v1/payments/batch-execute", json=wanted, headers=headers)
    answer.raise_for_status()
    batch.answer_seconds = time.monotonic() - began
    items = answer.json()["data"]["items"]
    batch.reported = sum(item["payment"] is not None or item["refusal"] is not None for item in items)
    batch.accepted = sum(item["payment"] is not None for item in items)
    deadline = began + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        settled = [one for one in await intents_of(town, company) if one.settled_at is not None]
        told(len(settled))
        if len(settled) >= batch.accepted:
            break
        await asyncio.sleep(0.5)
    batch.seconds = time.monotonic() - began
    batch.first_seconds = _first(await intents_of(town, company))
    calls_after = sum((await town.oracle(company.realm_id))["realms"][company.realm_id]["requests"].values())
    batch.calls["all"] = calls_after - calls_before


def _first(intents: list[ActionIntent]) -> float:
    """Seconds from the first wish to the first payment that was recorded."""
    ends = [one.settled_at for one in intents if one.settled_at is not None]
    return (min(ends) - min(one.created_at for one in intents)).total_seconds() if ends else 0.0


async def _read_again_and_again(town: PayingTown, company: PayingCompany) -> None:
    """Once the job waits no more the next one waits behind it."""
    while True:
        async with town.services.jobs_uow([]) as uow:
            asked = await outbox.ask_once(
                uow.session, RESCAN, str(company.business_id), *_READ_AGAIN,
                key="proof", queue=JOBS[RESCAN].queue, business_id=company.business_id,
            )  # fmt: skip
            uow.ring_for(asked)
        await asyncio.sleep(0.2)


async def _until_it_reads(town: PayingTown, company: PayingCompany) -> None:
    began, deadline = await _background_calls(town, company), time.monotonic() + 60
    while await _background_calls(town, company) == began and time.monotonic() < deadline:  # noqa: ASYNC110  # it is another process's
        await asyncio.sleep(0.1)


async def _background_calls(town: PayingTown, company: PayingCompany) -> int:
    """Among the latest calls."""
    told = await town.oracle(company.realm_id, limit=_ORACLE_REMEMBERS)
    return sum(call["verb"] == "query" and call["entity"] in _READ_AGAIN for call in told["requests"])


async def _count(town: PayingTown, company: PayingCompany, batch: Batch) -> None:
    told = await town.oracle(company.realm_id)
    density = told["density"][company.realm_id]
    batch.calls["minute"] = density["most_in_60_seconds"]
    batch.calls["second"] = density["most_in_1_second"]
    batch.calls["flight"] = density["most_in_flight"]
    batch.refused_calls = told["realms"][company.realm_id]["requests"].get("throttled", 0)
