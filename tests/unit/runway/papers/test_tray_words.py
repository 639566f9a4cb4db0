"""Every reason of the tray has its sentence, in the reader's language, made of facts that are written as the reader writes them."""

from datetime import date
from decimal import Decimal

import pytest

from domains.ap.approvals import Material
from domains.core.lookalikes import LookalikeKind
from runway.language.strings import Reader, read_by, reader_of
from runway.orchestrators.tray_risks import NOTICE_KINDS
from runway.papers.tray_words import (
    ChipCode,
    Facts,
    Money,
    WhatCode,
    chip_in_words,
    field_in_words,
    what_in_words,
)
from tests.unit.runway.web.test_texts import Bracketed

ON = date(2026, 11, 21)
FACTS: Facts = {
    "days": 3, "late": 41, "usual": 30, "n": 2, "kind": "bill", "number": "42", "party": "Harbor", "entity": "Bill",
    "on": ON, "until": ON, "promised": ON, "fields": ("remit_to", "total"), "text": "told", "title": "Told",
    "saving": Money(Decimal(12), "USD"), "amount": Money(Decimal(120), "USD"), "low": Money(Decimal(-5), "USD"), "what": "Berlin (EUR)",
}  # fmt: skip
NOTICES = {ChipCode(kind) for kind in NOTICE_KINDS}


@pytest.mark.parametrize("code", ChipCode)
def test_every_reason_has_its_sentence_and_the_catalogue_is_asked_for_it(code: ChipCode) -> None:
    assert chip_in_words(code, FACTS).strip()
    with read_by(Reader(texts=Bracketed())):
        assert chip_in_words(code, FACTS).startswith("[") == (code not in NOTICES)


@pytest.mark.parametrize("code", WhatCode)
def test_every_kind_of_item_has_its_name_and_the_catalogue_is_asked_for_it(code: WhatCode) -> None:
    assert what_in_words(code, FACTS).strip()
    with read_by(Reader(texts=Bracketed())):
        assert what_in_words(code, FACTS).startswith("[") == (code is not WhatCode.NOTICE)


def test_everything_that_an_approval_is_of_and_that_a_bill_may_look_like_has_its_word() -> None:
    with read_by(Reader(texts=Bracketed())):
        assert all(field_in_words(name).startswith("[") for name in Material.__dataclass_fields__)
        for kind in LookalikeKind:
            assert chip_in_words(ChipCode.POSSIBLE_DUPLICATE, {**FACTS, "kind": kind.value}).startswith("[")


def test_days_and_amounts_are_written_as_the_reader_writes_them() -> None:
    told = [(ChipCode.FLOOR_BREACH, "lowest \N{MINUS SIGN}$5.00 on Nov 21 if payments come late")]
    told += [(ChipCode.CHANGED_AFTER_APPROVAL, "changed after approval: remit address, amount")]
    assert [chip_in_words(code, FACTS) for code, _words in told] == [words for _code, words in told]
    assert [chip_in_words(ChipCode.DUE, {"days": days}) for days in (2, 0, -1)] == [
        "due in 2 d",
        "due today",
        "overdue 1 d",
    ]
    with read_by(reader_of("de")):
        assert "\N{MINUS SIGN}5,00" in chip_in_words(ChipCode.FLOOR_BREACH, FACTS)
