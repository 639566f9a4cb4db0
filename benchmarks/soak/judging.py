"""What the soak is held to once all is quiet: log, refreshes, drift items, queue."""

import json
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from benchmarks.soak.watch import TABLES, Key

Root = psycopg.Connection[Any]

# A schedule's slot may come after a third of the shortest interval: of a business in use, five minutes.
_SHORTEST_BETWEEN = timedelta(minutes=5) / 3
_CLOCKS_APART = timedelta(seconds=3)
# What was announced so shortly before a refresh may not have been in QuickBooks' answer yet, and is asked for again.
_SHOWN_AFTER = timedelta(seconds=15)


@dataclass(frozen=True)
class Run:
    business: str
    kind: str
    actor: str
    began_at: datetime
    ended_at: datetime


@dataclass(frozen=True)
class Refreshes:
    """`uncalled`: nothing was announced since the last one and its time had not come. `overlapping`: another ran meanwhile."""

    count: int
    periods: int
    overlapping: int
    uncalled: list[str]


def incomplete_versions(root: Root) -> int:
    """Versions of mirror rows without their log row, and log rows without their version."""
    total = 0
    for table in TABLES.values():
        query = _INCOMPLETE.format(mirror=sql.Identifier(table), log=sql.Identifier(f"{table}_transaction_log"))
        row = root.execute(query).fetchone()
        total += row[0] if row else 0
    return total


_INCOMPLETE = sql.SQL("""
SELECT coalesce(sum(abs(coalesce(m.version, 0) - coalesce(l.versions, 0))), 0)::int
FROM {mirror} m FULL JOIN (
  SELECT business_id, entity_id, count(DISTINCT version) AS versions FROM {log} GROUP BY 1, 2
) l ON (l.business_id, l.entity_id) = (m.business_id, m.id)
""")


def judge_refreshes(
    root: Root, announced: Mapping[str, list[datetime]], *, running: Callable[[datetime], datetime]
) -> Refreshes:
    """`announced` are the instants at which webhooks reached us, by business; `running` takes the skipped hours out of one.

    What was announced calls for a refresh until a job has looked at it, which on a busy machine may be long after it came.
    """
    looked_at = _looked_at(root)
    of_business: defaultdict[str, list[Run]] = defaultdict(list)
    rows = root.execute(
        "SELECT business_id::text, kind, actor, started_at, finished_at FROM sync_run "
        "WHERE kind = 'incremental' AND state = 'done' ORDER BY started_at"
    )
    for row in rows:
        of_business[row[0]].append(Run(*row))
    count = periods = overlapping = 0
    uncalled: list[str] = []
    for business, runs in of_business.items():
        instants = sorted([*map(running, announced.get(business, [])), *looked_at[business]])
        count += len(runs)
        periods += 1
        for before, after in pairwise(runs):
            overlapping += after.began_at < before.ended_at
            since, until = running(before.began_at) - _SHOWN_AFTER, running(after.began_at)
            is_called = _any_between(instants, since - _CLOCKS_APART, until + _CLOCKS_APART)
            if is_called or after.began_at - before.began_at >= _SHORTEST_BETWEEN:
                periods += 1
            else:
                uncalled.append(_told(before, after))
    return Refreshes(count, periods, overlapping, uncalled)


def _looked_at(root: Root) -> defaultdict[str, list[datetime]]:
    """When a job had looked at what was announced, by business; of the database's clock, for which no hours are skipped."""
    of_business: defaultdict[str, list[datetime]] = defaultdict(list)
    for business, at in root.execute(
        "SELECT DISTINCT c.business_id::text, e.done_at FROM webhook_event e "
        "JOIN connection c ON (c.rail, c.external_account_id) = (e.rail, e.external_account_id) WHERE e.done_at IS NOT NULL"
    ):
        of_business[business].append(at)
    return of_business


