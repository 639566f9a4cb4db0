"""Ways to hold a sample against what the simulator answers: keys, JSON types and nesting must be the same."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any, Final
from uuid import UUID
from xml.etree import ElementTree as ET

import httpx

from infra import exact_json
from infra.qbo.simulator.api.app import create_app
from infra.qbo.simulator.behaviour import Behaviour
from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.entities import ENTITY_KINDS
from infra.qbo.simulator.simulator import Simulator
from infra.qbo.simulator.webhooks.events import Event, cloud_body, legacy_body
from tests.unit.infra.qbo.simulator.report_comparison import assert_alike, full_company
from tests.unit.infra.qbo.simulator.sample_documents import Books, documents_in, read_sample, shape
from tests.unit.infra.qbo.simulator.small_company import REALM, MovableClock, bill

# What a sample has and ours need not, and why. A key stands for all that is below it.
ALLOWED: Final = {
    "Vendor.V4IDPseudonym": "an id of another of Intuit's APIs, made with its own keys",
    "Payment.Line[].LineEx.NameValue": "a form of one capture that was converted from XML; the JSON captures hold it under `any`",
}
# Answers of some years had it beside a page; the captures of one fault have the other or have it not.
SEEN_AND_UNSEEN: Final = frozenset({
    ".Fault.Error[].element: string",
    ".QueryResponse.totalCount: number",
    ".CDCResponse[].QueryResponse[].totalCount: number",
})  # fmt: skip

Check = Callable[[Books, str], Awaitable[None]]


@asynccontextmanager
async def books_of(company: Company, clock: MovableClock) -> AsyncIterator[Books]:
    simulator = Simulator([company], clock=clock, limits=False)
    token = simulator.oauth.grant(REALM, client_id=simulator.oauth.client_id)["access_token"]
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json", "Content-Type": "application/json"}
    transport = httpx.ASGITransport(create_app(simulator))
    url = f"http://simulator/v3/company/{REALM}/"
    async with httpx.AsyncClient(transport=transport, base_url=url, headers=headers) as http:
        yield Books(http, simulator)


async def documents(books: Books, file: str) -> None:
    """Each object of the sample is entered again and read."""
    wanted: dict[str, set[str]] = {}
    shown: dict[str, set[str]] = {}
    for entity, document in documents_in(read_sample(file)):
        wanted.setdefault(entity, set()).update(shape(document, entity))
        shown.setdefault(entity, set()).update(shape(await books.enter(entity, document), entity))
    missing = {entity: sorted(_not_allowed(wanted[entity] - shown[entity])) for entity in wanted}
    assert wanted
    assert not any(missing.values()), missing


def _not_allowed(paths: set[str]) -> Iterator[str]:
    return (path for path in paths if not any(path.startswith((f"{key}:", f"{key}.", f"{key}[")) for key in ALLOWED))


def sent(*, entity: str) -> Check:
    """A request: it is taken, and the answer has all that it said, in the same types."""

    async def check(books: Books, file: str) -> None:
        asked = read_sample(file)
        made = await books.enter(entity, asked)
        said = {path for path in shape(asked, entity) if not path.endswith(": object")}
        assert said <= set(shape(made, entity))

    return check


def around(path: str, **params: str) -> Check:
    """What stands around the objects of an answer, of books in which many of them changed."""

    async def check(books: Books, file: str) -> None:
        for entity, document in documents_in(read_sample("cdc_response_bills")):
            await books.enter(entity, document)
        ours, theirs = _envelope(await books.get(path, **params)), _envelope(read_sample(file))
        assert theirs ^ ours <= SEEN_AND_UNSEEN

    return check


def answer(ask: Callable[[Books], Awaitable[Any]], *, of: str = "") -> Check:
    """The whole answer, or the whole fault. `of` is the entity that stands for the sample's own."""

    async def check(books: Books, file: str) -> None:
        theirs = read_sample(file)
        [entity] = {name for name in theirs if name in ENTITY_KINDS} or {""}
        ours, wanted = _shape(await ask(books), of=of), _shape(theirs, of=entity)
        assert ours ^ wanted <= SEEN_AND_UNSEEN

    return check


def got(path: str, *, authorization: str | None = None) -> Callable[[Books], Awaitable[Any]]:
    async def ask(books: Books) -> Any:
        return await books.get_with(path, **({} if authorization is None else {"authorization": authorization}))

    return ask


def posted(path: str, body: Any, **params: str) -> Callable[[Books], Awaitable[Any]]:
    return lambda books: books.post(path, body, **params)


