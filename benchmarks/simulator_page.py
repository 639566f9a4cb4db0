"""A page of 1,000 objects from the simulator, so that it never is the bottleneck of what is measured with it."""

import statistics
from collections.abc import Sequence
from time import perf_counter

import httpx

from benchmarks.report import Measure, at_most, reported
from infra.clock import SystemClock
from infra.qbo.simulator.books.loading import load_company
from infra.qbo.simulator.files.generator import generate_large
from infra.qbo.simulator.files.large_company import LargeCompany
from infra.qbo.simulator.server import SimulatorInfo, running_simulator
from infra.qbo.simulator.simulator import Simulator

_BILLS = 20_000
_PAGES = 40
_PAGE = 1000


async def run() -> Sequence[Measure]:
    """Over HTTP on one connection, whole pages through 20,000 bills; each object was encoded once before."""
    clock = SystemClock()
    company = load_company(generate_large(LargeCompany(bills=_BILLS), today=clock.now().date()), clock=clock)
    async with running_simulator(Simulator([company], clock=clock, limits=False)) as info:
        first, later = await _time_pages(info), await _time_pages(info)
    return (
        at_most("simulator: a page of 1,000 bills", statistics.median(later) * 1000, "ms", bar=50),
        at_most("simulator: the slowest page", max(later) * 1000, "ms", bar=50),
        reported("simulator: a page read for the first time", statistics.median(first) * 1000, "ms"),
    )


async def _time_pages(info: SimulatorInfo) -> list[float]:
    headers = {"Authorization": f"Bearer {info.access_token}", "Accept": "application/json"}
    path, times = f"/v3/company/{info.realm_ids[0]}/query", []
    async with httpx.AsyncClient(base_url=info.base_url, headers=headers) as http:
        for nth in range(_PAGES):
            start = nth * _PAGE % _BILLS + 1
            query = f"SELECT * FROM Bill STARTPOSITION {start} MAXRESULTS {_PAGE}"  # noqa: S608 - QBO's query language
            began = perf_counter()
            answer = await http.get(path, params={"query": query})
            times.append(perf_counter() - began)
            assert answer.content.count(b'"TxnDate"') == _PAGE
    return times
