"""Whatever was entered, changed and deleted, on any day and either basis: the reports agree with one another."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.money import ZERO
from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.faults import ServiceFault
from infra.qbo.simulator.reports.accounts import AccountTree
from infra.qbo.simulator.reports.cash_basis import cash_movements
from tests.unit.infra.qbo.simulator.report_reading import Report, amount, ask, on, outline, rows_of, total
from tests.unit.infra.qbo.simulator.small_company import CHECKING, PAYABLE, RECEIVABLE, UNDEPOSITED
from tests.unit.infra.qbo.simulator.test_books_balance import Bookkeeper

_VERBS = [
    "bill", "bill", "credit", "pay", "pay", "invoice", "invoice", "memo", "receive", "receive", "deposit", "journal",
    "edit", "delete", "void", "merge", "apply", "redate", "redate", "redate", "redate",
]  # fmt: skip
_STEPS = st.lists(
    st.tuples(
        st.sampled_from(_VERBS),
        st.integers(0, 99),
        st.integers(min_value=1, max_value=50_000).map(lambda cents: Decimal(cents) / 100),
    ),
    min_size=15,
    max_size=45,
)
_BASES = ("Accrual", "Cash")
_DATED = ("Bill", "BillPayment", "Invoice", "Payment", "VendorCredit", "CreditMemo")


class Redating(Bookkeeper):
    """Days pass between the steps, and some transactions are moved, so that payments stand before what they pay."""

    def act(self, verb: str, choice: int, amount: Decimal) -> None:
        self.clock.advance(days=choice % 45)
        if verb != "redate":
            super().act(verb, choice, amount)
            return
        picked = self._pick(choice, *_DATED)
        if picked:
            record = self.company.get(*picked)
            day = date.fromisoformat(record.body["TxnDate"]) + timedelta(days=choice - 50)
            try:
                self.company.update(picked[0], {**record.body, "TxnDate": day.isoformat()})
            except ServiceFault:
                return


Check = Callable[[Company, date], None]


def _holds(check: Check, steps: list[tuple[str, int, Decimal]], back: int) -> None:
    keeper = Redating()
    for step in steps:
        keeper.act(*step)
    for day in (keeper.company.today(), keeper.company.today() - timedelta(back)):
        check(keeper.company, day)


def _any_history(check: Check) -> Callable[[], None]:
    @settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(steps=_STEPS, back=st.integers(1, 500))
    def run(steps: list[tuple[str, int, Decimal]], back: int) -> None:
        _holds(check, steps, back)

    return run


def _statements_balance(company: Company, day: date) -> None:
    for basis in _BASES:
        trial = ask(company, "TrialBalance", accounting_method=basis, **on(day))
        assert total(trial, "GrandTotal", column=1) == total(trial, "GrandTotal", column=2)
        sheet = ask(company, "BalanceSheet", accounting_method=basis, **on(day))
        assert total(sheet, "TotalAssets") == total(sheet, "TotalLiabilitiesAndEquity")
        profit = ask(company, "ProfitAndLoss", accounting_method=basis, **on(day))
        assert total(profit, "NetIncome") == total(sheet, "NetIncome")


test_statements_balance = _any_history(_statements_balance)


def _income_is_what_equity_gained(company: Company, day: date) -> None:
    """Also over a fiscal year's end, where net income becomes retained earnings."""
    start = day - timedelta(400)
    for basis in _BASES:
        before, after = (
            total(ask(company, "BalanceSheet", accounting_method=basis, end_date=end.isoformat()), "Equity")
            for end in (start - timedelta(1), day)
        )
        span = {"start_date": start.isoformat(), "end_date": day.isoformat()}
        profit = ask(company, "ProfitAndLoss", accounting_method=basis, **span)
        assert total(profit, "NetIncome") == after - before


test_income_is_what_equity_gained = _any_history(_income_is_what_equity_gained)


