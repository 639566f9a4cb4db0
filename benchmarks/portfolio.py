"""The list of a firm's 200 businesses, through the whole application but the socket: read from what is kept, whatever their books weigh.

Each has a forecast, forty items in its tray, a tenth of them marked, notices, a last week and rituals. The mirrors themselves are empty:
nothing of the list may look at them.
"""

import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx
from sqlalchemy import event

from benchmarks.report import Measure, at_most, reported
from benchmarks.rig import Rig, open_rig
from domains.core import kept_forecasts, kept_trays, notices
from domains.core.api_tokens import ApiTokens
from domains.core.kept_trays import KeptTray
from domains.core.ledger import LEDGER
from domains.core.models import DEFAULT_TIME_ZONE, Business
from domains.core.movements import CashAccount, CashMovement
from domains.core.notices import Matter, NoticeKind, Severity
from domains.core.permissions import Permission
from domains.core.ritual import RitualEventKind, week_of
from domains.core.ritual_models import RitualEventRow
from domains.core.tray_marks import TrayMarks
from infra.db.reads import read_in
from infra.logging import configure_logging
from infra.sync.books_mark import books_marks
from infra.sync.runs import SyncState
from runway.app import create_app
from runway.calculators.ageing import OpenDocument
from runway.calculators.figures import Basis
from runway.calculators.forecast import forecast
from runway.calculators.groundwork import Books
from runway.calculators.runway import RunwayInputs
from runway.calculators.working_capital import Turnover, working_capital
from runway.orchestrators.forecast_rules import read_marks
from runway.orchestrators.kept_forecast import ForecastSummary, WorkedOut, content_of, summary_of, written
from runway.orchestrators.outlook import mark_of
from runway.registry import MIRROR_SPECS
from runway.services import Services
from runway.settings import Settings

BUSINESSES = 200
_KINDS = 8  # businesses of one kind have the same figures: reckoning each would take most of the time
_ITEMS, _MARKED = 40, 4
_BAR_MS = 500
_READS = 200


async def run(businesses: int = BUSINESSES) -> Sequence[Measure]:
    with open_rig() as rig:
        os.environ |= {"QBO_CLIENT_ID": "nobody", "QBO_CLIENT_SECRET": "nobody"}  # nobody asks QuickBooks anything
        os.environ["OODALOO_ADDRESS_PER_MINUTE"] = os.environ["OODALOO_CREDENTIAL_PER_MINUTE"] = "100000000"
        async with _running(rig) as (services, http):
            kinds = [_kind(f"kind {number}", now=services.clock.now()) for number in range(_KINDS)]
            kept = [await _business(services, number, kinds[number % _KINDS]) for number in range(businesses)]
            http.headers["Authorization"] = f"Bearer {await _token(services, kept)}"
            few = await _statements(services, http, only=kept[:1])
            return await _measured(services, http, few=few, businesses=businesses)


@asynccontextmanager
async def _running(rig: Rig) -> AsyncIterator[tuple[Services, httpx.AsyncClient]]:
    settings = Settings.from_environment()
    app = create_app(settings, rig.addresses)
    configure_logging(level="ERROR")
    async with app.router.lifespan_context(app):
        base_url = str(settings.web.public_url).rstrip("/")
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=base_url, timeout=300) as http:
            yield app.state.services, http


