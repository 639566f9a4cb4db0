from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from infra import exact_json
from infra.errors import (
    RailError,
    RailNeedsReconnect,
    RailRateLimited,
    RailRejected,
    RailStaleVersion,
    RailUnavailable,
)
from infra.qbo.errors import (
    QBOAccessRevoked,
    QBOAuthExpired,
    QBOError,
    QBONotFound,
    QBORateLimited,
    QBOStaleObject,
    QBOUnavailable,
    QBOValidationFault,
    to_rail_error,
)
from infra.qbo.faults import error_from_answer, find_fault, find_fault_in, retry_after_seconds

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SAMPLES = Path(__file__).parents[4].parent / "shared" / "qbo" / "samples"

THROTTLED_XML = b"""<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<IntuitResponse time="2016-12-07T15:27:09.527-08:00" xmlns="http://schema.intuit.com/finance/v3">
<Fault type="SERVICE"><Error code="3001"><Message>message=ThrottleExceeded; errorCode=003001; statusCode=429</Message>
<Detail>The request limit was reached. Try again later</Detail></Error></Fault></IntuitResponse>"""


def service_fault(code: str, *, kind: str = "ValidationFault") -> bytes:
    return exact_json.dumps({"Fault": {"Error": [{"Message": "No", "Detail": "Non", "code": code}], "type": kind}})


def gateway_fault(code: str) -> bytes:
    errors = [{"message": "statusCode", "detail": None, "code": code, "element": None}]
    return exact_json.dumps({"warnings": None, "fault": {"error": errors, "type": "SERVICE"}, "time": 1633520295688})


def error_of(status: int, body: bytes = b"", **headers: str) -> QBOError:
    return error_from_answer(status, httpx.Headers(headers), body, now=NOW)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (401, gateway_fault("3200"), QBOAuthExpired),
        (401, service_fault("100", kind="AuthenticationFault"), QBOAuthExpired),
        (401, b"<html><body>Unauthorized</body></html>", QBOAuthExpired),
        (401, service_fault("120"), QBOAccessRevoked),
        (403, gateway_fault("3100"), QBOAccessRevoked),
        (403, b"", QBOUnavailable),
        (403, b"<html><h1>Access denied", QBOUnavailable),
        (400, service_fault("6190"), QBOAccessRevoked),
        (429, THROTTLED_XML, QBORateLimited),
        (429, b"", QBORateLimited),
        (403, THROTTLED_XML, QBORateLimited),
        (400, service_fault("610"), QBONotFound),
        (400, service_fault("5010"), QBOStaleObject),
        (400, service_fault("6000"), QBOValidationFault),
        (400, service_fault("500"), QBOValidationFault),
        (404, b"<html>", QBOValidationFault),
        (408, b"", QBOUnavailable),
        (302, b"", QBOUnavailable),
        (500, service_fault("10000", kind="SystemFault"), QBOUnavailable),
        (502, b"<html><h1>Bad gateway", QBOUnavailable),
        (503, b'{"Fault":{"Error":[{"Mess', QBOUnavailable),
        (504, b"", QBOUnavailable),
    ],
)
def test_status_and_body_together_name_the_error(status: int, body: bytes, expected: type[QBOError]) -> None:
    error = error_of(status, body, intuit_tid="1-abc")
    assert type(error) is expected
    assert (error.status, error.intuit_tid) == (status, "1-abc")


@pytest.mark.parametrize(
    ("code", "expected"),
    [("3200", QBOAuthExpired), ("610", QBONotFound), ("10000", QBOUnavailable), ("2020", QBOValidationFault)],
)
def test_a_fault_under_http_200_is_an_error_all_the_same(code: str, expected: type[QBOError]) -> None:
    assert type(error_of(200, service_fault(code))) is expected


def test_a_fault_inside_one_part_of_a_cdc_answer_is_found() -> None:
    fault = {"Error": [{"code": "4001"}], "type": "ValidationFault"}
    inside_response = {"CDCResponse": [{"QueryResponse": [{}, {"Fault": fault}]}]}
    assert (found := find_fault_in(inside_response)) is not None
    assert found.code == "4001"
    assert find_fault_in({"CDCResponse": [{"Fault": fault}]}) is not None
    assert find_fault_in({"QueryResponse": {}}) is None
    assert find_fault_in([]) is None


