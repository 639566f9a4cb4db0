"""Batch: up to thirty requests in one, each answered or refused alone."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from infra import exact_json
from infra.logging import get_logger
from infra.qbo.simulator import faults
from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.entities import find_kind
from infra.qbo.simulator.faults import ServiceFault

if TYPE_CHECKING:
    from infra.qbo.simulator.api.books_api import BooksAPI

LARGEST_BATCH: Final = 30
MOST_OBJECTS: Final = 1000

_log = get_logger()


def run_batch(books: "BooksAPI", company: Company, body: dict[str, Any]) -> bytes:
    """The BatchItemResponse array, in the order of the requests.

    Raises:
        ServiceFault: 1040 for too many items, 2020 for none.
    """
    items = body.get("BatchItemRequest")
    if not isinstance(items, list) or not items:
        raise faults.missing("BatchItemRequest")
    if len(items) > LARGEST_BATCH:
        raise faults.batch_too_large(LARGEST_BATCH)
    return b"[" + b",".join(_answers(books, company, items)) + b"]"


def _answers(books: "BooksAPI", company: Company, items: list[Any]) -> Iterator[bytes]:
    room = MOST_OBJECTS
    for item in items:
        b_id = exact_json.dumps(str(item.get("bId", "")) if isinstance(item, dict) else "")
        try:
            answer, count = _answer(books, company, item, room=room)
            room -= count
        except ServiceFault as fault:
            answer = b'"Fault":%s' % exact_json.dumps(fault.content())
        except Exception as error:  # noqa: BLE001 - one item's defect must not take the others with it
            _log.exception("simulator.batch_item.failed")
            answer = b'"Fault":%s' % exact_json.dumps(faults.system_failure(type(error).__name__).content())
        yield b'{"bId":%s,%s}' % (b_id, answer)


def _answer(books: "BooksAPI", company: Company, item: Any, *, room: int) -> tuple[bytes, int]:
    """The item's part of the answer and how many objects of the batch's thousand it takes."""
    if not isinstance(item, dict):
        raise faults.unsupported_property("BatchItemRequest", "should hold objects")
    if "Query" in item:
        found = books.find(company, str(item["Query"]))
        if len(found.objects) > room:
            raise faults.batch_too_large(MOST_OBJECTS)
        return b'"QueryResponse":%s' % found.encoded(), len(found.objects)
    if "CDCQuery" in item:
        asked = item["CDCQuery"]
        if not isinstance(asked, dict):
            raise faults.unsupported_property("CDCQuery", "should be an object")
        groups, count = books.capture(company, str(asked.get("Entities", "")), str(asked.get("ChangedSince", "")))
        if count > room:
            raise faults.batch_too_large(MOST_OBJECTS)
        return b'"CDCResponse":%s' % groups, count
    kind = next((kind for name in item if (kind := find_kind(name)) is not None), None)
    if kind is None:
        raise faults.unsupported(str(item.get("operation", "")))
    body = next(value for name, value in item.items() if find_kind(name) is kind)
    if not isinstance(body, dict):
        raise faults.unsupported_property(kind.name, "should be an object")
    operation, options = str(item.get("operation", "")).lower(), str(item.get("optionsData", "")).lower()
    if not operation:
        raise faults.missing("operation")
    return books.apply(company, kind, body, operation=operation, include=options), 1
