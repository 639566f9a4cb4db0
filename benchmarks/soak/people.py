"""What people do in QuickBooks while nobody of ours looks: they enter, correct, pay, void, delete, merge, retire."""

import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from benchmarks.proofs.histories.drafts import DRAFTED, Draft, bill_payment, link, ref
from benchmarks.proofs.histories.office import CHECKING
from infra import exact_json
from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.merges import merge
from infra.qbo.simulator.books.store import Record
from infra.qbo.simulator.faults import ServiceFault
from infra.qbo.simulator.oracle.journal import Merge
from infra.qbo.simulator.simulator import Simulator

Body = dict[str, Any]
_DOCUMENTS = (*DRAFTED, "BillPayment", "Payment")
_VOIDABLE = ("Invoice", "Payment", "BillPayment", "SalesReceipt")
_NAMES = ("Vendor", "Customer")


class PeopleAtWork:
    """Users of QuickBooks at any of its companies, by one seed. `done` counts what the books took, by verb."""

    def __init__(self, simulator: Simulator, *, seed: int) -> None:
        self._simulator = simulator
        self._draw = random.Random(f"{seed}:people")  # noqa: S311 - chooses what to try
        self._companies = list(simulator.companies.values())
        self.done: dict[str, int] = {}

    def act(self) -> None:
        """One act at one company, as QuickBooks keeps and announces it."""
        company = self._draw.choice(self._companies)
        done = act(company, self._draw)
        if done is None:
            return
        verb, merged = done
        self._simulator.journal.commit(company, who="other user", merged=merged)
        self._simulator.settle(company)
        self.done[verb] = self.done.get(verb, 0) + 1


def act(company: Company, draw: random.Random) -> tuple[str, Merge | None] | None:
    """Try one thing; what was done, or None where the books refused or had nothing to do it with."""
    [verb] = draw.choices(VERBS, weights=[weight for weight, _ in _VERBS.values()])
    try:
        done = _VERBS[verb][1](company, draw)
    except ServiceFault:
        return None
    return None if done is None else (verb, done if isinstance(done, Merge) else None)


def _enter(company: Company, draw: random.Random) -> object:
    kind = draw.choice(DRAFTED)
    vendor, customer = _active(company, "Vendor", draw), _active(company, "Customer", draw)
    if vendor is None or customer is None:
        return None
    amounts = tuple(_amount(draw) for _ in range(draw.randint(1, 3)))
    body = Draft(kind, amounts, draw.randrange(10_000), vendor=vendor.id, customer=customer.id).body()
    return company.create(kind, body, allow_duplicate_number=True)


def _note(company: Company, draw: random.Random) -> object:
    kind, record = _some(company, _DOCUMENTS, draw)
    return record and company.update(
        kind, {**_body(record), "PrivateNote": f"Noted {draw.random()}"}, allow_duplicate_number=True
    )


def _correct(company: Company, draw: random.Random) -> object:
    kind, record = _some(company, DRAFTED, draw)
    if record is None:
        return None
    draft = Draft(kind, (_amount(draw),), draw.randrange(10_000), vendor=_name_of(record, "VendorRef"))
    fresh = {**draft.body(), "Id": record.id, "SyncToken": record.body["SyncToken"], "TxnDate": record.body["TxnDate"]}
    if "CustomerRef" in fresh:
        fresh["CustomerRef"] = ref(_name_of(record, "CustomerRef"))
    return company.update(kind, fresh, allow_duplicate_number=True)


def _pay(company: Company, draw: random.Random) -> object:
    bill = _open(company, "Bill", draw)
    if bill is None:
        return None
    amount = _part(bill, draw)
    vendor = _name_of(bill, "VendorRef")
    return company.create(
        "BillPayment", bill_payment(amount, [link("Bill", bill.id, amount)], vendor=vendor, by_card=False)
    )


def _receive(company: Company, draw: random.Random) -> object:
    invoice = _open(company, "Invoice", draw)
    if invoice is None:
        return None
    amount = _part(invoice, draw)
    customer = ref(_name_of(invoice, "CustomerRef"))
    return company.create(
        "Payment", {"CustomerRef": customer, "TotalAmt": amount, "Line": [link("Invoice", invoice.id, amount)]}
    )


