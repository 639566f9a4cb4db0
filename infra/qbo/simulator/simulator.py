"""The simulator as an object: companies, tokens, limits and counts, without HTTP."""

import contextlib
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterable

from infra.clock import Clock
from infra.qbo.simulator import faults
from infra.qbo.simulator.api.limits import RequestLimits
from infra.qbo.simulator.api.oauth import AuthorizationServer
from infra.qbo.simulator.api.replies import Replies
from infra.qbo.simulator.behaviour import DEFAULT, Behaviour
from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.entities import find_kind
from infra.qbo.simulator.books.other_users import OtherUsers
from infra.qbo.simulator.oracle.journal import CURRENT, Journal
from infra.qbo.simulator.oracle.oracle import Oracle
from infra.qbo.simulator.timeline.simulated_clock import SimulatedClock
from infra.qbo.simulator.timeline.timeline import Timeline
from infra.qbo.simulator.trouble.late import LateExecutions
from infra.qbo.simulator.trouble.trouble import Trouble
from infra.qbo.simulator.webhooks.sender import Webhooks


class Simulator:
    """`latency_ms` is added to every API answer. `limits=False` switches the 429s off."""

    def __init__(
        self,
        companies: Iterable[Company],
        *,
        clock: Clock | None = None,
        seed: int = 0,
        latency_ms: float = 0,
        limits: bool = True,
        rotate_always: bool = True,
        behaviour: Behaviour = DEFAULT,
        admin_secret: str | None = None,
    ) -> None:
        self.clock = clock if isinstance(clock, SimulatedClock) else SimulatedClock(clock)
        self.companies = {company.realm_id: company for company in companies}
        for company in self.companies.values():
            company.clock = self.clock
        self.latency_seconds = latency_ms / 1000
        self.oauth = AuthorizationServer(self.clock, seed=seed, rotate_always=rotate_always)
        self.limits = RequestLimits(self.clock) if limits else None
        self.admin_secret = admin_secret
        self.refusals: dict[str, str] = {}
        self.other_users = OtherUsers(seed)
        self.timeline = Timeline(self.clock)
        self.trouble = Trouble(self.clock, seed=seed)
        self.late = LateExecutions(self.clock, self.timeline)
        self.oracle = Oracle(self.clock)
        self.journal = Journal(self.oracle)
        self.webhooks = Webhooks(
            clock=self.clock,
            timeline=self.timeline,
            oracle=self.oracle,
            trouble=self.trouble,
            oauth=self.oauth,
            seed=seed,
        )
        self.journal.listeners.append(self.webhooks.changed)
        self.behaviour = behaviour
        for company in self.companies.values():
            self.journal.adopt(company)
        self.other_users.journal = self.journal
        self.on_settled: Callable[[], None] | None = None
        self.webhooks.on_delivered = lambda: self.settle(None)
        self.requests: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.replies = Replies(self.clock)

    @property
    def behaviour(self) -> Behaviour:
        return self._behaviour

    @behaviour.setter
    def behaviour(self, behaviour: Behaviour) -> None:
        self._behaviour = self.webhooks.behaviour = behaviour
        for company in self.companies.values():
            company.behaviour = behaviour

    def admit(self, realm_id: str, authorization: str | None, *, is_batch: bool = False) -> Company:
        """The company a request may reach. `refusals` holds the code that a realm answers with instead.

        Raises:
            GatewayFault: 401, 403 or 429.
            ServiceFault: 100, 120, 130 or 6190.
        """
        company = self.companies.get(realm_id)
        running = CURRENT.get()
        if running is not None and running.is_repeat and company is not None:
            return company  # admitted when it came
        if self.behaviour.no_bearer_code == "100" and not authorization:
            raise faults.general_authentication()
        grant = self.oauth.authorize(authorization, realm_id=realm_id)
        if company is None:
            raise faults.wrong_realm()
        if realm_id in self.refusals:
            refuse = faults.COMPANY_REFUSALS[self.refusals[realm_id]]
            raise refuse()
        if self.limits is not None:
            admit = self.limits.admit_batch if is_batch else self.limits.admit
            if not admit(realm_id, grant.client_id):
                self.requests[realm_id]["throttled"] += 1
                raise faults.throttled()
        return company

    def settle(self, company: Company | None) -> None:
        """After a request: what it changed is kept and announced. Tokens, replies and time have no company."""
        if company is not None:
            self.journal.commit(company)
        if self.on_settled is not None:
            self.on_settled()

    def edit(self, realm_id: str, entity: str | None, *, edits: int = 1) -> int:
        """Have another user edit that many random objects, now; how many there were to edit."""
        company, kind = self.companies.get(realm_id), find_kind(entity or "")
        if company is None or kind is None:
            return 0
        edited = sum(self.other_users.edit_one(company, kind.name) is not None for _ in range(edits))
        self.settle(company)
        return edited

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Simulated time does its work while this is entered: deliveries, late executions, edits at a rate."""
        try:
            async with self.timeline.running():
                yield
        finally:
            await self.webhooks.close()
