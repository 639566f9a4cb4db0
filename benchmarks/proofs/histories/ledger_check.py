"""The books hold: what every account, name and document shows follows from the documents alone, reckoned here anew."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any, Final, NamedTuple

from benchmarks.proofs.histories.office import PAYABLE, RECEIVABLE, SALES, UNDEPOSITED, Office
from benchmarks.proofs.histories.snapshot import CREDITS, LINKED_AS, Body, Key, Snapshot
from infra.money import ZERO

NO_BALANCE: Final = ("Revenue", "Expense")


class Move(NamedTuple):
    """Debit positive. `name` is set on A/P and A/R."""

    day: date
    account: str
    amount: Decimal
    name: Key | None = None


def check_books(office: Office, snapshot: Snapshot) -> list[Move]:
    """The moves of all documents, for the reports to be held against."""
    moves = [move for key, body in snapshot.bodies.items() for move in moves_of(key, body, snapshot)]
    _check_debits_and_credits(office, moves)
    _check_accounts(snapshot, moves)
    _check_documents(snapshot)
    _check_names(snapshot, moves)
    return moves


def sums(moves: list[Move]) -> dict[str, Decimal]:
    balances: defaultdict[str, Decimal] = defaultdict(lambda: ZERO)
    for move in moves:
        balances[move.account] += move.amount
    return balances


def moves_of(key: Key, body: Body, snapshot: Snapshot) -> Iterator[Move]:
    entity = key[0]
    if "TxnDate" not in body:
        return
    day = date.fromisoformat(body["TxnDate"])
    sides = {"Bill": 1, "VendorCredit": -1, "Purchase": 1, "Invoice": 1, "CreditMemo": -1, "SalesReceipt": 1}
    if entity in sides:
        sign = -1 if body.get("Credit") else sides[entity]
        yield from _document(entity, body, day=day, sign=sign)
    elif entity in {"BillPayment", "Payment"}:
        yield from _payment(entity, body, day)
    elif entity == "Deposit":
        yield from _deposit(body, day, snapshot)
    elif entity == "Transfer":
        yield Move(day, _id(body["ToAccountRef"]), _money(body["Amount"]))
        yield Move(day, _id(body["FromAccountRef"]), -_money(body["Amount"]))
    elif entity == "JournalEntry":
        for line in body["Line"]:
            detail = line["JournalEntryLineDetail"]
            sign = 1 if detail["PostingType"] == "Debit" else -1
            who = detail.get("Entity")
            name = (who["Type"], who["EntityRef"]["value"]) if who else None
            yield Move(day, _id(detail["AccountRef"]), sign * _money(line["Amount"]), name)


def _document(entity: str, body: Body, *, day: date, sign: int) -> Iterator[Move]:
    """Whom it is owed to or by against its lines."""
    total = sign * _money(body["TotalAmt"])
    if entity in {"Bill", "VendorCredit"}:
        yield Move(day, PAYABLE, -total, ("Vendor", _id(body["VendorRef"])))
    elif entity == "Purchase":
        yield Move(day, _id(body["AccountRef"]), -total)
    elif entity == "SalesReceipt":
        yield Move(day, _id(body.get("DepositToAccountRef", {"value": UNDEPOSITED})), total)
    else:
        yield Move(day, RECEIVABLE, total, ("Customer", _id(body["CustomerRef"])))
    for line in body["Line"]:
        amount = sign * _money(line["Amount"])
        if line["DetailType"] == "SalesItemLineDetail":
            yield Move(day, SALES, -amount)
        elif line["DetailType"] == "AccountBasedExpenseLineDetail":
            yield Move(day, _id(line["AccountBasedExpenseLineDetail"]["AccountRef"]), amount)


def _payment(entity: str, body: Body, day: date) -> Iterator[Move]:
    total = _money(body["TotalAmt"])
    if entity == "Payment":
        yield Move(day, _id(body["DepositToAccountRef"]), total)
        yield Move(day, RECEIVABLE, -total, ("Customer", _id(body["CustomerRef"])))
        return
    how = body["CheckPayment"] if body["PayType"] == "Check" else body["CreditCardPayment"]
    yield Move(day, _id(how.get("BankAccountRef", how.get("CCAccountRef"))), -total)
    yield Move(day, PAYABLE, total, ("Vendor", _id(body["VendorRef"])))


def _deposit(body: Body, day: date, snapshot: Snapshot) -> Iterator[Move]:
    yield Move(day, _id(body["DepositToAccountRef"]), _money(body["TotalAmt"]))
    if "CashBack" in body:
        yield Move(day, _id(body["CashBack"]["AccountRef"]), _money(body["CashBack"]["Amount"]))
    for line in body["Line"]:
        if "LinkedTxn" in line:
            link = line["LinkedTxn"][0]
            held = snapshot.bodies[link["TxnType"], link["TxnId"]]
            account = _id(held.get("DepositToAccountRef", {"value": UNDEPOSITED}))
        else:
            account = _id(line["DepositLineDetail"]["AccountRef"])
        yield Move(day, account, -_money(line["Amount"]))


def _check_debits_and_credits(office: Office, moves: list[Move]) -> None:
    ledger = office.company.ledger
    for key, entry in ledger.entries.items():
        assert sum((posting.amount for posting in entry.postings), ZERO) == ZERO, f"{key}: debits are not credits"
    assert sum(ledger.account_balances.values(), ZERO) == ZERO, "debits are not credits"
    expected = {account: balance for account, balance in sums(moves).items() if balance}
    assert ledger.trial_balance() == expected, "the ledger is not what the documents say"


def _check_accounts(snapshot: Snapshot, moves: list[Move]) -> None:
    balances, accounts = sums(moves), snapshot.of("Account")
    for (_, identifier), body in accounts.items():
        own = ZERO if body["Classification"] in NO_BALANCE else balances.get(identifier, ZERO)
        below = sum((balances.get(child, ZERO) for child in _below(identifier, accounts)), ZERO)
        assert _money(body["CurrentBalance"]) == own, f"account {identifier} shows another balance"
        if body["Classification"] not in NO_BALANCE:
            assert _money(body["CurrentBalanceWithSubAccounts"]) == own + below, (
                f"account {identifier} with those below"
            )


def _check_documents(snapshot: Snapshot) -> None:
    """Open balances and links, on both sides."""
    payers = snapshot.payers_of()
    for key, body in snapshot.bodies.items():
        if key[0] in {"Bill", "VendorCredit", "Invoice", "CreditMemo"}:
            rest = open_amount(key, body, payers)
            assert _money(body["Balance"]) == rest, f"{key}: its balance is not what payments left"
            assert ZERO <= rest <= _money(body["TotalAmt"]), f"{key}: paid beyond its total"
            assert _money(body.get("RemainingCredit", rest)) == rest, f"{key}: its remaining credit"
        if key[0] == "Payment":
            assert _money(body["UnappliedAmt"]) == unapplied(body, snapshot.payments()[key]), f"{key}: unapplied"
        if "TxnDate" in body and key[0] != "CreditMemo":
            shown = {(link["TxnId"], link["TxnType"]) for link in body.get("LinkedTxn", ())}
            meant = {(payer[1], LINKED_AS[payer[0]]) for payer in payers.get(key, ())}
            assert shown == meant, f"{key}: its links are not its payers"
    for target in payers:
        assert target in snapshot.bodies, f"{target} is paid and not there"


def _check_names(snapshot: Snapshot, moves: list[Move]) -> None:
    """A/P = open bills less vendor credits and unapplied, name by name; A/R likewise."""
    still_open = open_by_name(snapshot)
    posted: defaultdict[Key, Decimal] = defaultdict(lambda: ZERO)
    for move in moves:
        if move.name is not None:
            posted[move.name] += move.amount if move.name[0] == "Customer" else -move.amount
    for key, body in snapshot.of("Vendor", "Customer").items():
        found = (_money(body["Balance"]), still_open.get(key, ZERO), posted.get(key, ZERO))
        assert len(set(found)) == 1, f"{key} shows, has open, and was posted {found}"
    for (_, identifier), body in snapshot.of("Customer").items():
        family = [identifier, *_below(identifier, snapshot.of("Customer"))]
        whole = sum((still_open.get(("Customer", each), ZERO) for each in family), ZERO)
        assert _money(body["BalanceWithJobs"]) == whole, f"customer {identifier} with jobs"
    totals = {
        kind: sum((a for key, a in still_open.items() if key[0] == kind), ZERO) for kind in ("Vendor", "Customer")
    }
    accounts = snapshot.bodies
    assert -_money(accounts["Account", PAYABLE]["CurrentBalance"]) == totals["Vendor"], "A/P is not what is open"
    assert _money(accounts["Account", RECEIVABLE]["CurrentBalance"]) == totals["Customer"], "A/R is not what is open"


def open_by_name(snapshot: Snapshot) -> dict[Key, Decimal]:
    payers, found = snapshot.payers_of(), defaultdict[Key, Decimal](lambda: ZERO)
    for key, body in snapshot.bodies.items():
        entity = key[0]
        if entity in {"Bill", "VendorCredit"}:
            found["Vendor", _id(body["VendorRef"])] += _signed(entity, open_amount(key, body, payers))
        elif entity in {"Invoice", "CreditMemo"}:
            found["Customer", _id(body["CustomerRef"])] += _signed(entity, open_amount(key, body, payers))
        elif entity == "BillPayment":
            found["Vendor", _id(body["VendorRef"])] -= unapplied(body, snapshot.payments()[key])
        elif entity == "Payment":
            found["Customer", _id(body["CustomerRef"])] -= unapplied(body, snapshot.payments()[key])
        elif entity == "JournalEntry":
            name, amount = journal_name(body)
            found[name] += amount - sum(payers.get(key, {}).values(), ZERO)
    return found


def open_amount(key: Key, body: Body, payers: dict[Key, dict[Key, Decimal]]) -> Decimal:
    return _money(body["TotalAmt"]) - sum(payers.get(key, {}).values(), ZERO)


def unapplied(body: Body, amounts: dict[Key, Decimal]) -> Decimal:
    used = sum((-amount if target[0] in CREDITS else amount for target, amount in amounts.items()), ZERO)
    return _money(body["TotalAmt"]) - used


def journal_name(body: Body) -> tuple[Key, Decimal]:
    """Whom a journal entry of the histories is about, and how much they owe or are owed."""
    details = [(line["JournalEntryLineDetail"], _money(line["Amount"])) for line in body["Line"]]
    named = [(detail["Entity"], amount) for detail, amount in details if "Entity" in detail]
    who = named[0][0]
    return (who["Type"], who["EntityRef"]["value"]), sum((amount for _, amount in named), ZERO)


def _signed(entity: str, amount: Decimal) -> Decimal:
    return -amount if entity in CREDITS else amount


def _below(identifier: str, family: dict[Key, Body]) -> Iterator[str]:
    for (_, child), body in family.items():
        if body.get("ParentRef", {}).get("value") == identifier:
            yield child
            yield from _below(child, family)


def _id(ref: Body) -> str:
    return str(ref["value"])


def _money(value: Any) -> Decimal:
    return Decimal(value)
