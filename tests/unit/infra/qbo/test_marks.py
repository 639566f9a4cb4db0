"""Our mark on what we record, and what QBO shows in place of a status."""

from typing import Any

import pytest

from infra.qbo import marks

MARK = "LP-ABCDEFGH23456789"


@pytest.mark.parametrize(
    ("payload", "is_ours"),
    [
        ({"PrivateNote": f"rent {MARK}"}, True),
        ({"PrivateNote": f"Voided - rent {MARK}"}, True),
        ({"DocNumber": MARK}, True),
        ({"PaymentRefNum": MARK}, True),
        ({"DocNumber": f"{MARK}0"}, False),
        ({"PrivateNote": None}, False),
        ({}, False),
    ],
)
def test_a_mark_is_in_the_note_or_is_the_number(payload: dict[str, Any], *, is_ours: bool) -> None:
    assert marks.carries(payload, MARK) is is_ours


@pytest.mark.parametrize(
    ("payload", "is_voided"),
    [
        ({"TotalAmt": 0, "PrivateNote": "Voided", "Line": []}, True),
        ({"TotalAmt": 0, "PrivateNote": "Voided - rent", "Line": [{"Amount": 0}]}, True),
        ({"TotalAmt": 0, "PrivateNote": "Annulé", "Line": []}, True),
        ({"TotalAmt": 0, "Line": [{"Amount": 40}]}, False),
        ({"TotalAmt": 10, "PrivateNote": "Voided", "Line": []}, False),
    ],
)
def test_voided_is_told_by_amount_note_and_lines(payload: dict[str, Any], *, is_voided: bool) -> None:
    assert marks.is_voided(payload) is is_voided


def test_links_are_read_by_the_beginning_of_their_kind() -> None:
    links = [{"TxnId": "1", "TxnType": "BillPaymentCheck"}, {"TxnId": "2", "TxnType": "PurchaseOrder"}, {}]
    assert marks.linked_ids({"LinkedTxn": links}, "BillPayment") == ["1"]
    assert marks.linked_ids({}, "BillPayment") == []


def test_a_name_made_inactive_is_shown_as_such() -> None:
    assert marks.names_inactive({"VendorRef": {"value": "1", "name": "Norton (deleted)"}}, "VendorRef")
    assert not marks.names_inactive({"VendorRef": {"value": "1"}}, "VendorRef")


def test_what_is_ours_by_its_id_needs_no_mark() -> None:
    assert marks.is_known_by({"Id": "7"}, mark=MARK, external_id="7")
    assert not marks.is_known_by({"Id": "7"}, mark=MARK, external_id=None)
