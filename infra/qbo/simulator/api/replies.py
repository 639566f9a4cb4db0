"""What was answered under each requestid, so that a repeated request is answered and not executed."""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Final, NamedTuple

from infra.clock import Clock
from infra.qbo.simulator import faults
from infra.qbo.simulator.behaviour import Behaviour

LONGEST: Final = 50
LONGEST_OF_BATCH: Final = 36
MOST_KEPT: Final = 100_000
_KEPT_SECONDS: Final = 30 * 86_400
_SECONDS_AN_HOUR: Final = 3600


class Reply(NamedTuple):
    """`digest` is of the request's body; `at` epoch seconds."""

    status: int
    answer: bytes
    digest: str
    at: float


class Replies:
    """Keys are (realm, requestid): the id is unique in its company alone."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._running: set[tuple[str, str]] = set()
        self.kept: dict[tuple[str, str], Reply] = {}

    @contextmanager
    def running(self, realm_id: str, request_id: str | None, *, behaviour: Behaviour) -> Iterator[None]:
        """Around a request's whole time in the service.

        Raises:
            ServiceFault: 600, when another of the same id is inside and `behaviour` wants it refused.
        """
        key = (realm_id, request_id or "")
        is_first = key not in self._running
        if request_id and not is_first and behaviour.requestid_running == "600":
            raise faults.repeated_request(request_id)
        self._running.add(key)
        try:
            yield
        finally:
            if is_first:
                self._running.discard(key)

    def find(self, realm_id: str, request_id: str, *, payload: bytes, behaviour: Behaviour) -> Reply | None:
        """The first answer under this id, as long as it is remembered.

        Raises:
            ServiceFault: 600 for another body, when `behaviour` wants it refused.
        """
        reply = self.kept.get((realm_id, request_id))
        if reply is None or behaviour.requestid_replay == "ignored":
            return None
        hours = behaviour.requestid_kept_hours
        if hours and reply.at + hours * _SECONDS_AN_HOUR <= self._now():
            return None
        if behaviour.requestid_other_body == "600" and reply.digest != _digest(payload):
            raise faults.repeated_request(request_id)
        return reply

    def keep(self, realm_id: str, request_id: str, *, payload: bytes, status: int, answer: bytes) -> None:
        now = self._now()
        self.kept.pop((realm_id, request_id), None)  # the oldest stand first
        self.kept[realm_id, request_id] = Reply(status, answer, _digest(payload), now)
        while len(self.kept) > MOST_KEPT or next(iter(self.kept.values())).at < now - _KEPT_SECONDS:
            del self.kept[next(iter(self.kept))]

    def _now(self) -> float:
        return self._clock.now().timestamp()


def check_length(request_id: str, *, is_batch: bool) -> None:
    """Raises:
    ServiceFault: 2050.
    """
    longest = LONGEST_OF_BATCH if is_batch else LONGEST
    if len(request_id) > longest:
        raise faults.too_long("requestid", longest=longest, length=len(request_id))


def _digest(payload: bytes) -> str:
    return sha256(payload).hexdigest()
