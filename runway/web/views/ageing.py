"""What is open by age, as five blocks that filter the table below."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from infra.money import ZERO
from runway.calculators.ageing import Ageing, Bucket
from runway.calculators.figures import Figure
from runway.web.strings import _, keyed

_LABELS = {
    Bucket.CURRENT: keyed("Not yet due"),
    Bucket.DAYS_1_30: keyed("1–30 days over"),  # noqa: RUF001  # an en dash between numbers
    Bucket.DAYS_31_60: keyed("31–60 days over"),  # noqa: RUF001
    Bucket.DAYS_61_90: keyed("61–90 days over"),  # noqa: RUF001
    Bucket.DAYS_91_PLUS: keyed("Over 90 days"),
}
_LATE = frozenset({Bucket.DAYS_61_90, Bucket.DAYS_91_PLUS})


@dataclass(frozen=True)
class AgeBlock:
    """`is_late`: overdue by more than 60 days, which is shown in red with a sign. `share`: whole percent of what is open."""

    bucket: Bucket
    label: str
    amount: Figure
    is_late: bool
    is_chosen: bool
    share: int


def age_blocks(ageing: Ageing, chosen: Bucket | None) -> Sequence[AgeBlock]:
    amounts = [one.amount.value or ZERO for one in ageing.buckets]
    whole = sum((abs(amount) for amount in amounts), ZERO)
    return [
        AgeBlock(
            bucket=one.bucket,
            label=_(_LABELS[one.bucket]),
            amount=one.amount,
            is_late=one.bucket in _LATE and bool(one.amount.n),
            is_chosen=one.bucket is chosen,
            share=share,
        )
        for one, share in zip(ageing.buckets, _shares(amounts, whole), strict=True)
    ]


def _shares(amounts: Sequence[Decimal], whole: Decimal) -> Sequence[int]:
    """Whole percents that make a hundred: those that are cut off the most are rounded up."""
    if not whole:
        return [0] * len(amounts)
    exact = [100 * abs(amount) / whole for amount in amounts]
    shares = [int(share) for share in exact]
    most_cut = sorted(range(len(exact)), key=lambda index: shares[index] - exact[index])
    for index in most_cut[: 100 - sum(shares)]:
        shares[index] += 1
    return shares
