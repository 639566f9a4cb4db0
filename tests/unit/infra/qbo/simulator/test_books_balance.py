"""Whatever is entered, changed and deleted: debits equal credits, and open documents add up to A/P and A/R."""

from collections.abc import Callable
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.money import ZERO
from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.links import applied_amounts, net_applied
from infra.qbo.simulator.books.merges import merge
from infra.qbo.simulator.books.store import Record
from infra.qbo.simulator.faults import ServiceFault
from tests.unit.infra.qbo.simulator.small_company import (
    CHECKING,
    PAYABLE,
    RECEIVABLE,
    RENT,
    MovableClock,
    bill,
    bill_payment,
    invoice,
    make_company,
    payment,
    ref,
)

_CENTS = st.integers(min_value=1, max_value=50_000).map(lambda cents: Decimal(cents) / 100)
_STEP = st.tuples(
    st.sampled_from(
        [
            "bill",
            "bill",
            "credit",
            "pay",
            "pay",
            "invoice",
            "memo",
            "receive",
            "receive",
            "deposit",
            "journal",
            "edit",
            "delete",
            "delete",
            "void",
            "void",
            "merge",
            "apply",
        ]
    ),
    st.integers(0, 99),
    _CENTS,
)


class Bookkeeper:
    """Does as told where the books allow it; a refusal must leave no trace, which the invariants would show."""

    def __init__(self) -> None:
        self.clock = MovableClock()
        self.company = make_company(self.clock)

    def act(self, verb: str, choice: int, amount: Decimal) -> None:
        steps: dict[str, Callable[[int, Decimal], object]] = {
            "bill": lambda choice, amount: self.company.create("Bill", bill(amount, vendor=self._vendor(choice))),
            "credit": lambda _, amount: self.company.create("VendorCredit", bill(amount)),
            "invoice": lambda _, amount: self.company.create("Invoice", invoice(amount)),
            "memo": lambda _, amount: self.company.create("CreditMemo", invoice(amount)),
            "pay": self._pay,
            "receive": self._receive,
            "deposit": self._deposit,
            "edit": self._edit,
            "delete": self._delete,
            "void": self._void,
            "journal": self._journal,
            "merge": self._merge,
            "apply": self._apply,
        }
        self.clock.advance(seconds=choice % 3)
        try:
            steps[verb](choice, amount)
        except ServiceFault:
            return

    def _pick(self, choice: int, *entities: str) -> tuple[str, str] | None:
        found = [(entity, identifier) for entity in entities for identifier in self.company.stores[entity].records]
        return found[choice % len(found)] if found else None

    def _vendor(self, choice: int) -> str:
        return "57" if choice % 7 == 0 and self.company.get("Vendor", "57").is_active else "56"

    def _pay(self, choice: int, amount: Decimal) -> None:
        picked = self._pick(choice, "Bill", "VendorCredit")
        vendor = self.company.get(*picked).body["VendorRef"]["value"] if picked else "56"
        applied = self._applied(picked, choice, amount)
        self.company.create("BillPayment", bill_payment(amount + choice, applied, vendor=vendor))

    def _receive(self, choice: int, amount: Decimal) -> None:
        picked = self._pick(choice, "Invoice", "CreditMemo")
        self.company.create("Payment", payment(amount + choice, self._applied(picked, choice, amount)))

    def _applied(self, picked: tuple[str, str] | None, choice: int, amount: Decimal) -> list[tuple[Record, Decimal]]:
        """Mostly what still fits; now and then an amount that the books may refuse."""
        if picked is None:
            return []
        record = self.company.get(*picked)
        return [(record, amount if choice % 5 == 0 else min(amount, Decimal(record.body["Balance"])))]

    def _deposit(self, choice: int, _amount: Decimal) -> None:
        picked = self._pick(choice, "Payment")
        if picked:
            held = self.company.get(*picked)
            line = {"Amount": held.body["TotalAmt"], "LinkedTxn": [{"TxnId": held.id, "TxnType": "Payment"}]}
            self.company.create("Deposit", {"DepositToAccountRef": ref(CHECKING), "Line": [line]})

    def _edit(self, choice: int, amount: Decimal) -> None:
        picked = self._pick(choice, "Bill", "VendorCredit", "Invoice", "CreditMemo")
        if picked:
            record = self.company.get(*picked)
            fresh = (
                bill(amount, vendor=record.body["VendorRef"]["value"])
                if "VendorRef" in record.body
                else invoice(amount)
            )
            self.company.update(picked[0], {**fresh, "Id": record.id, "SyncToken": record.body["SyncToken"]})

    def _void(self, choice: int, _amount: Decimal) -> None:
        picked = self._pick(choice, "BillPayment", "Payment", "Invoice")
        if picked:
            record = self.company.get(*picked)
            self.company.void(picked[0], {"Id": record.id, "SyncToken": record.body["SyncToken"]})

    def _journal(self, choice: int, amount: Decimal) -> None:
        """Owed to a vendor by a journal entry, and at times partly paid at once."""
        owed = {
            "PostingType": "Credit",
            "AccountRef": ref(PAYABLE),
            "Entity": {"Type": "Vendor", "EntityRef": ref("56")},
        }
        sides = [{"PostingType": "Debit", "AccountRef": ref(RENT)}, owed]
        lines = [
            {"Amount": amount, "DetailType": "JournalEntryLineDetail", "JournalEntryLineDetail": side} for side in sides
        ]
        made = self.company.create("JournalEntry", {"Line": lines})
        if choice % 2:
            line = {"Amount": amount - choice, "LinkedTxn": [{"TxnId": made.id, "TxnType": "JournalEntry"}]}
            self.company.create("BillPayment", {**bill_payment(amount, []), "Line": [line]})

    def _merge(self, choice: int, _amount: Decimal) -> None:
        if choice % 4 == 0:
            merge(self.company, "Vendor", loser_id="57", survivor_id="56")

    def _apply(self, choice: int, _amount: Decimal) -> None:
        settings = self.company.get("Preferences", "1").body
        wanted = {"SalesFormsPrefs": {"AutoApplyCredit": choice % 2 == 0}}
        self.company.update("Preferences", {"Id": "1", "SyncToken": settings["SyncToken"], **wanted}, sparse=True)

    def _delete(self, choice: int, _amount: Decimal) -> None:
        picked = self._pick(
            choice, "Bill", "BillPayment", "Invoice", "Payment", "Deposit", "VendorCredit", "JournalEntry"
        )
        if picked:
            record = self.company.get(*picked)
            self.company.delete(picked[0], {"Id": record.id, "SyncToken": record.body["SyncToken"]})


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(_STEP, min_size=8, max_size=40))
def test_the_books_balance_after_any_history(steps: list[tuple[str, int, Decimal]]) -> None:
    keeper = Bookkeeper()
    seen: Stamps = {}
    for step in steps:
        keeper.act(*step)
        _check_books(keeper.company)
        seen = _check_stamps(keeper.company, seen)


