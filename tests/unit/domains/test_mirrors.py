"""Every mirror spec: each fill sets each own column each time, from whole and from bare objects, ours and QBO's samples."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import JSON, Column

from infra import exact_json
from infra.errors import UnknownRailValue
from infra.qbo.wire import is_deletion, record_of
from infra.sync.shapes import MirrorRow, filled_columns
from infra.sync.spec import AnySpec
from runway.registry import METADATA, MIRROR_SPECS
from tests.unit.domains.bodies import (
    ALWAYS_SENT,
    WHOLE,
    Body,
    make_account,
    make_bill,
    make_bill_payment,
    make_company_info,
    make_credit_memo,
    make_invoice,
    make_preferences,
    make_purchase,
)

SPECS = {spec.entity: spec for spec in MIRROR_SPECS}
SAMPLES = Path(__file__).parents[4] / "shared" / "qbo" / "samples"


class Row:
    """Stands in for a mirror row, as the mirror store's own stand-in does."""


def filled(entity: str, body: Body) -> dict[str, Any]:
    spec = SPECS[entity]
    row = Row()
    spec.fill(row, spec.wire.model_validate(body))
    return vars(row)


def own_columns(spec: AnySpec) -> dict[str, Column[Any]]:
    return {column.name: column for column in filled_columns(spec.mirror)}


def bare(entity: str) -> Body:
    return {name: WHOLE[entity][name] for name in ALWAYS_SENT[entity]}


def sample_objects() -> Iterator[tuple[str, Body]]:
    for path in sorted(SAMPLES.glob("*.json")):
        # Requests are what a client sends; the official CDC sample cuts its objects short.
        if "request" not in path.name and path.name != "cdc_response.json":
            yield from objects_in(exact_json.loads(path.read_text(encoding="utf-8")))


def objects_in(value: Any) -> Iterator[tuple[str, Body]]:
    if isinstance(value, list):
        for item in value:
            yield from objects_in(item)
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key in SPECS:
                found = inner if isinstance(inner, list) else [inner]
                yield from ((key, body) for body in found if isinstance(body, dict) and not is_deletion(body))
            else:
                yield from objects_in(inner)


@pytest.mark.parametrize("entity", sorted(SPECS))
def test_a_whole_object_fills_each_own_column_with_a_value(entity: str) -> None:
    row = filled(entity, WHOLE[entity])
    assert set(row) == set(own_columns(SPECS[entity]))
    assert [name for name, value in row.items() if value is None] == []


@pytest.mark.parametrize("entity", sorted(SPECS))
def test_a_bare_object_sets_every_column_and_leaves_null_only_where_the_table_allows(entity: str) -> None:
    row = filled(entity, bare(entity))
    columns = own_columns(SPECS[entity])
    assert set(row) == set(columns)
    assert [name for name, value in row.items() if value is None and not columns[name].nullable] == []


@pytest.mark.parametrize(
    ("entity", "field"), [(entity, field) for entity in ALWAYS_SENT for field in ALWAYS_SENT[entity]]
)
def test_an_object_without_what_qbo_always_sends_is_refused(entity: str, field: str) -> None:
    body = {name: value for name, value in WHOLE[entity].items() if name != field}
    with pytest.raises(ValidationError):
        filled(entity, body)


@pytest.mark.parametrize("entity", sorted(SPECS))
def test_values_have_the_columns_type(entity: str) -> None:
    row = filled(entity, WHOLE[entity])
    for name, column in own_columns(SPECS[entity]).items():
        assert type(row[name]) is column.type.python_type, name
        # The store sends columns as one-dimensional arrays.
        assert not isinstance(column.type, JSON)


def test_every_own_body_and_every_entity_is_in_both_tables() -> None:
    assert set(WHOLE) == set(ALWAYS_SENT) == set(SPECS)


def test_each_spec_is_listed_once_and_feeds_a_table_and_a_log_of_its_own() -> None:
    assert len(SPECS) == len(MIRROR_SPECS) == 16
    assert len({spec.mirror for spec in MIRROR_SPECS}) == len(MIRROR_SPECS)
    for spec in MIRROR_SPECS:
        assert spec.log.__tablename__ == f"{spec.mirror.__tablename__}_transaction_log"
    mirrors = {mapper.class_ for mapper in MirrorRow.registry.mappers if issubclass(mapper.class_, MirrorRow)}
    assert mirrors == {spec.mirror for spec in MIRROR_SPECS}


