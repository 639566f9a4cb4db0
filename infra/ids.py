from datetime import datetime
from uuid import UUID

import uuid_utils
from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """A UUIDv7: ordered by creation time, so that new rows land at the end of their index."""
    return uuid7()


def new_id_text() -> str:
    """As `new_id`, written out: for a page's thousand, where making the object costs eight times the id."""
    return str(uuid_utils.uuid7())


def first_id_of(instant: datetime) -> UUID:
    """No id made at `instant` or later is less than this one."""
    return UUID(int=int(instant.timestamp() * 1000) << 80)