Stamps = dict[tuple[str, str], tuple[int, int]]


def _check_books(company: Company) -> None:
    assert sum(company.ledger.account_balances.values(), ZERO) == ZERO
    assert all(sum((p.amount for p in entry.postings), ZERO) == ZERO for entry in company.ledger.entries.values())
    assert -company.get("Account", PAYABLE).body["CurrentBalance"] == _open_payable(company)
    assert company.get("Account", RECEIVABLE).body["CurrentBalance"] == _open_receivable(company)
    assert _sum(company, "Vendor", "Balance") == _open_payable(company)
    assert company.get("Customer", "1").body["Balance"] == _open_receivable(company)
    for entity in ("Bill", "VendorCredit", "Invoice", "CreditMemo"):
        for record in company.stores[entity].records.values():
            assert ZERO <= Decimal(record.body["Balance"]) <= Decimal(record.body["TotalAmt"])


def _check_stamps(company: Company, seen: Stamps) -> Stamps:
    """Tokens and times never go back; a document whose token moved has a time of now."""
    now = int(company.clock.now().timestamp())
    stamps = {
        (entity, record.id): (int(record.body["SyncToken"]), record.updated)
        for entity, store in company.stores.items()
        for record in store.records.values()
    }
    for key, (token, updated) in stamps.items():
        before = seen.get(key, (0, updated))
        assert token >= before[0]
        assert updated >= before[1]
        assert token == before[0] or updated == now
    return stamps


def _sum(company: Company, entity: str, field: str) -> Decimal:
    return sum((Decimal(record.body[field]) for record in company.stores[entity].records.values()), ZERO)


def _open_payable(company: Company) -> Decimal:
    unapplied = sum(
        (
            Decimal(record.body["TotalAmt"]) - net_applied(applied_amounts("BillPayment", record.body))
            for record in company.stores["BillPayment"].records.values()
        ),
        ZERO,
    )
    journals = sum(
        (
            Decimal(record.body["TotalAmt"]) - company.links.applied_to(("JournalEntry", record.id))
            for record in company.stores["JournalEntry"].records.values()
        ),
        ZERO,
    )
    return _sum(company, "Bill", "Balance") + journals - _sum(company, "VendorCredit", "Balance") - unapplied


def _open_receivable(company: Company) -> Decimal:
    credits_left = _sum(company, "CreditMemo", "Balance") + _sum(company, "Payment", "UnappliedAmt")
    return _sum(company, "Invoice", "Balance") - credits_left
