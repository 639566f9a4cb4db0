"""Small companies of one chart of accounts, each with some months of documents behind it."""

import random
from datetime import datetime, timedelta

from benchmarks.proofs.histories.office import ACCOUNTS, SALES
from benchmarks.soak.people import act
from infra.clock import Clock
from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.loading import load_company
from infra.qbo.simulator.files.company_file import CompanyFile
from infra.qbo.simulator.oracle.journal import Journal
from infra.qbo.simulator.oracle.oracle import Oracle

_FIRST_REALM = 9_140_000_000_000_000
_NAMES = 15
_BETWEEN_DOCUMENTS = timedelta(hours=3)


class _PastClock:
    """Ends a day before the present, so that no overlap of a first refresh reaches back to it."""

    def __init__(self, began: datetime) -> None:
        self._now = began

    def now(self) -> datetime:
        return self._now

    def pass_on(self) -> None:
        self._now += _BETWEEN_DOCUMENTS


def make_companies(count: int, *, acts: int, clock: Clock, seed: int) -> list[Company]:
    """`count` companies that begin alike, after so many acts of their people."""
    past = _PastClock(clock.now() - timedelta(days=1) - acts * _BETWEEN_DOCUMENTS)
    original = load_company(_file(), clock=past)
    draw = random.Random(f"{seed}:books")  # noqa: S311 - chooses what to try
    journal = Journal(Oracle(past))
    for _ in range(acts):
        act(original, draw)
        past.pass_on()
    journal.commit(original)
    return [original.copy(str(_FIRST_REALM + number)) for number in range(count)]


def _file() -> CompanyFile:
    items = [("1", "Hours", SALES), ("2", "Parts", SALES)]
    return CompanyFile(
        format="oodaloo-company/1",
        company={"CompanyName": "Soaked", "TimeZone": "America/New_York"},
        realm_id=str(_FIRST_REALM - 1),
        accounts=[{"Id": i, "Name": n, "AccountType": t, "AccountSubType": s} for i, n, t, s in ACCOUNTS],
        terms=[{"Id": "3", "Name": "Net 30", "DueDays": 30}],
        items=[{"Id": i, "Name": n, "Type": "Service", "IncomeAccountRef": {"value": a}} for i, n, a in items],
        vendors=[{"Id": str(n), "DisplayName": f"Vendor {n}"} for n in range(1, _NAMES + 1)],
        customers=[{"Id": str(n), "DisplayName": f"Customer {n}"} for n in range(1, _NAMES + 1)],
    )
