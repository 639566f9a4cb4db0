"""The histories' teeth: each guard of the engine is taken away in turn, and must be missed within a bounded number of histories."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.proofs.payments.mutations import IGNORES_IDS, MUTATIONS, SOON_IN_DOUBT, broken
from benchmarks.proofs.payments.plan import Kind
from benchmarks.proofs.payments.proof import Outcome, play_in
from benchmarks.proofs.payments.town import Machines, open_machines
from benchmarks.report import Measure, ProofResult, at_least, at_most, reported
from benchmarks.rig import open_shown_rig
from infra.embedded.servers import ServerAddresses
from infra.qbo.simulator.behaviour import DEFAULT, Behaviour

_LANES = 6
_CLEAN = 60


@dataclass(frozen=True)
class Hunt:
    """`after` histories it was found, by `what`; not at all when that is empty."""

    name: str
    after: int
    what: str


async def run() -> ProofResult:
    """All of them, and, that a find means something, none on books that ignore request ids while every guard is there."""
    with open_shown_rig("Guards", total=len(MUTATIONS)) as (rig, told):
        async with open_machines(rig.addresses, home=rig.home, lanes=_LANES) as machines:
            clean = await _play(machines, range(1, _CLEAN + 1), kind=SOON_IN_DOUBT, behaviour=IGNORES_IDS)
            hunts = []
            for name in MUTATIONS:
                hunts.append(await hunt(machines, name))
                told(len(hunts))
    return ProofResult(
        "payment_guards", (*_measures(hunts), at_most("wrong with every guard", len(clean.wrong), "histories", bar=0))
    )


def _measures(hunts: Sequence[Hunt]) -> list[Measure]:
    found = [each for each in hunts if each.what]
    return [
        at_least("guards taken away and missed", len(found), "guards", bar=len(hunts)),
        *(reported(f"· {each.name}", each.after if each.what else -1, "histories") for each in hunts),
    ]


async def prove(addresses: ServerAddresses, *, home: Path, names: Iterable[str], lanes: int) -> list[Hunt]:
    """Some of them, for the tests."""
    async with open_machines(addresses, home=home, lanes=lanes) as machines:
        return [await hunt(machines, name) for name in names]


async def hunt(machines: Machines, name: str) -> Hunt:
    mutation = MUTATIONS[name]

    def is_found(outcome: Outcome) -> bool:
        return bool(getattr(outcome, mutation.found_by) if mutation.found_by else outcome.wrong)

    async with machines.without_trigger("action_line", mutation.without_trigger):
        with broken(mutation):
            seeds = range(1, mutation.histories + 1)
            outcome = await _play(machines, seeds, kind=mutation.kind, behaviour=mutation.behaviour, stop_at=is_found)
    what = next(iter(outcome.wrong.values()), [""])[0] if is_found(outcome) else ""
    return Hunt(name, outcome.histories, what)


async def _play(
    machines: Machines,
    seeds: Iterable[int],
    *,
    kind: Kind,
    behaviour: Behaviour = DEFAULT,
    stop_at: Callable[[Outcome], bool] = lambda _: False,
) -> Outcome:
    machines.town.simulator.behaviour = behaviour
    try:
        return await play_in(machines, seeds, kind=kind, stop_at=stop_at)
    finally:
        machines.town.simulator.behaviour = DEFAULT
