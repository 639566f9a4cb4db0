"""Looking for what carries an action's mark: evidence, whatever became of the answer."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from infra.actions.rail import Payload, RailLook
from infra.actions.spec import Found, Intent
from infra.qbo import marks, statements

# The ledger's clock and ours differ; what was made for an intention cannot be much older than it.
_BEFORE = timedelta(days=1)


async def search_marked(
    look: RailLook, intent: Intent, *, entity: str, number_field: str, numbers: Sequence[str], party: str
) -> list[Payload]:
    """By the number that it has, and among all that was made for the same party since: a person may have changed the number.

    `party` is a condition. Deleted objects are in no search.
    """
    found: list[Payload] = []
    for number in dict.fromkeys(numbers):
        found += await look.find(entity, statements.equals(number_field, number))
    found += await look.find(entity, party, statements.created_from(intent.created_at - _BEFORE))
    return [payload for payload in found if marks.carries(payload, intent.mark)]


def one_of(marked: Iterable[Payload]) -> Found | None:
    """What there is under one mark: one object, if all is well. One that counts comes before one that was voided since."""
    by_id = {str(payload["Id"]): payload for payload in marked}
    in_order = sorted(by_id.values(), key=marks.is_voided)
    if not in_order:
        return None
    others = tuple(str(other["Id"]) for other in in_order[1:] if not marks.is_voided(other))
    return Found(in_order[0], others)