def _agings_are_their_accounts(company: Company, day: date) -> None:
    sheet = ask(company, "BalanceSheet", accounting_method="Accrual", **on(day))
    for side, group in (("Payable", "AP"), ("Receivable", "AR")):
        summary = ask(company, f"Aged{side}s", report_date=day.isoformat())
        assert total(summary, "GrandTotal") == total(sheet, group)
        detail = ask(company, f"Aged{side}Detail", report_date=day.isoformat())
        lines = [cells for path, cells in outline(rows_of(detail)) if path and path[-1] != "=" and cells[1]]
        assert sum((amount(cells[-1]) for cells in lines), ZERO) == total(sheet, group)
        for column in range(1, 7):
            shown = total(summary, "GrandTotal", column=column)
            assert shown == _column_sum(summary, column)


def _column_sum(report: Report, column: int) -> Decimal:
    return sum((amount(row["ColData"][column]["value"]) for row in rows_of(report) if "ColData" in row), ZERO)


test_agings_are_their_accounts = _any_history(_agings_are_their_accounts)


def _ledger_ends_where_the_trial_balance_stands(company: Company, day: date) -> None:
    for basis in _BASES:
        ledger = ask(company, "GeneralLedger", accounting_method=basis, columns="debt_amt,rbal_nat_amount", **on(day))
        trial = ask(company, "TrialBalance", accounting_method=basis, **on(day))
        stands = {
            row["ColData"][0]["value"]: amount(row["ColData"][1]["value"]) + amount(row["ColData"][2]["value"])
            for row in rows_of(trial)
            if "ColData" in row
        }
        ends = {section["Header"]["ColData"][0]["value"]: _last_balance(section) for section in rows_of(ledger)}
        ends.pop("Not Specified", None)
        assert {name: abs(end) for name, end in ends.items() if end} == {name: s for name, s in stands.items() if s}


def _last_balance(section: Report) -> Decimal:
    return amount(section["Rows"]["Row"][-1]["ColData"][-1]["value"])


test_ledger_ends_where_the_trial_balance_stands = _any_history(_ledger_ends_where_the_trial_balance_stands)


def _cash_flow_is_the_change_of_cash(company: Company, day: date) -> None:
    flow = ask(company, "CashFlow", **on(day))
    before, after = (
        sum((_balance(company, account, until) for account in (CHECKING, UNDEPOSITED)), ZERO)
        for until in (day.replace(month=1, day=1) - timedelta(1), day)
    )
    assert total(flow, "CashIncrease") == after - before
    assert total(flow, "EndingCash") == after


test_cash_flow_is_the_change_of_cash = _any_history(_cash_flow_is_the_change_of_cash)


def _balance(company: Company, account: str, until: date) -> Decimal:
    entries = company.ledger.entries.values()
    return sum((p.amount for e in entries if e.txn_on <= until for p in e.postings if p.account_id == account), ZERO)


def _cash_basis_moves_in_balance(company: Company, day: date) -> None:
    """On each day, and in the end only journal entries are left on A/P and A/R."""
    left: dict[str, Decimal] = {}
    by_day: dict[date, Decimal] = {}
    for each in cash_movements(company, AccountTree(company.stores)):
        by_day[each.day] = by_day.get(each.day, ZERO) + each.amount
        left[each.account_key] = left.get(each.account_key, ZERO) + each.amount
    assert not any(by_day.values())
    owed = sum(
        (
            Decimal(record.body["TotalAmt"]) - company.links.applied_to(("JournalEntry", record.id))
            for record in company.stores["JournalEntry"].records.values()
        ),
        ZERO,
    )
    assert (left.get(PAYABLE, ZERO), left.get(RECEIVABLE, ZERO)) == (-owed, ZERO)
    assert left.get(CHECKING, ZERO) == company.ledger.account_balances[CHECKING]
    assert day <= company.today()


test_cash_basis_moves_in_balance = _any_history(_cash_basis_moves_in_balance)
