"""Why money is not moved: each reason has a name of its own, and a sentence or two that end."""

from datetime import date
from decimal import Decimal

import pytest

from domains.ap import payment_errors as paying
from domains.ar import collection_errors as collecting
from infra.errors import OodalooError
from infra.ids import new_id

DAY, ONE, TWO = date(2026, 3, 15), Decimal("1.5"), Decimal("2.5")
REFUSALS: list[OodalooError] = [
    paying.BillPaidAlready("Bill 1"),
    paying.MoreThanOpen("Bill 1", amount=TWO, open_amount=ONE, currency="USD"),
    paying.BillListedTwice(new_id()),
    paying.VendorInactive("Harbor Supply"),
    paying.CreditNotFound(new_id()),
    paying.CreditUnusable("Vendor credit 7", "it is listed twice"),
    paying.CreditsExceedPayment(applied=TWO, amount=ONE, currency="USD"),
    paying.AccountUnusable("Savings", "it is inactive in QuickBooks"),
    paying.BooksClosed(on=DAY, closed_on=DAY),
    paying.DayTooFar(366),
    paying.DayReversed(),
    paying.PaidAlike("Harbor Supply", amount=ONE, currency="USD", on=DAY, payment="160"),
    paying.BillBeingPaid("Bill 1", intent_id=new_id()),
    paying.AboveLimit(amount=TWO, limit=ONE, currency="USD"),
    paying.PaymentNotFound(new_id()),
    paying.NotToBeExecuted("It was cancelled."),
    paying.NothingToVoid("It is voided already."),
    collecting.InvoicePaidAlready("Invoice 1"),
    collecting.MoreThanOwed("Invoice 1", amount=TWO, open_amount=ONE, currency="USD"),
    collecting.NoAddress("Invoice 1"),
    collecting.ReceiptInClosedBooks(on=DAY, closed_on=DAY),
    collecting.NotReceivedYet(DAY),
    collecting.DepositAccountUnusable("Sales", "it is of type Income"),
    collecting.InvoiceBusy("Invoice 1", intent_id=new_id()),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: type(refusal).__name__)
def test_a_refusal_has_a_name_and_whole_sentences(refusal: OodalooError) -> None:
    assert str(getattr(refusal, "code", "")).replace("_", "").isalpha()
    assert not str(refusal)[0].islower()
    assert str(refusal).endswith(".")
    assert "1.5000" not in str(refusal)


def test_none_is_forgotten() -> None:
    known = {type(refusal) for refusal in REFUSALS}
    kinds = (paying.PaymentRefused, collecting.CollectionRefused)
    for module in (paying, collecting):
        made = {one for one in vars(module).values() if isinstance(one, type) and one.__module__ == module.__name__}
        assert made - set(kinds) == {one for one in known if one.__module__ == module.__name__}


def test_amounts_are_shown_as_people_write_them() -> None:
    assert "2.50 USD is more than what is open on Bill 1: 1.50 USD" in str(REFUSALS[1])
    assert "was paid 1.50 USD on 2026-03-15 already (payment 160)" in str(REFUSALS[11])
    under_way = paying.PaidAlike("Harbor Supply", amount=Decimal(1250), currency="USD")
    assert "is being paid 1,250.00 USD by another payment" in str(under_way)
