from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """A UUIDv7: ordered by creation time, so that new rows land at the end of their index."""
    return uuid7()
