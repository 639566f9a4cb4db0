"""Our mark on what we record in QBO, by which it is found again whatever became of the answer.

It ends PrivateNote, which people see and QBO cannot search, and where the user gives no number of their own it is the number too.
"""

from collections.abc import Iterable

from infra.qbo.answers import Payload

LONGEST_NUMBER = 21  # of DocNumber and PaymentRefNum
LONGEST_NOTE = 4000
_NUMBERS = ("DocNumber", "PaymentRefNum")
_VOIDED = "Voided"
_MADE_INACTIVE = "(deleted)"


def note_with(mark: str, note: str = "") -> str:
    return f"{note} {mark}".strip()


def carries(payload: Payload, mark: str) -> bool:
    """Also of an object that was voided, or whose note somebody has added to."""
    return mark in str(payload.get("PrivateNote") or "") or any(payload.get(field) == mark for field in _NUMBERS)


def find_marked(payloads: Iterable[Payload], mark: str) -> Payload | None:
    return next((payload for payload in payloads if carries(payload, mark)), None)


def linked_ids(payload: Payload, prefix: str) -> list[str]:
    """What the object is linked to, by the beginning of the kind's name: a card payment of a bill is a BillPaymentCheck too."""
    links = [link for link in payload.get("LinkedTxn") or () if str(link.get("TxnType")).startswith(prefix)]
    return [str(link["TxnId"]) for link in links if link.get("TxnId")]


def is_voided(payload: Payload) -> bool:
    """There is no status: the amount is zero, and the note says so or, of a payment in any language, no line is left."""
    if payload.get("TotalAmt"):
        return False
    return str(payload.get("PrivateNote") or "").startswith(_VOIDED) or not payload.get("Line")


def is_known_by(payload: Payload, *, mark: str, external_id: str | None) -> bool:
    """Ours by its mark, or by its id once that is settled: people may edit memos and numbers."""
    return carries(payload, mark) or (external_id is not None and payload.get("Id") == external_id)


def names_inactive(payload: Payload, field: str) -> bool:
    """Whether the vendor or customer that `field` refers to is shown as made inactive."""
    name = (payload.get(field) or {}).get("name")
    return str(name or "").endswith(_MADE_INACTIVE)
