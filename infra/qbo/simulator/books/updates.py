"""Full and sparse updates: what of the earlier body stays."""

from copy import deepcopy
from typing import Any, Final

from infra.qbo.simulator.behaviour import Behaviour
from infra.qbo.simulator.books.store import Body

_FULL_UPDATE_ONLY: Final = frozenset({"Bill", "BillPayment"})
_NESTED: Final = frozenset({"CompanyInfo", "Preferences"})


def merged_update(entity: str, before: Body, body: Body, *, sparse: bool, behaviour: Behaviour) -> Body:
    """A body of its own for the update. Lines are all or nothing even when sparse; a null blanks."""
    if not sparse or (entity in _FULL_UPDATE_ONLY and not behaviour.bill_sparse):
        return deepcopy(body)
    return deepcopy(_merged(before, body) if entity in _NESTED else {**before, **body})


def _merged(before: Body, body: Body) -> Body:
    merged: dict[str, Any] = dict(before)
    for key, value in body.items():
        both = isinstance(value, dict) and isinstance(before.get(key), dict)
        merged[key] = _merged(before[key], value) if both else value
    return merged
