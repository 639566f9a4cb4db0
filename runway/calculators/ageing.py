"""Ageing from due dates, in five disjoint buckets, and the check that they add up to the control account."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import cached_property

from infra.money import ZERO
from runway.calculators.figures import Basis, Figure


class Bucket(StrEnum):
    """Days past due, both ends inside. Not yet due, and due today, are current."""

    CURRENT = "current"
    DAYS_1_30 = "1-30"
    DAYS_31_60 = "31-60"
    DAYS_61_90 = "61-90"
    DAYS_91_PLUS = "91+"

    @property
    def label(self) -> str:
        match self:
            case Bucket.CURRENT:
                return "Current"
            case Bucket.DAYS_91_PLUS:
                return "90+"
            case _:
                return self.value.replace("-", "\N{EN DASH}")


_LAST_DAY = ((0, Bucket.CURRENT), (30, Bucket.DAYS_1_30), (60, Bucket.DAYS_31_60), (90, Bucket.DAYS_61_90))
_OLDER = 91


@dataclass(frozen=True)
class Application:
    """A payment or credit applied to a document; `amount` positive reduces what is open."""

    on: date
    amount: Decimal


@dataclass(frozen=True)
class OpenDocument:
    """An invoice, a bill, or one instalment of either.

    Attributes:
        open_amount: home currency, positive is owed: the rail's balance on live screens, else `open_balance_as_of`.
        terms_days: net days of its terms, used when `due_on` is missing.
    """

    external_id: str
    party_id: str
    party_name: str
    issued_on: date
    due_on: date | None
    open_amount: Decimal
    terms_days: int | None = None

    @property
    def ages_from(self) -> date:
        """Its due date; where it has none, what its terms make of its own date."""
        return self.due_on or self.issued_on + timedelta(days=self.terms_days or 0)


@dataclass(frozen=True)
class UnappliedCredit:
    """What is left of a payment or credit memo; `amount` is positive and shows as negative in the ageing."""

    external_id: str
    party_id: str
    party_name: str
    amount: Decimal


@dataclass(frozen=True)
class AgedDocument:
    """Attributes:
    due_on: the date it was aged from.
    days_overdue: negative when not yet due.
    is_due_date_assumed: the document had none; terms or, failing these, its own date stood in.
    """

    document: OpenDocument
    due_on: date
    days_overdue: int
    bucket: Bucket
    is_due_date_assumed: bool


@dataclass(frozen=True)
class BucketTotal:
    bucket: Bucket
    amount: Figure


@dataclass(frozen=True)
class AgeingRow:
    """One party. `buckets` in the order of `Bucket`; `unapplied` zero or negative; `total` is their sum."""

    party_id: str
    party_name: str
    buckets: tuple[Decimal, ...]
    unapplied: Decimal

    @property
    def total(self) -> Decimal:
        return sum(self.buckets, ZERO) + self.unapplied


@dataclass(frozen=True)
class Ageing:
    """Attributes:
    buckets: all five, in order; each figure's n is its documents.
    unapplied: zero or negative.
    total: buckets and unapplied together; equal to the control account, or there is drift.
    assumed_due: open amount of documents whose due date is an assumption; n says how many.
    """

    as_of: date
    buckets: tuple[BucketTotal, ...]
    unapplied: Figure
    total: Figure
    overdue: Figure
    assumed_due: Figure
    rows: tuple[AgeingRow, ...]
    documents: tuple[AgedDocument, ...]

    @cached_property
    def by_due_date(self) -> tuple[AgedDocument, ...]:
        """The longest due first; of one day the largest."""
        return tuple(
            sorted(
                self.documents, key=lambda item: (item.due_on, -item.document.open_amount, item.document.external_id)
            )
        )

    def due_between(self, first: date, last: date) -> tuple[AgedDocument, ...]:
        """Of these, those due on one of the days, both inside."""
        begin = bisect_left(self.by_due_date, first, key=_due_day)
        return self.by_due_date[begin : bisect_right(self.by_due_date, last, key=_due_day)]


def _due_day(item: AgedDocument) -> date:
    return item.due_on


def bucket_of(days_overdue: int) -> Bucket:
    for last_day, bucket in _LAST_DAY:
        if days_overdue <= last_day:
            return bucket
    return Bucket.DAYS_91_PLUS


def due_days_of(bucket: Bucket, as_of: date) -> tuple[date | None, date | None]:
    """The first and last due day of a bucket, both inside; None: no end on that side."""
    lasts = {held: last for last, held in _LAST_DAY}
    before = max((last for last in lasts.values() if last < lasts.get(bucket, _OLDER)), default=None)
    oldest = as_of - timedelta(days=lasts[bucket]) if bucket in lasts else None
    return oldest, None if before is None else as_of - timedelta(days=before + 1)


def open_balance_as_of(total: Decimal, *, issued_on: date, applied: Iterable[Application], as_of: date) -> Decimal:
    """What was open at the close of `as_of`: later payments are not known yet, a later document not written yet."""
    if issued_on > as_of:
        return ZERO
    return total - sum((item.amount for item in applied if item.on <= as_of), ZERO)


def age(
    documents: Sequence[OpenDocument], credits_left: Sequence[UnappliedCredit], *, basis: Basis, left_out: int = 0
) -> Ageing:
    """Age what is open on `basis.as_of`. Settled documents (nothing open) are left out.

    Args:
        documents: of one side, receivable or payable; open amounts as of the same day.
        credits_left: of the same side, as of the same day.
        basis: T and the currency.
        left_out: documents and credits in currencies without a rate, which the total says it is without.
    """
    aged = tuple(_aged(document, basis.as_of) for document in documents if document.open_amount)
    left = [item for item in credits_left if item.amount]
    totals = tuple(
        BucketTotal(bucket, _sum([item for item in aged if item.bucket is bucket], basis)) for bucket in Bucket
    )
    unapplied = -sum((item.amount for item in left), ZERO)
    open_total = sum((item.document.open_amount for item in aged), ZERO)
    note = f"without {left_out} in other currencies that no exchange rate is known for" if left_out else None
    n = len(aged) + len(left)
    return Ageing(
        as_of=basis.as_of,
        buckets=totals,
        unapplied=basis.figure(unapplied, basis.currency, n=len(left), n_of="documents"),
        total=basis.figure(open_total + unapplied, basis.currency, n=n, n_of="documents", note=note),
        overdue=_sum([item for item in aged if item.bucket is not Bucket.CURRENT], basis),
        assumed_due=_sum([item for item in aged if item.is_due_date_assumed], basis),
        rows=_rows(aged, left),
        documents=aged,
    )


def control_difference(ageing: Ageing, control_balance: Decimal, *, basis: Basis) -> Figure:
    """Control account minus (buckets + unapplied): zero when the books tie, otherwise drift of that size.

    Args:
        ageing: of one side.
        control_balance: the control account on the same day, positive for what is owed (so minus the ledger's A/P).
        basis: of the control balance.
    """
    counted = sum((item.amount.value or ZERO for item in ageing.buckets), ageing.unapplied.value or ZERO)
    return basis.figure(control_balance - counted, basis.currency, n=ageing.total.n, n_of="documents")


def _aged(document: OpenDocument, as_of: date) -> AgedDocument:
    due_on = document.ages_from
    days = (as_of - due_on).days
    return AgedDocument(document, due_on, days, bucket_of(days), is_due_date_assumed=document.due_on is None)


def _sum(aged: Sequence[AgedDocument], basis: Basis) -> Figure:
    assumed = sum(item.is_due_date_assumed for item in aged)
    note = f"{assumed} without a due date, aged from terms or their own date" if assumed else None
    total = sum((item.document.open_amount for item in aged), ZERO)
    return basis.figure(total, basis.currency, n=len(aged), n_of="documents", note=note)


def _rows(aged: Sequence[AgedDocument], credits_left: Sequence[UnappliedCredit]) -> tuple[AgeingRow, ...]:
    """One a party, by name; the id keeps two customers of one name apart."""
    order = list(Bucket)
    names: dict[str, str] = {}
    amounts: dict[str, list[Decimal]] = {}
    for item in aged:
        names[item.document.party_id] = item.document.party_name
        buckets = amounts.setdefault(item.document.party_id, [ZERO] * (len(order) + 1))
        buckets[order.index(item.bucket)] += item.document.open_amount
    for credit in credits_left:
        names.setdefault(credit.party_id, credit.party_name)
        amounts.setdefault(credit.party_id, [ZERO] * (len(order) + 1))[-1] -= credit.amount
    parties = sorted(names, key=lambda party: (names[party].casefold(), party))
    return tuple(AgeingRow(p, names[p], tuple(amounts[p][:-1]), amounts[p][-1]) for p in parties)
