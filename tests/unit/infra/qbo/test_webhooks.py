"""What is Intuit's and what it says; the signature's known vector, and the bodies on record."""

import base64
import hmac
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest
from pydantic import SecretStr

from infra import exact_json
from infra.qbo.webhooks import Operation, entities_touched, is_signed, read_events

SAMPLES = Path(__file__).resolve().parents[5] / "shared" / "qbo" / "samples"
BODY = b'[{"specversion":"1.0","id":"1"}]'
SIGNATURE = "nMXYYFuwM44NKgb458SwG+pSq9HAP+BYyijI5eMd9FM="
TOKEN, OTHER = SecretStr("test-verifier-token"), SecretStr("another")


def signed(body: bytes, token: SecretStr = TOKEN) -> str:
    return base64.b64encode(hmac.new(token.get_secret_value().encode(), body, sha256).digest()).decode()


def cloud(**changes: object) -> dict[str, object]:
    return {
        "specversion": "1.0",
        "id": "88cd52aa-33b6-4351-9aa4-47572edbd068",
        "source": "intuit.x",
        "type": "qbo.billpayment.voided.v1",
        "time": "2025-09-10T21:31:25.179851517Z",
        "intuitentityid": "1234",
        "intuitaccountid": "310687",
        "data": {},
    } | changes


def legacy(**changes: object) -> dict[str, object]:
    entity = {"name": "Bill", "id": "40", "operation": "Update", "lastUpdated": "2016-10-05T03:09:04.000Z"} | changes
    return {"eventNotifications": [{"realmId": "9", "dataChangeEvent": {"entities": [entity]}}]}


@pytest.mark.parametrize("tokens", [[TOKEN], [OTHER, TOKEN], [TOKEN, OTHER]])
def test_the_known_vector_is_signed_by_whichever_token_is_ours(tokens: list[SecretStr]) -> None:
    assert is_signed(BODY, SIGNATURE, tokens=tokens)


@pytest.mark.parametrize(
    ("body", "signature"),
    [
        (BODY + b" ", SIGNATURE),
        (BODY.replace(b"1", b"2"), SIGNATURE),
        (BODY, None),
        (BODY, ""),
        (BODY, "no base64!"),
        (BODY, "é" * 44),
        (BODY, SIGNATURE[:-1]),
        (BODY, SIGNATURE + "="),
        (BODY, signed(BODY, OTHER)),
        (BODY, hmac.new(b"test-verifier-token", BODY, sha256).hexdigest()),
        (b"", ""),
    ],
)
def test_nothing_else_is(body: bytes, signature: str | None) -> None:
    assert not is_signed(body, signature, tokens=[TOKEN])


def test_without_a_token_nothing_is_signed() -> None:
    assert not is_signed(BODY, SIGNATURE, tokens=[])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("webhook_cloudevents", [("310687", "Account", "1234", Operation.CREATED)]),
        ("webhook_cloudevents_alternative_ids", [("310687", "class", "1234", Operation.CREATED)]),
        (
            "webhook_legacy",
            [
                ("1269959970", "Vendor", "40", Operation.UPDATED),
                ("1269959970", "Customer", "43", Operation.CREATED),
            ],
        ),
        ("webhook_legacy_2025", [("310687", "Account", "1234", Operation.CREATED)]),
    ],
)
def test_bodies_on_record_are_read(name: str, expected: list[tuple[str, ...]]) -> None:
    if not SAMPLES.is_dir():
        pytest.skip("the recorded bodies are not here")
    events = read_events((SAMPLES / f"{name}.json").read_bytes())
    assert [(event.realm_id, event.entity, event.external_id, event.operation) for event in events] == expected
    assert all(event.occurred_at is not None and event.occurred_at.tzinfo is UTC for event in events)


def test_a_cloud_event_is_one_event_however_often_it_comes_and_nine_digits_of_a_second_are_read() -> None:
    (event,) = read_events(exact_json.dumps([cloud(), cloud()]))
    (again,) = read_events(exact_json.dumps([cloud(time="2030-01-01T00:00:00Z")]))
    assert event.key == again.key
    assert (event.entity, event.operation) == ("BillPayment", Operation.VOIDED)
    assert event.occurred_at == datetime(2025, 9, 10, 21, 31, 25, 179851, tzinfo=UTC)
    (other,) = read_events(exact_json.dumps([cloud(intuitaccountid="310688")]))
    assert other.key != event.key


