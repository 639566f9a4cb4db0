"""The only place where QBO query text is put together; every value passes `literal`."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

# Without a filter on Active, QBO hides the inactive ones of these.
NAME_LISTS = frozenset(
    {
        "Account",
        "Class",
        "CompanyCurrency",
        "Customer",
        "Department",
        "Employee",
        "Item",
        "PaymentMethod",
        "TaxAgency",
        "TaxCode",
        "Term",
        "Vendor",
    }
)
LARGEST_PAGE = 1000
UPDATED = "MetaData.LastUpdatedTime"


def literal(value: str) -> str:
    r"""A value in single quotes, `'` and `\` escaped by a backslash: QBO does not know doubled quotes.

    Raises:
        ValueError: the value holds a control character, which no QBO field can match.
    """
    if any(ord(character) < ord(" ") for character in value):
        raise ValueError("A QBO query value cannot hold control characters.")
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def instant(moment: datetime) -> str:
    """An instant for a condition: whole seconds, in UTC with its offset written out.

    Raises:
        ValueError: `moment` is naive; QBO would read it in the company's zone.
    """
    if moment.tzinfo is None:
        raise ValueError("An instant needs its zone.")
    return literal(moment.astimezone(UTC).isoformat(timespec="seconds"))


def read_instant(text: str) -> datetime:
    """An instant as QBO writes it (-07:00 or -08:00 by season), in UTC so that instants are compared, never texts.

    Raises:
        ValueError: not an ISO instant with an offset.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no offset.")
    return moment.astimezone(UTC)


def changed_from(since: datetime) -> str:
    return f"{UPDATED} >= {instant(since)}"


def changed_before(until: datetime) -> str:
    return f"{UPDATED} < {instant(until)}"


def changed_within_second(second: datetime) -> tuple[str, str]:
    """Two conditions rather than `=`: right even if QBO keeps finer instants than the whole seconds that it shows."""
    return changed_from(second), changed_before(second + timedelta(seconds=1))


def created_from(since: datetime) -> str:
    return f"MetaData.CreateTime >= {instant(since)}"


def equals(field: str, value: str) -> str:
    """`field` as QBO names it: "DocNumber", "VendorRef"."""
    return f"{field} = {literal(value)}"


def id_in(ids: Iterable[str]) -> str:
    return f"Id IN ({', '.join(map(literal, ids))})"


def select(
    entity: str, *conditions: str, order_by: str | None = None, start_position: int | None = None, limit: int
) -> str:
    """`SELECT *`, inactive names included. `start_position` counts from 1; `limit` is at most 1,000."""
    parts = ["SELECT * FROM", _entity(entity), _where(entity, conditions)]
    if order_by is not None:
        parts.append(f"ORDERBY {order_by}")
    if start_position is not None:
        parts.append(f"STARTPOSITION {start_position}")
    parts.append(f"MAXRESULTS {limit}")
    return " ".join(part for part in parts if part)


def count(entity: str, *conditions: str) -> str:
    return " ".join(part for part in ("SELECT COUNT(*) FROM", _entity(entity), _where(entity, conditions)) if part)


def _entity(entity: str) -> str:
    if not entity.isalpha() or not entity.isascii():
        raise ValueError(f"{entity!r} is not the name of a QBO entity.")
    return entity


def _where(entity: str, conditions: tuple[str, ...]) -> str:
    everything = (*conditions, "Active IN (true, false)") if entity in NAME_LISTS else conditions
    return "WHERE " + " AND ".join(everything) if everything else ""
