"""The figures that somebody saw before they decided: named by id, frozen in the log row of the decision."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from domains.core.seen_figures import SeenFiguresService
from runway.routes.access import Caller

SeenFiguresId = Annotated[
    UUID | None,
    Field(description="`seen_figures_id` of the preview that you decided on: its figures are frozen in the log row."),
]


async def frozen_figures(caller: Caller, seen_id: UUID | None) -> dict[str, Any] | None:
    """What the log row keeps of them; None where none are named.

    Raises:
        SeenFiguresNotFound: none of that id, or older than a week.
    """
    if seen_id is None:
        return None
    async with caller.process.uow([caller.business.id]) as uow:
        return await SeenFiguresService(caller.business.id).freeze(uow.session, seen_id)
