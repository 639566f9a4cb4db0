"""Reports as a client meets them: over HTTP, with a token, in JSON and in XML."""

from collections.abc import AsyncIterator

import pytest

from tests.integration.infra.qbo.simulator_client import SimulatorClient, code_of, simulator_client
from tests.unit.infra.qbo.simulator.small_company import bill


@pytest.fixture
async def client() -> AsyncIterator[SimulatorClient]:
    async with simulator_client() as opened:
        yield opened


async def test_a_report_follows_the_writes_before_it(client: SimulatorClient) -> None:
    await client.make("Bill", bill("12.50"))
    shown = (await client.get("reports/AgedPayables", report_date="2026-03-02")).json()
    assert [cell["value"] for cell in shown["Rows"]["Row"][0]["ColData"]][-1] == "12.50"
    assert shown["Header"]["Time"] == "2026-03-02T10:00:00-08:00"
    assert "time" not in shown


async def test_parameters_are_read_in_any_case_and_names_when_switched(client: SimulatorClient) -> None:
    await client.make("Bill", bill("12.50"))
    assert code_of(await client.get("reports/profitandloss")) == "5020"
    await client.behave(report_name_any_case=True)
    shown = await client.get("reports/profitandloss", Date_Macro="this month", ACCOUNTING_METHOD="accrual")
    assert shown.json()["Header"]["StartPeriod"] == "2026-03-01"


async def test_an_unknown_report_is_a_fault(client: SimulatorClient) -> None:
    answer = await client.get("reports/Horoscope")
    assert (answer.status_code, code_of(answer)) == (400, "5020")
    assert answer.json()["Fault"]["Error"][0]["element"] == "ReportName"


async def test_a_report_comes_as_xml_too(client: SimulatorClient) -> None:
    await client.make("Bill", bill("12.50"))
    client.accept = "application/xml"
    answer = await client.get("reports/AgedPayables")
    assert answer.headers["content-type"].startswith("application/xml")
    assert '<ColData value="Norton Lumber" id="56"/>' in answer.text


async def test_a_report_is_not_written_to(client: SimulatorClient) -> None:
    assert code_of(await client.post("reports/AgedPayables", {})) == "500"
