"""What people decided about a business's forecast, read from where each of it is kept, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from hashlib import blake2b
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from domains.ap.must_pays import must_pays_of, scheduled_of
from domains.ar.collection_notes import NoteKind
from domains.ar.expected_dates import ExpectedKind, Said, said_of
from domains.cash.runway_settings import RunwayChoices, settings_of
from infra import exact_json
from infra.db.reads import Read, read_in
from infra.money import ZERO
from runway.calculators.cash import CashRules
from runway.calculators.expected_dates import ExpectedBy, Override
from runway.calculators.floor import AbsoluteFloor, BurnDaysFloor, DefaultFloor, FloorPolicy
from runway.calculators.flows import FlowRules
from runway.calculators.forecast import ForecastRules
from runway.calculators.forecast_rows import next_filing


@dataclass(frozen=True)
class DecidedRules:
    """`uncounted` are bank accounts switched off. `mark` is another text once anything of it is."""

    rules: ForecastRules
    uncounted: frozenset[str]
    mark: str


async def read_rules(session: AsyncSession, business_id: UUID, *, today: date, zone: ZoneInfo) -> DecidedRules:
    rows = await read_in(session, *rules_of([business_id]))
    return decided_rules(business_id, rows, today=today, zone=zone)


def rules_of(business_ids: Sequence[UUID]) -> Sequence[Read[Any]]:
    """What `decided_rules` makes its rules of."""
    return settings_of(business_ids), said_of(business_ids), must_pays_of(business_ids), scheduled_of(business_ids)


def decided_rules(business_id: UUID, rows: Sequence[list[Any]], *, today: date, zone: ZoneInfo) -> DecidedRules:
    """Of the rows of `rules_of`."""
    decided = _decided([business_id], rows)[business_id]
    choices, said = decided.choices, decided.said
    return DecidedRules(
        rules=ForecastRules(
            floor=_floor(choices),
            overrides=[override for one in said if (override := _override(one, zone)) is not None],
            probabilities=_probabilities(said),
            scheduled=decided.scheduled,
            must_pay=frozenset(decided.must_pay),
            filing_on=None if choices.filing_day is None else next_filing(today, day=choices.filing_day),
            counts_uninvoiced_sales=choices.counts_uninvoiced_sales,
            counts_to_come=choices.counts_to_come,
            bills_by_habit=choices.bills_by_habit,
            flows=FlowRules(
                cash=CashRules(always_counted=frozenset(choices.counted_accounts)),
                count_owner_draws=choices.counts_owner_draws,
            ),
        ),
        uncounted=frozenset(choices.uncounted_accounts),
        mark=decided.mark,
    )


async def read_marks(session: AsyncSession, business_ids: Sequence[UUID]) -> dict[UUID, str]:
    """The marks alone, of several businesses at once."""
    rows = await read_in(session, *rules_of(business_ids))
    return {one: decided.mark for one, decided in _decided(business_ids, rows).items()}


@dataclass
class _Decided:
    """One business's, as it is kept."""

    choices: RunwayChoices = field(default_factory=RunwayChoices)
    said: list[Said] = field(default_factory=list)
    must_pay: set[str] = field(default_factory=set)
    scheduled: dict[str, date] = field(default_factory=dict)

    @property
    def mark(self) -> str:
        made = [
            self.choices, [one._asdict() for one in self.said], sorted(self.must_pay), sorted(self.scheduled.items()),
        ]  # fmt: skip
        return blake2b(exact_json.dumps(made), digest_size=16).hexdigest()


def _decided(business_ids: Sequence[UUID], rows: Sequence[list[Any]]) -> dict[UUID, _Decided]:
    found = {one: _Decided() for one in business_ids}
    settings, said, must_pay, scheduled = rows
    for business_id, choices in settings:
        found[business_id].choices = choices
    for business_id, one in said:
        found[business_id].said.append(one)
    for business_id, bill in must_pay:
        found[business_id].must_pay.add(bill)
    for business_id, (bill, paid_on) in scheduled:
        found[business_id].scheduled[bill] = paid_on
    return found


def _floor(choices: RunwayChoices) -> FloorPolicy:
    if choices.floor_amount is not None:
        return AbsoluteFloor(choices.floor_amount)
    return DefaultFloor() if choices.floor_days is None else BurnDaysFloor(choices.floor_days)


def _override(said: Said, zone: ZoneInfo) -> Override | None:
    """None of what is contested or given up in part: the rest of it comes as its customer pays."""
    by = {
        NoteKind.PROMISE: ExpectedBy.PROMISE,
        NoteKind.DISPUTE: ExpectedBy.EXCLUDED,
        NoteKind.WRITE_OFF: ExpectedBy.EXCLUDED,
        ExpectedKind.MANUAL: ExpectedBy.MANUAL,
        ExpectedKind.EXCLUDED: ExpectedBy.EXCLUDED,
    }[_kind(said)]
    if by is ExpectedBy.EXCLUDED and _doubted(said) < said.balance:
        return None
    made_at: datetime = said.made_at
    return Override(
        said.external_id,
        by,
        said.author,
        made_at.astimezone(zone).date(),
        on=None if by is ExpectedBy.EXCLUDED else said.on,
        expires_on=said.expires_on,
    )


def _probabilities(said: Sequence[Said]) -> tuple[tuple[str, Decimal], ...]:
    """Of each invoice that is contested or given up in part: the share that is not."""
    doubted: dict[str, Decimal] = {}
    balances = {one.external_id: one.balance for one in said}
    for one in said:
        if _kind(one) in {NoteKind.DISPUTE, NoteKind.WRITE_OFF} and _doubted(one) < one.balance:
            doubted[one.external_id] = doubted.get(one.external_id, ZERO) + _doubted(one)
    return tuple((invoice, max(ZERO, 1 - amount / balances[invoice])) for invoice, amount in sorted(doubted.items()))


def _kind(said: Said) -> NoteKind | ExpectedKind:
    return ExpectedKind(said.kind) if said.kind in set(ExpectedKind) else NoteKind(said.kind)


def _doubted(said: Said) -> Decimal:
    return said.balance if said.amount is None else said.amount
