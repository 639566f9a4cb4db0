"""The log's `changes`: each top-level field that differs, as [before, after]. Pure."""

from infra import exact_json
from infra.db.canonical_json import CanonicalJSON


def changes_between(held: str, canonical: CanonicalJSON) -> CanonicalJSON:
    """What differs between the held state's JSON and the new state's; null where there was or is no such field.

    Empty of a deleted object that returns as it was.
    """
    before, after = exact_json.fields_of(held), exact_json.fields_of(canonical)
    was = before.get
    differing = {field: (was(field, exact_json.NULL), value) for field, value in after.items() if was(field) != value}
    for field in before.keys() - after.keys():
        differing[field] = (before[field], exact_json.NULL)
    changes = exact_json.dumps(differing)
    if same := exact_json.equal_pairs(changes):
        changes = exact_json.dumps({field: pair for field, pair in differing.items() if field not in same})
    return CanonicalJSON(changes)
