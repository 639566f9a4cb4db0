"""A client whose books are not read whole yet: never connected, lost, or on the way."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from domains.core.models import ConnectionState
from runway.orchestrators.sync_progress import EntityProgress, ReadingState, SyncProgress
from runway.web.strings import _, keyed


class Stage(StrEnum):
    NOT_CONNECTED = "not_connected"
    RECONNECT = "reconnect"
    READING = "reading"


# What a bookkeeper calls them; what is not here is read with the rest.
_NAMES = {
    "Account": keyed("Accounts"),
    "Vendor": keyed("Vendors"),
    "Customer": keyed("Customers"),
    "Bill": keyed("Bills"),
    "BillPayment": keyed("Payments of bills"),
    "Invoice": keyed("Invoices"),
    "Payment": keyed("Customers' payments"),
    "Purchase": keyed("Expenses"),
    "Deposit": keyed("Deposits"),
    "JournalEntry": keyed("Journal entries"),
}


@dataclass(frozen=True)
class KindView:
    name: str
    is_done: bool
    stored: int


@dataclass(frozen=True)
class ReadingView:
    """`error`: what the latest attempt met; `why`: of a lost connection."""

    stage: Stage
    kinds: Sequence[KindView]
    done: int
    in_all: int
    error: str | None
    why: str | None


def reading_view(progress: SyncProgress) -> ReadingView:
    connection = progress.connection
    if connection is None:
        stage = Stage.NOT_CONNECTED
    elif connection.state == ConnectionState.ACTIVE.value:
        stage = Stage.READING
    else:
        stage = Stage.RECONNECT
    entities = progress.entities
    return ReadingView(
        stage=stage,
        kinds=[_kind(one) for one in entities if one.entity in _NAMES],
        done=sum(one.state is ReadingState.DONE for one in entities),
        in_all=len(entities),
        error=next((one.last_error for one in entities if one.last_error), None),
        why=connection.reason if connection is not None else None,
    )


def _kind(one: EntityProgress) -> KindView:
    return KindView(_(_NAMES[one.entity]), one.state is ReadingState.DONE, one.stored_objects)
