"""People who click: what they ask of the product over HTTP, and how long they waited for its answer."""

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

import httpx

from benchmarks.paying.town import PayingCompany, PayingTown
from infra.errors import OodalooError


class Click(StrEnum):
    PAY = "pay"
    APPROVE = "approve"
    REMIND = "send-reminder"


class Refused(OodalooError):
    def __init__(self, answer: httpx.Response) -> None:
        super().__init__(f"{answer.request.url.path}: {answer.status_code} {answer.text[:300]}")


@dataclass
class Waits:
    """Seconds until the answer, by what was asked for."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def milliseconds(self, what: str, *, share: float) -> float:
        return percentile(self.seconds[what], share) * 1000


def percentile(values: Sequence[float], share: float) -> float:
    in_order = sorted(values)
    return in_order[min(len(in_order) - 1, int(len(in_order) * share))] if in_order else 0.0


@dataclass
class Desk:
    """What is still to be done in the town, drawn anew for each click so that no two people want the same."""

    town: PayingTown
    draw: random.Random
    payable: list[tuple[PayingCompany, UUID]] = field(default_factory=list)
    approvable: list[tuple[PayingCompany, UUID]] = field(default_factory=list)
    invoices: list[tuple[PayingCompany, UUID]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for company in self.town.companies:
            half = len(company.bills) // 2
            self.payable += [(company, bill.id) for bill in company.bills[:half]]
            self.approvable += [(company, bill.id) for bill in company.bills[half:]]
            self.invoices += [(company, invoice) for invoice in company.invoices]
        for pile in (self.payable, self.approvable, self.invoices):
            self.draw.shuffle(pile)

    def next(self, click: Click) -> tuple[str, PayingCompany, dict[str, Any]]:
        """Path, company and body."""
        match click:
            case Click.PAY:
                company, bill = self.payable.pop()
                return f"/api/v1/bills/{bill}/pay", company, {"account_id": self.town.account, "confirm_similar": True}
            case Click.APPROVE:
                company, bill = self.approvable.pop()
                return f"/api/v1/bills/{bill}/approve", company, {"duplicate_reason": "another delivery"}
            case Click.REMIND:
                company, invoice = self.invoices.pop()
                return f"/api/v1/invoices/{invoice}/send-reminder", company, {"to": "someone@example.com"}


async def click(http: httpx.AsyncClient, desk: Desk, what: Click) -> None:
    """Raises:
    Refused: any answer but 200 and 202.
    """
    path, company, body = desk.next(what)
    headers = {"Authorization": f"Bearer {company.token}", "Idempotency-Key": str(uuid4())}
    answer = await http.post(path, json=body, headers=headers)
    if answer.status_code not in {200, 202}:
        raise Refused(answer)


async def people(
    count: int, act: Callable[[], Awaitable[str]], *, seconds: float, pause: float, draw: random.Random
) -> Waits:
    """`count` people, each of whom acts, waits for the answer, pauses for `pause` on average and acts again. `act` says what it was."""
    waits, ends_at = Waits(), time.monotonic() + seconds

    async def one() -> None:
        await asyncio.sleep(draw.uniform(0, 2 * pause))
        while time.monotonic() < ends_at:
            began = time.perf_counter()
            what = await act()
            waits.seconds[what].append(time.perf_counter() - began)
            await asyncio.sleep(draw.uniform(0, 2 * pause))

    async with asyncio.TaskGroup() as group:
        for _ in range(count):
            group.create_task(one())
    return waits
