from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field, StringConstraints
from starlette.responses import Response

from domains.core.saved_scenarios import SavedScenarios
from runway.orchestrators.comparing import MOST_COMPARED, Compared, Comparing, Comparison, Named
from runway.routes.access import Caller, ReadsBooks, SyncsBooks
from runway.routes.answers import Answer, FreshnessOut, send
from runway.routes.asked import AskedFreshness, Strict
from runway.routes.csv_answers import AskedFormat, in_csv_too, send_csv, wants_csv
from runway.routes.documentation import books_example, documented, documented_without_answer, read_of_books
from runway.routes.preview_out import CONSEQUENCE_EXAMPLE, ConsequenceOut, OutlookOut, figure_example
from runway.routes.read_route import ReadRoute
from runway.routes.runway_answer import FigureOut
from runway.routes.scenario_in import ScenarioStep

router = APIRouter(prefix="/api/v1/scenarios", tags=["decide"], route_class=ReadRoute)

_MOST_STEPS = 20


class NewScenario(Strict):
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
    steps: list[ScenarioStep] = Field(min_length=1, max_length=_MOST_STEPS, description="All together, in their order.")


class ScenarioOut(BaseModel):
    key: str = Field(description="A ready-made one's word, a saved one's id: `scenario_id` of a preview.")
    name: str
    is_ready_made: bool
    steps: list[dict[str, Any]]

    @classmethod
    def of(cls, one: Named) -> "ScenarioOut":
        return cls(
            key=one.key, name=one.name, is_ready_made=one.is_ready_made, steps=[dict(step) for step in one.steps]
        )


class ScenariosAnswer(BaseModel):
    data: list[ScenarioOut]


class ScenarioAnswer(BaseModel):
    data: ScenarioOut


class AskedComparison(AskedFreshness, AskedFormat):
    scenario: list[str] = Field(
        default_factory=list,
        description=f"Keys, {MOST_COMPARED} at the most; unless given, the first {MOST_COMPARED}.",
    )


class ComparedOut(BaseModel):
    scenario: ScenarioOut
    consequence: ConsequenceOut | None
    problem: str | None = Field(description="Why it cannot be worked out today; null where it can.")

    @classmethod
    def of(cls, one: Compared) -> "ComparedOut":
        consequence = None if one.consequence is None else ConsequenceOut.of(one.consequence)
        return cls(scenario=ScenarioOut.of(one.scenario), consequence=consequence, problem=one.problem)


class ComparisonOut(BaseModel):
    baseline: OutlookOut
    floor: FigureOut
    scenarios: list[ComparedOut]


_SCENARIO = {
    "key": "top_customer_late",
    "name": "Top customer 30 days late",
    "is_ready_made": True,
    "steps": [{"kind": "customer_late", "days": 30}],
}
_COMPARISON = {
    "baseline": CONSEQUENCE_EXAMPLE["before"],
    "floor": figure_example("8200.00"),
    "scenarios": [{"scenario": _SCENARIO, "consequence": CONSEQUENCE_EXAMPLE, "problem": None}],
}
_COLUMNS = (
    "scenario",
    "runway",
    "runway_days",
    "runway_change",
    "low",
    "low_on",
    "low_change",
    "newly_uncovered",
    "problem",
)


@router.get("", summary="Scenarios, ready made and saved", responses=documented({"data": [_SCENARIO]}))
async def list_scenarios(caller: ReadsBooks) -> ScenariosAnswer:
    """The ready-made ones first, then the saved ones by name."""
    found = await _comparing(caller).list_scenarios()
    return ScenariosAnswer(data=[ScenarioOut.of(one) for one in found])


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    summary="Save a scenario",
    responses=documented(
        {"data": {**_SCENARIO, "key": "0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c15", "is_ready_made": False}},
        status=HTTPStatus.CREATED,
    ),
)
async def save_scenario(caller: SyncsBooks, wanted: NewScenario) -> ScenarioAnswer:
    """Kept for everybody in the business, and worked out anew each time it is asked for. The same again is the one that is there."""
    async with caller.process.uow([caller.business.id]) as uow:
        saved = await SavedScenarios(caller.business.id).save(
            uow.session,
            wanted.name,
            [step.written() for step in wanted.steps],
            actor=caller.origin.actor,
            now=caller.clock.now(),
        )
        named = Named(str(saved.id), saved.name, saved.steps, is_ready_made=False)
    return ScenarioAnswer(data=ScenarioOut.of(named))


@router.get(
    "/compare",
    summary="Scenarios beside the forecast",
    response_model=Answer[ComparisonOut],
    responses=in_csv_too(read_of_books(books_example(_COMPARISON)), _COLUMNS),
)
async def compare_scenarios(
    request: Request, caller: ReadsBooks, asked: Annotated[AskedComparison, Query()]
) -> Response:
    """Each against the same forecast by the same draws: what differs is the scenario and nothing else."""
    fetched = await _comparing(caller).compare(asked.scenario, freshness=asked.need())
    if wants_csv(request, asked.format):
        return send_csv(_COLUMNS, _lines(fetched.value), name="scenarios", freshness=fetched.freshness)
    comparison = ComparisonOut(
        baseline=OutlookOut.of(fetched.value.forecast.standing),
        floor=FigureOut.model_validate(fetched.value.forecast.report.floor),
        scenarios=[ComparedOut.of(one) for one in fetched.value.scenarios],
    )
    return send(request, Answer[ComparisonOut](data=comparison, freshness=FreshnessOut.of(fetched.freshness)))


@router.delete(
    "/{scenario_id}",
    status_code=HTTPStatus.NO_CONTENT,
    summary="Forget a saved scenario",
    responses=documented_without_answer("It is gone; what was decided on it keeps its figures."),
)
async def delete_scenario(caller: SyncsBooks, scenario_id: UUID) -> Response:
    """A ready-made one stays."""
    async with caller.process.uow([caller.business.id]) as uow:
        await SavedScenarios(caller.business.id).remove(uow.session, scenario_id)
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _comparing(caller: Caller) -> Comparing:
    return Comparing(caller.business, caller.process.uow, caller.services.outlook)


def _lines(comparison: Comparison) -> list[dict[str, Any]]:
    """The forecast as it is first."""
    before = OutlookOut.of(comparison.forecast.standing)
    lines = [_line("as expected", before)]
    for one in map(ComparedOut.of, comparison.scenarios):
        if one.consequence is None:
            lines.append({"scenario": one.scenario.name, "problem": one.problem})
            continue
        change = {
            "runway_change": one.consequence.runway_days.value,
            "low_change": one.consequence.low_change.value,
            "newly_uncovered": len(one.consequence.newly_uncovered),
        }
        lines.append(_line(one.scenario.name, one.consequence.after) | change)
    return lines


def _line(name: str, outlook: OutlookOut) -> dict[str, Any]:
    return {
        "scenario": name,
        "runway": outlook.display,
        "runway_days": outlook.days.value,
        "low": outlook.low.value,
        "low_on": outlook.low_on,
    }
