"""One mail about all that is due, as an action: what the last look leaves out, and what it does when it was cut off."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from domains.ar.letters import letter_id
from domains.ar.remind_customer import REMIND_CUSTOMER, RemindCustomer, listed_in
from domains.core.meant import SenselessMeaning
from infra import exact_json
from infra.actions.rail import Payload
from infra.actions.spec import Adopt, EchoDiffers, Found, Go, Intent, NotThere, Refuse
from infra.ids import new_id
from infra.mail.letters import LETTER

MARK = "LP-ABCDEFGH23456789"
MEANING: dict[str, Any] = {
    "customer": "7",
    "customer_name": "Dune Cafe",
    "send_to": ["a@example.com", "b@example.com"],
    "sender": "Craig & Co",
    "from_name": "Craig, accounts",
    "reply_to": "accounts@example.com",
    "on": "2026-03-16",
    "subject": "{count} at {business}",
    "text": "Hello {customer},\n{invoices}\n{total}",
    "invoices": [
        {"invoice": "1", "level": 3, "days": 14, "balance": 100, "currency": "USD"},
        {"invoice": "2", "level": 2, "days": 3, "balance": 50, "currency": "USD"},
    ],
}


def owed(external_id: str, **more: Any) -> Payload:
    return {
        "Id": external_id,
        "SyncToken": "0",
        "DocNumber": f"107{external_id}",
        "TxnDate": "2026-02-01",
        "DueDate": "2026-03-01",
        "CustomerRef": {"value": "7", "name": "Dune Cafe"},
        "CurrencyRef": {"value": "USD"},
        "TotalAmt": 100,
        "Balance": 100,
        **more,
    }


@dataclass
class Books:
    """What a look sees."""

    invoices: dict[str, Payload] = field(default_factory=lambda: {"1": owed("1"), "2": owed("2", Balance=30)})
    letters: dict[str, Payload] = field(default_factory=dict)

    async def read(self, entity: str, external_id: str) -> Payload | None:
        return (self.letters if entity == LETTER else self.invoices).get(external_id)

    async def find(self, entity: str, *conditions: str) -> list[Payload]:
        raise AssertionError(f"nothing is searched: {entity} {conditions}")


def intent(body: Payload | None = None) -> Intent:
    meaning = RemindCustomer.of(MEANING).as_meaning()
    return Intent(
        new_id(), new_id(), REMIND_CUSTOMER.operation, meaning, MARK, datetime(2026, 3, 16, tzinfo=UTC), body, None
    )


async def test_the_letter_lists_what_is_open_at_the_last_moment() -> None:
    verdict = await REMIND_CUSTOMER.preflight(Books(), intent())
    assert isinstance(verdict, Go)
    assert verdict.body == {
        "Id": letter_id(MARK),
        "Invoices": ["1", "2"],
        "To": "a@example.com, b@example.com",
        "FromName": "Craig, accounts",
        "ReplyTo": "accounts@example.com",
        "Subject": "2 invoices at Craig & Co",
        "Text": (
            "Hello Dune Cafe,\n"
            "- Invoice 1071 of 2026-02-01: 100.00 USD, due on 2026-03-01, 15 days overdue\n"
            "- Invoice 1072 of 2026-02-01: 30.00 USD, due on 2026-03-01, 15 days overdue\n"
            "130.00 USD"
        ),
    }
    assert listed_in(exact_json.dumps(verdict.body)) == {"1", "2"}
    assert listed_in(None) == frozenset()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"Balance": 0}, "already_paid"),
        ({"DueDate": "2026-03-14"}, "not_due"),
        ({"CustomerRef": {"value": "8"}}, "customer_changed"),
        ({"CurrencyRef": {"value": "EUR"}}, "currency_changed"),
        (None, "gone"),
    ],
)
async def test_what_has_changed_is_left_out_of_it(change: dict[str, Any] | None, why: str) -> None:
    books = Books()
    books.invoices.pop("2")
    if change is not None:
        books.invoices["2"] = owed("2", **change)
    verdict = await REMIND_CUSTOMER.preflight(books, intent())
    assert isinstance(verdict, Go)
    assert verdict.body is not None
    assert (verdict.body["Invoices"], verdict.seen["left_out"]) == (["1"], {"2": why})
    assert "1072" not in verdict.body["Text"]


@pytest.mark.parametrize(
    ("change", "code"), [({"Balance": 0}, "paid"), ({"DueDate": "2026-04-01"}, "nothing_due")], ids=["paid", "later"]
)
async def test_with_nothing_left_there_is_no_mail(change: dict[str, Any], code: str) -> None:
    books = Books({"1": owed("1", **change), "2": owed("2", **change)})
    verdict = await REMIND_CUSTOMER.preflight(books, intent())
    assert isinstance(verdict, Refuse)
    assert verdict.code == code
    assert verdict.words.endswith("so nobody was reminded.")


async def test_a_notice_of_a_day_that_is_over_by_now_is_not_sent() -> None:
    notice = {**MEANING, "invoices": [{**MEANING["invoices"][0], "level": 1, "days": -3}]}
    for due, kind in (("2026-03-16", Go), ("2026-03-19", Go), ("2026-03-15", Refuse), ("2026-03-20", Refuse)):
        books = Books({"1": owed("1", DueDate=due)})
        assert isinstance(await REMIND_CUSTOMER.preflight(books, replace(intent(), meaning=notice)), kind)


async def test_a_letter_that_was_written_is_found_and_never_written_again() -> None:
    written = {"Id": letter_id(MARK), "To": "a@example.com"}
    books = Books(letters={letter_id(MARK): written})
    assert await REMIND_CUSTOMER.preflight(books, intent()) == Adopt(written)
    assert await REMIND_CUSTOMER.find_mark(books, intent({"Invoices": ["1", "2"]})) == Found(written)
    assert REMIND_CUSTOMER.check_echo(intent(), written) == letter_id(MARK)
    with pytest.raises(EchoDiffers):
        REMIND_CUSTOMER.check_echo(intent(), {"Id": letter_id("LP-OTHER")})


async def test_the_same_bytes_go_out_again_only_while_all_they_list_is_due() -> None:
    frozen, books = intent({"Invoices": ["1"]}), Books()
    assert await REMIND_CUSTOMER.find_mark(books, frozen) == NotThere(is_unmoved=True)
    assert isinstance(await REMIND_CUSTOMER.preflight(books, frozen), Go)
    books.invoices["2"] = owed("2", Balance=0)  # it is not in the letter
    assert await REMIND_CUSTOMER.find_mark(books, frozen) == NotThere(is_unmoved=True)
    books.invoices["1"] = owed("1", Balance=0)
    assert await REMIND_CUSTOMER.find_mark(books, frozen) == NotThere(is_impossible=True)
    books.invoices["2"] = owed("2")
    refused = await REMIND_CUSTOMER.preflight(books, frozen)
    assert isinstance(refused, Refuse)
    assert refused.code == "paid"


def test_each_invoice_is_taken_for_as_long_as_the_mail_is_under_way() -> None:
    targets = REMIND_CUSTOMER.targets(MEANING)
    assert [(target.kind, target.external_id, target.is_guarded) for target in targets] == [
        ("InvoiceMail", "1", True),
        ("InvoiceMail", "2", True),
    ]
    assert REMIND_CUSTOMER.touched(replace(intent(), body={}), {}) == {}


@pytest.mark.parametrize("wrong", [{"send_to": []}, {"send_to": ["a b@c"]}, {"invoices": []}, {"reply_to": "nobody"}])
def test_a_mail_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SenselessMeaning):
        RemindCustomer.of({**MEANING, **wrong})
