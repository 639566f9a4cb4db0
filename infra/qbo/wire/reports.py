"""QBO's reports as figures. In the answers every cell is a text, an empty one is nothing, and totals are rows of their own."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, Self

from pydantic import BaseModel, ConfigDict

from infra.errors import UnreadableRailObject
from infra.qbo.wire.payables import QBOBillPayment
from infra.qbo.wire.receivables import QBOPayment

_ZERO = Decimal(0)


class _Figures(BaseModel):
    """As JSON its amounts are texts, so that they come back with all their digits."""

    model_config = ConfigDict(frozen=True)


class AgingKind(StrEnum):
    PAYABLES = "payables"
    RECEIVABLES = "receivables"

    @property
    def report(self) -> str:
        """QBO's name of it."""
        return "AgedPayables" if self is AgingKind.PAYABLES else "AgedReceivables"


class AgingLine(_Figures):
    """One vendor or customer. `amounts` in the order of the report's columns, negative for credit; `total` is QBO's own."""

    external_id: str
    name: str
    amounts: tuple[Decimal, ...]
    total: Decimal


class AgingReport(_Figures):
    """Home currency, by due date on `as_of`. `columns` name the buckets as QBO does; `amounts` and `total` are QBO's own last row."""

    kind: AgingKind
    as_of: date
    currency: str | None
    columns: tuple[str, ...]
    lines: tuple[AgingLine, ...]
    amounts: tuple[Decimal, ...]
    total: Decimal

    @classmethod
    def read(cls, content: dict[str, Any], *, kind: AgingKind) -> Self:
        """The report of that kind.

        Raises:
            UnreadableRailObject: it is none, or a cell that should be an amount is not.
        """
        name = kind.report
        header, columns = _header(content, name), _columns(content, name)
        lines, last = [], (_ZERO,) * len(columns)
        for row in _rows(content):
            for cells in (row.get("ColData"), (row.get("Header") or {}).get("ColData")):
                if cells and cells[0].get("id") and any(cell.get("value") for cell in cells[1:]):
                    amounts = _amounts(cells, name)
                    lines.append(
                        AgingLine(
                            external_id=str(cells[0]["id"]),
                            name=str(cells[0].get("value") or ""),
                            amounts=amounts[:-1],
                            total=amounts[-1],
                        )
                    )
            if row.get("group") == "GrandTotal":
                last = _amounts((row.get("Summary") or {}).get("ColData") or (), name)
        return cls(
            kind=kind,
            as_of=_date(header.get("EndPeriod"), name),
            currency=header.get("Currency"),
            columns=columns[:-1],
            lines=tuple(lines),
            amounts=last[:-1],
            total=last[-1],
        )


class KPIData(_Figures):
    """What QBO itself makes of the books, in home currency; None where a report has no such section.

    `income` to `net_income` are of the days from `since` to `as_of`, accrual; the others stand on `as_of`. Liabilities are positive.
    """

    since: date
    as_of: date
    currency: str | None
    income: Decimal | None
    cost_of_goods_sold: Decimal | None
    gross_profit: Decimal | None
    expenses: Decimal | None
    net_income: Decimal | None
    bank_accounts: Decimal | None
    receivables: Decimal | None
    current_assets: Decimal | None
    payables: Decimal | None
    credit_cards: Decimal | None
    current_liabilities: Decimal | None

    @classmethod
    def read(cls, profit_and_loss: dict[str, Any], balance_sheet: dict[str, Any]) -> Self:
        """From the two reports.

        Raises:
            UnreadableRailObject: one is none, or a total is no amount.
        """
        header = _header(profit_and_loss, "ProfitAndLoss")
        earned, held = _totals(profit_and_loss, "ProfitAndLoss"), _totals(balance_sheet, "BalanceSheet")
        return cls(
            since=_date(header.get("StartPeriod"), "ProfitAndLoss"),
            as_of=_date(header.get("EndPeriod"), "ProfitAndLoss"),
            currency=header.get("Currency"),
            income=earned.get("Income"),
            cost_of_goods_sold=earned.get("COGS"),
            gross_profit=earned.get("GrossProfit"),
            expenses=earned.get("Expenses"),
            net_income=earned.get("NetIncome"),
            bank_accounts=held.get("BankAccounts"),
            receivables=held.get("AR"),
            current_assets=held.get("CurrentAssets"),
            payables=held.get("AP"),
            credit_cards=held.get("CreditCards"),
            current_liabilities=held.get("CurrentLiabilities"),
        )


