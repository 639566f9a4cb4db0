from datetime import date
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from domains.core.seen_figures import SeenFiguresService, Viewer
from infra.sync.freshness import Fetched, FreshnessNeed, SyncStrategy
from runway.calculators.forecast import Forecast
from runway.orchestrators.previews import ActionKind, Previews, WantedAction
from runway.routes.access import Caller, ReadsBooks
from runway.routes.answers import Answer, FreshnessOut
from runway.routes.asked import Strict
from runway.routes.documentation import documented
from runway.routes.preview_out import PREVIEW_EXAMPLE, ConsequenceOut, PreviewOut, floor_and_basis
from runway.routes.scenario_in import ScenarioStep

router = APIRouter(prefix="/api/v1", tags=["decide"])

MOST_ACTIONS = 50
Money = Annotated[Decimal, Field(gt=0, max_digits=15, decimal_places=2)]
Day = date
# The mirror at once, with its age: a preview is looked at while somebody's hand is on the button.
_AT_ONCE = FreshnessNeed(strategy=SyncStrategy.PAGE)


class ActionIn(Strict):
    kind: ActionKind = Field(
        description="`pay` (today unless `on` is given), `schedule`, `delay`: a bill, on a day. `remind`, `promise`: taken that the "
        "customer pays the invoice on that day. `scenario`: a step, or one that is ready made or saved."
    )
    bill_id: UUID | None = None
    invoice_id: UUID | None = None
    on: Day | None = Field(default=None, description="Today or a day to come.")
    amount: Money | None = Field(
        default=None,
        description="A part, in the document's currency; unless given, all that is open.",
        examples=["120.50"],
    )
    scenario: ScenarioStep | None = None
    scenario_id: str | None = Field(
        default=None, min_length=1, max_length=64, description="A ready-made one's key, a saved one's id."
    )

    def wanted(self) -> WantedAction:
        step = None if self.scenario is None else self.scenario.written()
        return WantedAction(
            self.kind,
            bill_id=self.bill_id,
            invoice_id=self.invoice_id,
            on=self.on,
            amount=self.amount,
            scenario=step,
            scenario_id=self.scenario_id,
        )


class WantedPreview(Strict):
    actions: list[ActionIn] = Field(
        max_length=MOST_ACTIONS, description="All together, in their order. None: how it stands."
    )


@router.post(
    "/preview",
    summary="What it would do to the runway",
    responses=documented(PREVIEW_EXAMPLE),
)
async def preview_actions(caller: ReadsBooks, wanted: WantedPreview) -> Answer[PreviewOut]:
    """The runway, the low point and its week, and which must-pays are uncovered: with these actions, against without, by the same
    draws. Nothing is done and QuickBooks is not asked. What is answered is kept for a week under `seen_figures_id`.
    """
    return await preview_on(caller, wanted)


async def preview_on(
    caller: Caller, wanted: WantedPreview, *, forecast: Fetched[Forecast] | None = None
) -> Answer[PreviewOut]:
    """On `forecast`, or on the one that there is. Raises as `Previews.preview`."""
    previews = Previews(caller.business, uow=caller.process.uow, outlook=caller.services.outlook, today=caller.today)
    fetched = await previews.preview([action.wanted() for action in wanted.actions], freshness=_AT_ONCE, on=forecast)
    found = fetched.value
    shown = {**ConsequenceOut.of(found.consequence).model_dump(mode="json"), **_plain(floor_and_basis(found.forecast))}
    asked = wanted.model_dump(mode="json", exclude_none=True)
    by = Viewer(caller.origin.actor, caller.origin.request_id)
    async with caller.process.uow([caller.business.id]) as uow:
        seen = await SeenFiguresService(caller.business.id).keep(
            uow.session, {"asked": asked, "answered": shown}, by=by, now=caller.clock.now()
        )
        seen_id = seen.id
    return Answer[PreviewOut](
        data=PreviewOut.model_validate({**shown, "seen_figures_id": seen_id}),
        freshness=FreshnessOut.of(fetched.freshness),
    )


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.model_dump(mode="json") if hasattr(value, "model_dump") else value for name, value in fields.items()
    }
