"""What rails tell us unasked. Guarded by their signature alone: no session, no token, no cookie counts here."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Header, Request, Response

from domains.core import access_log
from domains.core.access_log import AccessEvent
from infra.logging import get_logger
from infra.ratelimit.guesses import address_prefix
from runway.orchestrators.qbo_webhooks import WebhookNotSigned
from runway.routes.access import AllServices, client_address, origin_of
from runway.services import Services

router = APIRouter(prefix="/api/v1/webhooks", include_in_schema=False)

log = get_logger()


@router.post("/qbo")
async def take_qbo_webhook(
    request: Request,
    services: AllServices,
    after: BackgroundTasks,
    intuit_signature: Annotated[str | None, Header()] = None,
) -> Response:
    """Intuit's announcement of changes. 200 once it is stored; what it means is found out by a job."""
    try:
        rings = await services.qbo_webhooks.take_in(await request.body(), intuit_signature)
    except WebhookNotSigned:
        await _note_refusal(request, services)
        raise
    # Intuit has its answer first: a Redis that hangs costs it nothing, and the sweeper rings again.
    after.add_task(services.doorbell.ring, rings)
    return Response(status_code=HTTPStatus.OK)


async def _note_refusal(request: Request, services: Services) -> None:
    """In the access log once a minute and address: a flood of forgeries must not fill it."""
    address = client_address(request)
    log.warning("qbo.webhook.refused", client=address)
    if not services.webhook_refusals.is_news(address_prefix(address), now=services.clock.now()):
        return
    async with services.access_uow([]) as uow:
        details = {"method": request.method, "path": request.url.path}
        await access_log.note(
            uow.session, AccessEvent.WEBHOOK_REFUSED, origin=origin_of(request, "nobody"), details=details
        )
