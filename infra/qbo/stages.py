"""How far one HTTP request got, as the library that sends it tells: httpx alone does not say whether a byte has left."""

from typing import Any

from infra.actions.rail import SendStage

_REACHED = {
    "connect_tcp.complete": SendStage.CONNECTED,
    "connect_unix_socket.complete": SendStage.CONNECTED,
    # Counted when it begins: from here on some of the request may have left.
    "send_request_headers.started": SendStage.SENT,
    "receive_response_headers.complete": SendStage.HEADERS,
    "receive_response_body.complete": SendStage.BODY,
}
_ORDER = list(SendStage)
_BEFORE_THE_FIRST_BYTE = frozenset({SendStage.NOT_CONNECTED, SendStage.CONNECTED})


class StageWatch:
    """httpcore's trace of one request: give it as `extensions={"trace": watch}`.

    `has_begun` says that the transport traces at all; of one that does not, nothing is known and nothing may be concluded.
    """

    def __init__(self) -> None:
        self.stage = SendStage.NOT_CONNECTED
        self.has_begun = False

    async def __call__(self, event: str, _info: Any) -> None:
        self.has_begun = True
        stage = _REACHED.get(event.partition(".")[2])
        if stage is not None:
            self.reached(stage)

    def reached(self, stage: SendStage) -> None:
        """Only forwards: a second connection of the same request takes nothing back."""
        self.stage = max(self.stage, stage, key=_ORDER.index)

    @property
    def has_surely_not_sent(self) -> bool:
        return self.has_begun and self.stage in _BEFORE_THE_FIRST_BYTE