def refusing(code: str) -> Callable[[Books], Awaitable[Any]]:
    async def ask(books: Books) -> Any:
        await books.post(f"http://simulator/admin/refusal/{REALM}", {"code": code})
        return await books.get("companyinfo/1")

    return ask


def troubled(effect: dict[str, Any]) -> Callable[[Books], Awaitable[Any]]:
    async def ask(books: Books) -> Any:
        await books.post("http://simulator/admin/trouble", {"effect": {"do": "answer", **effect}})
        return await books.get("companyinfo/1")

    return ask


async def throttled(books: Books, file: str) -> None:
    """The sample was XML and is written as JSON; so is ours here."""
    await books.post("http://simulator/admin/trouble", {"effect": {"do": "answer", "status": 429}})
    root = ET.fromstring(await books.raw("companyinfo/1"))  # noqa: S314 - our own answer
    [fault] = root
    errors = [{each.tag.partition("}")[2]: each.text for each in error} | dict(error.attrib) for error in fault]
    ours = {"Fault": {"Error": errors, **fault.attrib}, **root.attrib}
    assert set(shape(ours)) == set(shape(read_sample(file)))


async def deleted_bill(books: Books) -> Any:
    made = await books.enter("Bill", bill())
    return await books.post("bill", {"Id": made["Id"], "SyncToken": "0"}, operation="delete")


async def deleted_payment(books: Books) -> Any:
    made = await books.enter("Payment", {"CustomerRef": {}, "TotalAmt": 1, "Line": []})
    await books.post("payment", {"Id": made["Id"], "SyncToken": made["SyncToken"]}, operation="delete")
    return await books.get("cdc", entities="Payment", changedSince="2026-03-01T00:00:00Z")


async def changes_of_two(books: Books, file: str) -> None:
    """The documentation has shortened the objects to their Ids."""
    await books.enter("Payment", {"CustomerRef": {}, "TotalAmt": 1, "Line": []})
    await deleted_payment(books)
    ours = await books.get("cdc", entities="Customer,Payment", changedSince="2026-02-20T00:00:00Z")
    theirs = {path.replace(".Estimate", ".Payment") for path in _shape(read_sample(file))}
    assert theirs <= _shape(ours) | SEEN_AND_UNSEEN


async def batch(books: Books, file: str) -> None:
    """The published request, with one more vendor of the name and one more version of the receipt."""
    for entity, document in documents_in(read_sample("batch_response")):
        receipt = await books.enter(entity, document)
    items = read_sample("batch_request")["BatchItemRequest"]
    await books.post("vendor", items[0]["Vendor"])
    items[2]["SalesReceipt"] |= {"Id": receipt["Id"], "SyncToken": "7"}
    ours = await books.post("batch", {"BatchItemRequest": items})
    assert [sorted(row) for row in ours["BatchItemResponse"]] == [
        sorted(row) for row in read_sample("batch_response")["BatchItemResponse"]
    ]
    if file == "batch_response":
        assert _envelope(ours) ^ _envelope(read_sample(file)) <= SEEN_AND_UNSEEN | _BATCHED


_BATCHED: Final = frozenset({".BatchItemResponse[].QueryResponse.totalCount: number"})


async def tokens(books: Books) -> Any:
    server = books.simulator.oauth
    return await books.refresh(server.grant(REALM, client_id=server.client_id)["refresh_token"])


def report(
    name: str, params: dict[str, str], *, newer: tuple[str, ...] = (), behaviour: Behaviour | None = None
) -> Check:
    async def check(_books: Books, file: str) -> None:
        clock = MovableClock()
        async with books_of(full_company(clock), clock) as books:
            books.simulator.behaviour = behaviour or Behaviour()
            assert_alike(await books.get(f"reports/{name}", **params), read_sample(file), newer=newer)

    return check


EVENT: Final = Event(UUID("88cd52aa-33b6-4351-9aa4-47572edbd068"), "310687", "Account", "1234", "Create", 1757539885.0)


async def legacy_event(_books: Books, file: str) -> None:
    assert _shape(exact_json.loads(legacy_body("310687", [EVENT]))) == _shape(read_sample(file))


def cloud_event(behaviour: Behaviour) -> Check:
    async def check(_books: Books, file: str) -> None:
        ours = cloud_body([EVENT], source="intuit.x", behaviour=behaviour)
        assert _shape(exact_json.loads(ours)) == _shape(read_sample(file))

    return check


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
