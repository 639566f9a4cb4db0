"""What `mirror_store` makes of a delivery before the database sees it: canonical JSON, its hash, the filled columns, parameters. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

from infra import exact_json
from infra.db.canonical_json import CanonicalJSON
from infra.errors import UnknownRailValue, UnreadableRailObject
from infra.sync.spec import AnySpec, Delivery, RailRecord, UnreadableRecord


class Candidate(NamedTuple):
    record: RailRecord
    canonical: CanonicalJSON
    digest: bytes


class Filled(NamedTuple):
    """A candidate with the values of its mirror's own columns."""

    candidate: Candidate
    columns: dict[str, Any]


class _Row:
    """What `fill` writes on: the mirror's own columns as plain attributes, an order of magnitude cheaper than an ORM instance."""


def newest_of_each(records: Iterable[RailRecord]) -> dict[str, RailRecord]:
    """One record an object, by its external id: a page may hold an object twice, and a statement may touch a row once."""
    newest: dict[str, RailRecord] = {}
    for record in records:
        held = newest.get(record.external_id)
        if held is None or _order(record) >= _order(held):
            newest[record.external_id] = record
    return newest


def _order(record: RailRecord) -> tuple[int, float]:
    return (-1 if record.version is None else record.version, record.updated_at.timestamp())


def candidates_of(records: Iterable[RailRecord]) -> Iterator[Candidate]:
    """One by one: what is made of an object is made while the processor still has it at hand. A page is some megabytes of them."""
    for record in records:
        canonical = exact_json.dumps(record.payload)
        yield Candidate(record, CanonicalJSON(canonical), blake2b(canonical, digest_size=16).digest())


def fill(spec: AnySpec, candidates: Iterable[Candidate], unreadable: list[UnreadableRecord]) -> list[Filled]:
    """Those of the candidates that can be read; the others go to `unreadable`."""
    filled = []
    for candidate in candidates:
        try:
            filled.append(Filled(candidate, _filled(spec, candidate.record)))
        except (UnreadableRailObject, UnknownRailValue) as error:
            unreadable.append(unreadable_of(candidate.record, str(error)))
    return filled


def _filled(spec: AnySpec, record: RailRecord) -> dict[str, Any]:
    row = _Row()
    spec.fill(row, spec.read(record.payload, external_id=record.external_id))
    return vars(row)


def unreadable_of(record: RailRecord, reason: str) -> UnreadableRecord:
    return UnreadableRecord(
        record.external_id,
        version=record.version,
        updated_at=record.updated_at,
        payload=record.payload,
        reason=reason,
    )


def parameters(spec: AnySpec, delivery: Delivery, page: Sequence[Filled]) -> dict[str, Any]:
    """The page as one array a column, the domain's own columns as one document, and what is the same for all of it."""
    candidates = [one.candidate for one in page]
    return {
        **constants(spec, delivery),
        "own": CanonicalJSON(exact_json.dumps([one.columns for one in page])),
        "external_id": [c.record.external_id for c in candidates],
        "payload": [c.canonical for c in candidates],
        "payload_hash": [c.digest for c in candidates],
        "rail_version": [c.record.version for c in candidates],
        "rail_updated_at": [c.record.updated_at for c in candidates],
    }


def constants(spec: AnySpec, delivery: Delivery) -> dict[str, Any]:
    """What is the same for every object of a delivery."""
    return {
        "business_id": delivery.business_id,
        "rail": spec.rail.value,
        "synced_at": delivery.fetched_at,
        "source": delivery.source.value,
        "actor": delivery.actor,
        "request_id": delivery.request_id,
        "are_proved": delivery.are_proved,
    }
