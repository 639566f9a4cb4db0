"""A small company behind the whole HTTP application, without sockets: thousands of requests a second."""

import asyncio
from collections.abc import MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from infra import exact_json
from infra.qbo.simulator.api.app import create_app
from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.loading import load_company
from infra.qbo.simulator.files.company_file import CompanyFile
from infra.qbo.simulator.simulator import Simulator
from infra.qbo.simulator.timeline.simulated_clock import SimulatedClock

REALM = "9130000000000001"
CHECKING, PAYABLE, RECEIVABLE, UNDEPOSITED, SALES, RENT, VISA, SAVINGS, PETTY, REPAIRS = map(str, range(1, 11))
ACCOUNTS = (
    (CHECKING, "Checking", "Bank", "Checking"),
    (PAYABLE, "Accounts Payable (A/P)", "Accounts Payable", "AccountsPayable"),
    (RECEIVABLE, "Accounts Receivable (A/R)", "Accounts Receivable", "AccountsReceivable"),
    (UNDEPOSITED, "Undeposited Funds", "Other Current Asset", "UndepositedFunds"),
    (SALES, "Sales", "Income", "SalesOfProductIncome"),
    (RENT, "Rent", "Expense", "RentOrLeaseOfBuildings"),
    (VISA, "Visa", "Credit Card", "CreditCard"),
    (SAVINGS, "Savings", "Bank", "Savings"),
    (PETTY, "Petty Cash", "Bank", "CashOnHand"),
    (REPAIRS, "Repairs", "Expense", "RepairMaintenance"),
)

Body = dict[str, Any]


class StillClock:
    """Stands until a history moves it."""

    def __init__(self) -> None:
        self._now = datetime(2026, 3, 2, 18, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self._now

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)


@dataclass(frozen=True, slots=True)
class Sent:
    """A request that can be sent again as it was."""

    path: str
    options: dict[str, str]
    content: bytes


@dataclass(slots=True)
class Answer:
    status: int = 0
    content: bytes = b""

    @property
    def ok(self) -> bool:
        return self.status == 200

    def json(self) -> Any:
        return exact_json.loads(self.content)


class Office:
    """`clock` stands still until it is moved; tokens are renewed by themselves."""

    def __init__(self) -> None:
        self.clock = StillClock()
        self._original = load_company(_file(), clock=self.clock)
        self._first_bytes = _bytes_of(self._original)
        company = self._original.copy(REALM)
        self.simulator = Simulator([company], clock=SimulatedClock(self.clock), limits=False)
        self.company = self.simulator.companies[REALM]
        self._app = create_app(self.simulator)
        self._loop = asyncio.new_event_loop()
        self._authorization = b""
        self._signed_in = 0.0

    def close(self) -> None:
        """The books are a copy: whatever happened to them, the company they were copied from is as it was."""
        self._loop.close()
        assert _bytes_of(self._original) == self._first_bytes, "a copy's change reached its original"

    def get(self, path: str, **options: str) -> Answer:
        return self._call("GET", path, options, b"")

    def post(self, sent: Sent) -> Answer:
        return self._call("POST", sent.path, sent.options, sent.content)

    def admin(self, path: str, body: Body) -> Answer:
        return self._run("POST", f"/admin/{path}", b"", exact_json.dumps(body))

    def _call(self, method: str, path: str, options: dict[str, str], content: bytes) -> Answer:
        return self._run(method, f"/v3/company/{REALM}/{path}", urlencode(options).encode(), content)

    def _run(self, method: str, path: str, query: bytes, content: bytes) -> Answer:
        return self._loop.run_until_complete(self._exchange(method, path, query, content))

    async def _exchange(self, method: str, path: str, query: bytes, content: bytes) -> Answer:
        answer, waiting = Answer(), [content]

        async def receive() -> MutableMapping[str, Any]:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}

        async def send(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
            else:
                answer.content += message.get("body", b"")

        await self._app(self._scope(method, path, query), receive, send)
        return answer

    def _scope(self, method: str, path: str, query: bytes) -> MutableMapping[str, Any]:
        headers = [
            (b"authorization", self._bearer()), (b"accept", b"application/json"), (b"content-type", b"application/json"),
        ]  # fmt: skip
        return {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
            "path": path, "raw_path": path.encode(), "root_path": "", "query_string": query, "headers": headers,
            "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2), "extensions": {},
        }  # fmt: skip

    def _bearer(self) -> bytes:
        """A token lives for an hour of simulated time."""
        now = self.clock.now().timestamp()
        if not self._authorization or now - self._signed_in > 1800:
            oauth = self.simulator.oauth
            token = oauth.grant(REALM, client_id=oauth.client_id)["access_token"]
            self._authorization, self._signed_in = f"Bearer {token}".encode(), now
        return self._authorization


def _bytes_of(company: Company) -> bytes:
    """Encoded anew, so that no old encoding hides a change."""
    return exact_json.dumps(
        [
            company.ledger.trial_balance(),
            [record.body for store in company.stores.values() for record in store.records.values()],
        ]
    )


def _file() -> CompanyFile:
    accounts: list[Body] = [{"Id": i, "Name": n, "AccountType": t, "AccountSubType": s} for i, n, t, s in ACCOUNTS]
    accounts[int(PETTY) - 1]["ParentRef"] = {"value": CHECKING}
    items = [("1", "Hours", SALES), ("2", "Parts", SALES)]
    return CompanyFile(
        format="oodaloo-company/1",
        company={"CompanyName": "Histories", "TimeZone": "America/New_York"},
        realm_id=REALM,
        accounts=accounts,
        terms=[{"Id": "3", "Name": "Net 30", "DueDays": 30}],
        items=[{"Id": i, "Name": n, "Type": "Service", "IncomeAccountRef": {"value": a}} for i, n, a in items],
        vendors=[{"Id": "1", "DisplayName": "Norton Lumber"}, {"Id": "2", "DisplayName": "Books by Bessie"}],
        customers=[
            {"Id": "1", "DisplayName": "Amy's Birds"},
            {"Id": "2", "DisplayName": "Bill's Surf"},
            {"Id": "3", "DisplayName": "Aviary", "Job": True, "ParentRef": {"value": "1"}},
        ],
    )
