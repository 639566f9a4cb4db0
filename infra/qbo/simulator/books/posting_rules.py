"""What each transaction does to the accounts, by double entry: the postings of its body, which sum to zero."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, Protocol

from infra.qbo.simulator.books.ledger import Body, Key, Posting, money, ref_id


class Chart(Protocol):
    """Where postings go that the body does not name. All return account Ids."""

    payable_id: str
    receivable_id: str
    undeposited_id: str

    def income_account(self, item_id: str) -> str: ...
    def expense_account(self, item_id: str) -> str: ...
    def discount_account(self) -> str: ...
    def tax_account(self, rate_id: str | None) -> str: ...
    def deposit_source(self, link: Body) -> str:
        """The account that the linked payment or receipt was held in."""
        ...


def post(entity: str, body: Body, chart: Chart) -> tuple[Posting, ...]:
    """The balanced postings of one completed transaction body; zero amounts are left out."""
    return tuple(posting for posting in _RULES[entity](body, chart) if posting.amount)


def _bill(body: Body, chart: Chart) -> Iterator[Posting]:
    yield Posting(
        ref_id(body, "APAccountRef") or chart.payable_id, -money(body["TotalAmt"]), _vendor(body), _note(body)
    )
    yield from _cost_lines(body, chart)


def _vendor_credit(body: Body, chart: Chart) -> Iterator[Posting]:
    return _reversed(_bill(body, chart))


def _bill_payment(body: Body, chart: Chart) -> Iterator[Posting]:
    yield Posting(ref_id(body, "APAccountRef") or chart.payable_id, money(body["TotalAmt"]), _vendor(body))
    if body["PayType"] == "Check":
        account = ref_id(body["CheckPayment"], "BankAccountRef")
    else:
        account = ref_id(body["CreditCardPayment"], "CCAccountRef")
    yield Posting(str(account), -money(body["TotalAmt"]), None, _note(body))


def _invoice(body: Body, chart: Chart) -> Iterator[Posting]:
    yield Posting(chart.receivable_id, money(body["TotalAmt"]), _customer(body), _note(body))
    yield from _sales_lines(body, chart)


def _credit_memo(body: Body, chart: Chart) -> Iterator[Posting]:
    return _reversed(_invoice(body, chart))


def _payment(body: Body, chart: Chart) -> Iterator[Posting]:
    total = money(body["TotalAmt"])
    yield Posting(ref_id(body, "DepositToAccountRef") or chart.undeposited_id, total, None, _note(body))
    yield Posting(ref_id(body, "ARAccountRef") or chart.receivable_id, -total, _customer(body))


def _sales_receipt(body: Body, chart: Chart) -> Iterator[Posting]:
    received_in = ref_id(body, "DepositToAccountRef") or chart.undeposited_id
    yield Posting(received_in, money(body["TotalAmt"]), None, _note(body))
    yield from _sales_lines(body, chart)


def _purchase(body: Body, chart: Chart) -> Iterator[Posting]:
    def expense() -> Iterator[Posting]:
        yield Posting(str(ref_id(body, "AccountRef")), -money(body["TotalAmt"]), None, _note(body))
        yield from _cost_lines(body, chart)

    return _reversed(expense()) if body.get("Credit") is True else expense()


def _deposit(body: Body, chart: Chart) -> Iterator[Posting]:
    yield Posting(str(ref_id(body, "DepositToAccountRef")), money(body["TotalAmt"]), None, _note(body))
    cash_back = body.get("CashBack")
    if cash_back:
        yield Posting(str(ref_id(cash_back, "AccountRef")), money(cash_back.get("Amount")), None, cash_back.get("Memo"))
    for line in body["Line"]:
        links = line.get("LinkedTxn")
        account = chart.deposit_source(links[0]) if links else ref_id(line["DepositLineDetail"], "AccountRef")
        name = None if links else _entity(line["DepositLineDetail"].get("Entity"))
        yield Posting(str(account), -money(line.get("Amount")), name, line.get("Description"))


def _transfer(body: Body, _chart: Chart) -> Iterator[Posting]:
    amount = money(body["Amount"])
    yield Posting(str(ref_id(body, "ToAccountRef")), amount, None, _note(body))
    yield Posting(str(ref_id(body, "FromAccountRef")), -amount, None, _note(body))


def _journal_entry(body: Body, _chart: Chart) -> Iterator[Posting]:
    for line in body["Line"]:
        detail = line.get("JournalEntryLineDetail")
        if detail is not None:
            amount = money(line.get("Amount"))
            sign = amount if detail["PostingType"] == "Debit" else -amount
            name = _entity(detail.get("Entity"))
            yield Posting(str(ref_id(detail, "AccountRef")), sign, name, line.get("Description"))


def _cost_lines(body: Body, chart: Chart) -> Iterator[Posting]:
    for line in body["Line"]:
        amount = money(line.get("Amount"))
        memo = line.get("Description")
        if (detail := line.get("AccountBasedExpenseLineDetail")) is not None:
            yield Posting(str(ref_id(detail, "AccountRef")), amount, None, memo)
        elif (detail := line.get("ItemBasedExpenseLineDetail")) is not None:
            yield Posting(chart.expense_account(str(ref_id(detail, "ItemRef"))), amount, None, memo)
        elif (detail := line.get("TaxLineDetail")) is not None:
            yield Posting(chart.tax_account(ref_id(detail, "TaxRateRef")), amount)
    yield from _tax(body, chart, sign=1)


def _sales_lines(body: Body, chart: Chart) -> Iterator[Posting]:
    for line in sales_lines(body):
        amount = money(line.get("Amount"))
        if line["DetailType"] == "DiscountLineDetail":
            account = ref_id(line.get("DiscountLineDetail") or {}, "DiscountAccountRef")
            yield Posting(account or chart.discount_account(), amount, None, line.get("Description"))
            continue
        detail = line.get("SalesItemLineDetail") or {}
        item = ref_id(detail, "ItemRef")
        account = ref_id(detail, "ItemAccountRef") if item is None else chart.income_account(item)
        yield Posting(account or chart.income_account("1"), -amount, None, line.get("Description"))
    yield from _tax(body, chart, sign=-1)


def sales_lines(body: Body) -> Iterator[Body]:
    """The lines of a sale that carry money: items (bundles opened) and discounts, not subtotals or descriptions."""
    for line in body["Line"]:
        kind = line.get("DetailType")
        if kind in {"SalesItemLineDetail", "DiscountLineDetail"}:
            yield line
        elif kind == "GroupLineDetail":
            yield from sales_lines({"Line": line["GroupLineDetail"].get("Line", [])})


def _tax(body: Body, chart: Chart, *, sign: int) -> Iterator[Posting]:
    """TaxLines to the accounts of their rates; what TotalTax has beyond them to the default tax account."""
    detail = body.get("TxnTaxDetail")
    if not detail:
        return
    rest = money(detail.get("TotalTax"))
    for line in detail.get("TaxLine", ()):
        amount = money(line.get("Amount"))
        rest -= amount
        yield Posting(chart.tax_account(ref_id(line.get("TaxLineDetail") or {}, "TaxRateRef")), sign * amount)
    if rest:
        yield Posting(chart.tax_account(None), sign * rest)


def _reversed(postings: Iterable[Posting]) -> Iterator[Posting]:
    return (posting._replace(amount=-posting.amount) for posting in postings)


def _note(body: Body) -> str | None:
    """The transaction's memo, which reports show beside its first posting."""
    return body.get("PrivateNote")


def _vendor(body: Body) -> Key:
    return ("Vendor", str(ref_id(body, "VendorRef")))


def _customer(body: Body) -> Key:
    return ("Customer", str(ref_id(body, "CustomerRef")))


def _entity(entity: Body | None) -> Key | None:
    """An Entity of a journal or deposit line: `{Type, EntityRef}` or a ref with a `type`."""
    if not entity:
        return None
    ref = entity.get("EntityRef") or entity
    kind = str(entity.get("Type") or ref.get("type") or "").title()
    return (kind, str(ref.get("value"))) if kind in {"Vendor", "Customer"} else None


_RULES: Final[dict[str, Callable[[Body, Chart], Iterator[Posting]]]] = {
    "Bill": _bill,
    "VendorCredit": _vendor_credit,
    "BillPayment": _bill_payment,
    "Invoice": _invoice,
    "CreditMemo": _credit_memo,
    "Payment": _payment,
    "SalesReceipt": _sales_receipt,
    "Purchase": _purchase,
    "Deposit": _deposit,
    "Transfer": _transfer,
    "JournalEntry": _journal_entry,
}
