from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from infra.errors import OodalooError
from infra.qbo.wire import MalformedRailObject, QBOBill, QBOBillPayment, QBOVendor, deletion_of, is_deletion, record_of
from infra.sync.spec import RailDeletion, RailRecord


def make_object(**fields: Any) -> dict[str, Any]:
    return {"Id": "7", "SyncToken": "3", "MetaData": {"LastUpdatedTime": "2026-03-08T01:30:00-08:00"}, **fields}


def make_deletion(**fields: Any) -> dict[str, Any]:
    return {"status": "Deleted", "Id": "9", "MetaData": {"LastUpdatedTime": "2026-03-08T03:30:00-07:00"}, **fields}


def test_the_envelope_becomes_a_record() -> None:
    body = make_object(TotalAmt=5)
    assert record_of(body) == RailRecord("7", 3, datetime(2026, 3, 8, 9, 30, tzinfo=UTC), body)


@pytest.mark.parametrize(
    ("text", "hour"),
    [("2026-03-08T01:30:00-08:00", 9), ("2026-03-08T03:30:00-07:00", 10), ("2026-03-08T11:30:00Z", 11)],
)
def test_instants_are_compared_in_utc_across_the_clock_change(text: str, hour: int) -> None:
    record = record_of(make_object(MetaData={"LastUpdatedTime": text}))
    assert record.updated_at == datetime(2026, 3, 8, hour, 30, tzinfo=UTC)
    assert record.updated_at.tzinfo is UTC


def test_a_deletion_carries_no_version() -> None:
    body = make_deletion()
    assert is_deletion(body)
    assert not is_deletion(make_object())
    assert deletion_of(body) == RailDeletion("9", datetime(2026, 3, 8, 10, 30, tzinfo=UTC))


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"Id": None}, "Id"),
        ({"Id": ""}, "Id"),
        ({"SyncToken": None}, "SyncToken"),
        ({"SyncToken": "new"}, "SyncToken"),
        ({"MetaData": None}, "MetaData.LastUpdatedTime"),
        ({"MetaData": {}}, "MetaData.LastUpdatedTime"),
        ({"MetaData": {"LastUpdatedTime": "yesterday"}}, "MetaData.LastUpdatedTime"),
        ({"MetaData": {"LastUpdatedTime": "2026-03-08T01:30:00"}}, "MetaData.LastUpdatedTime"),
    ],
)
def test_a_malformed_envelope_names_entity_and_field_and_shows_nothing_else(fields: dict[str, Any], named: str) -> None:
    body = make_object(PrivateNote="confidential", **fields)
    with pytest.raises(MalformedRailObject) as caught:
        record_of(body, "Bill")
    assert isinstance(caught.value, OodalooError)
    assert (caught.value.entity, caught.value.field) == ("Bill", named)
    assert "confidential" not in str(caught.value)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (make_object(), "status"),
        (make_deletion(Id=None), "Id"),
        (make_deletion(MetaData={}), "MetaData.LastUpdatedTime"),
    ],
)
def test_what_is_no_deletion_is_refused(body: dict[str, Any], named: str) -> None:
    with pytest.raises(MalformedRailObject) as caught:
        deletion_of(body, "Bill")
    assert caught.value.field == named


def test_unknown_fields_are_ignored_and_absent_ones_are_null() -> None:
    vendor = QBOVendor.model_validate({"DisplayName": "Harbor", "V4IDPseudonym": "0020"})
    assert (vendor.balance, vendor.primary_email_addr, vendor.active) == (None, None, True)


def test_an_irregular_name_is_read_too() -> None:
    body = {
        "VendorRef": {"value": "1"},
        "TxnDate": "2026-03-01",
        "TotalAmt": 1,
        "PayType": "CreditCard",
        "CreditCardPayment": {"CCAccountRef": {"value": "41"}},
    }
    card = QBOBillPayment.model_validate(body).credit_card_payment
    assert card is not None
    assert card.cc_account_ref is not None
    assert card.cc_account_ref.value == "41"


def test_wire_objects_cannot_be_changed() -> None:
    bill = QBOBill.model_validate({"VendorRef": {"value": "1"}, "TxnDate": "2026-03-01", "TotalAmt": 1, "Balance": 0})
    with pytest.raises(ValidationError):
        bill.balance = bill.total_amt  # type: ignore[misc]  # the refusal is the test
