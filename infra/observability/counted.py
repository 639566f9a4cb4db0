"""What this process counts, each with its labels: every value of a label stands here or in the code, and none is a company's."""

from infra.observability.tally import CounterCell, HistogramCell, Metric, Tally

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86_400.0
_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
NO_ROUTE = "none"  # refused at the edge, or nothing at this path

REQUESTS = Metric(
    "oodaloo_http_request_seconds",
    "Requests by the route's template, and how long until the answer had been sent.",
    ("route", "method", "status"),
    (0.005, 0.01, 0.025, 0.05, 0.1, 0.3, 1.0, 2.5, 10.0, 60.0),
)
READS = Metric(
    "oodaloo_read_age_seconds",
    "How old the books were that an answer was given from.",
    ("source", "stale"),
    (1.0, 10.0, _MINUTE, 5 * _MINUTE, 10 * _MINUTE, 20 * _MINUTE, _HOUR, 6 * _HOUR, _DAY),
)
READS_OF_NOTHING = Metric("oodaloo_read_never_synced", "Answers given before the books were ever read whole.", ())
CALLS = Metric(
    "oodaloo_rail_calls",
    "Calls to a rail by the size of the company, on whose behalf, and how they ended; throttled is the rail's 429.",
    ("rail", "realm_class", "lane", "outcome"),
)
HELD_BACK = Metric(
    "oodaloo_rail_calls_held_back",
    "Calls that were not made: our own limit had no room in time, or the breaker was open.",
    ("rail", "realm_class", "lane", "reason"),
)
SYNC_RUNS = Metric(
    "oodaloo_sync_run_seconds",
    "Syncs by kind and how they ended.",
    ("kind", "outcome"),
    (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 2 * _MINUTE, 10 * _MINUTE, _HOUR),
)
JOBS = Metric(
    "oodaloo_job_seconds",
    "Attempts at background jobs and how they ended.",
    ("job", "outcome"),
    (0.01, 0.1, 1.0, 10.0, _MINUTE, 10 * _MINUTE, _HOUR, 6 * _HOUR),
)
DRIFT_FOUND = Metric("oodaloo_drift_found", "Differences from a rail's books that were found.", ("kind",))
DRIFT_REPAIRED = Metric("oodaloo_drift_repaired", "Differences that were repaired.", ("kind",))
REFUSED_CONNECTIONS = Metric(
    "oodaloo_db_connections_refused",
    "Pooled connections that somebody had left in a transaction, or set to a business: each is a fault of ours.",
    ("why",),
)

TALLY = Tally([
    REQUESTS, READS, READS_OF_NOTHING, CALLS, HELD_BACK, SYNC_RUNS, JOBS, DRIFT_FOUND, DRIFT_REPAIRED, REFUSED_CONNECTIONS,
])  # fmt: skip

_request_cells: dict[tuple[str, str, int], HistogramCell] = {}
_read_cells: dict[tuple[str, bool], HistogramCell] = {}
_never_synced: CounterCell = TALLY.counter(READS_OF_NOTHING)


def note_request(route: str | None, method: str, status: int, *, seconds: float) -> None:
    """`route` is the template that matched; `status` 0: the caller left before there was an answer."""
    key = (route or NO_ROUTE, method if method in _METHODS else "other", status // 100)
    cell = _request_cells.get(key)
    if cell is None:
        status_class = f"{key[2]}xx" if key[2] else "none"
        cell = _request_cells[key] = TALLY.histogram(REQUESTS, key[0], key[1], status_class)
    cell.observe(seconds)


def note_read(source: str, age_seconds: float | None, *, is_stale: bool) -> None:
    if age_seconds is None:
        _never_synced.add()
        return
    cell = _read_cells.get((source, is_stale))
    if cell is None:
        cell = _read_cells[source, is_stale] = TALLY.histogram(READS, source, str(is_stale).lower())
    cell.observe(age_seconds)


def note_run(kind: str, outcome: str, *, seconds: float) -> None:
    TALLY.histogram(SYNC_RUNS, kind, outcome).observe(max(seconds, 0.0))


def note_job(job: str, outcome: str, *, seconds: float) -> None:
    """`job` is a name of the job table, and so one of few."""
    TALLY.histogram(JOBS, job, outcome).observe(seconds)


def note_drift(kind: str) -> None:
    TALLY.counter(DRIFT_FOUND, kind).add()


def note_repair(kind: str) -> None:
    TALLY.counter(DRIFT_REPAIRED, kind).add()


def note_refused_connection(why: str) -> None:
    TALLY.counter(REFUSED_CONNECTIONS, why).add()