def _told(before: Run, after: Run) -> str:
    first, second = f"{before.actor} at {before.began_at:%H:%M:%S}", f"{after.actor} at {after.began_at:%H:%M:%S}"
    return f"{after.business}: {second}, after {first}"


def _any_between(instants: list[datetime], begin: datetime, end: datetime) -> bool:
    at = bisect_left(instants, begin)
    return at < len(instants) and instants[at] <= end


def unnoticed(root: Root, keys: Iterable[Key], *, business_of: Mapping[str, str]) -> list[Key]:
    """Those that no drift item names, though no ordinary refresh brought them."""
    told = {
        tuple(row)
        for row in root.execute("SELECT business_id::text, entity, external_id FROM drift_item WHERE external_id > ''")
    }
    return [key for key in keys if (business_of[key[0]], key[1], key[2]) not in told]


def open_jobs(root: Root) -> tuple[int, list[str]]:
    """Jobs that are still to be done, and what killed those that are dead."""
    rows = root.execute("SELECT job, last_error, dead_at IS NOT NULL FROM outbox WHERE finished_at IS NULL").fetchall()
    return sum(not dead for _, _, dead in rows), [f"{job}: {error}" for job, error, dead in rows if dead]


def due_jobs(root: Root, *, without: Sequence[str]) -> int:
    """Those under way or due within a minute, without the schedule's own: its night asks for one company after the other, for hours of real time."""
    row = root.execute(
        "SELECT count(*) FROM outbox WHERE finished_at IS NULL AND dead_at IS NULL AND NOT job = ANY(%s) AND key IS DISTINCT FROM 'nightly' "
        "AND due_at < clock_timestamp() + interval '1 minute'",
        [list(without)],
    ).fetchone()
    return row[0] if row else 0


def waiting_in_words(root: Root) -> str:
    """What is not done, for who waited for it in vain."""
    rows = root.execute(
        "SELECT job, count(*), max(attempts), count(*) FILTER (WHERE leased_until > clock_timestamp()), "
        "  count(*) FILTER (WHERE due_at > clock_timestamp()), extract(epoch FROM max(leased_until) - clock_timestamp())::int, "
        "  max(left(last_error, 200)) "
        "FROM outbox WHERE finished_at IS NULL AND dead_at IS NULL GROUP BY 1 ORDER BY 2 DESC"
    ).fetchall()
    return "\n".join(
        f"{n} {job}: {held} held, the longest for {seconds} s; {later} due later; {attempts} attempts at most; {error}"
        for job, n, attempts, held, later, seconds, error in rows
    )


def drift_by_cause(root: Root) -> Counter[str]:
    return Counter(dict(root.execute("SELECT cause, count(*) FROM drift_item GROUP BY 1").fetchall()))


def bugs_in(logs: Iterable[Path]) -> list[str]:
    """Tracebacks that the processes wrote, each kind once, by its last words."""
    found: Counter[str] = Counter()
    for path in logs:
        trace: list[str] = []
        for line in path.read_text(errors="replace").splitlines() if path.exists() else ():
            if trace:
                trace.append(line)
                if not line.startswith((" ", "Traceback")):  # the error's own line ends it
                    if not line.startswith(_OF_RQ):
                        found["\n".join(trace[-_LAST_LINES:])] += 1
                    trace = []
            elif line.startswith("Traceback"):
                trace = [line]
            elif (bug := _bug(line)) is not None:
                found[bug] += 1
    return [f"{count} times {bug}" for bug, count in found.most_common()]


_LAST_LINES = 8
# What RQ's own worker says of a Redis that was emptied under it; it ends, and its supervisor starts another.
_OF_RQ = ("rq.exceptions.", "redis.exceptions.")


def _bug(line: str) -> str | None:
    try:
        event = json.loads(line) if line.startswith("{") else {}
    except json.JSONDecodeError:
        return None
    trace = event.get("exception")
    return f"{event.get('event')}: " + "\n".join(str(trace).splitlines()[-_LAST_LINES:]) if trace else None
