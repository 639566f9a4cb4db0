import json
import logging
import sys
from io import StringIO
from typing import Any
from uuid import UUID

import pytest
import structlog
from psycopg.errors import UniqueViolation
from pydantic import SecretStr
from sqlalchemy.exc import IntegrityError

from infra.logging import RedactedRecord, configure_logging
from infra.redaction import redact_fields, redact_text, words_of

SECRET = "cAnArY-0123456789abcdefghijklmnop"
BUSINESS = UUID("0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c11")


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {SECRET}",
        f"{{'Authorization': 'Bearer {SECRET}', 'Accept': 'application/json'}}",
        f"authorization=Basic {SECRET}==",
        f'{{"access_token": "{SECRET}", "expires_in": 3600}}',
        json.dumps(json.dumps({"refresh_token": SECRET})),
        f"{{'refresh_token': '{SECRET}'",
        f"{{'refresh_token': '{SECRET}",
        f"refresh_token=b'{SECRET}'",
        f"password: {SECRET}",
        f"grant_type=refresh_token&refresh_token={SECRET}",
        f"https://oodaloo.test/api/v1/qbo/callback?code={SECRET}&realmId=1",
        f"https://oodaloo.test/api/v1/qbo/callback?realmId=1&state={SECRET}",
        f"postgresql://oodaloo_app:{SECRET}@db:5432/oodaloo",
        f"the token eyJ{SECRET}.{SECRET}..x was refused",
        f"AB11{SECRET}",
        f"XAB{SECRET}",
        f"oo_{SECRET}",
        f"v1.k1-0a1b2c3d.{SECRET}{SECRET}",
        f"duplicate key\nDETAIL:  Failing row contains ({SECRET}).",
    ],
)
def test_a_secret_is_cut_out_of_any_text(text: str) -> None:
    assert SECRET in text
    assert SECRET not in redact_text(text)
    assert "[redacted]" in redact_text(text)


@pytest.mark.parametrize(
    "text",
    [
        "qbo.token.refreshed",
        "QuickBooks answered 400 (code 4001): Invalid query",
        "This token is not valid, or not any more.",
        "Send a token as `Authorization: Bearer oo_…`, or sign in.",
        f"There is no business {BUSINESS}.",
        "state=active code=5010 realm_id=9341454000000001 intuit_tid=1-5f8f0d3c-0123456789abcdef01234567",
        "http://127.0.0.1:8000/api/v1/bills?cursor=abc&limit=200",
        "postgresql+psycopg://oodaloo_app@/oodaloo?host=/tmp/x",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact_text(text) == text


def test_fields_are_redacted_by_name_at_any_depth() -> None:
    fields = {
        "access_token": SECRET,
        "Set-Cookie": SECRET,
        "reset_token": SECRET,
        "totp_secret_sealed": SECRET,
        "frames": [{"locals": {"code": SECRET, "grant": SecretStr(SECRET), "pair": (f"token={SECRET}",)}}],
        "error": ValueError(f"Bearer {SECRET}"),
        "token": None,
    }
    shown = redact_fields(fields)
    assert SECRET not in repr(shown)
    assert shown["token"] is None
    assert redact_fields({"business_id": BUSINESS, "ms": 2, "ok": True, "of": ["a"]}) == {
        "business_id": BUSINESS,
        "ms": 2,
        "ok": True,
        "of": ["a"],
    }


def test_of_a_databases_error_the_row_is_not_told() -> None:
    refusal = UniqueViolation(f"duplicate key value\nDETAIL:  Key (name)=({SECRET}) already exists.")
    error = IntegrityError("INSERT INTO t VALUES (%(x)s)", {"x": SECRET}, refusal)
    assert words_of(error) == "the database refused: UniqueViolation (23505)"
    assert words_of(ValueError()) == "ValueError"
    assert words_of(ValueError(f"Bearer {SECRET}")) == "Bearer [redacted]"


@pytest.mark.parametrize("as_json", [False, True])
def test_our_log_and_the_libraries_are_redacted_with_their_tracebacks(
    monkeypatch: pytest.MonkeyPatch, *, as_json: bool
) -> None:
    before, factory, output = structlog.get_config(), logging.getLogRecordFactory(), StringIO()
    monkeypatch.setattr(sys, "stderr", output)
    handler = logging.StreamHandler(output)
    library = logging.getLogger("a.library")
    library.addHandler(handler)
    try:
        configure_logging(level="DEBUG", as_json=as_json)
        _log_everything(structlog.get_logger(), library)
    finally:
        library.removeHandler(handler)
        logging.setLogRecordFactory(factory)
        structlog.configure(**before)
    lines = output.getvalue()
    assert SECRET not in lines
    assert lines.count("Traceback (most recent call last)") == 2
    assert "ValueError: invalid literal" in lines
    assert "business" in lines
    if as_json:
        ours = [json.loads(line) for line in lines.splitlines() if line.startswith("{")]
        assert [line["event"] for line in ours] == ["qbo.fetch.done", "qbo.fetch.failed"]


def _log_everything(ours: Any, library: logging.Logger) -> None:
    try:
        int(f"Bearer {SECRET}")
    except ValueError:
        ours.info("qbo.fetch.done", business=str(BUSINESS), token=SECRET, headers={"authorization": SECRET})
        ours.exception("qbo.fetch.failed", url=f"http://x/?code=1&state={SECRET}")
        library.exception("request %s failed", f"password={SECRET}")


def test_a_record_of_a_library_keeps_its_arguments() -> None:
    record = RedactedRecord("n", logging.INFO, "path", 1, "%s and %d", ("a", 2), None)
    assert (record.getMessage(), record.args) == ("a and 2", ("a", 2))
