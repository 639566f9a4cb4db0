"""What a client decided: which bills need whom, what is cash, and how customers are reminded."""

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from infra.sync.freshness import FreshnessNeed, SyncStrategy
from runway.routes import approvals, reminder_policy, runway_settings
from runway.routes.digest import get_digest_settings
from runway.web.clients import PREFIX, Client, ManagesSettings, ReadsBooks
from runway.web.forms import errors_of_keeping, read, typed_form
from runway.web.page_route import PageRoute
from runway.web.pages.settings import render_settings, told
from runway.web.people import names_in
from runway.web.rendering import go_to
from runway.web.strings import keyed
from runway.web.views.digest import weekday_choices
from runway.web.views.mail_settings import mail_values, rows_of, wanted_levels
from runway.web.views.settings import cash_accounts, runway_values, wanted_runway
from runway.web.views.trail import who_is

router = APIRouter(prefix=f"{PREFIX}/settings", include_in_schema=False, route_class=PageRoute)

_AT_ONCE = FreshnessNeed(strategy=SyncStrategy.PAGE)
_ACCOUNT = "account."
_NOTICES = {"saved": keyed("Saved. It counts from now on; what was set before is kept in the log.")}


@router.get("/approvals")
async def show_approvals(request: Request, client: ReadsBooks, notice: str = "") -> Response:
    return await _approvals_page(request, client, notice=told(_NOTICES, notice))


@router.post("/approvals")
async def set_approvals(request: Request, client: ManagesSettings) -> Response:
    typed = await typed_form(request)
    alone = typed.get("payer_may_be_only_approver") == "yes"
    form = read(approvals.WantedPolicy, typed, given={"payer_may_be_only_approver": alone})
    errors = await errors_of_keeping(form, lambda wanted: approvals.set_approval_policy(client, wanted))
    if not errors:
        return go_to(f"{client.path}/settings/approvals?notice=saved")
    return await _approvals_page(request, client, errors=errors, values=typed.values)


@router.get("/runway")
async def show_runway(request: Request, client: ReadsBooks, notice: str = "") -> Response:
    return await _runway_page(request, client, notice=told(_NOTICES, notice))


@router.post("/runway")
async def set_runway(request: Request, client: ManagesSettings) -> Response:
    typed = await typed_form(request)
    named = [name.removeprefix(_ACCOUNT) for name in typed.values if name.startswith(_ACCOUNT)]
    form = read(runway_settings.WantedSettings, typed, given=wanted_runway(typed.values, named))
    errors = await errors_of_keeping(form, lambda wanted: runway_settings.set_runway_settings(client, wanted))
    if not errors:
        return go_to(f"{client.path}/settings/runway?notice=saved")
    return await _runway_page(request, client, errors=errors, values=typed.values)


@router.get("/mail")
async def show_mail(request: Request, client: ReadsBooks, notice: str = "") -> Response:
    return await _mail_page(request, client, notice=told(_NOTICES, notice))


@router.post("/mail")
async def set_mail(request: Request, client: ManagesSettings) -> Response:
    typed = await typed_form(request)
    given = {
        "is_on": typed.get("is_on") == "yes",
        "on_weekends": typed.get("on_weekends") == "yes",
        "levels": wanted_levels(typed.values),
    }
    form = read(reminder_policy.WantedReminders, typed, given=given)
    errors = await errors_of_keeping(form, lambda wanted: reminder_policy.set_reminder_policy(client, wanted))
    if not errors:
        return go_to(f"{client.path}/settings/mail?notice=saved")
    return await _mail_page(request, client, errors=errors, values=typed.values)


async def _approvals_page(request: Request, client: Client, **values: Any) -> Response:
    policy = (await approvals.get_approval_policy(client)).data
    held = {
        "needed_from": policy.needed_from,
        "two_people_above": policy.two_people_above or "",
        "payer_may_be_only_approver": "yes" if policy.payer_may_be_only_approver else "",
    }
    return await _page(request, client, "approvals", held=held, policy=policy, **values)


async def _runway_page(request: Request, client: Client, **values: Any) -> Response:
    settings = (await runway_settings.get_runway_settings(client)).data
    fetched = await client.services.outlook.get(freshness=_AT_ONCE)
    report = fetched.value.report
    accounts = cash_accounts(report.cash, settings, home_currency=client.home_currency)
    held = runway_values(settings) | {f"{_ACCOUNT}{one.id}": one.choice for one in accounts}
    return await _page(
        request, client, "runway", held=held, policy=settings, report=report, accounts=accounts, **values
    )


async def _mail_page(request: Request, client: Client, **values: Any) -> Response:
    policy = (await reminder_policy.get_reminder_policy(client)).data
    held = mail_values(policy)
    rows = rows_of(values.get("values") or held)
    digest = (await get_digest_settings(client)).data
    weekday = dict(weekday_choices())[str(digest.weekday)]
    more = {"rows": rows, "digest": digest, "weekday": weekday, **values}
    return await _page(request, client, "mail", held=held, policy=policy, **more)


async def _page(
    request: Request, client: Client, section: str, *, held: dict[str, str], policy: Any, **values: Any
) -> Response:
    """`values` are what was typed and refused, or what holds now."""
    set_by = None
    if policy.version:
        set_by = who_is(policy.actor or "", await names_in(client))
    shown = {"values": held, **values}
    status = HTTPStatus.UNPROCESSABLE_ENTITY if values.get("errors") else HTTPStatus.OK
    return render_settings(
        request,
        client,
        f"settings/{section}.html",
        section=section,
        status=status,
        policy=policy,
        set_by=set_by,
        **shown,
    )
