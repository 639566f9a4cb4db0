"""GeneralLedger: every movement of a period under its account, with the balance it leaves."""

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from itertools import chain
from typing import Final, NamedTuple

from infra.money import ZERO
from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.ledger import Key
from infra.qbo.simulator.books.store import Body
from infra.qbo.simulator.reports import rendering
from infra.qbo.simulator.reports.accounts import RETAINED_EARNINGS, TYPE_ORDER, AccountTree, ReportAccount
from infra.qbo.simulator.reports.balance_sheet import retained_and_net
from infra.qbo.simulator.reports.columns import DetailColumn, chosen
from infra.qbo.simulator.reports.empty_payments import NOT_SPECIFIED, empty_payments
from infra.qbo.simulator.reports.movements import Activity, Movement
from infra.qbo.simulator.reports.names import name_label
from infra.qbo.simulator.reports.parameters import ReportRequest
from infra.qbo.simulator.reports.rendering import Column, cell, detail_text
from infra.qbo.simulator.reports.split import Splits
from infra.qbo.simulator.reports.statements import movements, wanted_names
from infra.qbo.simulator.reports.transactions import doc_number, txn_type

_DEFAULT: Final = (
    "tx_date", "txn_type", "doc_num", "name", "memo", "split_acc", "subt_nat_amount", "rbal_nat_amount",
)  # fmt: skip
_AMOUNT: Final = frozenset({"subt_nat_amount", "subt_nat_amount_nt"})
_BALANCE: Final = frozenset({"rbal_nat_amount", "rbal_nat_amount_nt"})


class _Account(NamedTuple):
    """What an account shows of itself and what it adds up to with the accounts below it."""

    rows: list[Body]
    total: Decimal


def general_ledger(company: Company, request: ReportRequest, *, time: str) -> Body:
    tree = AccountTree(company.stores)
    ledger = _Ledger(company, tree, request)
    roots = [root for kind in TYPE_ORDER for root in tree.roots(kind)]
    rows = [row for root in (*roots, NOT_SPECIFIED) for row in ledger.sections(root).rows]
    header = rendering.header("GeneralLedger", request, time=time)
    header["Option"] = rendering.options(has_data=bool(rows))
    return rendering.report(header, ledger.shown_columns(), rows)


