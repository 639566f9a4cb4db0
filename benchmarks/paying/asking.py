"""A client that means one thing by one key: it asks again, as often as it takes, until it is told that its wish was taken."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import httpx

from benchmarks.paying.clicks import Refused
from benchmarks.paying.town import OpenBill, PayingCompany, PayingTown, TooSlow

_PATIENCE_SECONDS = 60.0
_SERVER_ERROR = 500


@dataclass
class Client:
    """`told`: by business, the payments of which it was told that they were taken."""

    town: PayingTown
    told: dict[UUID, set[UUID]] = field(default_factory=lambda: defaultdict(set))
    answered: int = 0

    async def pay(
        self,
        company: PayingCompany,
        bill: OpenBill,
        *,
        first_at: str | None = None,
        execute: bool = True,
        key: str | None = None,
    ) -> UUID:
        """Our id of the payment. `first_at`: it is first sent there, to a process that may not live to answer."""
        path = f"/api/v1/bills/{bill.id}/pay"
        wanted = {"account_id": self.town.account, "confirm_similar": True, "execute": execute}
        taken = await self.post(company, path, wanted, first_at=first_at, key=key)
        payment_id = UUID(taken["id"])
        self.told[company.business_id].add(payment_id)
        return payment_id

    async def cancel(self, company: PayingCompany, payment_id: UUID, *, first_at: str | None = None) -> str:
        """The outcome."""
        done = await self.post(company, f"/api/v1/payments/{payment_id}/cancel", {}, first_at=first_at)
        return str(done["outcome"])

    async def post(
        self,
        company: PayingCompany,
        path: str,
        wanted: Mapping[str, Any],
        *,
        first_at: str | None = None,
        key: str | None = None,
    ) -> dict[str, Any]:
        """Raises:
        Refused: a plain no.
        TooSlow: nobody answers.
        """
        headers = {"Authorization": f"Bearer {company.token}", "Idempotency-Key": key or str(uuid4())}
        deadline, base = time.monotonic() + _PATIENCE_SECONDS, first_at or self.town.web_url
        while time.monotonic() < deadline:
            try:
                async with httpx.AsyncClient(base_url=base, trust_env=False, timeout=10) as http:
                    answer = await http.post(path, json=wanted, headers=headers)
            except httpx.TransportError:
                answer = None
            base = self.town.web_url
            if answer is not None and answer.status_code < _SERVER_ERROR:
                if not answer.is_success:
                    raise Refused(answer)
                self.answered += 1
                told: dict[str, Any] = answer.json()["data"]
                return told
            await asyncio.sleep(0.3)
        raise TooSlow(f"An answer to {path}", _PATIENCE_SECONDS)
