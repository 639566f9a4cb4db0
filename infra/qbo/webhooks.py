"""Intuit's webhooks: whether a body is theirs, and what it says, in the old form and in CloudEvents. Pure."""

import base64
import binascii
import hmac
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import blake2b, sha256
from types import MappingProxyType
from typing import Any, Final

from pydantic import SecretStr

from infra import exact_json
from infra.errors import MalformedJSON
from infra.logging import get_logger

SIGNATURE_HEADER: Final = "intuit-signature"

_PLAIN = re.compile(r"[\x21-\x7e]{1,64}")
_TYPE = re.compile(r"qbo\.([a-z]{1,40})\.([a-z]{1,40})\.v\d{1,3}")

log = get_logger()


class Operation(StrEnum):
    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"
    MERGED = "merged"
    VOIDED = "voided"
    EMAILED = "emailed"


_LEGACY = {
    "create": Operation.CREATED,
    "update": Operation.UPDATED,
    "delete": Operation.DELETED,
    "merge": Operation.MERGED,
    "void": Operation.VOIDED,
    "emailed": Operation.EMAILED,
}
_PAID = {"Vendor", "Account"}
_OWED = {"Customer", "Account"}
# What one change of a kind changes besides: balances, and the documents it is linked to. A kind that is not here is none of ours.
_TOUCHES: Mapping[str, frozenset[str]] = MappingProxyType({
    entity: frozenset(others) | ({entity} if entity != "RefundReceipt" else set())
    for entity, others in {
        "Account": (), "Vendor": (), "Customer": (), "Preferences": (), "CompanyInfo": (),
        "Bill": _PAID, "BillPayment": {*_PAID, "Bill", "VendorCredit"}, "VendorCredit": _PAID, "Purchase": _PAID,
        "Invoice": _OWED, "Payment": {*_OWED, "Invoice", "CreditMemo", "Deposit"},
        "CreditMemo": {*_OWED, "Invoice", "Payment"}, "SalesReceipt": {*_OWED, "Deposit"}, "RefundReceipt": _OWED,
        "Deposit": {"Account", "Payment", "SalesReceipt"}, "Transfer": {"Account"},
        "JournalEntry": {"Account", "Vendor", "Customer"},
    }.items()
})  # fmt: skip
# Documents that name one: a merge points them at the survivor, and moves neither their token nor their time.
_NAMING: Mapping[str, frozenset[str]] = MappingProxyType({
    "Vendor": frozenset({"Bill", "BillPayment", "VendorCredit", "Purchase", "JournalEntry"}),
    "Customer": frozenset({"Invoice", "Payment", "CreditMemo", "SalesReceipt", "Deposit", "JournalEntry"}),
    "Account": frozenset({
        "Bill", "BillPayment", "VendorCredit", "Purchase", "Invoice", "Payment", "CreditMemo", "SalesReceipt", "Deposit",
        "Transfer", "JournalEntry",
    }),
})  # fmt: skip
_BY_LOWER_CASE = {entity.lower(): entity for entity in _TOUCHES}


@dataclass(frozen=True, slots=True)
class QBOEvent:
    """One change of one object. `key` is the same for each delivery of it; `occurred_at` is by QBO's clock.

    `entity` is as QBO's API writes it where we know it. `deleted_id` is what a merge retired, where the notice tells.
    """

    key: bytes
    realm_id: str
    entity: str
    external_id: str
    operation: Operation
    occurred_at: datetime | None
    deleted_id: str | None = None

    @property
    def touches(self) -> frozenset[str]:
        """The kinds of objects that may read differently now; empty where we mirror none of them."""
        return entities_touched(self.entity, self.operation)


def entities_touched(entity: str, operation: str) -> frozenset[str]:
    if operation == Operation.EMAILED:
        return frozenset({entity}) & _TOUCHES.keys()
    named = entities_naming(entity) if operation == Operation.MERGED else frozenset()
    return _TOUCHES.get(entity, frozenset()) | named


def entities_naming(entity: str) -> frozenset[str]:
    """The kinds of documents that name an object of this kind."""
    return _NAMING.get(entity, frozenset())