class _Ledger:
    def __init__(self, company: Company, tree: AccountTree, request: ReportRequest) -> None:
        self._company, self._tree, self._request = company, tree, request
        self._columns = chosen(request.columns, default=_DEFAULT)
        self._moved: defaultdict[str, list[Movement]] = defaultdict(list)
        wanted = wanted_names(request)
        before: list[tuple[date, str, Decimal]] = []
        for each in chain(movements(company, tree, request.basis), empty_payments(company)):
            if wanted and each.name not in wanted:
                continue
            if each.day < request.period.start:
                before.append((each.day, each.account_key, each.amount))
            elif each.day <= request.period.end:
                self._moved[each.account_key].append(each)
        self._before = Activity(before)
        self._splits = Splits(company, tree)
        self._names: dict[Key, str] = {}
        self._retained = self._retained_before()

    def shown_columns(self) -> list[Column]:
        return [column.shown for column in self._columns]

    def sections(self, account: ReportAccount) -> _Account:
        """Sections of the account and those below it; nothing when none has anything."""
        own, total = self._rows_of(account)
        below = [self.sections(child) for child in account.children]
        inside = [row for part in below for row in part.rows]
        if not inside:
            return _Account(
                [self._section(account.name, own, total, identifier=account.shown_id)] if own else [], total
            )
        whole = total + sum((part.total for part in below), ZERO)
        if not own:
            return _Account([self._section(account.name, inside, whole)], whole)
        bare = self._section(account.name, own, total)
        del bare["Header"]
        section = self._section(
            account.name, [bare, *inside], whole, identifier=account.shown_id, tail=" with sub-accounts"
        )
        return _Account([section], whole)

    def _rows_of(self, account: ReportAccount) -> tuple[list[Body], Decimal]:
        if self._request.accounts and account.key not in self._request.accounts:
            return [], ZERO
        balance = self._beginning(account)
        rows = [] if balance is None else [self._beginning_row(balance)]
        balance, total = balance or ZERO, ZERO
        for each in sorted(self._moved[account.key], key=_by_date, reverse=self._request.sort_order == "descend"):
            amount = account.natural(each.amount)
            balance, total = balance + amount, total + amount
            rows.append({"ColData": self._cells(account, each, amount=amount, balance=balance), "type": "Data"})
        return rows, total

    def _beginning(self, account: ReportAccount) -> Decimal | None:
        """Income and expense begin at nothing; retained earnings with the years that ended before the period."""
        until = self._request.period.start - timedelta(1)
        if account.is_periodic:
            return None
        moved = self._before.over(account.key, since=None, until=until)
        if account.key == self._tree.substitute(RETAINED_EARNINGS) and self._retained:
            moved = (moved or ZERO) - self._retained
        return account.natural(moved) if moved else None

    def _retained_before(self) -> Decimal:
        start, first_month = self._request.period.start, self._request.first_month
        return retained_and_net(self._before, self._tree, start, first_month=first_month)[0]

    def _beginning_row(self, balance: Decimal) -> Body:
        texts = ["Beginning Balance", *("" for _ in self._columns[1:])]
        for index, column in enumerate(self._columns):
            if column.key in _BALANCE:
                texts[index] = detail_text(balance)
        return {"ColData": [cell(text) for text in texts], "type": "Data"}

    def _section(
        self, title: str, rows: list[Body], total: Decimal, *, identifier: str | None = None, tail: str = ""
    ) -> Body:
        sums = [cell(f"Total for {title}{tail}")]
        sums += [cell(detail_text(total) if column.key in _AMOUNT else "") for column in self._columns[1:]]
        return {
            "Header": rendering.heading(title, len(self._columns) - 1, identifier=identifier),
            "Rows": {"Row": rows},
            "Summary": {"ColData": sums},
            "type": "Section",
        }

    def _cells(self, account: ReportAccount, each: Movement, *, amount: Decimal, balance: Decimal) -> list[Body]:
        return [self._cell(column, account, each, amount, balance) for column in self._columns]

    def _cell(  # noqa: PLR0911 - one return a column
        self, column: DetailColumn, account: ReportAccount, each: Movement, amount: Decimal, balance: Decimal
    ) -> Body:
        match column.key:
            case "tx_date":
                return cell(each.day.isoformat())
            case "txn_type":
                return cell(txn_type(self._company, each.key, each.entry), each.key[1])
            case "doc_num":
                return cell(doc_number(self._company, each.key, each.entry))
            case "name" | "vend_name" | "cust_name":
                return self._name_cell(column.key, each.name)
            case "memo":
                return cell(each.memo or "")
            case "split_acc":
                other = self._splits.other_side(each)
                return cell("-Split-", "") if other is None else cell(other.full_name, other.shown_id or "")
            case "account_name":
                return cell(account.full_name, account.shown_id or "")
            case "debt_amt" | "credit_amt":
                debit = each.amount if column.key == "debt_amt" else -each.amount
                return cell(detail_text(debit) if debit > ZERO else "")
        if column.key in _AMOUNT:
            return cell(detail_text(amount))
        return cell(detail_text(balance) if column.key in _BALANCE else "")

    def _name_cell(self, key: str, name: Key | None) -> Body:
        kind = {"vend_name": "Vendor", "cust_name": "Customer"}.get(key)
        if name is None or (kind is not None and name[0] != kind):
            return cell("", "")
        if name not in self._names:
            self._names[name] = name_label(self._company, name)
        return cell(self._names[name], name[1])


def _by_date(each: Movement) -> tuple[date, int]:
    return each.day, int(each.key[1])
