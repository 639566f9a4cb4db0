"""How soon `pay`, `approve` and `send-reminder` are answered while QuickBooks is well, slow, failing or silent; and how soon it is done.

Twenty people at once, beside a bare endpoint that keeps what it is told with one INSERT, asked by as many people in the same way. Web
app, worker, scheduler, simulator and PostgreSQL are processes of their own and share the machine. Every duration is the service's own.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
from rich.progress import Progress

from benchmarks.paying.clicks import Click, Desk, Waits, click, people
from benchmarks.paying.judge import all_settled, settled_within
from benchmarks.paying.plant import free_port
from benchmarks.paying.town import PayingTown, approve_nothing, open_paying_town, wait_until_up
from benchmarks.report import Measure, at_least, at_most, reported
from benchmarks.rig import Rig, open_rig, superuser_url
from infra.clock import SystemClock
from infra.qbo.simulator.files.large_company import LargeCompany

_USERS = 20
_PAUSE_SECONDS = 2.0
_WARM_SECONDS = 10.0
_PHASE_SECONDS = 20.0
_BARE_SECONDS = 8.0
_WITHIN = timedelta(minutes=5)
_BAR_MS = 300
_COMPANIES = 10
_SIZE = LargeCompany(bills=120, invoices=60, vendors=60, customers=30, months=2, paid_share=0)

_WRITES = {"verb": ["create", "update", "send"]}
_SLOW = {"name": "slow", "effect": {"do": "latency", "p50_ms": 400, "p99_ms": 2000}}
# One call in twenty, one kind after the other; two kinds of them leave it open whether a payment was recorded.
_FAILING = (
    {"name": "refused", "match": {"probability": 0.02}, "effect": {"do": "answer", "status": 503}},
    {"name": "reset", "match": {"probability": 0.01}, "effect": {"do": "reset"}},
    {"name": "half", "match": {"probability": 0.01}, "effect": {"do": "half"}},
    {
        "name": "lost",
        "match": {"probability": 0.01, **_WRITES},
        "effect": {"do": "answer", "status": 504, "executed": True},
    },
)
_DOWN = {"name": "down", "effect": {"do": "silence"}}
_TROUBLES: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "well": (),
    "slow": (_SLOW,),
    "failing": _FAILING,
    "down": (_DOWN,),
}


@dataclass
class _Phase:
    name: str
    began_at: datetime
    ended_at: datetime
    bare: Waits
    product: Waits


async def run() -> list[Measure]:
    with open_rig() as rig, Progress() as progress:
        task = progress.add_task("actions", total=len(_TROUBLES) + 1)
        async with open_paying_town(rig.addresses, home=rig.home, companies=_COMPANIES, size=_SIZE) as town:
            bare_url = await _start(rig, town)
            draw = random.Random(6)  # noqa: S311 - chooses who clicks on what
            desk = Desk(town, draw)
            # The first answers of a process are slow, and the first jobs after ten companies have been read are many.
            await _ask(town, desk, bare_url, name="well", seconds=_WARM_SECONDS, draw=draw)
            phases = []
            for name in _TROUBLES:
                phases.append(await _ask(town, desk, bare_url, name=name, seconds=_PHASE_SECONDS, draw=draw))
                progress.advance(task)
            await town.trouble()
            shares = await _settle(town, phases)
            progress.advance(task)
    return [*_waits(phases), *shares]


async def _start(rig: Rig, town: PayingTown) -> str:
    """Web app, worker, scheduler and the bare endpoint, whose address it is."""
    port = free_port()
    root = superuser_url(rig.addresses)
    town.plant.start_module(
        "bare", "uvicorn", "--no-access-log", "--log-level", "warning", "--port", str(port), "benchmarks.bare_insert:app",
        environment={"BARE_DATABASE_URL": root.render_as_string(hide_password=False)},
    )  # fmt: skip
    await town.start_web()
    town.plant.start("worker", "worker")
    town.plant.start("scheduler", "scheduler")
    url = f"http://127.0.0.1:{port}"
    await wait_until_up(town.plant, "bare", f"{url}/")
    await approve_nothing(town)
    return url


async def _ask(
    town: PayingTown, desk: Desk, bare_url: str, *, name: str, seconds: float, draw: random.Random
) -> _Phase:
    await town.trouble(*_TROUBLES[name])
    async with (
        httpx.AsyncClient(base_url=bare_url, trust_env=False) as bare,
        httpx.AsyncClient(base_url=town.web_url, trust_env=False) as http,
    ):

        async def wish() -> str:
            (await bare.post("/wishes", json={"account_id": "35", "amount": "12.50"})).raise_for_status()
            return "bare"

        async def ask() -> str:
            what = draw.choice(list(Click))
            await click(http, desk, what)
            return what

        began_at = SystemClock().now()
        product = await people(_USERS, ask, seconds=seconds, pause=_PAUSE_SECONDS, draw=draw)
        ended_at = SystemClock().now()
        plain = await people(_USERS, wish, seconds=min(seconds, _BARE_SECONDS), pause=_PAUSE_SECONDS, draw=draw)
    return _Phase(name, began_at, ended_at, plain, product)


def _waits(phases: Sequence[_Phase]) -> list[Measure]:
    measures = []
    for phase in phases:
        bare = {share: phase.bare.milliseconds("bare", share=share) for share in (0.5, 0.99)}
        measures.append(reported(f"QuickBooks {phase.name}: a bare INSERT, p99", round(bare[0.99], 1), "ms"))
        for what in Click:
            half, most = (phase.product.milliseconds(what, share=share) for share in (0.5, 0.99))
            named = f"QuickBooks {phase.name}: {what}"
            measures.append(reported(f"{named}, p50", round(half, 1), "ms", baseline=round(bare[0.5], 1)))
            measures.append(at_most(f"{named}, p99", round(most, 1), "ms", bar=_BAR_MS, baseline=round(bare[0.99], 1)))
    return measures


async def _settle(town: PayingTown, phases: Sequence[_Phase]) -> list[Measure]:
    """Of what was asked for while QuickBooks was down, the time runs from when it is back."""
    back_at = SystemClock().now()
    intents = await all_settled(town, seconds=1.2 * _WITHIN.total_seconds())
    down_from = next(phase.began_at for phase in phases if phase.name == "down")
    before = [one for one in intents if one.created_at < down_from]
    meanwhile = [one for one in intents if one.created_at >= down_from]
    # What was still under way when everything fell silent waits for that as well.
    cut_off = [one for one in before if one.settled_at is None or one.settled_at > down_from]
    known = [one for one in before if one not in cut_off]
    good = settled_within(known, _WITHIN) + settled_within([*cut_off, *meanwhile], _WITHIN, not_before=back_at)
    took = [(one.settled_at - one.created_at).total_seconds() for one in known if one.settled_at is not None]
    return [
        reported("actions asked for", len(intents), "actions"),
        at_least("settled within 5 minutes", round(100 * good / len(intents), 2), "%", bar=99.9),
        reported("settled while QuickBooks answered, p50", round(sorted(took)[len(took) // 2], 1), "s"),
        reported("the longest of them", round(max(took), 1), "s"),
    ]
