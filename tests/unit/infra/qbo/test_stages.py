"""How far a request got, from the events that httpcore tells."""

import pytest

from infra.actions.rail import SendStage
from infra.qbo.stages import StageWatch

NEW = ["connection.connect_tcp.started", "connection.connect_tcp.complete", "connection.start_tls.started"]
SENDING = [*NEW, "connection.start_tls.complete", "http11.send_request_headers.started"]
ANSWERED = [*SENDING, "http11.send_request_body.complete", "http11.receive_response_headers.complete"]


@pytest.mark.parametrize(
    ("events", "stage", "is_unsent"),
    [
        ([], SendStage.NOT_CONNECTED, False),
        (NEW[:1], SendStage.NOT_CONNECTED, True),
        (NEW, SendStage.CONNECTED, True),
        (SENDING, SendStage.SENT, False),
        (["http11.send_request_headers.started"], SendStage.SENT, False),
        (["http2.send_request_headers.started"], SendStage.SENT, False),
        (ANSWERED, SendStage.HEADERS, False),
        ([*ANSWERED, "http11.receive_response_body.complete"], SendStage.BODY, False),
        ([*ANSWERED, "http11.response_closed.started", "connection.close.complete"], SendStage.HEADERS, False),
    ],
)
async def test_what_may_have_left_counts_from_the_first_byte(
    events: list[str], stage: SendStage, *, is_unsent: bool
) -> None:
    watch = StageWatch()
    for event in events:
        await watch(event, {})
    assert (watch.stage, watch.has_surely_not_sent) == (stage, is_unsent)
