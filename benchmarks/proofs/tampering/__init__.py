"""Every tampering with the sealed log is found, by both verifiers, and an untouched log is never accused.

Tamperings are made as the superuser with all triggers off, each in a transaction that both verifiers look into and that is then rolled
back. What is tampered with is drawn by a seed: kind, business, table, row, column, value.
"""

import random
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

from psycopg import Connection
from rich.progress import Progress

from benchmarks.proofs.tampering.acts import ACTS, Aim
from benchmarks.proofs.tampering.sealed_log import SealedLog, make_sealed_log
from benchmarks.report import ProofResult, at_least, at_most, reported
from benchmarks.rig import open_rig
from infra.embedded.postgres import SUPERUSER
from infra.embedded.roles import DATABASE
from infra.log_proof.findings import Report
from infra.log_proof.standalone_verifier import Problem


@dataclass
class Tally:
    tried: int = 0
    missed: list[str] = field(default_factory=list)
    unnamed: list[str] = field(default_factory=list)
    disagreed: list[str] = field(default_factory=list)
    false_alarms: list[str] = field(default_factory=list)
    by_kind: dict[str, int] = field(default_factory=dict)


async def run(tamperings: int = 1000) -> ProofResult:
    """On servers of its own; the seed is fresh and shown."""
    seed = random.SystemRandom().randrange(2**31)
    started = perf_counter()
    with open_rig() as rig, tempfile.TemporaryDirectory(prefix="oodaloo-log-") as directory, Progress() as progress:
        task = progress.add_task("tampering", total=tamperings)
        socket = rig.addresses.database_owner_url.rpartition("host=")[2]
        superuser = f"postgresql+psycopg://{SUPERUSER}@/{DATABASE}?host={socket}"
        log = make_sealed_log(superuser, rig.addresses.database_sealer_url, Path(directory), seed=seed)
        tally = tamper(log, tamperings, seed=seed, done=lambda: progress.advance(task))
    return summed_up(tally, seed=seed, seconds=perf_counter() - started)


def summed_up(tally: Tally, *, seed: int, seconds: float) -> ProofResult:
    return ProofResult(
        "tampering",
        (
            at_least("tampering: tried", tally.tried, "tamperings", bar=1),
            at_most("tampering: not found", len(tally.missed), "tamperings", bar=0),
            at_most("tampering: found, but not where it is", len(tally.unnamed), "tamperings", bar=0),
            at_most("tampering: the two verifiers disagree", len(tally.disagreed), "tamperings", bar=0),
            at_most("tampering: untouched logs accused", len(tally.false_alarms), "logs", bar=0),
            reported("tampering: kinds", len(tally.by_kind), "kinds"),
            reported("tampering: seed", seed, "seed"),
            reported("tampering: time", seconds, "s"),
        ),
    )


def tamper(log: SealedLog, tamperings: int, *, seed: int, done: Callable[[], None] = lambda: None) -> Tally:
    """`tamperings` of them, every kind in turn; the untouched log is looked at before each round of kinds and at the end."""
    chance, tally, kinds = random.Random(seed), Tally(), list(ACTS.items())  # noqa: S311 - a repeatable choice
    with log.superuser() as connection:
        for number in range(tamperings):
            kind, act = kinds[number % len(kinds)]
            if number % len(kinds) == 0:
                _look_at_untouched(log, connection, tally)
            with _undone(connection):
                aim = act(connection, chance)
                _as_sealer(connection)
                report, problems = log.verify(connection), log.verify_alone(connection)
            _count(tally, f"{kind} (seed {seed}, number {number}: {aim})", aim, report=report, problems=problems)
            tally.by_kind[kind] = tally.by_kind.get(kind, 0) + 1
            tally.tried += 1
            done()
        _look_at_untouched(log, connection, tally)
    return tally


def _look_at_untouched(log: SealedLog, connection: Connection[Any], tally: Tally) -> None:
    with _undone(connection):
        _as_sealer(connection)
        report, problems = log.verify(connection), log.verify_alone(connection)
    if report.finding_count or report.anchors_missing or problems:
        tally.false_alarms.append(f"{report.findings} {report.anchors_missing} {problems}")


def _count(tally: Tally, what: str, aim: Aim, *, report: Report, problems: list[Problem]) -> None:
    if not report.finding_count:
        tally.missed.append(what)
    elif not _names(aim, report):
        tally.unnamed.append(f"{what}: {[finding.text for finding in report.findings]}")
    mine = {(str(f.business_id), f.batch_no) for f in report.findings if f.business_id and f.batch_no}
    others = {(business, batch) for _, business, batch in problems if business and batch}
    if bool(problems) != bool(report.finding_count) or mine != others:
        tally.disagreed.append(f"{what}: {report.findings} {problems}")


def _names(aim: Aim, report: Report) -> bool:
    def fits(named: object, aimed: object) -> bool:
        return aimed is None or named == aimed

    return any(
        fits(finding.business_id, aim.business_id)
        and fits(finding.table, aim.table)
        and fits(finding.row_id, aim.row_id)
        and fits(finding.checkpoint_no, aim.checkpoint_no)
        for finding in report.findings
    )


@contextmanager
def _undone(connection: Connection[Any]) -> Iterator[None]:
    with connection.transaction(force_rollback=True):
        connection.execute("SET LOCAL session_replication_role = replica")
        yield


def _as_sealer(connection: Connection[Any]) -> None:
    connection.execute("SET LOCAL session_replication_role = origin")
    connection.execute("SET LOCAL ROLE oodaloo_sealer")
