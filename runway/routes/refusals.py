"""Why the edge turns a request away before any route sees it."""

from infra.errors import OodalooError, TooManyRequests


class EdgeRefusal(OodalooError):
    """The request as such is not taken. `errors.KINDS` gives each its status."""


class Misdirected(EdgeRefusal):
    def __init__(self) -> None:
        super().__init__("This server does not answer for the host that the request names.")


class AddressTooLong(EdgeRefusal):
    def __init__(self, most_bytes: int) -> None:
        super().__init__(f"The path and query may have {most_bytes} bytes.")


class HeadersTooLarge(EdgeRefusal):
    def __init__(self, most_bytes: int, *, most: int) -> None:
        super().__init__(f"There may be {most} header fields of {most_bytes} bytes together.")


class BodyTooLarge(EdgeRefusal):
    def __init__(self, most_bytes: int) -> None:
        super().__init__(f"The body may have {most_bytes} bytes.")


class BodyTooSlow(EdgeRefusal):
    def __init__(self, seconds: float) -> None:
        super().__init__(f"The body was not here within {seconds:g} s.")


class NestedTooDeep(EdgeRefusal):
    def __init__(self, most_levels: int) -> None:
        super().__init__(f"The body may nest {most_levels} levels deep.")


class TimedOut(EdgeRefusal):
    """The work was cancelled; what it had committed stays, what it had not is undone."""

    def __init__(self) -> None:
        super().__init__("The answer took too long. What the request should change may or may not have been done.")


class LimitReached(TooManyRequests):
    """One of the limits of requests, by its name."""

    def __init__(self, limit: str, *, retry_after_seconds: float) -> None:
        self.limit = limit
        super().__init__(f"Too many requests: the limit '{limit}' is used up.", retry_after_seconds=retry_after_seconds)
