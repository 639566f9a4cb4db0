"""How good the forecasts were: from the first day by a replay, then week by week; over HTTP, by the command and by the job."""

import asyncio
import csv
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
import pytest_asyncio
from psycopg.errors import RestrictViolation
from sqlalchemy import delete, text, update
from sqlalchemy.exc import DBAPIError

from domains.core.forecast_models import FrozenForecastRow
from infra.embedded.roles import connect
from runway.business_services import BusinessServices
from runway.calculators.accuracy import HORIZON_WEEKS
from runway.calculators.forecast import forecast
from runway.jobs import begin_monday
from tests.e2e.commands import run_oodaloo, servers_in
from tests.e2e.conftest import small_company
from tests.e2e.rest import Shop, open_shop
from tests.rig import Database

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(
    database: Database, module_redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Shop]:
    home = tmp_path_factory.mktemp("accuracy")
    async with open_shop(database, module_redis_url, home=home, files=[small_company()]) as opened:
        await opened.read_books()
        yield opened


async def services_of(shop: Shop) -> BusinessServices:
    services = shop.web.services
    async with services.uow([UUID(shop.visitor.business_id)]) as uow:
        business = await services.businesses.get_business(uow.session, UUID(shop.visitor.business_id))
    return services.of(business)


async def test_without_a_frozen_forecast_there_is_no_better_grade_than_d(shop: Shop) -> None:
    data = (await shop.visitor.get("/forecast/accuracy"))["data"]
    assert (data["grade"], data["reason"]) == ("D", "0 of 4 forecasts are 4 weeks old")
    assert [one["weeks"] for one in data["horizons"]] == list(HORIZON_WEEKS)
    assert all(one["coverage"]["reason"] for one in data["horizons"])


async def test_a_replay_gives_a_grade_on_the_first_day_and_a_second_one_changes_nothing(shop: Shop) -> None:
    backtest = (await services_of(shop)).backtest
    told: list[tuple[int, int]] = []
    first = await backtest.run(weeks=5, on_done=lambda *done: told.append(done))
    assert first.made == 5 == len(told)
    assert told[-1] == (5, 5)
    again = await (await services_of(shop)).backtest.run(weeks=6)
    assert (again.made, again.kept) == (1, 5)
    answer = await shop.visitor.get("/forecast/accuracy")
    assert answer["freshness"]["source"] == "mirror"
    data = answer["data"]
    assert data["forecasts"] == {"live": 0, "replayed": 0, "reconstructed": 6}
    at_four = data["horizons"][1]
    assert at_four["balance_error"] == data["balance_error"]
    assert data["balance_error"]["note"] == "reconstructed"
    assert data["balance_error"]["n"] >= 2
    assert Decimal(data["gross_outflow_monthly"]) > 0
    table = await shop.visitor.ask("/forecast/accuracy", format="csv")
    row = next(csv.DictReader(table.text.splitlines()[:1] + table.text.splitlines()[2:]))
    assert (row["weeks"], row["receipts_wape"]) == ("4", at_four["receipts_wape"]["value"])


async def test_what_was_frozen_is_judged_by_quickbooks_own_balances(shop: Shop) -> None:
    """The closes of the weeks that have passed are those of the simulator's ledger on these days."""
    of = await services_of(shop)
    async with of.uow([of.business.id]) as uow:
        rows = (
            await uow.session.execute(
                text(
                    "SELECT (f.figures -> 'weeks' -> (r.week - 1) ->> 'ends_on')::date, r.closing FROM forecast_result r "
                    "JOIN frozen_forecast f USING (business_id, frozen_on) WHERE business_id = :business_id"
                ),
                {"business_id": of.business.id},
            )
        ).all()
    assert len(rows) >= 15
    assert {(day, closing) for day, closing in rows} == {(day, bank_on(shop, day)) for day, _ in rows}


def bank_on(shop: Shop, day: date) -> Decimal:
    accounts = shop.company.stores["Account"].records
    banks = {key for key, one in accounts.items() if one.body["AccountType"] == "Bank"}
    entries = shop.company.ledger.entries.values()
    postings = (one for entry in entries if entry.txn_on <= day for one in entry.postings)
    return sum((one.amount for one in postings if one.account_id in banks), Decimal(0))


async def test_a_monday_is_frozen_once_and_never_rewritten(shop: Shop, database: Database) -> None:
    of = await services_of(shop)
    this_monday = of.sync.today() - timedelta(days=of.sync.today().weekday())
    books = await of.backtest.past.books_as_of(this_monday, at_its_start=True)
    made = forecast(books, company_id="any")
    unread = replace(books, runway=replace(books.runway, accounts=()))
    assert await of.forecast_accuracy.freeze(forecast(unread, company_id="any")) is False
    assert await of.forecast_accuracy.freeze(made) is True
    assert await of.forecast_accuracy.freeze(made) is False
    tuesday = replace(made, basis=replace(made.basis, as_of=this_monday + timedelta(days=1)))
    assert await of.forecast_accuracy.freeze(tuesday) is False
    for change in (update(FrozenForecastRow).values(weeks=1), delete(FrozenForecastRow)):
        with pytest.raises(DBAPIError, match="permission denied"):
            async with of.uow([of.business.id]) as uow:
                await uow.session.execute(change)
    with connect(database.superuser_url) as root, pytest.raises(RestrictViolation, match="the log only grows"):
        root.execute("UPDATE frozen_forecast SET weeks = 1")


async def test_the_job_freezes_on_mondays_and_judges_at_any_time(shop: Shop) -> None:
    of = await services_of(shop)
    async with of.uow([of.business.id]) as uow:
        judged_at = await uow.session.scalar(text("SELECT min(judged_at) FROM forecast_result"))
    await begin_monday(shop.web.services)
    assert await shop.web.run_jobs(shop.visitor.business_id) >= 1
    async with of.uow([of.business.id]) as uow:
        assert await uow.session.scalar(text("SELECT min(judged_at) FROM forecast_result")) > judged_at
    assert (await shop.visitor.get("/forecast/accuracy"))["data"]["forecasts"]["live"] == 1


async def test_the_command_says_what_it_made(shop: Shop, database: Database, module_redis_url: str) -> None:
    home, places = shop.web.services.settings.servers.home, servers_in(database, module_redis_url)
    done = await asyncio.to_thread(
        run_oodaloo, home, "forecast", "backtest", shop.visitor.business_id, "--weeks", "6", **places
    )
    assert done.exit_code == 0, done.output
    assert "0 Mondays replayed, 6 had a forecast" in done.stdout
    assert "grade" in done.stdout
    refused = await asyncio.to_thread(run_oodaloo, home, "forecast", "backtest", "Nobody", **places)
    assert (refused.exit_code, "0 businesses are called 'Nobody'" in refused.stderr) == (1, True)
