"""What an answer to a write proves: a row for each status and code, and words for each refusal."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from infra import exact_json
from infra.actions.rail import AnswerKind, SendStage, WriteAnswer
from infra.qbo.refusals import NOT_CONFIRMED, REFUSED
from infra.qbo.write_answers import Told, read_told, refuses_token

ASKED = datetime(2026, 3, 2, 18, 0, tzinfo=UTC)
TIME = "2026-03-02T10:00:01.250-08:00"


def fault(code: str, *, detail: str = "No", kind: str = "ValidationFault") -> bytes:
    return exact_json.dumps(
        {"Fault": {"Error": [{"Message": "No", "Detail": detail, "code": code}], "type": kind}, "time": TIME}
    )


def gateway(code: str) -> bytes:
    return exact_json.dumps({"fault": {"error": [{"message": "No", "code": code}], "type": "SERVICE"}, "time": 1000})


def answer(status: int | None, body: bytes = b"", **told: Any) -> WriteAnswer:
    headers = httpx.Headers({"intuit_tid": "1-tid", **told.pop("headers", {})})
    return read_told(
        Told(ASKED, stage=SendStage.BODY, status=status, headers=headers, body=body, **told), "BillPayment", now=ASKED
    )


def test_an_object_with_its_id_is_done() -> None:
    done = answer(200, exact_json.dumps({"BillPayment": {"Id": "7", "TotalAmt": 1}, "time": TIME}))
    assert (done.kind, done.payload, done.words) == (AnswerKind.DONE, {"Id": "7", "TotalAmt": 1}, "")
    assert done.answered_at == datetime(2026, 3, 2, 18, 0, 1, 250_000, tzinfo=UTC)
    assert (done.status, done.trace_id, len(done.digest or b"")) == (200, "1-tid", 32)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>login</html>",
        b'{"BillPayment": {"Id": "7"',
        b"[]",
        b'{"Bill": {"Id": "7"}}',
        b'{"BillPayment": {"TotalAmt": 1}}',
        fault("610"),
        fault("3001"),
        exact_json.dumps({"BillPayment": {"Id": "7"}, "Fault": {"Error": [{"code": "6000"}], "type": "x"}}),
    ],
)
def test_a_success_that_shows_no_object_proves_nothing(body: bytes) -> None:
    assert answer(200, body).kind is AnswerKind.DOUBTFUL


def test_a_success_cut_short_proves_nothing_even_if_it_reads_whole() -> None:
    told = answer(200, b'{"BillPayment": {"Id": "7"}}', failure="RemoteProtocolError")
    assert (told.kind, told.payload) == (AnswerKind.DOUBTFUL, None)


@pytest.mark.parametrize("code", sorted(REFUSED))
def test_a_listed_code_with_400_is_a_refusal_in_our_words(code: str) -> None:
    refused = answer(400, fault(code))
    assert (refused.kind, refused.code, refused.payload) == (AnswerKind.REFUSED, code, None)
    assert len(refused.words) > 40
    assert refused.words.rstrip(".)").count(" ") > 8


@pytest.mark.parametrize("code", sorted({*REFUSED, "5010", "6140"}))
@pytest.mark.parametrize("status", [404, 500, 503])
def test_a_listed_code_with_another_status_proves_nothing(code: str, status: int) -> None:
    assert answer(status, fault(code)).kind is AnswerKind.DOUBTFUL


def test_the_codes_that_a_refusal_needs_are_listed() -> None:
    assert {"610", "620", "2020", "2050", "2170", "2500", "5020", "6190", "6210", "6540"} <= set(REFUSED)
    assert not {"600", "6000", "10000", "5010", "6140"} & set(REFUSED)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, fault("5010"), AnswerKind.STALE),
        (400, fault("6140"), AnswerKind.DUPLICATE_NUMBER),
        (400, fault("6000"), AnswerKind.DOUBTFUL),
        (400, fault("600"), AnswerKind.DOUBTFUL),
        (400, fault("9999"), AnswerKind.DOUBTFUL),
        (400, fault("10000", kind="SystemFault"), AnswerKind.DOUBTFUL),
        (400, b"<html>", AnswerKind.DOUBTFUL),
        (400, b"", AnswerKind.DOUBTFUL),
        (429, b"", AnswerKind.NOT_EXECUTED),
        (429, b"<html>", AnswerKind.NOT_EXECUTED),
        (403, gateway("3001"), AnswerKind.NOT_EXECUTED),
        (401, b"", AnswerKind.NOT_EXECUTED),
        (401, gateway("3200"), AnswerKind.NOT_EXECUTED),
        (401, fault("100", kind="AuthenticationFault"), AnswerKind.NOT_EXECUTED),
        (401, fault("130", kind="AuthenticationFault"), AnswerKind.NOT_EXECUTED),
        (401, fault("120", kind="AuthorizationFault"), AnswerKind.ACCESS_GONE),
        (403, gateway("3100"), AnswerKind.ACCESS_GONE),
        (403, fault("5020"), AnswerKind.ACCESS_GONE),
        (403, b"<html>firewall</html>", AnswerKind.DOUBTFUL),
        (404, b"<html>", AnswerKind.DOUBTFUL),
        (408, b"", AnswerKind.DOUBTFUL),
        (413, b"", AnswerKind.DOUBTFUL),
        (302, b"", AnswerKind.DOUBTFUL),
        (204, b"", AnswerKind.DOUBTFUL),
        (500, fault("10000", kind="SystemFault"), AnswerKind.DOUBTFUL),
        (500, fault("610"), AnswerKind.DOUBTFUL),
        (502, b"<html>", AnswerKind.DOUBTFUL),
        (503, gateway("3001"), AnswerKind.DOUBTFUL),
        (504, b"", AnswerKind.DOUBTFUL),
    ],
)
def test_every_other_answer_by_status_and_code(status: int, body: bytes, kind: AnswerKind) -> None:
    told = answer(status, body)
    assert told.kind is kind
    assert told.words


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ({"is_unsent": True, "failure": "ConnectError"}, AnswerKind.NOT_SENT),
        ({"failure": "ReadTimeout"}, AnswerKind.DOUBTFUL),
    ],
)
def test_no_answer_proves_something_only_when_nothing_left(told: dict[str, Any], kind: AnswerKind) -> None:
    none = answer(None, **told)
    assert (none.kind, none.status, none.digest, none.answered_at) == (kind, None, None, ASKED)


def test_a_throttle_tells_how_long_and_a_token_does_not() -> None:
    assert answer(429, headers={"retry-after": "7"}).retry_after_seconds == 7
    assert answer(429).retry_after_seconds == 60
    assert [refuses_token(answer(status)) for status in (429, 401, 400)] == [False, True, False]


def test_what_intuit_names_is_added_to_our_words_and_never_endless() -> None:
    told = answer(400, fault("6140", detail="DocNumber=12 is assigned to TxnType=Bill with TxnId=9"))
    assert "TxnId=9" in told.words
    assert told.words.startswith("This number is used already")
    long = answer(400, fault("6000", detail="x" * 5000)).words
    assert len(long) < 900
    french = answer(400, fault("6210", detail="La période est clôturée")).words
    assert "clôturée" not in french
    assert "closing date" in french


def test_an_unlisted_code_is_named_but_explains_nothing() -> None:
    words = answer(400, fault("8888")).words
    assert words.startswith(NOT_CONFIRMED)
    assert "8888" in words


@pytest.mark.parametrize(
    ("told", "is_outage"),
    [
        (Told(ASKED, status=500), True),
        (Told(ASKED, status=408), True),
        (Told(ASKED), True),
        (Told(ASKED, status=200, failure="ReadError"), True),
        (Told(ASKED, status=429), False),
        (Told(ASKED, status=400), False),
    ],
)
def test_only_silence_and_5xx_count_as_an_outage(told: Told, *, is_outage: bool) -> None:
    assert told.is_outage is is_outage
