"""What a company file must hold to be loaded: unique ids, no reference into nothing, balanced ledger entries.

Cheap on purpose: one pass, no model a body, so that 100,000 transactions take a second or two.
"""

from collections.abc import Iterator
from datetime import date
from typing import Any, Final

from infra.qbo.simulator.files.company_file import Body, CompanyFile, CompanyFileError

_REQUIRED: Final[dict[str, tuple[str, ...]]] = {
    "Bill": ("VendorRef", "Line"),
    "BillPayment": ("VendorRef", "TotalAmt", "PayType"),
    "VendorCredit": ("VendorRef", "Line"),
    "Invoice": ("CustomerRef", "Line"),
    "Payment": ("CustomerRef", "TotalAmt"),
    "CreditMemo": ("CustomerRef", "Line"),
    "SalesReceipt": ("Line",),
    "Purchase": ("PaymentType", "AccountRef", "Line"),
    "Deposit": ("DepositToAccountRef", "Line"),
    "Transfer": ("FromAccountRef", "ToAccountRef", "Amount"),
    "JournalEntry": ("Line",),
}
_REFERENCE_LIST: Final[dict[str, str]] = {
    "VendorRef": "vendors",
    "CustomerRef": "customers",
    "SalesTermRef": "terms",
    "ItemRef": "items",
    "AccountRef": "accounts",
    "APAccountRef": "accounts",
    "ARAccountRef": "accounts",
    "DepositToAccountRef": "accounts",
    "FromAccountRef": "accounts",
    "ToAccountRef": "accounts",
    "BankAccountRef": "accounts",
    "CCAccountRef": "accounts",
    "ItemAccountRef": "accounts",
    "DiscountAccountRef": "accounts",
    "IncomeAccountRef": "accounts",
    "ExpenseAccountRef": "accounts",
    "AssetAccountRef": "accounts",
    "TermRef": "terms",
}
_LISTS: Final = ("accounts", "terms", "items", "vendors", "customers")
_NESTED: Final = ("CheckPayment", "CreditCardPayment", "CashBack")


def check_company(company: CompanyFile, *, source: str) -> None:
    """Raise CompanyFileError at the first contradiction; the order is that of the file."""
    checker = _Checker(company, source=source)
    checker.check_lists()
    checker.check_transactions()
    checker.check_ledger()


class _Checker:
    def __init__(self, company: CompanyFile, *, source: str) -> None:
        self._company = company
        self._source = source
        self._ids: dict[str, set[str]] = {name: set() for name in _LISTS}

    def check_lists(self) -> None:
        for name in _LISTS:
            for position, body in enumerate(getattr(self._company, name)):
                self._claim(body.get("Id"), self._ids[name], place=f"{name}[{position}]")
        for position, item in enumerate(self._company.items):
            self._check_references(item, place=f"items[{position}]")
        for name, wanted in (("accounts", "AccountType"), ("vendors", "DisplayName"), ("customers", "DisplayName")):
            for position, body in enumerate(getattr(self._company, name)):
                if not body.get(wanted):
                    raise self._error(f"{name}[{position}].{wanted}", "is missing")
        for rate, account_id in self._company.tax_accounts.items():
            if account_id not in self._ids["accounts"]:
                raise self._error(f"tax_accounts.{rate}", f"no account has the Id {account_id!r}")

    def check_transactions(self) -> None:
        seen: set[str] = set()
        for position, transaction in enumerate(self._company.transactions):
            place = f"transactions[{position}]"
            body = transaction.body
            if transaction.entity not in _REQUIRED:
                raise self._error(f"{place}.entity", f"should be one of {', '.join(_REQUIRED)}")
            for wanted in _REQUIRED[transaction.entity]:
                if wanted not in body:
                    raise self._error(f"{place}.body.{wanted}", f"is missing; a {transaction.entity} needs it")
            self._check_date(body.get("TxnDate"), place=f"{place}.body.TxnDate")
            self._check_references(body, place=f"{place}.body")
            self._check_lines(body, seen, place=f"{place}.body")
            self._claim(body.get("Id"), seen, place=f"{place}.body")

    def check_ledger(self) -> None:
        seen: set[str] = set()
        for position, entry in enumerate(self._company.ledger):
            place = f"ledger[{position}]"
            self._claim(entry.id, seen, place=place)
            for posting in entry.postings:
                if posting.account_id not in self._ids["accounts"]:
                    raise self._error(f"{place}.postings", f"no account has the Id {posting.account_id!r}")
            debit, credit = sum(p.debit for p in entry.postings), sum(p.credit for p in entry.postings)
            if debit != credit:
                raise self._error(place, f"debits {debit} and credits {credit} should be equal")

    def _check_lines(self, body: Body, earlier: set[str], *, place: str) -> None:
        lines = body.get("Line", [])
        if not isinstance(lines, list):
            raise self._error(f"{place}.Line", "should be a list")
        for number, line in enumerate(lines):
            for detail in _details(line):
                self._check_references(detail, place=f"{place}.Line[{number}]")
            for link in line.get("LinkedTxn", ()):
                if link.get("TxnId") not in earlier:
                    problem = f"no earlier transaction has the Id {link.get('TxnId')!r}"
                    raise self._error(f"{place}.Line[{number}].LinkedTxn", problem)

    def _check_references(self, body: Body, *, place: str) -> None:
        for key, value in body.items():
            name = _REFERENCE_LIST.get(key)
            if name is not None:
                target = value.get("value") if isinstance(value, dict) else value
                if target not in self._ids[name]:
                    raise self._error(f"{place}.{key}", f"none of {name} has the Id {target!r}")
            elif key in _NESTED and isinstance(value, dict):
                self._check_references(value, place=f"{place}.{key}")

    def _check_date(self, text: Any, *, place: str) -> None:
        try:
            date.fromisoformat(text)
        except (TypeError, ValueError) as error:
            raise self._error(place, f"should be a date as YYYY-MM-DD, not {text!r}") from error

    def _claim(self, identifier: Any, taken: set[str], *, place: str) -> None:
        if not isinstance(identifier, str) or not (identifier.isascii() and identifier.isdigit()):
            raise self._error(f"{place}.Id", f"should be a string of digits, not {identifier!r}")
        if identifier in taken:
            raise self._error(f"{place}.Id", f"{identifier!r} is used twice")
        taken.add(identifier)

    def _error(self, place: str, problem: str) -> CompanyFileError:
        return CompanyFileError(self._source, place=place, problem=problem)


def _details(line: Body) -> Iterator[Body]:
    for key, value in line.items():
        if key.endswith("Detail") and isinstance(value, dict):
            yield value
