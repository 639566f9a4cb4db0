"""QBO's API as it is: HTTP, auth, paging, status to error or answer. Returns payloads, decides nothing.

Only the sync service may import this (and wiring, to build it). Its errors are those of `infra.qbo.errors`.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from urllib.parse import quote

import httpx

from infra.actions.rail import Write, WriteAnswer
from infra.clock import Clock
from infra.config import QBOSettings, Rail
from infra.qbo import statements
from infra.qbo.answers import CallCost, Changes, ObjectAnswer, Payload, QueryPage, ReportAnswer
from infra.qbo.envelopes import entity_of, mapping, objects, read_changes
from infra.qbo.errors import QBOUnavailable
from infra.qbo.keyset import KeysetCursor, keyset_pages
from infra.qbo.tokens import TokenSource
from infra.qbo.transport import Call, CountCall, Patience, QBOTransport
from infra.qbo.wire.reports import AgingKind, AgingReport, KPIData, PayingParty, PaymentHistory
from infra.qbo.writing import QBOWriting
from infra.ratelimit.breaker import RailBreaker, Way
from infra.ratelimit.lanes import Lane
from infra.ratelimit.limiter import RailLimiter
from infra.ratelimit.limits import Bucket

_LONGEST_GET = 1500  # characters of a statement; encoded it stays well under the 8 KB that gateways take
_IDS_A_CALL = 500
_EASTERNMOST = timezone(timedelta(hours=14))
_OPEN = "Balance > '0'"


class QBORawClient:
    """One company's books, read for one lane, told in the lane of payments. Cheap to make: the pool, the limiter and the tokens are shared.

    `patience` bounds each HTTP call with its retries; reading a whole entity takes as many calls as it has pages. `breaker` is
    the process's, unless what is read must be asked whatever failed before; `count` is told of each call; `calls` is how many this
    client has sent.
    """

    def __init__(
        self,
        realm_id: str,
        *,
        http: httpx.AsyncClient,
        settings: QBOSettings,
        tokens: TokenSource,
        limiter: RailLimiter,
        clock: Clock,
        lane: Lane = Lane.USER,
        patience: Patience = Patience(),  # noqa: B008 - frozen
        breaker: RailBreaker | None = None,
        count: CountCall = lambda _: None,
    ) -> None:
        if not realm_id.isalnum():
            raise ValueError("A realm id is made of letters and digits.")
        self.realm_id = realm_id
        self.calls = 0
        self._clock = clock

        def count_call(is_metered: bool) -> None:  # noqa: FBT001 - the one thing that is told
            self.calls += 1
            count(is_metered)

        breaker = breaker or RailBreaker(None, rail=Rail.QBO.value)
        self._transport = QBOTransport(
            realm_id,
            http=http,
            settings=settings,
            tokens=tokens,
            limiter=limiter,
            lane=lane,
            clock=clock,
            patience=patience,
            breaker=breaker,
            count=count_call,
        )
        self._writing = QBOWriting(
            realm_id,
            http=http,
            settings=settings,
            tokens=tokens,
            limiter=limiter,
            clock=clock,
            breaker=breaker,
            count=count_call,
        )

    async def query(self, statement: str) -> QueryPage:
        """One page of the query language, as GET, or as POST when long.

        Raises:
            QBOValidationFault: 4000 or 4001 when QBO does not take the statement.
        """
        entity = entity_of(statement)
        if len(statement) <= _LONGEST_GET:
            call = Call("query", "/query", entity=entity, params={"query": statement})
        else:
            call = Call("query", "/query", entity=entity, statement=statement)
        answer = await self._transport.read(call)
        response = mapping(answer.content.get("QueryResponse"))
        return QueryPage(
            entity=entity,
            objects=objects(response, entity),
            total_count=response.get("totalCount"),
            asked_at=answer.asked_at,
            answered_at=answer.answered_at,
            cost=answer.cost,
        )

    async def count(self, entity: str, *, where: Sequence[str] = ()) -> int:
        """How many records QBO has, inactive names included."""
        page = await self.query(statements.count(entity, *where))
        if page.total_count is None:
            raise QBOUnavailable("QuickBooks answered COUNT(*) without a total.")
        return page.total_count

    async def changes_since(self, entities: Sequence[str], *, since: datetime) -> Changes:
        """All that changed in `entities` at or after `since`, deletions included, in one call.

        QBO looks back 30 days and stops at 1,000 objects without saying so: see `Changes.is_possibly_cut`. The next
        `since` is reckoned from `answered_at`, less a small overlap.
        """
        if since.tzinfo is None:
            raise ValueError("An instant needs its zone.")
        params = {
            "entities": ",".join(entities),
            "changedSince": since.astimezone(UTC).isoformat(timespec="seconds"),
        }
        answer = await self._transport.read(Call("cdc", "/cdc", entity=params["entities"], params=params))
        return read_changes(answer, entities)

    async def read(self, entity: str, external_id: str) -> ObjectAnswer:
        """One object by its id.

        Raises:
            QBONotFound: there is none, or it was deleted.
        """
        path = f"/{entity.lower()}/{quote(external_id, safe='')}"
        answer = await self._transport.read(Call("read", path, entity=entity))
        payload = answer.content.get(entity)
        if not isinstance(payload, dict):
            raise QBOUnavailable(f"QuickBooks answered a read of {entity} without one.")
        return ObjectAnswer(entity, payload, asked_at=answer.asked_at, answered_at=answer.answered_at, cost=answer.cost)

    async def read_many(self, entity: str, external_ids: Sequence[str]) -> QueryPage:
        """The objects with these ids; those that QBO no longer has are simply absent. Calls: one for each 500 ids.

        Both clocks are those of the first call, the earliest.
        """
        first: QueryPage | None = None
        objects: list[Payload] = []
        cost = CallCost(calls=0)
        for start in range(0, len(external_ids), _IDS_A_CALL):
            ids = external_ids[start : start + _IDS_A_CALL]
            page = await self.query(statements.select(entity, statements.id_in(ids), limit=len(ids)))
            first = first or page
            objects += page.objects
            cost += page.cost
        now = self._clock.now()
        return QueryPage(
            entity=entity,
            objects=objects,
            total_count=None,
            asked_at=first.asked_at if first else now,
            answered_at=first.answered_at if first else now,
            cost=cost,
        )

    async def report(self, name: str, **params: str) -> ReportAnswer:
        """One of QBO's reports, by the name in its address: `AgedPayables`, with `report_date="2026-03-15"`.

        Raises:
            QBOValidationFault: QBO has no such report, or does not take a parameter.
        """
        answer = await self._transport.read(
            Call("report", f"/reports/{name}", entity=name, params=params, bucket=Bucket.REPORT)
        )
        return ReportAnswer(name, answer.content, asked_at=answer.asked_at, cost=answer.cost)

    async def company_info(self) -> ObjectAnswer:
        return await self.read("CompanyInfo", self.realm_id)

    async def get_bills_from_qbo(self, due_days: int = 30) -> list[Payload]:
        """Open bills due within `due_days`, overdue ones included."""
        latest = self._latest_today() + timedelta(days=due_days)
        return await self._read_all("Bill", f"DueDate <= '{latest.isoformat()}'", _OPEN)

    async def get_invoices_from_qbo(self, aging_days: int | None = None) -> list[Payload]:
        """Open invoices: all, or those that fell due at least `aging_days` ago (0: due today or before)."""
        if aging_days is None:
            return await self._read_all("Invoice", _OPEN)
        latest = self._latest_today() - timedelta(days=aging_days)
        return await self._read_all("Invoice", f"DueDate <= '{latest.isoformat()}'", _OPEN)

    async def get_customers_from_qbo(self) -> list[Payload]:
        return await self._read_all("Customer")

    async def get_vendors_from_qbo(self) -> list[Payload]:
        return await self._read_all("Vendor")

    async def get_accounts_from_qbo(self) -> list[Payload]:
        return await self._read_all("Account")

    async def get_company_info_from_qbo(self) -> Payload:
        return (await self.company_info()).payload

    async def get_kpi_data(self, as_of: date | None = None, *, days: int = 30) -> KPIData:
        """What QBO itself makes of the books: what was earned in the `days` up to and with `as_of`, and what stands then. Two calls.

        Raises:
            UnreadableRailObject: QBO's reports do not have the shape that they should.
        """
        as_of = as_of or self._latest_today()
        since = as_of - timedelta(days=days - 1)
        period = {"start_date": since.isoformat(), "end_date": as_of.isoformat(), "accounting_method": "Accrual"}
        earned = await self.report("ProfitAndLoss", **period)
        held = await self.report("BalanceSheet", **period)
        return KPIData.read(earned.content, held.content)

    async def get_aging_report(self, kind: AgingKind, as_of: date | None = None) -> AgingReport:
        """Who owes, or is owed, and for how long past due. One call.

        Raises:
            UnreadableRailObject: QBO's report does not have the shape that it should.
        """
        as_of = as_of or self._latest_today()
        answer = await self.report(kind.report, report_date=as_of.isoformat(), aging_method="Report_Date")
        return AgingReport.read(answer.content, kind=kind)

    async def get_payment_history(self, entity_type: PayingParty, entity_id: str) -> PaymentHistory:
        """Every payment to that vendor, or from that customer; a call for each 1,000.

        Raises:
            UnreadableRailObject: a payment lacks a field, or has one of another kind.
        """
        condition = f"{entity_type.condition} = {statements.literal(entity_id)}"
        payloads = await self._read_all(entity_type.payment_entity, condition)
        return PaymentHistory.read(payloads, party=entity_type, external_id=entity_id)

    async def write(self, request: Write) -> WriteAnswer:
        """Tell QBO once, in the lane of payments. Raises nothing that QBO or the road to it causes: the answer's kind says what is proved.

        What is told to an object's own address (`/129/send`) has no body there; `request.body` only says what it rests on.
        """
        path = f"/{request.entity.lower()}{request.subpath}"
        call = Call("write", path, entity=request.entity, params=dict(request.options), way=Way.WRITE)
        return await self._writing.write(call, b"" if request.subpath else request.body, request_id=request.request_id)

    async def create_payment_in_qbo(self, payment: bytes, *, request_id: str) -> WriteAnswer:
        """Record a payment of bills: a BillPayment's JSON, under the id that makes a repetition harmless. As `write`."""
        return await self.write(Write("BillPayment", payment, request_id))

    def _latest_today(self) -> date:
        # Due dates are in the company's zone, unknown here. The latest date on Earth misses no bill in any zone.
        return self._clock.now().astimezone(_EASTERNMOST).date()

    async def _read_all(self, entity: str, *where: str) -> list[Payload]:
        """Every record, each once and as last seen."""
        latest: dict[str, Payload] = {}
        async for page in keyset_pages(self.query, entity=entity, cursor=KeysetCursor(), where=where):
            latest.update((payload["Id"], payload) for payload in page.objects)
        return list(latest.values())
