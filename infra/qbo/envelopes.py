"""Reading what QBO's envelopes hold: the objects of a query, the objects and deletions of a change-data-capture answer."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from infra.qbo import statements
from infra.qbo.answers import Changes, Deletion, Payload
from infra.qbo.errors import QBOUnavailable
from infra.qbo.transport import Answer


def entity_of(statement: str) -> str:
    words = statement.split()
    for word, following in pairwise(words):
        if word.upper() == "FROM":
            return following
    raise ValueError("A QBO query names its entity after FROM.")


def mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise QBOUnavailable("QuickBooks sent JSON of an unknown shape.")
    return value


def objects(response: dict[str, Any], entity: str) -> list[Payload]:
    # No match leaves the array out; the key is PascalCase however the statement spelled the entity.
    for key, value in response.items():
        if key.lower() == entity.lower() and isinstance(value, list):
            return value
    return []


def read_changes(answer: Answer, entities: Sequence[str]) -> Changes:
    found: dict[str, list[Payload]] = {entity: [] for entity in entities}
    deletions: dict[str, list[Deletion]] = {entity: [] for entity in entities}
    for response in answer.content.get("CDCResponse") or ():
        for group in mapping(response).get("QueryResponse") or ():
            for entity in entities:
                for payload in objects(mapping(group), entity):
                    if payload.get("status") == "Deleted":
                        deletions[entity].append(_read_deletion(payload))
                    else:
                        found[entity].append(payload)
    return Changes(
        objects=found,
        deletions=deletions,
        asked_at=answer.asked_at,
        answered_at=answer.answered_at,
        cost=answer.cost,
    )


def _read_deletion(payload: Payload) -> Deletion:
    try:
        deleted_at = statements.read_instant(payload["MetaData"]["LastUpdatedTime"])
        return Deletion(external_id=payload["Id"], deleted_at=deleted_at)
    except (KeyError, TypeError, ValueError) as error:
        raise QBOUnavailable("QuickBooks sent a deletion without its id or instant.") from error
