import re
from dataclasses import replace
from decimal import Decimal
from itertools import combinations
from typing import Any
from uuid import UUID

import pytest

from infra.actions.identity import Origin, fingerprint_of

ORIGIN = Origin("production", "9130", "pay_bills", "key-0123456789abcdef")


def test_ids_are_derived_and_stay_what_they_are() -> None:
    assert ORIGIN.request_id() == "49ff3386-129a-5fd1-a65d-9c6d60c1e408"
    assert ORIGIN.mark == "LP-TRWWBQPEBC6OYVIR"


def test_a_request_id_is_a_uuid_of_version_five_and_a_mark_fits_a_document_number() -> None:
    assert UUID(ORIGIN.request_id()).version == 5
    assert len(ORIGIN.request_id()) == 36
    assert re.fullmatch(r"LP-[A-Z2-7]{16}", ORIGIN.mark)
    assert len(ORIGIN.mark) <= 21


def test_what_makes_another_action_makes_other_ids() -> None:
    others = [
        ORIGIN,
        replace(ORIGIN, environment="development"),
        replace(ORIGIN, rail_account_id="9131"),
        replace(ORIGIN, operation="void_payment"),
        replace(ORIGIN, client_key="key-0123456789abcdeg"),
        Origin("production", "9130pay", "_bills", "key-0123456789abcdef"),
    ]
    for one, other in combinations(others, 2):
        assert one.request_id() != other.request_id()
        assert one.mark != other.mark


def test_a_revision_has_an_id_of_its_own_and_the_same_mark() -> None:
    assert len({ORIGIN.request_id(revision) for revision in range(5)}) == 5
    assert ORIGIN.request_id(0) == ORIGIN.request_id()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({"amount": Decimal("12.00")}, {"amount": 12}),
        ({"amount": Decimal("12.50")}, {"amount": Decimal("12.5")}),
        ({"lines": [{"amount": Decimal(100)}]}, {"lines": ({"amount": 100},)}),
        ({"amount": Decimal("1E+2")}, {"amount": 100}),
    ],
)
def test_the_same_meaning_has_the_same_fingerprint(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert fingerprint_of("x", one) == fingerprint_of("x", other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"amount": 12}, {"amount": 13}),
        ({"amount": 12}, {"amount": "12"}),
        ({"lines": [1, 2]}, {"lines": [2, 1]}),
        ({"a": None}, {}),
        ({"amount": Decimal("12.00001")}, {"amount": 12}),
    ],
)
def test_another_meaning_has_another(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert fingerprint_of("x", one) != fingerprint_of("x", other)
    assert fingerprint_of("x", one) != fingerprint_of("y", one)
