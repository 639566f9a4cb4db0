"""How a run behaves by what it is for: its lane, its patience, and what its calls count as."""

from datetime import timedelta
from typing import assert_never

from infra.qbo.transport import Patience
from infra.ratelimit.lanes import Lane
from infra.sync.freshness import SyncStrategy
from infra.sync.runs import RunKind

# A job waits out a 429 (a minute where QBO names no time) instead of failing.
JOB_PATIENCE = Patience(budget=timedelta(minutes=5), wait_for_limit=timedelta(minutes=4))
# Longer than a read waits: it answers from the mirror then, and the refresh goes on for the next one.
READER_PATIENCE = Patience(budget=timedelta(seconds=20), wait_for_limit=timedelta(seconds=5))


def manner_of(strategy: SyncStrategy) -> tuple[Lane, Patience]:
    match strategy:
        case SyncStrategy.PAGE | SyncStrategy.ON_DEMAND | SyncStrategy.LIVE:
            return Lane.USER, READER_PATIENCE
        case SyncStrategy.EVENT:
            return Lane.WEBHOOK, JOB_PATIENCE
        case SyncStrategy.SCHEDULED | SyncStrategy.RECONCILIATION:
            return Lane.RECONCILIATION, JOB_PATIENCE
    assert_never(strategy)


def feature_of(kind: RunKind, actor: str) -> str:
    """A refresh counts as whoever asked for it, any other run as what it is."""
    return actor.removeprefix("sync:") if kind is RunKind.INCREMENTAL else kind.value