def _deposit(company: Company, draw: random.Random) -> object:
    _, payment = _some(company, ("Payment", "SalesReceipt"), draw)
    if payment is None or not payment.body["TotalAmt"]:
        return None
    kind = "Payment" if payment.id in company.stores["Payment"].records else "SalesReceipt"
    linked = {"TxnId": payment.id, "TxnType": kind, "TxnLineId": "0"}
    line = {"Amount": payment.body["TotalAmt"], "LinkedTxn": [linked]}
    return company.create("Deposit", {"DepositToAccountRef": ref(CHECKING), "Line": [line]})


def _void(company: Company, draw: random.Random) -> object:
    kind, record = _some(company, _VOIDABLE, draw)
    return record and company.void(kind, _claim(record))


def _delete(company: Company, draw: random.Random) -> object:
    kind, record = _some(company, _DOCUMENTS, draw)
    return record and company.delete(kind, _claim(record))


def _add_name(company: Company, draw: random.Random) -> object:
    kind = draw.choice(_NAMES)
    return company.create(kind, {"DisplayName": f"{kind} {draw.randrange(10**9)}"})


def _rename(company: Company, draw: random.Random) -> object:
    kind, record = _some(company, _NAMES, draw)
    return record and company.update(kind, {**_body(record), "DisplayName": f"{kind} {draw.randrange(10**9)}"})


def _retire(company: Company, draw: random.Random) -> object:
    """Or take up again what is retired."""
    kind, record = _some(company, _NAMES, draw)
    return record and company.update(kind, {**_body(record), "Active": not record.is_active})


def _merge(company: Company, draw: random.Random) -> Merge | None:
    kind = draw.choice(_NAMES)
    loser, survivor = _active(company, kind, draw), _active(company, kind, draw)
    if loser is None or survivor is None or loser is survivor:
        return None
    merge(company, kind, loser_id=loser.id, survivor_id=survivor.id)
    return Merge(kind, survivor_id=survivor.id, loser_id=loser.id)


_Try = Callable[[Company, random.Random], object]
_VERBS: dict[str, tuple[int, _Try]] = {
    "enter": (30, _enter), "note": (14, _note), "correct": (8, _correct), "pay": (10, _pay), "receive": (10, _receive),
    "deposit": (7, _deposit), "void": (4, _void), "delete": (6, _delete), "add name": (3, _add_name),
    "rename": (3, _rename), "retire": (2, _retire), "merge": (1, _merge),
}  # fmt: skip
VERBS = tuple(_VERBS)


def _some(company: Company, kinds: tuple[str, ...], draw: random.Random) -> tuple[str, Record | None]:
    kind = draw.choice([kind for kind in kinds if company.stores[kind].records] or kinds)
    records = company.stores[kind].by_number()
    return kind, draw.choice(records)[1] if records else None


def _active(company: Company, kind: str, draw: random.Random) -> Record | None:
    found = [record for _, record in company.stores[kind].by_number() if record.is_active]
    return draw.choice(found) if found else None


def _open(company: Company, kind: str, draw: random.Random) -> Record | None:
    found = [record for _, record in company.stores[kind].by_number() if record.body.get("Balance")]
    return draw.choice(found) if found else None


def _amount(draw: random.Random) -> Decimal:
    return Decimal(draw.randint(100, 500_000)) / 100


def _part(document: Record, draw: random.Random) -> Decimal:
    """All that is open, or a part."""
    balance = Decimal(document.body["Balance"])
    return balance if draw.random() < 0.6 else (balance / 2).quantize(Decimal("0.01")) or balance


def _body(record: Record) -> Body:
    body: Body = exact_json.loads(record.encoded())
    return body


def _claim(record: Record) -> Body:
    return {"Id": record.id, "SyncToken": record.body["SyncToken"], "sparse": True}


def _name_of(record: Record, name: str) -> str:
    return str((record.body.get(name) or {}).get("value", "1"))