class PayingParty(StrEnum):
    VENDOR = "vendor"
    CUSTOMER = "customer"

    @property
    def payment_entity(self) -> str:
        """QBO's name of the payments of this party."""
        return "BillPayment" if self is PayingParty.VENDOR else "Payment"

    @property
    def condition(self) -> str:
        """The property of a payment that names this party."""
        return "VendorRef" if self is PayingParty.VENDOR else "CustomerRef"


class PaymentLine(_Figures):
    """One payment to a vendor or from a customer, in its own currency. `applied_to` are the documents' ids, as type and id."""

    external_id: str
    paid_on: date
    total: Decimal
    unapplied: Decimal | None
    currency: str | None
    doc_number: str | None
    applied_to: tuple[tuple[str, str], ...]


class PaymentHistory(_Figures):
    """All payments QBO has of one party, the newest first."""

    party: PayingParty
    external_id: str
    payments: tuple[PaymentLine, ...]

    @classmethod
    def read(cls, payloads: list[dict[str, Any]], *, party: PayingParty, external_id: str) -> Self:
        """From QBO's payment objects.

        Raises:
            UnreadableRailObject: one lacks a field, or has one of another kind.
        """
        lines = sorted((_payment(payload, party) for payload in payloads), key=lambda line: line.paid_on, reverse=True)
        return cls(party=party, external_id=external_id, payments=tuple(lines))


def _payment(payload: dict[str, Any], party: PayingParty) -> PaymentLine:
    wire: type[QBOBillPayment | QBOPayment] = QBOBillPayment if party is PayingParty.VENDOR else QBOPayment
    try:
        paid = wire.model_validate(payload)
        links = [link for line in payload.get("Line") or () for link in line.get("LinkedTxn") or ()]
        return PaymentLine(
            external_id=str(payload["Id"]),
            paid_on=paid.txn_date,
            total=paid.total_amt,
            unapplied=payload.get("UnappliedAmt"),
            currency=(payload.get("CurrencyRef") or {}).get("value"),
            doc_number=payload.get("DocNumber") or payload.get("PaymentRefNum"),
            applied_to=tuple((str(link["TxnType"]), str(link["TxnId"])) for link in links),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        # Not chained: a validation's text holds the object's content.
        identifier = str(payload.get("Id"))
        raise UnreadableRailObject(party.payment_entity, identifier, fields=["TxnDate", "TotalAmt", "Line"]) from None


def _header(content: dict[str, Any], name: str) -> dict[str, Any]:
    header = content.get("Header")
    if not isinstance(header, dict) or not isinstance(content.get("Rows"), dict):
        raise UnreadableRailObject("Report", name, fields=["Header", "Rows"])
    return header


def _columns(content: dict[str, Any], name: str) -> tuple[str, ...]:
    """Titles of the columns with amounts, the last of which is the total."""
    columns = (content.get("Columns") or {}).get("Column") or ()
    if len(columns) < 2:  # noqa: PLR2004 - a name and a total
        raise UnreadableRailObject("Report", name, fields=["Columns"])
    return tuple(str(column.get("ColTitle") or "") for column in columns[1:])


def _rows(content: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for row in (content.get("Rows") or {}).get("Row") or ():
        yield row
        yield from _rows(row)


def _totals(content: dict[str, Any], name: str) -> dict[str, Decimal]:
    """The last column of each group's summary, by QBO's name of the group."""
    _header(content, name)
    found = {}
    for row in _rows(content):
        cells = (row.get("Summary") or {}).get("ColData") or row.get("ColData") or ()
        if row.get("group") and cells:
            found[str(row["group"])] = _amounts(cells, name)[-1]
    return found


def _amounts(cells: Any, name: str) -> tuple[Decimal, ...]:
    return tuple(_amount(cell.get("value"), name) for cell in cells[1:]) or (_ZERO,)


def _amount(value: Any, name: str) -> Decimal:
    try:
        return Decimal(str(value).replace(",", "")) if value else _ZERO
    except InvalidOperation as error:
        raise UnreadableRailObject("Report", name, fields=["ColData"]) from error


def _date(value: Any, name: str) -> date:
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise UnreadableRailObject("Report", name, fields=["Header.EndPeriod"]) from None
