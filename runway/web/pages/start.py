"""What a new business needs, step by step, and how far it is."""

from collections.abc import Sequence

from fastapi import APIRouter, Request
from starlette.responses import Response

from domains.core.permissions import Permission
from runway.orchestrators.sync_progress import SyncProgressReport
from runway.routes.approvals import get_approval_policy
from runway.routes.members import list_members
from runway.routes.runway_settings import get_runway_settings
from runway.web.clients import PREFIX, Client, ReadsBooks
from runway.web.page_route import PageRoute
from runway.web.rendering import render_client
from runway.web.views.start import Step, steps_of

router = APIRouter(prefix=f"{PREFIX}/start", include_in_schema=False, route_class=PageRoute)


@router.get("")
async def show_start(request: Request, client: ReadsBooks) -> Response:
    steps = await _steps(client)
    return render_client(request, client, "start/page.html", here="settings", steps=steps)


async def _steps(client: Client) -> Sequence[Step]:
    report = SyncProgressReport(uow=client.process.uow, connections=client.process.qbo_connections)
    sync = await report.get(client.business.id)
    policy, settings = await get_approval_policy(client), await get_runway_settings(client)
    people = len((await list_members(client)).data) if client.may(Permission.MEMBERS_MANAGE) else None
    return steps_of(
        sync, path=client.path, people=people, has_policy=policy.data.version > 0, has_floor=settings.data.version > 0
    )
