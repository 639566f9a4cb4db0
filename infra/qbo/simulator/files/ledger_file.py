"""Turns a ledger (transactions as postings, as a general ledger report gives them) into a company file.

Documents are written so that their own postings equal the ledger's. What a document cannot carry (an invoice's cost of
goods sold and inventory) becomes a `ledger` entry under the document's id; kinds without an API entity become one whole.
A ledger has no due dates: invoices and bills get 30 days.
"""

from datetime import date
from decimal import Decimal
from typing import Any, Final

from infra.qbo.simulator.files.company_file import FORMAT, Body, CompanyFile, CompanyFileError, parse_company
from infra.qbo.simulator.files.ledger_chart import infer_accounts, side_of, signed_postings
from infra.qbo.simulator.files.ledger_documents import LedgerDocuments
from infra.qbo.simulator.files.ledger_hierarchy import arrange
from infra.qbo.simulator.files.ledger_names import LedgerNames

_SAMPLE_REALM: Final = "9130357849016486"
_STANDARD: Final = (
    ("Accounts Receivable (A/R)", "Accounts Receivable", "AccountsReceivable", "Asset"),
    ("Undeposited Funds", "Other Current Asset", "UndepositedFunds", "Asset"),
    ("Accounts Payable (A/P)", "Accounts Payable", "AccountsPayable", "Liability"),
    ("Retained Earnings", "Equity", "RetainedEarnings", "Equity"),
)


def company_from_ledger(raw: Body, *, source: str) -> CompanyFile:
    """Read `{"transactions": [{Id, Type, TxnDate, DocNumber, Name, NameId, Postings: […]}]}`.

    A posting is `{AccountId, Account, Amount, Memo}`, its amount in the account's natural sign.

    Raises:
        CompanyFileError: malformed, or not to be balanced.
    """
    entries = _check_entries(raw["transactions"], source=source)
    accounts = infer_accounts(entries, source=source)
    _add_standard_accounts(accounts)
    names = LedgerNames(entries)
    documents = LedgerDocuments(accounts, names)
    sides = {account_id: side_of(body) for account_id, body in accounts.items()}
    ordered = sorted(enumerate(entries), key=lambda pair: _entry_order(str(pair[1]["Id"]), pair[0]))
    for order, (_, entry) in enumerate(ordered):
        documents.add(entry, signed_postings(entry, sides), order=order)
    return parse_company(
        {
            "format": FORMAT,
            "company": {
                "CompanyName": raw.get("company") or "Sample company from a ledger",
                "Country": "US",
                "FiscalYearStartMonth": "January",
                "TimeZone": "America/Los_Angeles",
            },
            "realm_id": raw.get("realm_id") or _SAMPLE_REALM,
            "last_day": max(entry["TxnDate"] for entry in entries),
            "last_day_is": "yesterday",
            "accounts": arrange(accounts),
            "tax_accounts": documents.tax_accounts,
            "terms": [{"Id": "3", "Name": "Net 30", "Type": "STANDARD", "DueDays": 30, "Active": True}],
            "items": documents.items.bodies,
            "vendors": names.vendor_bodies(),
            "customers": names.customer_bodies(),
            "transactions": documents.in_chronological_order(),
            "ledger": documents.ledger,
        },
        source=source,
    )


def _entry_order(identifier: str, position: int) -> tuple[int, int]:
    return (int(identifier), position) if identifier.isdigit() else (position, position)


def _check_entries(entries: Any, *, source: str) -> list[Body]:
    if not isinstance(entries, list) or not entries:
        raise CompanyFileError(source, place="transactions", problem="should be a list with at least one transaction")
    for position, entry in enumerate(entries):
        place = f"transactions[{position}]"
        for wanted in ("Id", "Type", "TxnDate", "Postings"):
            if not isinstance(entry, dict) or not entry.get(wanted):
                raise CompanyFileError(source, place=place, problem=f"{wanted} is missing")
        try:
            date.fromisoformat(entry["TxnDate"])
        except (TypeError, ValueError) as error:
            raise CompanyFileError(source, place=f"{place}.TxnDate", problem="should be YYYY-MM-DD") from error
        for number, posting in enumerate(entry["Postings"]):
            is_number = isinstance(posting, dict) and isinstance(posting.get("Amount"), int | Decimal)
            if not is_number or (posting["Amount"] and not posting.get("AccountId")):
                raise CompanyFileError(
                    source,
                    place=f"{place}.Postings[{number}]",
                    problem="should have AccountId, Account and a number Amount",
                )
    return entries


def _add_standard_accounts(accounts: dict[str, Body]) -> None:
    subtypes = {body["AccountSubType"] for body in accounts.values()}
    free = 1000
    for name, account_type, subtype, classification in _STANDARD:
        if subtype not in subtypes:
            free += 1
            accounts[str(free)] = {
                "Id": str(free),
                "Name": name,
                "AccountType": account_type,
                "AccountSubType": subtype,
                "Classification": classification,
                "Active": True,
            }
