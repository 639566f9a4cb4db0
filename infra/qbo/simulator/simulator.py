"""The simulator as an object: companies, tokens, limits and counts, without HTTP."""

from collections import Counter, defaultdict
from collections.abc import Iterable

from infra.clock import Clock, SystemClock
from infra.qbo.simulator import faults
from infra.qbo.simulator.api.limits import RequestLimits
from infra.qbo.simulator.api.oauth import AuthorizationServer
from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.other_users import OtherUsers


class Simulator:
    """`latency_ms` is added to every API answer. `limits=False` switches the 429s off.

    `throttle_as_xml` and `auth_faults_as_xml`: Intuit has sent these bodies in XML to JSON clients.
    """

    def __init__(
        self,
        companies: Iterable[Company],
        *,
        clock: Clock | None = None,
        seed: int = 0,
        latency_ms: float = 0,
        limits: bool = True,
        rotate_always: bool = True,
        throttle_as_xml: bool = True,
        auth_faults_as_xml: bool = False,
    ) -> None:
        self.clock = clock or SystemClock()
        self.companies = {company.realm_id: company for company in companies}
        self.latency_seconds = latency_ms / 1000
        self.oauth = AuthorizationServer(self.clock, seed=seed, rotate_always=rotate_always)
        self.limits = RequestLimits(self.clock) if limits else None
        self.throttle_as_xml = throttle_as_xml
        self.auth_faults_as_xml = auth_faults_as_xml
        self.other_users = OtherUsers(seed)
        self.requests: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.replies: dict[tuple[str, str], bytes] = {}

    def admit(self, realm_id: str, authorization: str | None) -> Company:
        """The company a request may reach.

        Raises:
            GatewayFault: 401, 403 or 429.
        """
        grant = self.oauth.authorize(authorization, realm_id=realm_id)
        company = self.companies.get(realm_id)
        if company is None:
            raise faults.wrong_realm()
        if self.limits is not None and not self.limits.admit(realm_id, grant.client_id):
            self.requests[realm_id]["throttled"] += 1
            raise faults.throttled()
        return company
