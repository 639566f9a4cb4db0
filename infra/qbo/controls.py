"""Control figures: what the mirror adds up to beside what QBO's own counts and reports say, to the cent.

Each is a pure reading. Who calls it has brought the mirror up to date first, and believes a difference only when it is seen twice.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import func, select, text

from infra.config import Rail
from infra.money import to_cents
from infra.qbo.deletions import count_live
from infra.qbo.posted_elsewhere import Side, posted_elsewhere
from infra.qbo.reading import PullTally, QBOPull
from infra.qbo.report_rows import amounts_by_id
from infra.sync import quarantine
from infra.sync.drift import DriftKind
from infra.sync.shapes import MirrorRow

ZERO = Decimal(0)
_SINGLE: Final = frozenset({"CompanyInfo", "Preferences"})
_BALANCE_TYPES: Final = frozenset({
    "Bank", "Accounts Receivable", "Other Current Asset", "Fixed Asset", "Other Asset", "Accounts Payable", "Credit Card",
    "Other Current Liability", "Long Term Liability", "Equity",
})  # fmt: skip
_RETAINED: Final = "RetainedEarnings"  # reports add the earlier years' income to it
_PERIOD_DAYS, _BUCKETS = 30, 5
TRANSACTIONS: Final = (
    "Bill", "BillPayment", "VendorCredit", "Invoice", "Payment", "CreditMemo", "SalesReceipt", "Purchase", "Deposit", "Transfer",
    "JournalEntry",
)  # fmt: skip

PAYABLES: Final = Side(
    name="open A/P", report="AgedPayables", party="Vendor", party_column="vendor_external_id", account_type="Accounts Payable",
    document="Bill", credit="VendorCredit", payment="BillPayment", sign=1,
)  # fmt: skip
RECEIVABLES: Final = Side(
    name="open A/R", report="AgedReceivables", party="Customer", party_column="customer_external_id",
    account_type="Accounts Receivable", document="Invoice", credit="CreditMemo", payment="Payment", sign=-1,
)  # fmt: skip

# A bill payment's lines say what of it is applied; the rest of its total is credit with the vendor.
_UNAPPLIED: Final = """
SELECT p.vendor_external_id AS party, p.paid_on AS day, p.total - a.applied AS amount, p.exchange_rate
FROM bill_payment p CROSS JOIN LATERAL (
  SELECT coalesce(sum(
    CASE line #>> '{LinkedTxn,0,TxnType}' WHEN 'VendorCredit' THEN -1 ELSE 1 END * (line ->> 'Amount')::numeric
  ) FILTER (WHERE line #> '{LinkedTxn,0}' IS NOT NULL), 0) AS applied
  FROM jsonb_array_elements(coalesce(queryable(p.payload) -> 'Line', '[]'::jsonb)) AS line
) a
WHERE p.business_id = :business_id AND p.rail = 'qbo' AND p.deleted_at IS NULL AND p.total <> a.applied
"""


@dataclass(frozen=True)
class Control:
    """One figure on both sides. `subject` is the account or name that it is of, None for a whole entity.

    `ageing` are the columns of the report, oldest last, where they are compared too.
    """

    kind: DriftKind
    name: str
    entity: str
    subject: str | None
    mirror: Decimal
    rail: Decimal
    ageing: tuple[tuple[Decimal, Decimal], ...] = ()

    @property
    def is_equal(self) -> bool:
        return self.mirror == self.rail and all(ours == theirs for ours, theirs in self.ageing)

    @property
    def size(self) -> Decimal:
        """What the two sides differ by; of an ageing that differs in its columns alone, the largest of them."""
        apart = [abs(self.mirror - self.rail), *(abs(ours - theirs) for ours, theirs in self.ageing)]
        return apart[0] or max(apart)

    @property
    def key(self) -> tuple[str, str, str | None]:
        return self.name, self.entity, self.subject


async def counts(pull: QBOPull, *, tally: PullTally, entities: Sequence[str] | None = None) -> list[Control]:
    """How many objects there are of each kind, inactive names included. One call each."""
    found = []
    for entity in sorted(entities if entities is not None else pull.specs.keys() - _SINGLE):
        rail = await pull.reads.count(entity)
        tally.calls += 1
        mirror = await count_live(pull, entity) + await _count_kept_apart(pull, entity)
        found.append(Control(DriftKind.COUNT, "count", entity, None, Decimal(mirror), Decimal(rail)))
    return found


async def _count_kept_apart(pull: QBOPull, entity: str) -> int:
    """What stands in quarantine and is in the mirror in no state."""
    mirror: type[MirrorRow] = pull.specs[entity].mirror
    async with pull.uow([pull.business_id]) as uow:
        kept = await quarantine.list_open(uow.session, pull.business_id, rail=Rail.QBO, entity=entity)
        ids = [one.external_id for one in kept]
        shown = await uow.session.scalars(
            select(mirror.external_id).where(*_live(pull, mirror), mirror.external_id.in_(ids))
        )
        return len(set(ids) - set(shown))


async def documents_of(pull: QBOPull, side: Side, *, entity: str, name: str) -> set[str]:
    """Ids of a name's documents that the mirror shows."""
    mirror = pull.specs[entity].mirror
    query = select(mirror.external_id).where(*_live(pull, mirror), getattr(mirror, side.party_column) == name)
    async with pull.uow([pull.business_id]) as uow:
        return set(await uow.session.scalars(query))


async def account_balances(pull: QBOPull, *, today: date, tally: PullTally) -> list[Control]:
    """Every balance-sheet account in home currency beside the trial balance. One call.

    The trial balance is asked for the last day that anything is dated, as an account's own balance counts what lies ahead.
    """
    end = await _last_day(pull, today)
    report = await pull.reads.report(
        "TrialBalance", start_date=_first_of_year(end), end_date=end.isoformat(), accounting_method="Accrual"
    )
    tally.calls += report.cost.calls
    told = {key: amounts[0] - amounts[1] for key, amounts in amounts_by_id(report).items()}
    mirror = pull.specs["Account"].mirror
    query = select(
        mirror.external_id,
        mirror.name,
        mirror.account_type,
        mirror.account_subtype,
        mirror.current_balance,
        mirror.currency,
    ).where(mirror.business_id == pull.business_id, mirror.rail == Rail.QBO.value, mirror.deleted_at.is_(None))
    home = await _home_currency(pull)
    async with pull.uow([pull.business_id]) as uow:
        rows = (await uow.session.execute(query)).all()
    return [
        Control(
            DriftKind.TOTAL, "account balance", "Account", row.external_id, to_cents(row.current_balance or ZERO),
            _in_account_sign(row.account_type, row.current_balance, told.get(row.external_id, ZERO)),
        )
        for row in rows
        if row.account_type in _BALANCE_TYPES and row.account_subtype != _RETAINED and row.currency in {None, home}
    ]  # fmt: skip


def _in_account_sign(account_type: str, ours: Decimal | None, debit: Decimal) -> Decimal:
    """Debit positive. QBO shows some cards' debt as a positive balance: there the amount alone is compared."""
    return -debit if account_type == "Credit Card" and ours == -debit else debit


async def ageing(pull: QBOPull, side: Side, *, today: date, tally: PullTally) -> list[Control]:
    """What is open with each name, and how old it is. One call, two where something is dated ahead.

    A name that journal entries, purchases or deposits are posted to has no ageing of its own here: what of those is still open
    is in no object. Its total is the sum of all its postings instead.
    """
    end = await _last_day(pull, today)
    totals = amounts_by_id(await _aged(pull, side, on=end, tally=tally))
    columns = totals if end == today else amounts_by_id(await _aged(pull, side, on=today, tally=tally))
    elsewhere = await posted_elsewhere(pull, side)
    open_by_name, ahead = await _open_by_name(pull, side, today=today)
    found = []
    for name in sorted(totals.keys() | columns.keys() | open_by_name.keys() | elsewhere.keys()):
        ours = open_by_name.get(name, [ZERO] * _BUCKETS)
        total = elsewhere[name] if name in elsewhere else sum(ours, ZERO)
        theirs = totals[name][-1] if name in totals else ZERO
        has_ageing = name not in elsewhere and name not in ahead
        pairs = tuple(zip(ours, _columns(columns.get(name)), strict=True)) if has_ageing else ()
        found.append(Control(DriftKind.TOTAL, side.name, side.party, name, total, theirs, pairs))
    return found


def _columns(amounts: list[Decimal] | None) -> list[Decimal]:
    return [ZERO] * _BUCKETS if amounts is None else amounts[:_BUCKETS]


async def _aged(pull: QBOPull, side: Side, *, on: date, tally: PullTally) -> Any:
    report = await pull.reads.report(side.report, report_date=on.isoformat(), aging_method="Report_Date")
    tally.calls += report.cost.calls
    return report


async def _open_by_name(
    pull: QBOPull, side: Side, *, today: date
) -> tuple[Mapping[str, list[Decimal]], frozenset[str]]:
    """By name, what is open in each column of the ageing, credits negative; and the names with anything dated ahead."""
    open_by_name: dict[str, list[Decimal]] = defaultdict(lambda: [ZERO] * _BUCKETS)
    for party, due_on, amount, rate in await _open_items(pull, side):
        late = (today - due_on).days
        column = 0 if late <= 0 else min((late - 1) // _PERIOD_DAYS + 1, _BUCKETS - 1)
        open_by_name[party][column] += to_cents(amount * (rate or 1))
    return open_by_name, frozenset(await _dated_ahead(pull, side, today=today))


async def _open_items(pull: QBOPull, side: Side) -> list[tuple[str, date, Decimal, Decimal | None]]:
    document, credit, payment = (pull.specs[name].mirror for name in (side.document, side.credit, side.payment))
    found: list[tuple[str, date, Decimal, Decimal | None]] = []
    async with pull.uow([pull.business_id]) as uow:
        due = func.coalesce(document.due_on, document.issued_on)
        for mirror, day, amount, sign in (
            (document, due, document.balance, 1),
            (credit, credit.issued_on, credit.balance, -1),
        ):
            rows = await uow.session.execute(
                select(getattr(mirror, side.party_column), day, amount, mirror.exchange_rate).where(
                    *_live(pull, mirror), amount != 0
                )
            )
            found += [(party, on, sign * left, rate) for party, on, left, rate in rows]
        if side is PAYABLES:
            rows = await uow.session.execute(text(_UNAPPLIED), {"business_id": pull.business_id})
        else:
            rows = await uow.session.execute(
                select(
                    payment.customer_external_id, payment.received_on, payment.unapplied, payment.exchange_rate
                ).where(*_live(pull, payment), payment.unapplied != 0)
            )
        found += [(party, on, -left, rate) for party, on, left, rate in rows]
    return found


async def _dated_ahead(pull: QBOPull, side: Side, *, today: date) -> set[str]:
    ahead: set[str] = set()
    async with pull.uow([pull.business_id]) as uow:
        for entity in (side.document, side.credit, side.payment):
            mirror = pull.specs[entity].mirror
            day = _day_of(mirror)
            query = select(getattr(mirror, side.party_column)).where(*_live(pull, mirror), day > today).distinct()
            ahead |= set(await uow.session.scalars(query))
    return ahead


async def _last_day(pull: QBOPull, today: date) -> date:
    """Today, or the last day that a transaction of the mirror is dated."""
    latest = today
    async with pull.uow([pull.business_id]) as uow:
        for entity in TRANSACTIONS:
            mirror = pull.specs[entity].mirror
            day: date | None = await uow.session.scalar(select(func.max(_day_of(mirror))).where(*_live(pull, mirror)))
            latest = max(latest, day or latest)
    return latest


def _day_of(mirror: type[MirrorRow]) -> Any:
    names = (
        "issued_on",
        "paid_on",
        "received_on",
        "sold_on",
        "spent_on",
        "deposited_on",
        "transferred_on",
        "entered_on",
    )
    return next(getattr(mirror, name) for name in names if hasattr(mirror, name))


async def _home_currency(pull: QBOPull) -> str | None:
    mirror = pull.specs["Preferences"].mirror
    async with pull.uow([pull.business_id]) as uow:
        home: str | None = await uow.session.scalar(select(mirror.home_currency).where(*_live(pull, mirror)).limit(1))
    return home or "USD"


def _live(pull: QBOPull, mirror: Any) -> tuple[Any, ...]:
    return (mirror.business_id == pull.business_id, mirror.rail == Rail.QBO.value, mirror.deleted_at.is_(None))


def _first_of_year(day: date) -> str:
    return day.replace(month=1, day=1).isoformat()
