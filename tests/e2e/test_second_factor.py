"""The second factor over HTTP: asked for where it is set up, each code once, and what is closed without it."""

import re
from datetime import timedelta
from html import unescape

import pytest
from pydantic import SecretStr

from domains.core.people import User
from domains.core.permissions import MAY, WITH_SECOND_FACTOR, Role
from domains.core.second_factor import code_at
from infra.security.keyring import CannotOpen
from tests.e2e.rest import assert_problem
from tests.e2e.town import PASSWORD, Browser, Phone, Town

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def set_up_on_the_page(town: Town, browser: Browser) -> Phone:
    await browser.submit("/account/second-factor", to="/account/second-factor/begin")
    page = await browser.get("/account/second-factor")
    assert "<svg" in page.text
    secret = SecretStr(re.search(r'class="key">([A-Z2-7 ]+)<', page.text)[1].replace(" ", ""))  # type: ignore[index]  # it is there
    done = await browser.submit(
        "/account/second-factor", to="/account/second-factor/confirm", code=code_at(secret, town.clock.now())
    )
    assert done.status_code == 200, done.text
    codes = re.findall(r"<li><code>([a-z2-7-]+)</code>", unescape(done.text))
    assert len(set(codes)) == 10
    return Phone(town.clock, secret, codes)


@pytest.mark.parametrize("role", [Role.OWNER, Role.APPROVER])
async def test_who_may_pay_is_led_to_set_one_up(town: Town, role: Role) -> None:
    user, browser = await town.person(await town.business(), role=role), town.browser()
    answer = await browser.submit("/sign-in?next=/account/password", email=user.email, password=PASSWORD)
    assert answer.headers["location"] == "/account/second-factor?next=%2Faccount%2Fpassword"
    old = browser.session
    await set_up_on_the_page(town, browser)
    assert browser.session != old
    assert await browser.is_signed_in()
    assert "second_factor.set" in await town.events(user.id)
    page = await browser.get("/account/second-factor")
    assert "It is on" in page.text
    assert 'class="key"' not in page.text


@pytest.mark.parametrize("role", [Role.BOOKKEEPER, Role.VIEWER])
async def test_others_are_not(town: Town, role: Role) -> None:
    user = await town.person(await town.business(), role=role)
    assert (await town.browser().sign_in(user)).headers["location"] == "/"


async def test_without_one_an_owner_reads_but_neither_pays_nor_lets_others_in(town: Town) -> None:
    user, browser = await town.person(await town.business(), role=Role.OWNER), town.browser()
    await browser.sign_in(user)
    held = (await browser.get("/api/v1/me")).json()["data"]["businesses"][0]
    assert set(held["permissions"]) == MAY[Role.OWNER] - WITH_SECOND_FACTOR
    assert set(held["withheld"]) == WITH_SECOND_FACTOR
    refused = assert_problem(await browser.get("/api/v1/members"), 403, "forbidden")
    assert "second factor" in refused["detail"]
    assert (await browser.get("/api/v1/audit")).status_code == 200
    await set_up_on_the_page(town, browser)
    assert (await browser.get("/api/v1/members")).status_code == 200


async def test_a_members_change_takes_a_fresh_proof(town: Town) -> None:
    user, browser = await town.person(await town.business(), role=Role.OWNER), town.browser()
    phone = await town.set_up_factor(user)
    await browser.sign_in(user, phone=phone)
    headers = {"X-CSRF-Token": await browser.csrf(), "Origin": town.site}
    path, change = f"/api/v1/members/{user.id}", {"role": "owner"}
    assert (await browser.http.patch(path, json=change, headers=headers)).status_code == 200
    town.clock.ahead += timedelta(minutes=6)
    refused = await browser.http.patch(path, json=change, headers=headers)
    assert "/sign-in/again" in assert_problem(refused, 403, "forbidden")["detail"]
    assert (await browser.get("/api/v1/members")).status_code == 200
    fields = {"password": PASSWORD, "code": "000000"}
    assert (await browser.submit("/sign-in/again", **fields)).status_code == 401
    again = await browser.submit("/sign-in/again", password=PASSWORD, code=phone.code())
    assert again.status_code == 303
    headers["X-CSRF-Token"] = await browser.csrf()
    assert (await browser.http.patch(path, json=change, headers=headers)).status_code == 200


async def test_between_password_and_code_nothing_is_open(town: Town) -> None:
    user, browser = await town.person(await town.business()), town.browser()
    phone = await town.set_up_factor(user)
    answer = await browser.sign_in(user)
    assert answer.headers["location"] == "/sign-in/second-factor?next=%2F"
    pending = browser.session
    for path in ("/account", "/account/second-factor", "/account/password", "/sign-in/again"):
        assert (await browser.http.get(path, headers={"Cookie": f"__Host-sid={pending}"})).status_code == 303
    me = await browser.http.get("/api/v1/me", headers={"Cookie": f"__Host-sid={pending}"})
    assert_problem(me, 401, "unauthenticated")
    browser.http.cookies.clear()  # the pages above took the cookie
    await browser.sign_in(user, phone=phone)
    assert browser.session not in {None, pending}
    assert await browser.is_signed_in()


