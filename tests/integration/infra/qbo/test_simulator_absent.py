"""What QBO has and a company here has nothing of, and paths that lead nowhere: QBO's own answers, never a defect's."""

from collections.abc import AsyncIterator

import pytest

from tests.integration.infra.qbo.simulator_client import SimulatorClient, code_of, simulator_client
from tests.unit.infra.qbo.simulator.small_company import bill


@pytest.fixture
async def client() -> AsyncIterator[SimulatorClient]:
    async with simulator_client() as made:
        yield made


@pytest.mark.parametrize("entity", ["Class", "TaxCode", "Attachable", "Estimate", "Employee", "PaymentMethod"])
async def test_a_query_of_it_finds_nothing(client: SimulatorClient, entity: str) -> None:
    query = f"select * from {entity} where Active in (true, false) order by Metadata.LastUpdatedTime maxresults 5"  # noqa: S608 - not SQL
    assert (await client.get("query", query=query)).json()["QueryResponse"] == {}
    counted = await client.get("query", query=f"select count(*) from {entity}")  # noqa: S608 - as above
    assert counted.json()["QueryResponse"] == {"totalCount": 0}
    assert code_of(await client.get(f"{entity.lower()}/1")) == "610"
    assert code_of(await client.get(f"{entity.lower()}/one")) == "2030"


async def test_it_cannot_be_made(client: SimulatorClient) -> None:
    answer = await client.post("class", {"Name": "North"})
    assert (answer.status_code, code_of(answer)) == (400, "500")


async def test_changes_of_it_are_none_and_of_some_are_not_told(client: SimulatorClient) -> None:
    await client.make("Bill", bill())
    answer = await client.get("cdc", entities="Class,Bill,Estimate", changedSince="2026-03-01")
    assert [list(group)[:1] for group in answer.json()["CDCResponse"][0]["QueryResponse"]] == [[], ["Bill"], []]
    for entity in ("TaxCode", "TimeActivity", "JournalCode", "Treasure"):
        assert code_of(await client.get("cdc", entities=entity, changedSince="2026-03-01")) == "2010"


async def test_a_query_may_come_in_the_address_of_a_post(client: SimulatorClient) -> None:
    answer = await client.post("query", query="select count(*) from Vendor")
    assert answer.json()["QueryResponse"] == {"totalCount": 2}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "upload"),
        ("GET", "entitlements"),
        ("GET", "exchangerate"),
        ("POST", "taxservice/taxcode"),
        ("GET", "download"),
        ("OPTIONS", "vendor"),
    ],
)
async def test_other_services_of_qbo_s_are_unsupported(client: SimulatorClient, method: str, path: str) -> None:
    form = {"Content-Type": "multipart/form-data; boundary=x"} if path == "upload" else {}
    body = b"--x--" if method == "POST" else None
    answer = await client.call(method, path, body, headers=form)
    assert (answer.status_code, code_of(answer)) == (400, "500")
