"""The kinds of error. Domains and rails subclass them; `runway/routes/errors.py` gives each kind its HTTP status."""


class OodalooError(Exception):
    """Anything we raise on purpose. Its text may be shown to the user."""


class NotFound(OodalooError):
    """The thing does not exist, or not for this business."""


class Conflict(OodalooError):
    """The request is well-formed but the present state forbids it."""


class Forbidden(OodalooError):
    """Known caller, not allowed."""


class Unauthenticated(OodalooError):
    """No caller, or one whose token is unknown, expired or revoked."""


class InvalidInput(OodalooError):
    """The caller sent something that cannot be read; the text says what and what it should be."""


class UnstorableText(InvalidInput):
    def __init__(self) -> None:
        super().__init__(
            "A text of the request holds the character NUL (U+0000), which cannot be stored. Send it without."
        )


class TooManyRequests(OodalooError):
    """The caller, not a rail, has used up what it may ask of us for now.

    Attributes:
        retry_after_seconds: how long until the next request may be let in.
    """

    def __init__(self, message: str, *, retry_after_seconds: float) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(message)


class MalformedJSON(OodalooError):
    """A body that should be JSON is not."""


class RailNotEnabled(OodalooError):
    """The rail exists in the code but `OODALOO_RAILS` does not name it."""

    def __init__(self, rail: str) -> None:
        self.rail = rail
        super().__init__(f"The rail '{rail}' is not enabled. Add it to OODALOO_RAILS to use it.")


class RailError(OodalooError):
    """A rail could not do what we asked. Subclasses are the kinds that callers tell apart."""


class RailUnavailable(RailError):
    """Time-out, connection lost, 5xx: nothing is known to be wrong with the request. Reads may be repeated."""


class RailRateLimited(RailUnavailable):
    """The rail, or our own shared limit, asks us to wait.

    Attributes:
        retry_after_seconds: how long until the next call may succeed.
    """

    def __init__(self, message: str, *, retry_after_seconds: float) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(message)


class RailRejected(RailError):
    """The rail understood the request and refused it.

    Attributes:
        code: the rail's own code; texts are localised, so branch on this alone.
    """

    def __init__(self, message: str, *, code: str) -> None:
        self.code = code
        super().__init__(message)


class RailStaleVersion(RailRejected):
    """The object changed since we read it (QBO 5010): read again, then decide again."""


class RailNeedsReconnect(RailError):
    """The grant is gone. Only a person can bring it back; nothing retries."""


class UnknownRailValue(OodalooError):
    """A rail sent an enum member we do not know; raised by `fill`, never guessed."""

    def __init__(self, field: str, value: str) -> None:
        self.field = field
        self.value = value
        super().__init__(f"{field} has the value {value!r}, which this version does not know.")


class UnreadableRailObject(OodalooError):
    """A rail's object does not have the shape that its kind should have. The text names it and the fields, never its content."""

    def __init__(self, entity: str, external_id: str, *, fields: list[str]) -> None:
        self.entity = entity
        self.external_id = external_id
        self.fields = fields
        super().__init__(f"{entity} {external_id} cannot be read: {', '.join(fields)} is missing or of another kind.")