async def test_a_code_works_once_in_all_browsers(town: Town) -> None:
    user = await town.person()
    phone = await town.set_up_factor(user)
    code = phone.code()
    answers = []
    for _ in range(2):
        browser = town.browser()
        await browser.sign_in(user)
        answers.append(await browser.submit("/sign-in/second-factor", code=code))
    assert [answer.status_code for answer in answers] == [303, 401]
    assert "used before" in answers[1].text
    assert "session.second_factor_refused" in await town.events(user.id)


@pytest.mark.parametrize(("seconds", "is_right"), [(-30, True), (30, True), (-90, False), (90, False)])
async def test_a_clock_may_be_half_a_minute_off(town: Town, seconds: int, is_right: bool) -> None:  # noqa: FBT001
    user, browser = await town.person(), town.browser()
    phone = await town.set_up_factor(user)
    town.clock.ahead += timedelta(minutes=3)
    await browser.sign_in(user)
    code = code_at(phone.secret, town.clock.now() + timedelta(seconds=seconds))
    answer = await browser.submit("/sign-in/second-factor", code=f"{code[:3]} {code[3:]}")
    assert answer.status_code == (303 if is_right else 401)


async def test_a_recovery_code_works_once(town: Town) -> None:
    user = await town.person()
    phone = await town.set_up_factor(user)
    code = phone.recovery_codes[3]
    first, second = town.browser(), town.browser()
    await first.sign_in(user)
    assert (await first.submit("/sign-in/second-factor", code=code.upper().replace("-", " "))).status_code == 303
    assert "9 recovery codes left" in (await first.get("/account")).text
    await second.sign_in(user)
    assert (await second.submit("/sign-in/second-factor", code=code)).status_code == 401
    assert "second_factor.recovery_code_used" in await town.events(user.id)
    renewed = await first.submit("/account/second-factor", to="/account/second-factor/recovery-codes")
    assert renewed.text.count("<li><code>") == 10
    assert (await second.submit("/sign-in/second-factor", code=phone.recovery_codes[4])).status_code == 401


async def test_another_persons_codes_open_nothing(town: Town) -> None:
    mine, theirs = await town.person(), await town.person()
    await town.set_up_factor(mine)
    phone = await town.set_up_factor(theirs)
    browser = town.browser()
    await browser.sign_in(mine)
    for code in (phone.code(), phone.recovery_codes[0], ""):
        assert (await browser.submit("/sign-in/second-factor", code=code)).status_code == 401


async def test_codes_cannot_be_tried_out(town: Town) -> None:
    user, browser = await town.person(), town.browser()
    phone = await town.set_up_factor(user)
    await browser.sign_in(user)
    statuses = [(await browser.submit("/sign-in/second-factor", code=f"{n:06}")).status_code for n in range(10)]
    assert statuses[0] == 401
    assert statuses[-1] == 429
    assert (await browser.submit("/sign-in/second-factor", code=phone.code())).status_code == 429
    owner = town.browser()
    assert (await owner.sign_in(user, phone=phone)).status_code in {303, 429}


async def test_removing_it_takes_a_code_and_ends_the_other_sessions(town: Town) -> None:
    user = await town.person(await town.business(), role=Role.OWNER)
    phone = await town.set_up_factor(user)
    here, there = town.browser(), town.browser()
    await there.sign_in(user, phone=phone)
    await here.sign_in(user, phone=phone)
    remove = "/account/second-factor/remove"
    assert (await here.submit("/account/second-factor", to=remove, code="000000")).status_code == 401
    assert await there.is_signed_in()
    done = await here.submit("/account/second-factor", to=remove, code=phone.code())
    assert done.headers["location"] == "/account?notice=factor-removed"
    assert await here.is_signed_in()
    assert not await there.is_signed_in()
    assert (await there.sign_in(user)).headers["location"].startswith("/account/second-factor")
    assert "second_factor.removed" in await town.events(user.id)


async def test_a_wrong_first_code_turns_nothing_on(town: Town) -> None:
    user, browser = await town.person(), town.browser()
    await browser.sign_in(user)
    await browser.submit("/account/second-factor", to="/account/second-factor/begin")
    confirm = "/account/second-factor/confirm"
    assert (await browser.submit("/account/second-factor", to=confirm, code="000000")).status_code == 401
    assert (await town.browser().sign_in(user)).headers["location"] == "/"


async def test_the_secret_is_sealed_and_bound_to_its_person(town: Town) -> None:
    mine, theirs = await town.person(), await town.person()
    phone = await town.set_up_factor(mine)
    async with town.services.access_uow([]) as uow:
        held, other = await uow.session.get_one(User, mine.id), await uow.session.get_one(User, theirs.id)
        assert held.totp_secret_sealed
        assert phone.secret.get_secret_value() not in held.totp_secret_sealed
        other.totp_secret_sealed = held.totp_secret_sealed
        with pytest.raises(CannotOpen):
            town.services.door.factors.pending_secret(other)
