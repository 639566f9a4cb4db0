"""Every route that changes something, asked by a browser that another site sent: the cookie alone lets none in."""

import re
from urllib.parse import urlencode

import pytest
import pytest_asyncio
from fastapi.routing import APIRoute

from domains.core.permissions import Role
from runway.routes import ROUTERS
from runway.routes.request_proofs import CSRF_HEADER, csrf_token
from runway.web import ROUTERS as WEB
from tests.e2e.people import Browser, everyone
from tests.e2e.rest import Web, assert_problem

pytestmark = pytest.mark.asyncio(loop_scope="module")

SOME_ID = "0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c11"
ROUTES = [route for router in (*ROUTERS, *WEB) for route in router.routes if isinstance(route, APIRoute)]
UNSAFE = sorted((method, route.path) for route in ROUTES for method in (route.methods or set()) - {"GET", "HEAD"})
SIGNED_BODY = {"/api/v1/webhooks/qbo"}  # no browser sends it
# Forms for those who are not signed in: there is no session yet that a token could be of.
FOR_ANYBODY = {"/sign-in", "/forgot-password", "/reset-password/{token}", "/invitations/{token}"}
HALF_SIGNED_IN = {"/sign-in/second-factor"}  # the session between the two steps; tests/e2e/test_sign_in.py
EVIL = ({"Origin": "https://evil.test"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"})  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def people(web: Web) -> dict[Role, Browser]:
    return await everyone(web)


async def refused(browser: Browser, method: str, path: str, *, csrf: str | None, headers: dict[str, str]) -> None:
    """403, whether the route is for programs or a page."""
    filled = re.sub(r"{\w+}", SOME_ID, path)
    sent = {"Cookie": f"__Host-sid={browser.session}", "X-Business-ID": str(browser.business_id), **headers}
    if path.startswith("/api/"):
        more = {} if csrf is None else {CSRF_HEADER: csrf}
        answer = await browser.web.http.request(method, filled, headers={**sent, **more}, json={})
        assert_problem(answer, 403, "forbidden")
        return
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    content = urlencode({} if csrf is None else {"csrf": csrf})
    answer = await browser.web.http.request(method, filled, headers={**sent, **form}, content=content)
    assert answer.status_code == 403, answer.text


@pytest.mark.parametrize(
    ("method", "path"), [one for one in UNSAFE if one[1] not in SIGNED_BODY | FOR_ANYBODY | HALF_SIGNED_IN]
)
async def test_a_session_alone_changes_nothing(people: dict[Role, Browser], method: str, path: str) -> None:
    admin, other = people[Role.FIRM_ADMIN], people[Role.OWNER]
    for csrf in (None, "", "0" * 64, csrf_token(other.session), admin.session):
        await refused(admin, method, path, csrf=csrf, headers={})
    for headers in EVIL:
        await refused(admin, method, path, csrf=csrf_token(admin.session), headers=headers)


@pytest.mark.parametrize(("method", "path"), [one for one in UNSAFE if one[1] in FOR_ANYBODY])
async def test_another_sites_form_is_not_taken_for_ours(people: dict[Role, Browser], method: str, path: str) -> None:
    for headers in EVIL:
        await refused(people[Role.FIRM_ADMIN], method, path, csrf=None, headers=headers)


async def test_what_is_left_out_here_is_there(people: dict[Role, Browser]) -> None:
    assert people
    assert {path for _, path in UNSAFE} > SIGNED_BODY | FOR_ANYBODY | HALF_SIGNED_IN