def test_a_legacy_event_is_known_by_all_that_it_says() -> None:
    keys = {
        read_events(exact_json.dumps(legacy(**change)))[0].key
        for change in (
            {}, {"id": "41"}, {"name": "Vendor"}, {"operation": "Delete"}, {"lastUpdated": "2016-10-05T03:09:05.000Z"},
        )
    }  # fmt: skip
    assert len(keys) == 5
    (one,) = read_events(exact_json.dumps(legacy()))
    assert one.key in keys


def test_a_merge_tells_what_it_retired_in_either_form() -> None:
    (old,) = read_events(exact_json.dumps(legacy(name="Vendor", operation="Merge", deletedId="77")))
    (new,) = read_events(exact_json.dumps([cloud(type="qbo.vendor.merged.v1", data={"deleted_id": "77"})]))
    (bare,) = read_events(exact_json.dumps([cloud(type="qbo.vendor.merged.v1")]))
    assert (old.operation, old.deleted_id) == (new.operation, new.deleted_id) == (Operation.MERGED, "77")
    assert bare.deleted_id is None


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"7", b'"x"', b"{}", b"[]", b"[null, 1, []]", b"<html>", b'{"eventNotifications": {}}', b"\xff\xfe",
        b'{"eventNotifications": [{"realmId": "9"}, null, {"realmId": "9", "dataChangeEvent": {"entities": [null, 7]}}]}',
        exact_json.dumps([cloud(intuitentityid=7)]), exact_json.dumps([cloud(type="qbo.bill.created")]),
        exact_json.dumps([cloud(intuitaccountid="a\u0000b")]), exact_json.dumps([cloud(intuitentityid="x" * 65)]),
        exact_json.dumps(legacy(id="1\u0000")), exact_json.dumps(legacy(name=None)),
    ],
)  # fmt: skip
def test_what_has_another_shape_is_left_out(body: bytes) -> None:
    assert read_events(body) == []


@pytest.mark.parametrize("time", ["soon", "", None, 7, "9999-99-99T00:00:00Z", "0001-01-01T00:00:00+23:59"])
def test_a_time_that_cannot_be_read_is_no_reason_to_lose_the_event(time: object) -> None:
    (event,) = read_events(exact_json.dumps([cloud(time=time)]))
    assert event.occurred_at is None


def test_one_bad_part_does_not_hide_the_others() -> None:
    assert len(read_events(exact_json.dumps([None, cloud(), cloud(id="2"), {"id": "3"}]))) == 2


def test_a_word_nobody_knows_is_a_change() -> None:
    (event,) = read_events(exact_json.dumps([cloud(type="qbo.bill.reopened.v2")]))
    assert event.operation is Operation.UPDATED


@pytest.mark.parametrize(
    ("entity", "operation", "among"),
    [
        ("BillPayment", "voided", {"BillPayment", "Bill", "Vendor", "Account"}),
        ("Payment", "deleted", {"Payment", "Invoice", "Customer"}),
        ("Vendor", "merged", {"Vendor", "Bill", "BillPayment", "Purchase"}),
        ("Customer", "merged", {"Customer", "Invoice", "SalesReceipt"}),
        ("Account", "merged", {"Account", "Transfer", "Bill", "Invoice"}),
        ("RefundReceipt", "created", {"Customer", "Account"}),
    ],
)
def test_a_change_touches_what_depends_on_it(entity: str, operation: str, among: set[str]) -> None:
    assert entities_touched(entity, operation) >= among


@pytest.mark.parametrize(
    ("entity", "operation"), [("class", "created"), ("Estimate", "deleted"), ("Estimate", "emailed")]
)
def test_what_we_do_not_mirror_touches_nothing(entity: str, operation: str) -> None:
    assert entities_touched(entity, operation) == frozenset()
