"""Every sample beside what the simulator answers: keys, JSON types and nesting must be the same."""

from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import httpx
import pytest

from infra.qbo.simulator import faults
from infra.qbo.simulator.api.app import create_app
from infra.qbo.simulator.books.loading import load_company
from infra.qbo.simulator.simulator import Simulator
from tests.unit.infra.qbo.simulator.sample_documents import SAMPLES, Books, documents_in, read_sample, shape
from tests.unit.infra.qbo.simulator.small_company import REALM, MovableClock, bill, make_file

# What a sample has and ours need not, and why. A key stands for all that is below it.
ALLOWED: Final = {
    "Vendor.V4IDPseudonym": "an id of another of Intuit's APIs, made with its own keys",
    "Payment.Line[].LineEx.NameValue": "a form of one capture that was converted from XML; the JSON captures hold it under `any`",
}

OPTIONAL: Final = frozenset({
    ".Fault.Error[].element: string",  # there or not, in samples of the same fault
    ".QueryResponse.totalCount: number",  # the same
    ".CDCResponse[].QueryResponse[].totalCount: number",
})  # fmt: skip
OLDER_WITHOUT: Final = frozenset({".QueryResponse.totalCount: number"})  # answers of some years had it beside a page

NO_COUNTERPART: Final = {
    **dict.fromkeys(
        ["account_create_request", "bill_create_request", "billpayment_create_request", "billpayment_void_request",
         "batch_request", "customer_sparse_update_request", "payment_create_request"], "sent, not answered",
    ),
    "fault_throttle_429": "an answer in XML, rewritten; as JSON the gateway has its lower-case spelling",
    "cdc_response": "shortened in the documentation; cdc_response_bills and cdc_deleted_payment are whole",
    "craigs_transactions": "a ledger that the simulator reads; test_ledger_file.py",
}  # fmt: skip

pytestmark = pytest.mark.skipif(not SAMPLES.exists(), reason="the published samples are not beside this checkout")

ENTITY_FILES: Final = sorted(path.stem for path in SAMPLES.glob("*.json") if any(documents_in(read_sample(path.stem))))


@pytest.fixture
async def books() -> AsyncIterator[Books]:
    clock = MovableClock()
    simulator = Simulator([load_company(make_file(), clock=clock)], clock=clock, limits=False)
    token = simulator.oauth.grant(REALM, client_id=simulator.oauth.client_id)["access_token"]
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json", "Content-Type": "application/json"}
    transport = httpx.ASGITransport(create_app(simulator))
    url = f"http://simulator/v3/company/{REALM}/"
    async with httpx.AsyncClient(transport=transport, base_url=url, headers=headers) as http:
        yield Books(http, simulator)


@pytest.mark.parametrize("file", ENTITY_FILES)
async def test_documents(books: Books, file: str) -> None:
    wanted: dict[str, set[str]] = {}
    shown: dict[str, set[str]] = {}
    for entity, document in documents_in(read_sample(file)):
        wanted.setdefault(entity, set()).update(shape(document, entity))
        shown.setdefault(entity, set()).update(shape(await books.enter(entity, document), entity))
    missing = {entity: sorted(_not_allowed(wanted[entity] - shown[entity])) for entity in wanted}
    assert not any(missing.values()), missing


def _not_allowed(paths: set[str]) -> Iterator[str]:
    return (path for path in paths if not any(path.startswith((f"{key}:", f"{key}.", f"{key}[")) for key in ALLOWED))


ENVELOPES: Final = {
    "query_bills": ("query", {"query": "select * from Bill"}),
    "query_accounts": ("query", {"query": "select * from Account"}),
    "query_count": ("query", {"query": "select count(*) from Vendor"}),
    "query_empty": ("query", {"query": "select * from Transfer"}),
    "bill": ("bill/1", {}),
    "companyinfo": (f"companyinfo/{REALM}", {}),
    "fault_query_validation": ("query", {"query": "select * from Bill startposition 0"}),
    "fault_object_not_found": ("bill/999", {}),
    "cdc_response_bills": (
        "cdc",
        {"entities": "Bill,BillPayment,Invoice,Payment", "changedSince": "2026-03-01T00:00:00Z"},
    ),
}


@pytest.mark.parametrize("file", ENVELOPES)
async def test_envelopes(books: Books, file: str) -> None:
    for entity, document in documents_in(read_sample("cdc_response_bills")):
        await books.enter(entity, document)
    path, params = ENVELOPES[file]
    ours, theirs = _envelope(await books.get(path, **params)), _envelope(read_sample(file))
    assert theirs <= ours | OLDER_WITHOUT
    assert ours <= theirs | OPTIONAL


