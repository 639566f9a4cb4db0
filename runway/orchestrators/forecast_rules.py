"""What people decided about a business's forecast, read from where each of it is kept, in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from hashlib import blake2b
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from domains.ap.must_pays import list_must_pays, list_must_pays_of, list_scheduled, list_scheduled_of
from domains.ar.collection_notes import NoteKind
from domains.ar.expected_dates import ExpectedKind, Said, list_said, list_said_of
from domains.cash.runway_settings import RunwayChoices, find_settings, list_settings
from infra import exact_json
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
    choices = (await find_settings(session, business_id)).choices
    said = await list_said(session, business_id)
    must_pay = await list_must_pays(session, business_id)
    scheduled = await list_scheduled(session, business_id)
    return DecidedRules(
        rules=ForecastRules(
            floor=_floor(choices),
            overrides=[override for one in said if (override := _override(one, zone)) is not None],
            probabilities=_probabilities(said),
            scheduled=scheduled,
            must_pay=must_pay,
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
        mark=_mark(choices, said, must_pay, scheduled),
    )


async def read_marks(session: AsyncSession, business_ids: Sequence[UUID]) -> dict[UUID, str]:
    """The marks alone, of several businesses at once: in a number of statements that does not grow with them."""
    settings = await list_settings(session, business_ids)
    said = await list_said_of(session, business_ids)
    must_pay = await list_must_pays_of(session, business_ids)
    scheduled = await list_scheduled_of(session, business_ids)
    return {
        one: _mark(
            settings[one].choices if one in settings else RunwayChoices(),
            said.get(one, []),
            must_pay.get(one, frozenset()),
            scheduled.get(one, {}),
        )
        for one in business_ids
    }


def _mark(choices: RunwayChoices, said: Sequence[Said], must_pay: frozenset[str], scheduled: Mapping[str, date]) -> str:
    made = [choices, [one._asdict() for one in said], sorted(must_pay), sorted(scheduled.items())]
    return blake2b(exact_json.dumps(made), digest_size=16).hexdigest()


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