def test_xml_gives_the_code_and_the_texts() -> None:
    fault = find_fault(b"\xef\xbb\xbf  " + THROTTLED_XML)
    assert fault is not None
    assert (fault.code, fault.type) == ("3001", "SERVICE")
    assert fault.detail == "The request limit was reached. Try again later"


def test_xml_cut_short_after_the_code_still_counts() -> None:
    fault = find_fault(THROTTLED_XML[: THROTTLED_XML.index(b"<Detail>")])
    assert fault is not None
    assert fault.code == "3001"


def test_xml_that_declares_a_document_type_is_not_read() -> None:
    bomb = (
        b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><Fault><Error code="3001">&b;</Error></Fault>'
    )
    assert find_fault(bomb) is None
    assert find_fault(bomb.decode().encode("utf-16")) is None


@pytest.mark.parametrize(
    "body", [b"", b"<", b"<html><body>&nbsp;<br>", b"{", b'{"Fault": "?"}', b"null", b"\xff\xfe\x00"]
)
def test_a_body_without_a_readable_fault_gives_none(body: bytes) -> None:
    assert find_fault(body) is None


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 60.0),
        ("7", 7.0),
        ("0", 1.0),
        ("99999", 300.0),
        ("Sun, 01 Mar 2026 12:00:30 GMT", 30.0),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 1.0),
        ("soon", 60.0),
        ("-5", 60.0),
    ],
)
def test_retry_after_is_read_as_seconds_or_date(header: str | None, seconds: float) -> None:
    assert retry_after_seconds(header, now=NOW) == seconds


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (QBOUnavailable("x"), RailUnavailable),
        (QBORateLimited("x", retry_after_seconds=7), RailRateLimited),
        (QBOAuthExpired("x"), RailUnavailable),
        (QBOAccessRevoked("x"), RailNeedsReconnect),
        (QBOValidationFault("x", code="6000"), RailRejected),
        (QBONotFound("x", code="610"), RailRejected),
        (QBOStaleObject("x", code="5010"), RailStaleVersion),
        (QBOError("x"), RailUnavailable),
    ],
)
def test_each_error_has_a_kind(error: QBOError, kind: type[RailError]) -> None:
    translated = to_rail_error(error)
    assert type(translated) is kind
    if isinstance(translated, RailRateLimited):
        assert translated.retry_after_seconds == 7
    if isinstance(translated, RailRejected):
        assert translated.code == error.code


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="../shared/qbo/samples is not beside this checkout")
@pytest.mark.parametrize(
    ("sample", "status", "expected"),
    [
        ("fault_auth_100_401", 401, QBOAuthExpired),
        ("fault_auth_3100_403", 403, QBOAccessRevoked),
        ("fault_auth_3200_401", 401, QBOAuthExpired),
        ("fault_auth_3200_401_expired", 401, QBOAuthExpired),
        ("fault_duplicate_name", 400, QBOValidationFault),
        ("fault_object_not_found", 400, QBONotFound),
        ("fault_query_validation", 400, QBOValidationFault),
        ("fault_stale", 400, QBOStaleObject),
        ("fault_system_10000", 500, QBOUnavailable),
        ("fault_throttle_429", 429, QBORateLimited),
        ("fault_unsupported_operation_500", 400, QBOValidationFault),
        ("fault_wrong_cluster_130_401", 401, QBOAuthExpired),
    ],
)
def test_captured_faults_are_understood(sample: str, status: int, expected: type[QBOError]) -> None:
    error = error_of(status, (SAMPLES / f"{sample}.json").read_bytes())
    assert type(error) is expected
    assert error.code is not None


def test_a_refused_token_that_intuit_quotes_is_not_repeated() -> None:
    errors = [{"message": "AuthenticationFailed", "detail": "Token expired: eyJlbmMiOiJBMTI4", "code": "3200"}]
    error = error_of(401, exact_json.dumps({"fault": {"error": errors, "type": "AUTHENTICATION"}}))
    assert type(error) is QBOAuthExpired
    assert "3200" in str(error)
    assert "eyJlbmMiOiJBMTI4" not in str(error)
