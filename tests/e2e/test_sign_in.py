"""Passwords, sessions, cookies, forms: who gets in by the front door, and who does not."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from pwdlib import PasswordHash

from domains.core.permissions import Role
from domains.core.secrets import hash_of
from runway.routes.request_proofs import csrf_token
from tests.e2e.town import OPERATOR, PASSWORD, Forms, Town, open_town
from tests.rig import Database

WRONG = "seven grey geese went away"


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_the_right_password_opens_the_account_and_is_noted(town: Town) -> None:
    user, browser = await town.person(await town.business()), town.browser()
    answer = await browser.sign_in(user)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    page = await browser.get("/account")
    assert page.status_code == 200
    assert "Ada Park" in page.text
    assert "Firefox on Linux" in page.text
    assert (await town.events(user.id))[-1] == "session.signed_in"


async def test_the_cookie_is_out_of_reach_of_scripts_other_sites_and_other_hosts(town: Town) -> None:
    user = await town.person()
    given = (await town.browser().sign_in(user)).headers["set-cookie"]
    name, _, rest = given.partition("=")
    flags = {part.strip().lower() for part in rest.split(";")[1:]}
    assert name == "__Host-sid"
    assert flags == {"path=/", "secure", "httponly", "samesite=lax"}


async def test_on_this_machine_without_tls_the_cookie_has_no_prefix(
    database: Database, redis_url: str, tmp_path: Path
) -> None:
    async with open_town(database, redis_url, home=tmp_path, site="http://127.0.0.1:8000") as town:
        user, browser = await town.person(), town.browser()
        given = (await browser.sign_in(user)).headers["set-cookie"]
        assert given.startswith("sid=")
        assert "secure" not in given.lower()
        assert "httponly" in given.lower()
        assert await browser.is_signed_in()


async def test_over_tls_a_cookie_that_another_host_could_set_opens_nothing(town: Town) -> None:
    user, browser = await town.person(), town.browser()
    await browser.sign_in(user)
    session = browser.session
    assert session is not None
    assert (await town.browser().http.get("/account", headers={"Cookie": f"sid={session}"})).status_code == 303
    assert (await town.browser().http.get("/account", headers={"Cookie": f"__Host-sid={session}"})).status_code == 200


async def test_unknown_and_known_hear_the_same_words(town: Town) -> None:
    known, disabled, unset = await town.person(), await town.person(), await town.person(password=None)
    async with town.services.access_uow([]) as uow:
        await town.services.door.people.disable(uow.session, disabled.id, origin=OPERATOR, now=town.clock.now())
    pages = set()
    for email, password in (
        (known.email, WRONG),
        ("nobody@example.com", PASSWORD),
        (disabled.email, PASSWORD),
        (unset.email, PASSWORD),
        (unset.email, ""),
        (known.email, ""),
        (known.email, "x" * 129),
    ):
        browser = town.browser()
        answer = await browser.submit("/sign-in", email=email, password=password)
        assert browser.session is None
        pages.add((answer.status_code, re.sub(r'nonce="[^"]+"', "", answer.text.replace(email, "E"))))
    assert len(pages) == 1
    status, text = pages.pop()
    assert status == 401
    assert "do not go together" in text
    assert PASSWORD not in text


async def test_a_password_is_hashed_for_nobody_too(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[str] = []
    verify = PasswordHash.verify

    def counted(self: PasswordHash, password: str, hashed: str) -> bool:
        checked.append(hashed)
        return verify(self, password, hashed)

    monkeypatch.setattr(PasswordHash, "verify", counted)
    unset = await town.person(password=None)
    for email in ("nobody@example.com", unset.email):
        await town.browser().submit("/sign-in", email=email, password=PASSWORD)
    assert len(checked) == 2
    assert all(hashed.startswith("$argon2id$") for hashed in checked)


async def test_a_session_is_new_at_each_sign_in_and_the_one_before_ends(town: Town) -> None:
    user, browser = await town.person(), town.browser()
    browser.http.cookies.set("__Host-sid", "oo_s_planted-by-somebody", domain="oodaloo.test")
    await browser.sign_in(user)
    first = browser.session
    assert first not in {None, "oo_s_planted-by-somebody"}
    answer = await browser.send("/sign-in", {"email": user.email, "password": PASSWORD})
    assert answer.status_code == 303
    assert browser.session not in {None, first}
    assert (await town.browser().http.get("/account", headers={"Cookie": f"__Host-sid={first}"})).status_code == 303
    async with town.services.access_uow([]) as uow:
        held = await town.services.door.sessions.list_living(uow.session, user.id, now=town.clock.now())
    assert [row.token_hash for row in held] == [hash_of(browser.session or "")]


@pytest.mark.parametrize(
    ("pauses", "is_open"),
    [([29], True), ([31], False), ([29] * 24, True), ([29] * 24 + [25], False), ([29, 31], False)],
    ids=["used", "idle", "used all day", "too old", "idle later"],
)
async def test_a_session_ends_when_idle_and_when_old(town: Town, pauses: list[int], is_open: bool) -> None:  # noqa: FBT001
    user, browser = await town.person(), town.browser()
    await browser.sign_in(user)
    for minutes in pauses[:-1]:
        town.clock.ahead += timedelta(minutes=minutes)
        assert await browser.is_signed_in()
    town.clock.ahead += timedelta(minutes=pauses[-1])
    assert await browser.is_signed_in() is is_open


@pytest.mark.parametrize("path", ["/account", "/c/{id}/settings", "/api/v1/approval-policy", "/api/v1/me"])
async def test_whoever_works_anywhere_is_not_idle(town: Town, path: str) -> None:
    business = await town.business()
    user, browser = await town.person(business, role=Role.OWNER), town.browser()
    await browser.sign_in(user)
    for _ in range(3):
        town.clock.ahead += timedelta(minutes=20)
        assert (await browser.http.get(path.format(id=business.id))).status_code == 200
    town.clock.ahead += timedelta(minutes=31)
    assert not await browser.is_signed_in()


async def test_signing_out_ends_the_session_itself(town: Town) -> None:
    user, browser = await town.person(), town.browser()
    await browser.sign_in(user)
    session = browser.session
    answer = await browser.submit("/account", to="/sign-out")
    assert answer.headers["location"] == "/sign-in?notice=out"
    assert browser.session is None
    assert (await town.browser().http.get("/account", headers={"Cookie": f"__Host-sid={session}"})).status_code == 303
    assert (await town.events(user.id))[-1] == "session.signed_out"


async def test_one_session_is_ended_and_then_all(town: Town) -> None:
    user, other = await town.person(), await town.person()
    here, there, stranger = town.browser(), town.browser(agent="Safari on iPhone"), town.browser()
    await here.sign_in(user)
    await there.sign_in(user)
    await stranger.sign_in(other)
    page = await here.get("/account")
    end = next(form.action for form in Forms.read(page).found if form.action.endswith("/end"))
    assert (await stranger.send(end, {"csrf": await stranger.csrf()})).status_code == 303
    assert await there.is_signed_in()  # it was not the stranger's to end
    assert (await here.submit("/account", to=end)).status_code == 303
    assert not await there.is_signed_in()
    assert await here.is_signed_in()
    await there.sign_in(user)
    await here.submit("/account", to="/account/sign-out-everywhere")
    assert not await here.is_signed_in()
    assert not await there.is_signed_in()
    assert await stranger.is_signed_in()
    assert (await town.events(user.id))[-1] == "session.signed_out_everywhere"


async def test_forms_of_other_sites_are_refused(town: Town) -> None:
    user, other = await town.person(), await town.person()
    mine, theirs = town.browser(), town.browser()
    await mine.sign_in(user)
    await theirs.sign_in(other)
    csrf = await mine.csrf()
    for fields, headers in [
        ({}, {}),
        ({"csrf": ""}, {}),
        ({"csrf": await theirs.csrf()}, {}),
        ({"csrf": csrf}, {"Origin": "https://evil.test"}),
        ({"csrf": csrf}, {"Origin": "null"}),
        ({"csrf": csrf}, {"Sec_Fetch_Site": "cross-site"}),
        ({"csrf": csrf}, {"Sec_Fetch_Site": "same-site"}),
    ]:
        answer = await mine.send("/account/sign-out-everywhere", fields, **headers)
        assert answer.status_code == 403, (fields, headers)
        assert answer.headers["content-type"].startswith("text/html")
    assert await mine.is_signed_in()
    assert (await mine.send("/account/sign-out-everywhere", {"csrf": csrf})).status_code == 303


async def test_a_forms_token_is_other_bytes_on_each_page_and_each_is_taken(town: Town) -> None:
    user, browser = await town.person(), town.browser()
    await browser.sign_in(user)
    first, second = await browser.csrf(), await browser.csrf()
    assert first != second
    damaged = first[:-1] + ("0" if first[-1] != "0" else "1")
    assert (await browser.send("/account/theme", {"csrf": damaged, "theme": "dark"})).status_code == 403
    for csrf in (first, second):
        assert (await browser.send("/account/theme", {"csrf": csrf, "theme": "dark"})).status_code == 303


@pytest.mark.parametrize("path", ["/sign-in", "/forgot-password"])
async def test_no_other_site_signs_a_browser_in_or_asks_for_letters(town: Town, path: str) -> None:
    user, browser = await town.person(), town.browser()
    fields = {"email": user.email, "password": PASSWORD}
    for headers in ({"Origin": "https://evil.test"}, {"Sec_Fetch_Site": "cross-site"}):
        assert (await browser.send(path, fields, **headers)).status_code == 403
    assert browser.session is None
    assert user.email not in await town.letters()


@pytest.mark.parametrize(
    ("wanted", "reached"),
    [
        ("/account/password", "/account/password"),
        ("/account?notice=joined", "/account?notice=joined"),
        ("https://evil.test/", "/"),
        ("//evil.test/", "/"),
        ("/\\evil.test/", "/"),
        ("/a\\evil.test", "/"),
        ("/\t/evil.test", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
    ],
)
async def test_after_the_sign_in_one_goes_on_but_never_elsewhere(town: Town, wanted: str, reached: str) -> None:
    user, browser = await town.person(), town.browser()
    fields = {"email": user.email, "password": PASSWORD, "next": wanted}
    assert (await browser.send("/sign-in", fields)).headers["location"] == reached


async def test_a_page_that_needs_a_person_leads_to_the_sign_in_and_back(town: Town) -> None:
    user, browser = await town.person(), town.browser()
    asked = await browser.get("/account/password")
    assert asked.headers["location"] == "/sign-in?next=%2Faccount%2Fpassword"
    answer = await browser.submit(asked.headers["location"], email=user.email, password=PASSWORD)
    assert answer.headers["location"] == "/account/password"


async def test_guesses_are_slowed_and_the_owner_still_gets_in(town: Town) -> None:
    user, owner = await town.person(), town.browser(address="192.0.2.1")
    await owner.sign_in(user)
    await owner.submit("/account", to="/sign-out")
    stranger = town.browser(address="203.0.113.9")
    statuses = []
    for _ in range(12):
        answer = await stranger.send("/sign-in", {"email": user.email, "password": WRONG})
        statuses.append(answer.status_code)
    assert statuses[:3] == [401, 401, 401]
    assert statuses[-1] == 429
    assert int(answer.headers["retry-after"]) >= 1
    right = await stranger.send("/sign-in", {"email": user.email, "password": PASSWORD})
    assert right.status_code == 429  # a right guess is worth nothing when it comes too often
    nobody = [
        (await stranger.send("/sign-in", {"email": "nobody@example.com", "password": WRONG})).text for _ in range(3)
    ]
    assert "too many attempts" in nobody[-1]
    assert (await owner.sign_in(user)).headers["location"] == "/"


async def test_a_changed_password_ends_every_session_but_gives_this_browser_a_new_one(town: Town) -> None:
    user, here, there = await town.person(), town.browser(), town.browser()
    await here.sign_in(user)
    await there.sign_in(user)
    old = here.session
    refused = await here.submit("/account/password", password="password12345")
    assert refused.status_code == 400
    assert "lists that attackers try first" in refused.text
    assert 'aria-invalid="true"' in refused.text
    changed = await here.submit("/account/password", password="nine black swans swam by")
    assert changed.headers["location"] == "/account?notice=password"
    assert here.session not in {None, old}
    assert await here.is_signed_in()
    assert not await there.is_signed_in()
    assert (await there.sign_in(user)).status_code == 401
    assert (await there.sign_in(user, "nine black swans swam by")).status_code == 303
    assert "password.changed" in await town.events(user.id)
    assert "password of your account was changed" in (await town.letters())[user.email][-1]


async def test_what_is_sensitive_asks_again_after_five_minutes(town: Town) -> None:
    user, browser = await town.person(), town.browser()
    await browser.sign_in(user)
    town.clock.ahead += timedelta(minutes=6)
    asked = await browser.get("/account/password")
    assert asked.headers["location"] == "/sign-in/again?next=%2Faccount%2Fpassword"
    csrf, old = await browser.csrf(), browser.session
    fields = {"csrf": csrf, "password": "nine black swans swam by"}
    assert (await browser.send("/account/password", fields)).headers["location"].startswith("/sign-in/again")
    wrong = await browser.submit(asked.headers["location"], password=WRONG)
    assert wrong.status_code == 401
    again = await browser.submit(asked.headers["location"], password=PASSWORD)
    assert again.headers["location"] == "/account/password"
    assert browser.session not in {None, old}
    assert (await browser.get("/account/password")).status_code == 200
    assert "session.proved_again" in await town.events(user.id)


@pytest.mark.parametrize("page", ["/sign-in", "/forgot-password", "/account", "/invitations/x", "/reset-password/x"])
async def test_no_page_is_kept_or_told_of_and_its_scripts_are_ours(town: Town, page: str) -> None:
    user, browser = await town.person(), town.browser()
    if page == "/account":
        await browser.sign_in(user)
    answer = await browser.get(page)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert "script-src 'nonce-" in answer.headers["content-security-policy"]
    scripts = re.findall(r"<script\b([^>]*)>(.*?)</script>", answer.text)
    assert scripts
    assert all('src="/static/' in attributes and not content for attributes, content in scripts)
    assert " style=" not in answer.text
    assert not re.search(r"<[^>]*\son\w+=", answer.text)


async def test_what_people_type_is_shown_as_text(town: Town) -> None:
    typed = '"><script>alert(1)</script>@x'
    answer = await town.browser().submit("/sign-in", email=typed, password=WRONG)
    assert "<script>" not in answer.text
    assert "&lt;script&gt;" in answer.text


async def test_me_tells_a_person_what_they_may_do(town: Town) -> None:
    business = await town.business()
    user, browser = await town.person(business, role=Role.OWNER), town.browser()
    assert (await browser.get("/api/v1/me")).status_code == 401
    await browser.sign_in(user)
    me = (await browser.get("/api/v1/me")).json()["data"]
    assert (me["kind"], me["email"]) == ("person", user.email)
    assert [held["id"] for held in me["businesses"]] == [str(business.id)]
    assert "payments.execute" in me["businesses"][0]["withheld"]
    assert "payments.execute" not in me["businesses"][0]["permissions"]
    assert me["csrf_token"] == csrf_token(browser.session or "")
