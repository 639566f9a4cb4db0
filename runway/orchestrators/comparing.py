"""Scenarios beside one another: the forecast as it is, and as each would make it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from domains.ap import approval_queries
from domains.ap.approvals import BillFigures
from domains.ar import tray_queries as receivable_queries
from domains.core.models import Business
from domains.core.saved_scenarios import SavedScenarios
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.errors import InvalidInput, OodalooError
from infra.sync.freshness import Fetched, FreshnessNeed
from runway.calculators.consequence import Consequence
from runway.calculators.forecast import Forecast
from runway.orchestrators.outlook import Outlook
from runway.orchestrators.previews import as_id, consequence_of, with_rail_ids
from runway.orchestrators.scenario_steps import READY_MADE, read_step

MOST_COMPARED = 10


class TooManyCompared(InvalidInput):
    def __init__(self) -> None:
        super().__init__(f"Compare {MOST_COMPARED} scenarios at once at the most: name them.")


@dataclass(frozen=True)
class Named:
    """A scenario with its name; `key` is a ready-made one's word, a saved one's id."""

    key: str
    name: str
    steps: Sequence[Mapping[str, Any]]
    is_ready_made: bool


@dataclass(frozen=True)
class Compared:
    """`problem`: why it cannot be worked out today; a bill it keeps may be gone."""

    scenario: Named
    consequence: Consequence | None
    problem: str | None = None


@dataclass(frozen=True)
class Comparison:
    forecast: Forecast
    scenarios: Sequence[Compared]


@dataclass(frozen=True)
class Comparing:
    business: Business
    uow: UnitOfWorkFactory
    outlook: Outlook

    async def list_scenarios(self) -> list[Named]:
        """The ready-made ones, then the saved ones by name."""
        async with self.uow([self.business.id]) as uow:
            saved = await SavedScenarios(self.business.id).list_saved(uow.session)
        ready = [Named(one.key, one.name, one.steps, is_ready_made=True) for one in READY_MADE]
        return ready + [Named(str(one.id), one.name, one.steps, is_ready_made=False) for one in saved]

    async def compare(self, keys: Sequence[str], *, freshness: FreshnessNeed) -> Fetched[Comparison]:
        """Those named, or the first ten, each against the same forecast with the same draws.

        Raises:
            TooManyCompared: more than ten are named.
            StaleRefused: as `Outlook.get`.
        """
        if len(keys) > MOST_COMPARED:
            raise TooManyCompared
        known = await self.list_scenarios()
        chosen = [one for one in known if not keys or one.key in keys][:MOST_COMPARED]
        fetched = await self.outlook.get(freshness=freshness)
        bills, customers = await self._named_in(chosen)

        def all_of_them() -> list[Compared]:
            return [_compared(one, fetched.value, bills, customers) for one in chosen]

        return Fetched(Comparison(fetched.value, await asyncio.to_thread(all_of_them)), fetched.freshness)

    async def _named_in(self, scenarios: Sequence[Named]) -> tuple[Mapping[UUID, BillFigures], Mapping[UUID, str]]:
        steps = [step for one in scenarios for step in one.steps]
        kept = {UUID(str(one)) for step in steps for one in step.get("keep_bills") or ()}
        customers = {one for step in steps if (one := as_id(step.get("customer_id")))}
        async with self.uow([self.business.id]) as uow:
            figures = await approval_queries.list_figures(uow.session, self.business.id, kept) if kept else []
            names = await receivable_queries.list_customer_ids(uow.session, self.business.id, customers)
        return {bill.id: bill for bill in figures}, names


def _compared(
    scenario: Named,
    forecast: Forecast,
    bills: Mapping[UUID, BillFigures],
    customers: Mapping[UUID, str],
) -> Compared:
    try:
        steps = [read_step(with_rail_ids(step, bills, customers), forecast) for step in scenario.steps]
    except OodalooError as error:
        return Compared(scenario, None, str(error))
    return Compared(scenario, consequence_of(forecast, steps))
