"""What can go wrong at QBO, by name, and how each becomes a kind that every rail shares.

The raw client and the OAuth2 client raise these alone; a sync service turns them into kinds with `to_rail_error`.
"""

from infra.errors import (
    OodalooError,
    RailError,
    RailNeedsReconnect,
    RailRateLimited,
    RailRejected,
    RailStaleVersion,
    RailUnavailable,
)


class QBOError(OodalooError):
    """Any failed call to Intuit.

    Attributes:
        status: the HTTP status, None when no answer came.
        code: Intuit's own code ("5010", "invalid_grant"), None when the body named none.
        intuit_tid: the id that Intuit's support asks for.
    """

    def __init__(
        self, message: str, *, status: int | None = None, code: str | None = None, intuit_tid: str | None = None
    ) -> None:
        self.status = status
        self.code = code
        self.intuit_tid = intuit_tid
        super().__init__(message)


class QBOUnavailable(QBOError):
    """5xx, time-out, lost connection, or an answer that cannot be read: it says nothing about the request."""


class QBOCircuitOpen(QBOUnavailable):
    """Nothing was sent: QBO failed too often a moment ago, and one probe at a time finds out when it is back."""


class QBORateLimited(QBOError):
    """429, fault 3001, or no room in our own shared limit.

    Attributes:
        retry_after_seconds: how long until a call may succeed.
    """

    def __init__(
        self,
        message: str,
        *,
        retry_after_seconds: float,
        status: int | None = None,
        code: str | None = None,
        intuit_tid: str | None = None,
    ) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(message, status=status, code=code, intuit_tid=intuit_tid)


class QBOAuthExpired(QBOError):
    """401: the access token was not accepted. One refresh may help."""


class QBOAccessRevoked(QBOError):
    """403 with a fault of Intuit's, fault 120, 3100 or 6190, or `invalid_grant`: only a person can bring the access back."""


class QBOValidationFault(QBOError):
    """QBO understood the request and refused it; `code` says why."""

    code: str

    def __init__(self, message: str, *, code: str, status: int | None = None, intuit_tid: str | None = None) -> None:
        super().__init__(message, status=status, code=code, intuit_tid=intuit_tid)


class QBOStaleObject(QBOValidationFault):
    """5010: the SyncToken we sent is not the current one."""


class QBONotFound(QBOValidationFault):
    """610: unknown, deleted or made inactive."""


def to_rail_error(error: QBOError) -> RailError:
    """The kind to raise in place of a QBO error, chained to it with `from`.

    A token still refused after its refresh is an outage at Intuit: a grant that is gone answers the refresh itself with
    `invalid_grant`, and a bad hour of theirs must not make every customer connect again.
    """
    text = str(error)
    match error:
        case QBORateLimited():
            return RailRateLimited(text, retry_after_seconds=error.retry_after_seconds)
        case QBOAccessRevoked():
            return RailNeedsReconnect(text)
        case QBOStaleObject():
            return RailStaleVersion(text, code=error.code)
        case QBOValidationFault():
            return RailRejected(text, code=error.code)
        case _:
            return RailUnavailable(text)
