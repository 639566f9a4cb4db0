"""One business's weekly ritual: what each step looks at, and what people say of it, each with the figures that they saw."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from domains.core.digests import Wish, ask_id_of
from domains.core.member_queries import list_names
from domains.core.models import Business
from domains.core.ritual import (
    Ritual,
    RitualEvent,
    RitualEventKind,
    RitualOutcome,
    RitualStep,
    week_of,
)
from domains.core.ritual_errors import ChangedMeanwhile
from domains.core.rituals import LastRitual, Rituals, RitualWriter, list_last_finished
from infra.clock import Clock
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.sync.freshness import AS_IT_STANDS, Fetched, Freshness, FreshnessNeed
from runway.calculators.cards import DueSoon, due_soon
from runway.calculators.figures import Figure
from runway.calculators.forecast import Forecast
from runway.calculators.forecast_runway import ForecastRunway
from runway.calculators.quality import BooksAge
from runway.calculators.ritual_snapshot import seen_in_ritual, snapshot
from runway.orchestrators.digest_sending import DigestSending
from runway.orchestrators.outlook import Outlook

_STEP_WORDS: Mapping[RitualStep, str] = {
    RitualStep.BOOKS: "freshness and drift",
    RitualStep.CHANGES: "what changed",
    RitualStep.DUE: "due",
    RitualStep.OVERDUE: "overdue",
    RitualStep.LOW_POINT: "low point",
    RitualStep.SUMMARY: "summary",
}


@dataclass(frozen=True)
class RitualMaterial:
    """What the steps look at, all of one forecast. `flags`: what a reader should be told beside the numbers."""

    forecast: Forecast
    books: BooksAge
    flags: tuple[str, ...]
    runway: ForecastRunway
    due: DueSoon
    overdue_receivable: Figure
    overdue_payable: Figure
    low: Figure
    low_on: date
    uncovered: int


@dataclass(frozen=True)
class RitualView:
    """A week's ritual as it stands.

    Attributes:
        week_ends_on: its Sunday.
        names: actor → a person's name, of all that did something in it.
        last: the last ritual that was finished, this week's included.
        material: None of another week than this one.
        snapshot: what it was locked with; None until then.
    """

    business: Business
    ritual: Ritual
    today: date
    names: Mapping[str, str]
    last: LastRitual | None
    material: RitualMaterial | None

    @property
    def week_ends_on(self) -> date:
        return self.ritual.week_on + timedelta(days=6)

    @property
    def snapshot(self) -> dict[str, Any] | None:
        finished = self.ritual.finished
        return None if finished is None else finished.figures

    @property
    def digest_id(self) -> UUID | None:
        """What the week's digest was asked for by, if finishing asked for it; see DigestProgress."""
        held = (self.snapshot or {}).get("digest_id")
        return UUID(held) if held else None

    def who(self, actor: str) -> str:
        return self.names.get(actor, actor)