async def _measured(services: Services, http: httpx.AsyncClient, *, few: int, businesses: int) -> Sequence[Measure]:
    body, _ = await _read(http)
    assert len(body["data"]) == businesses
    assert {row["state"] for row in body["data"]} == {"current"}
    assert all(row["waiting"]["on_us"] > 0 and not row["waiting"]["is_older"] for row in body["data"])
    many = await _statements(services, http)
    taken = sorted([(await _read(http))[1] for _ in range(_READS)])
    return (
        reported("portfolio: statements for one business", few, "statements"),
        at_most(f"portfolio: statements for {businesses} businesses", many, "statements", bar=few),
        reported(f"portfolio: half of the reads of {businesses} businesses", round(taken[_READS // 2], 1), "ms"),
        at_most(
            f"portfolio: 99 of 100 reads of {businesses} businesses",
            round(taken[_READS * 99 // 100], 1),
            "ms",
            bar=_BAR_MS,
        ),
    )


async def _read(http: httpx.AsyncClient) -> tuple[dict[str, Any], float]:
    """The answer, and its milliseconds."""
    began = time.perf_counter()
    answer = await http.get("/api/v1/portfolio")
    took = (time.perf_counter() - began) * 1000
    assert answer.status_code == httpx.codes.OK, answer.text
    body: dict[str, Any] = answer.json()
    return body, took


async def _statements(services: Services, http: httpx.AsyncClient, *, only: Sequence[Business] | None = None) -> int:
    """Sent by the application's role for one answer, or for the list of some."""
    count = 0

    def note(*_: Any) -> None:
        nonlocal count
        count += 1

    engine = services.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        await (_read(http) if only is None else services.portfolio.get(only))
    finally:
        event.remove(engine, "before_cursor_execute", note)
    return count


async def _token(services: Services, businesses: Sequence[Business]) -> str:
    now = services.clock.now()
    async with services.access_uow([]) as uow:
        _, plaintext = await ApiTokens().issue(
            uow.session,
            [one.id for one in businesses],
            name="bench",
            permissions=[Permission.BOOKS_READ],
            user_id=None,
            expires_at=now + timedelta(days=1),
            now=now,
        )
    return plaintext


async def _business(services: Services, number: int, kind: "_Kind") -> Business:
    now = services.clock.now()
    async with services.access_uow([]) as uow:
        business = await services.businesses.create_business(uow.session, f"Client {number:03}", now=now)
    today = kind.summary.as_of
    async with services.uow([business.id]) as uow:
        session = uow.session
        session.add_all(
            SyncState(business_id=business.id, rail=LEDGER.value, entity=spec.entity, last_synced_at=now)
            for spec in MIRROR_SPECS
        )
        await session.flush()  # the marks below are of the business as it is now
        decided = await read_marks(session, [business.id])
        [[(_, books)]] = await read_in(session, books_marks([business.id], LEDGER))
        mark = str(mark_of(today, decided=decided[business.id], books=books))
        for day in (today - timedelta(days=7), today):
            await kept_forecasts.keep(session, business.id, _kept(kind, day, mark=mark, now=now))
        await _add_tray(uow.session, business.id, mark=mark, now=now)
        session.add(
            RitualEventRow(
                business_id=business.id,
                week_on=week_of(today) - timedelta(weeks=1),
                version=1,
                kind=RitualEventKind.FINISHED.value,
                actor="benchmark",
                request_id="benchmark",
            )
        )
    return business


def _kept(kind: "_Kind", day: date, *, mark: str, now: datetime) -> dict[str, Any]:
    return {
        "as_of": day,
        "mark": mark,
        "computed_at": now,
        "day_ends_at": datetime.combine(day + timedelta(days=1), datetime.min.time(), UTC),
        "summary": written(replace(kind.summary, as_of=day)),
        "content": kind.content,
    }


async def _add_tray(session: Any, business_id: UUID, *, mark: str, now: datetime) -> None:
    items = [f"bill:{business_id}/{number}" for number in range(_ITEMS)]
    states, held = dict.fromkeys(items, "P1/bill_due/1.2e3/0"), {f"Bill:{n}": item for n, item in enumerate(items)}
    await kept_trays.keep(session, business_id, KeptTray(mark, now, states, held))
    marks = TrayMarks(business_id)
    for item in items[:_MARKED]:
        await marks.ask(session, item, "Is this right?", actor="benchmark", now=now)
    matter = Matter(NoticeKind.BYPASS, "145", Severity.WARNING, "A payment nobody approved", "See it in QuickBooks.")
    await notices.raise_notice(session, business_id, matter, now=now)


@dataclass(frozen=True)
class _Kind:
    summary: ForecastSummary
    content: bytes


def _kind(company_id: str, *, now: datetime) -> _Kind:
    worked = _worked_out(company_id, now=now)
    return _Kind(summary_of(worked), content_of(worked))


def _worked_out(company_id: str, *, now: datetime) -> WorkedOut:
    """A year of a small company."""
    today = now.astimezone(ZoneInfo(DEFAULT_TIME_ZONE)).date()
    dice = Random(company_id)  # noqa: S311  # secrecy is no matter
    basis = Basis(as_of=today, source=LEDGER.value)
    checking = CashAccount("checking", "Checking", "Bank", "Checking", balance=Decimal(dice.randint(5_000, 90_000)))
    rent = CashAccount("rent", "Rent", "Expense", "RentOrLeaseOfBuildings", balance=Decimal(0))
    movements = [
        CashMovement(
            on=today - timedelta(days=days),
            amount=Decimal(dice.randint(-900, 700)),
            account_id="checking",
            counter_account_id="rent",
            counterparty=f"Party {days % 9}",
            source="Purchase",
            external_id=str(days),
        )
        for days in range(1, 360)
    ]
    inputs = RunwayInputs(basis, [checking, rent], movements, synced_at=now, now=now)
    made = forecast(
        Books(inputs, invoices=_documents(today, dice, "i"), bills=_documents(today, dice, "b")), company_id=company_id
    )
    capital = working_capital(Turnover(), receivables=made.receivables, payables=made.payables, basis=basis)
    return WorkedOut(made, capital)


def _documents(today: date, dice: Random, side: str) -> list[OpenDocument]:
    return [
        OpenDocument(
            f"{side}{number}",
            party_id=f"{number % 9}",
            party_name=f"Party {number % 9}",
            issued_on=today - timedelta(days=30),
            due_on=today + timedelta(days=dice.randint(-20, 40)),
            open_amount=Decimal(dice.randint(50, 3000)),
        )
        for number in range(40)
    ]