async def test_a_deletion_and_its_trace(books: Books) -> None:
    made = await books.enter("Payment", {"CustomerRef": {}, "TotalAmt": 1, "Line": []})
    await books.post("payment", {"Id": made["Id"], "SyncToken": made["SyncToken"]}, operation="delete")
    changes = await books.get("cdc", entities="Payment", changedSince="2026-03-01T00:00:00Z")
    assert _shape(changes) == _shape(read_sample("cdc_deleted_payment"))
    paid = await books.enter("Bill", bill())
    gone = await books.post("bill", {"Id": paid["Id"], "SyncToken": "0"}, operation="delete")
    assert _shape(gone, of="Bill") == _shape(read_sample("delete_response"), of="BillPayment")


async def test_a_batch_of_every_outcome(books: Books) -> None:
    items = [
        {"bId": "1", "operation": "create", "Vendor": {"DisplayName": "Norton Lumber"}},
        {"bId": "2", "operation": "delete", "Invoice": {"Id": "999", "SyncToken": "0"}},
        {"bId": "3", "operation": "update", "Vendor": {"Id": "56", "SyncToken": "9", "sparse": True}},
        {"bId": "4", "Query": "select * from SalesReceipt"},
    ]
    for sold in dict(documents_in(read_sample("batch_response"))).values():
        await books.enter("SalesReceipt", sold)
    ours, theirs = await books.post("batch", {"BatchItemRequest": items}), read_sample("batch_response")
    missing = {path for path in _envelope(theirs) - _envelope(ours) if not path.endswith("totalCount: number")}
    assert missing == set()


@pytest.mark.parametrize("file", ["fault_duplicate_name", "fault_stale"])
async def test_refused_writes(books: Books, file: str) -> None:
    name = {"fault_duplicate_name": {"DisplayName": "Norton Lumber"}}
    body = name.get(file) or {"Id": "56", "SyncToken": "9", "DisplayName": "X"}
    assert _shape(await books.post("vendor", body)) == _shape(read_sample(file))


FAULTS: Final[dict[str, faults.ServiceFault | faults.GatewayFault]] = {
    "fault_auth_3200_401": faults.bad_token("Malformed bearer token: too short or too long"),
    "fault_auth_3200_401_expired": faults.bad_token(None),
    "fault_auth_3100_403": faults.wrong_realm(),
    "fault_auth_100_401": faults.general_authentication(),
    "fault_wrong_cluster_130_401": faults.wrong_cluster(),
    "fault_system_10000": faults.system_failure("no such resource"),
    "fault_unsupported_operation_500": faults.unsupported("GET", status=500),
}


@pytest.mark.parametrize("file", FAULTS)
def test_faults(file: str) -> None:
    ours, theirs = _shape(FAULTS[file].body(MovableClock().now())), _shape(read_sample(file))
    assert theirs <= ours <= theirs | OPTIONAL


async def test_a_token_that_is_refused(books: Books) -> None:
    refused = await books.get_with("vendor/56", authorization="Bearer nonsense")
    assert _shape(refused) == _shape(read_sample("fault_auth_3200_401_expired")) or _shape(refused) == _shape(
        read_sample("fault_auth_3200_401")
    )


async def test_oauth(books: Books) -> None:
    server = books.simulator.oauth
    discovered = await books.get("http://simulator/.well-known/openid_configuration")
    assert _shape(discovered) == _shape(read_sample("openid_configuration_production"))
    tokens = server.grant(REALM, client_id=server.client_id)
    assert _shape(tokens) == _shape(read_sample("oauth_token"))
    refused = await books.refresh("unknown")
    assert _shape(refused) == _shape(read_sample("oauth_error_invalid_grant"))
    assert _shape(await books.refresh(tokens["refresh_token"])) == _shape(read_sample("oauth_token"))


def test_no_sample_is_forgotten() -> None:
    elsewhere = {path.stem for path in SAMPLES.glob("*.json") if "Columns" in _keys(path.stem)}  # test_report_shapes.py
    webhooks = {path.stem for path in SAMPLES.glob("webhook_*.json")}  # test_webhook_events.py
    compared = {
        *ENTITY_FILES,
        *ENVELOPES,
        "cdc_deleted_payment",
        "delete_response",
        "fault_duplicate_name",
        "fault_stale",
    }
    oauth = {*FAULTS, "oauth_token", "oauth_error_invalid_grant", "openid_configuration_production"}
    everything = {path.stem for path in SAMPLES.glob("*.json")}
    assert everything - compared - elsewhere - webhooks - oauth - NO_COUNTERPART.keys() == set()


def _keys(file: str) -> set[str]:
    read = read_sample(file)
    return set(read) if isinstance(read, dict) else set()


def _shape(value: Any, *, of: str = "") -> set[str]:
    return {path.replace(f".{of}.", ".Entity.").replace(f".{of}:", ".Entity:") if of else path for path in shape(value)}


def _envelope(value: Any) -> set[str]:
    """What stands around the objects of an answer."""
    return set(shape(_emptied(value)))


def _emptied(value: Any) -> Any:
    if isinstance(value, list):
        return [_emptied(one) for one in value]
    if isinstance(value, dict):
        return {} if "MetaData" in value else {key: _emptied(inner) for key, inner in value.items()}
    return value