def test_every_index_of_a_mirror_leads_with_the_business() -> None:
    for spec in MIRROR_SPECS:
        for index in METADATA.tables[spec.mirror.__tablename__].indexes:
            assert next(iter(index.columns)).name == "business_id", index.name


def test_a_bill_is_filled_field_by_field() -> None:
    assert filled("Bill", make_bill()) == {
        "vendor_external_id": "31",
        "vendor_name": "Harbor Supply",
        "doc_number": "HS-118",
        "issued_on": date(2026, 3, 1),
        "due_on": date(2026, 3, 31),
        "total": Decimal("120.50"),
        "balance": Decimal("20.50"),
        "currency": "USD",
        "exchange_rate": Decimal(1),
        "terms_external_id": "3",
        "memo": "March",
    }


def test_a_bill_without_a_due_date_has_none() -> None:
    body = make_bill()
    del body["DueDate"]
    assert filled("Bill", body)["due_on"] is None


def test_an_amount_keeps_every_digit() -> None:
    body = exact_json.loads(
        b'{"VendorRef":{"value":"1"},"TxnDate":"2026-01-31","TotalAmt":1234567890.12345,"Balance":0.1}'
    )
    row = filled("Bill", body)
    assert (row["total"], row["balance"]) == (Decimal("1234567890.12345"), Decimal("0.1"))


def test_a_bill_payment_names_the_account_of_its_kind() -> None:
    card = make_bill_payment(
        PayType="CreditCard", CreditCardPayment={"CCAccountRef": {"value": "41"}}, CheckPayment=None
    )
    assert [filled("BillPayment", make_bill_payment())[name] for name in ("pay_type", "account_external_id")] == [
        "check",
        "35",
    ]
    assert [filled("BillPayment", card)[name] for name in ("pay_type", "account_external_id")] == ["credit_card", "41"]


def test_a_credit_memo_keeps_what_remains() -> None:
    assert filled("CreditMemo", make_credit_memo(Balance=30, RemainingCredit=12))["balance"] == Decimal(12)
    body = make_credit_memo(Balance=30)
    del body["RemainingCredit"]
    assert filled("CreditMemo", body)["balance"] == Decimal(30)


def test_a_refund_is_a_credit() -> None:
    assert filled("Purchase", make_purchase(Credit=True))["is_credit"] is True


def test_the_fiscal_year_starts_in_a_numbered_month() -> None:
    assert filled("CompanyInfo", make_company_info())["fiscal_year_start_month"] == 4


def test_preferences_tell_currency_closing_date_and_fiscal_year() -> None:
    row = filled("Preferences", make_preferences())
    assert row == {
        "home_currency": "CAD", "is_multicurrency": True, "book_close_on": date(2025, 12, 31), "fiscal_year_start_month": 7,
    }  # fmt: skip
    plain = filled("Preferences", make_preferences(CurrencyPrefs={"HomeCurrency": "USD"}))
    assert (plain["home_currency"], plain["is_multicurrency"]) == ("USD", False)


@pytest.mark.parametrize(
    ("entity", "body", "field"),
    [
        ("BillPayment", make_bill_payment(PayType="Barter"), "BillPayment.PayType"),
        ("Invoice", make_invoice(EmailStatus="Faxed"), "Invoice.EmailStatus"),
        ("Account", make_account(AccountType="Crypto"), "Account.AccountType"),
        ("Account", make_account(Classification="Hope"), "Account.Classification"),
        ("Purchase", make_purchase(PaymentType="Shells"), "Purchase.PaymentType"),
        ("CompanyInfo", make_company_info(FiscalYearStartMonth="Brumaire"), "CompanyInfo.FiscalYearStartMonth"),
        (
            "Preferences",
            make_preferences(AccountingInfoPrefs={"FirstMonthOfFiscalYear": "Brumaire"}),
            "Preferences.AccountingInfoPrefs.FirstMonthOfFiscalYear",
        ),
    ],
)
def test_an_unknown_member_is_named_and_never_guessed(entity: str, body: Body, field: str) -> None:
    with pytest.raises(UnknownRailValue) as caught:
        filled(entity, body)
    assert caught.value.field == field


@pytest.mark.skipif(
    not SAMPLES.is_dir(), reason="the samples beside the repository (../shared/qbo/samples) are missing"
)
def test_every_object_of_the_samples_fills_its_mirror() -> None:
    seen: set[str] = set()
    for entity, body in sample_objects():
        row = filled(entity, body)
        assert set(row) == set(own_columns(SPECS[entity]))
        assert record_of(body, entity).external_id == body["Id"]
        seen.add(entity)
    assert seen == set(SPECS)