@dataclass(frozen=True)
class RitualDesk:
    """Each verb takes the version that its writer saw, and answers with the ritual after it; see Rituals for what is refused."""

    business: Business
    uow: UnitOfWorkFactory
    access_uow: UnitOfWorkFactory
    outlook: Outlook
    clock: Clock
    actor: str
    request_id: str
    digest: DigestSending

    @property
    def today(self) -> date:
        return self.clock.now().astimezone(ZoneInfo(self.business.time_zone)).date()

    async def get(self, *, week_on: date | None = None, freshness: FreshnessNeed = AS_IT_STANDS) -> Fetched[RitualView]:
        """This week's, or that of the week of any day.

        Raises:
            StaleRefused: as Outlook.get.
        """
        week = week_of(week_on or self.today)
        fetched = await self.outlook.get(freshness=freshness)
        async with self.uow([self.business.id]) as uow:
            ritual = await self._rituals.get(uow.session, week)
        return await self._view(ritual, fetched)

    async def start(self) -> Fetched[RitualView]:
        """This week's; one that is started stays as it is."""
        fetched = await self.outlook.get(freshness=AS_IT_STANDS)
        async with self.uow([self.business.id]) as uow:
            ritual = await self._rituals.start(
                uow.session, week_of(self.today), actor=self.actor, request_id=self.request_id
            )
        return await self._view(ritual, fetched)

    async def decide(
        self, step: RitualStep, *, outcome: RitualOutcome, note: str | None, version: int
    ) -> Fetched[RitualView]:
        """The step is done, and this came of it."""
        fetched = await self.outlook.get(freshness=AS_IT_STANDS)
        by, figures = self._writer(version), seen_in_ritual(fetched.value)
        async with self._naming(), self.uow([self.business.id]) as uow:
            ritual = await self._rituals.decide(
                uow.session, week_of(self.today), step, outcome=outcome, note=note, figures=figures, by=by
            )
        return await self._view(ritual, fetched)

    async def reopen(self, step: RitualStep, *, note: str | None, version: int) -> Fetched[RitualView]:
        """The step is to be done again."""
        fetched = await self.outlook.get(freshness=AS_IT_STANDS)
        by = self._writer(version)
        async with self._naming(), self.uow([self.business.id]) as uow:
            ritual = await self._rituals.reopen(uow.session, week_of(self.today), step, note=note, by=by)
        return await self._view(ritual, fetched)

    async def finish(self, *, note: str | None, version: int, sends_digest: bool = False) -> Fetched[RitualView]:
        """Lock it, with the figures of now and all that was decided; and have the week's digest sent, to each recipient once."""
        fetched = await self.outlook.get(freshness=AS_IT_STANDS)
        by, frozen = self._writer(version), _snapshot(fetched)
        wish = self._wish() if sends_digest else None
        frozen["digest_id"] = None if wish is None else str(wish.ask_id)
        async with self._naming(), self.uow([self.business.id]) as uow:
            ritual = await self._rituals.finish(
                uow.session, week_of(self.today), note=note, snapshot=lambda one: frozen | _decided(one), by=by
            )
        if wish is not None:
            await self.digest.ask(wish)  # cut off before it, who finishes again asks again: it is the same wish
        return await self._view(ritual, fetched)

    def _wish(self) -> Wish:
        """One a ritual, whoever finishes it."""
        key = f"ritual/{self.business.id}/{week_of(self.today)}"
        return Wish(
            ask_id=ask_id_of("ritual", key),
            actor=self.actor,
            request_id=self.request_id,
            digest=key,
            now=self.clock.now(),
        )

    async def last(self) -> LastRitual | None:
        """The last that was finished."""
        async with self.uow([self.business.id]) as uow:
            return (await list_last_finished(uow.session, [self.business.id])).get(self.business.id)

    @property
    def _rituals(self) -> Rituals:
        return Rituals(self.business.id)

    async def _view(self, ritual: Ritual, fetched: Fetched[Forecast]) -> Fetched[RitualView]:
        is_this_week = ritual.week_on == week_of(self.today)
        view = RitualView(
            business=self.business,
            ritual=ritual,
            today=self.today,
            names=await self._names(ritual.events),
            last=await self.last(),
            material=_material(fetched.value) if is_this_week else None,
        )
        return Fetched(view, fetched.freshness)

    def _writer(self, version: int) -> RitualWriter:
        return RitualWriter(self.actor, self.request_id, version)

    @asynccontextmanager
    async def _naming(self) -> AsyncIterator[None]:
        """A refusal says who was faster by name; those are read once the books' transaction is over."""
        try:
            yield
        except ChangedMeanwhile as error:
            names = await self._names(error.events)
            said = list(map(self._said(names), error.events))
            raise ChangedMeanwhile(error.events, version=error.version, said=said) from None

    def _said(self, names: Mapping[str, str]) -> Callable[[RitualEvent], str]:
        zone = ZoneInfo(self.business.time_zone)

        def said(event: RitualEvent) -> str:
            who = "you" if event.actor == self.actor else names.get(event.actor, "somebody else")
            at = event.at.astimezone(zone).strftime("%H:%M")
            step = _STEP_WORDS[event.step] if event.step else ""
            match event.kind:
                case RitualEventKind.DONE:
                    note = f" ({event.note})" if event.note else ""
                    return f"{who} did '{step}' at {at}: {event.outcome}{note}"
                case RitualEventKind.REOPENED:
                    return f"{who} reopened '{step}' at {at}"
                case RitualEventKind.FINISHED:
                    return f"{who} finished the ritual at {at}"
                case RitualEventKind.STARTED:
                    return f"{who} started the ritual at {at}"

        return said

    async def _names(self, events: Iterable[RitualEvent]) -> dict[str, str]:
        people = {actor: one for actor in {event.actor for event in events} if (one := _person(actor))}
        if not people:
            return {}
        async with self.access_uow([]) as uow:
            names = await list_names(uow.session, set(people.values()))
        return {actor: names[one] for actor, one in people.items() if one in names}


def _person(actor: str) -> UUID | None:
    kind, _, rest = actor.partition(":")
    return UUID(rest) if kind == "user" else None


def _material(forecast: Forecast) -> RitualMaterial:
    runway, report = forecast.standing.runway, forecast.report
    return RitualMaterial(
        forecast=forecast,
        books=report.books,
        flags=report.flags,
        runway=runway,
        due=due_soon(forecast),
        overdue_receivable=forecast.receivables.overdue,
        overdue_payable=forecast.payables.overdue,
        low=runway.low_point.amount,
        low_on=runway.low_point.on,
        uncovered=len(forecast.standing.uncovered),
    )


def _snapshot(fetched: Fetched[Forecast]) -> dict[str, Any]:
    books: Freshness = fetched.freshness
    told = {
        "as_of": books.as_of.isoformat() if books.as_of else None,
        "stale": books.stale,
        "reason": books.reason,
        "quarantined": books.quarantined,
        "open_drift": books.open_drift,
    }
    return {**snapshot(fetched.value), "books": told}


def _decided(ritual: Ritual) -> dict[str, Any]:
    return {"decisions": [_decision(one.event) for one in ritual.steps if one.event is not None and one.is_done]}


def _decision(event: RitualEvent) -> dict[str, Any]:
    return {
        "step": event.step,
        "outcome": event.outcome,
        "note": event.note,
        "actor": event.actor,
        "at": event.at.isoformat(),
        "version": event.version,
    }