def is_signed(body: bytes, signature: str | None, *, tokens: Sequence[SecretStr]) -> bool:
    """Whether one of our verifier tokens signed these very bytes. It takes as long whichever did, or none."""
    try:
        given = base64.b64decode(signature or "", validate=True)
    except (binascii.Error, ValueError):
        given = b""
    found = False
    for token in tokens:
        expected = hmac.new(token.get_secret_value().encode(), body, sha256).digest()
        found |= hmac.compare_digest(expected, given)
    return found


def read_events(body: bytes) -> list[QBOEvent]:
    """What a signed body announces. A part that cannot be read is left out and logged: refused, it would hold up what follows."""
    try:
        content = exact_json.loads(body)
    except MalformedJSON:
        log.warning("qbo.webhook.unreadable", why="no JSON", byte_count=len(body))
        return []
    parts = _cloud_parts(content) if isinstance(content, list) else _legacy_parts(content)
    found: dict[bytes, QBOEvent] = {}
    unreadable = 0
    for part in parts:
        event = _read(part)
        if event is None:
            unreadable += 1
        else:
            found[event.key] = event
    if unreadable:
        log.warning("qbo.webhook.unreadable", why="parts of another shape", parts=unreadable, read=len(found))
    return list(found.values())


@dataclass(frozen=True, slots=True)
class _Part:
    """One announcement as it came, from either form."""

    realm_id: object
    entity: object
    external_id: object
    operation: Operation | None
    at: object
    event_id: object = None
    deleted_id: object = None


def _cloud_parts(events: Sequence[Any]) -> Iterator[_Part | None]:
    for event in events:
        named = _TYPE.fullmatch(str(event.get("type"))) if isinstance(event, dict) else None
        if named is None:
            yield None
            continue
        data = event.get("data")
        yield _Part(
            realm_id=event.get("intuitaccountid"),
            entity=_BY_LOWER_CASE.get(named[1], named[1]),
            external_id=event.get("intuitentityid"),
            operation=_operation(named[2]),
            at=event.get("time"),
            event_id=event.get("id"),
            deleted_id=(data.get("deleted_id") or data.get("deletedId")) if isinstance(data, dict) else None,
        )


def _legacy_parts(content: Any) -> Iterator[_Part | None]:
    for notification in _list_in(content, "eventNotifications"):
        change = notification.get("dataChangeEvent") if isinstance(notification, dict) else None
        for entity in _list_in(change, "entities"):
            if not isinstance(entity, dict):
                yield None
                continue
            yield _Part(
                realm_id=notification.get("realmId"),
                entity=entity.get("name"),
                external_id=entity.get("id"),
                operation=_LEGACY.get(str(entity.get("operation")).lower(), Operation.UPDATED),
                at=entity.get("lastUpdated"),
                deleted_id=entity.get("deletedId"),
            )


def _list_in(content: Any, name: str) -> list[Any]:
    """What is not there is told as one part that cannot be read."""
    found = content.get(name) if isinstance(content, dict) else None
    return found if isinstance(found, list) else [None]


def _read(part: _Part | None) -> QBOEvent | None:
    if part is None or part.operation is None:
        return None
    realm_id, entity, external_id = map(_plain, (part.realm_id, part.entity, part.external_id))
    if realm_id is None or entity is None or external_id is None:
        return None
    own = [part.event_id] if _plain(part.event_id) else [entity, external_id, part.operation.value, str(part.at)]
    return QBOEvent(
        key=blake2b(exact_json.dumps([realm_id, *own]), digest_size=20).digest(),
        realm_id=realm_id,
        entity=entity,
        external_id=external_id,
        operation=part.operation,
        occurred_at=_instant(part.at),
        deleted_id=_plain(part.deleted_id),
    )


def _operation(word: str) -> Operation:
    """Only `created` is confirmed; a word that we do not know is a change all the same."""
    try:
        return Operation(word)
    except ValueError:
        return Operation.UPDATED


def _plain(value: object) -> str | None:
    return value if isinstance(value, str) and _PLAIN.fullmatch(value) else None


def _instant(value: object) -> datetime | None:
    try:
        instant = datetime.fromisoformat(value) if isinstance(value, str) else None
        return None if instant is None else instant.replace(tzinfo=instant.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
