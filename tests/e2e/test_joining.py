"""Invitations and forgotten passwords: links that work once, for a while, for one person, and tell nobody else anything."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from domains.core.people import Membership
from domains.core.permissions import Role
from infra.ids import new_id
from tests.e2e.rest import assert_problem
from tests.e2e.town import OPERATOR, PASSWORD, Town

pytestmark = pytest.mark.asyncio(loop_scope="module")

OTHER = "nine black swans swam by"


async def test_an_invited_stranger_makes_an_account_and_is_in(town: Town) -> None:
    business, email = await town.business(), f"{new_id()}@example.com"
    link = await town.invite(business, email.upper(), Role.APPROVER)
    browser = town.browser()
    assert business.name in (await browser.get(link)).text
    weak = await browser.submit(link, name="Bo", password="short")
    assert (weak.status_code, "at least 12" in weak.text) == (400, True)
    nameless = await browser.submit(link, name="  ", password=PASSWORD)
    assert (nameless.status_code, "needs a name" in nameless.text) == (400, True)
    done = await browser.submit(link, name="Bo Lund", password=PASSWORD)
    assert done.headers["location"].startswith("/account/second-factor")
    assert "an approver" in (await browser.get("/account")).text
    assert (await town.browser().get(link)).status_code == 404  # once
    async with town.services.access_uow([]) as uow:
        user = await town.services.door.people.find(uow.session, email)
    assert user is not None
    assert {"user.created", "member.joined", "session.signed_in"} <= set(await town.events(user.id))


async def test_who_has_an_account_signs_in_to_accept(town: Town) -> None:
    business, user = await town.business(), await town.person()
    link = await town.invite(business, user.email)
    browser = town.browser()
    page = await browser.get(link)
    assert "Sign in to accept" in page.text
    assert 'name="password"' not in page.text
    taken = await browser.send(link, {"name": "Mallory", "password": OTHER})
    assert taken.headers["location"].startswith("/sign-in?next=%2Finvitations%2F")
    entered = await browser.submit(taken.headers["location"], email=user.email, password=PASSWORD)
    assert entered.headers["location"] == link
    assert (await browser.send(link, {})).status_code == 403  # no token of this session
    accepted = await browser.submit(link)
    assert accepted.headers["location"] == "/account?notice=joined"
    assert business.name in (await browser.get("/account")).text


async def test_an_invitation_is_for_its_address_alone(town: Town) -> None:
    business, user, other = await town.business(), await town.person(), await town.person()
    link = await town.invite(business, user.email)
    browser = town.browser()
    await browser.sign_in(other)
    assert "is for" in (await browser.get(link)).text
    refused = await browser.send(link, {"csrf": await browser.csrf()})
    assert refused.status_code == 403
    assert business.name not in (await browser.get("/account")).text


async def test_an_invitation_ends_by_time_by_hand_and_by_the_next_one(town: Town) -> None:
    business, email, browser = await town.business(), f"{new_id()}@example.com", town.browser()
    first = await town.invite(business, email)
    second = await town.invite(business, email)
    assert (await browser.get(first)).status_code == 404
    assert (await browser.get(second)).status_code == 200
    invitations = town.services.door.invitations
    async with town.services.access_uow([]) as uow:
        now = town.clock.now()
        open_ones = await invitations.list_open(uow.session, business.id, now=now)
        assert [held.email for held in open_ones] == [email]
        await invitations.revoke(uow.session, business.id, invitation_id=open_ones[0].id, origin=OPERATOR, now=now)
    assert (await browser.get(second)).status_code == 404
    third = await town.invite(business, email)
    town.clock.ahead += timedelta(days=7, seconds=1)
    assert (await browser.get(third)).status_code == 404
    assert (await browser.send(third, {"name": "Bo", "password": PASSWORD})).status_code == 404


async def test_nobody_invites_to_more_than_they_are(town: Town) -> None:
    business = await town.business()
    owner, approver = await town.person(business, role=Role.OWNER), await town.person(business, role=Role.APPROVER)
    for user, asked in ((owner, {"owner": 201, "viewer": 201}), (approver, {"viewer": 403})):
        phone = await town.set_up_factor(user)
        browser = town.browser()
        await browser.sign_in(user, phone=phone)
        headers = {"X-CSRF-Token": await browser.csrf(), "Origin": town.site}
        for role, status in asked.items():
            body = {"email": f"{new_id()}@example.com", "role": role}
            answer = await browser.http.post("/api/v1/invitations", json=body, headers=headers)
            assert answer.status_code == status, answer.text


async def test_an_invitation_dies_with_its_senders_right_to_send_it(town: Town) -> None:
    business, email = await town.business(), f"{new_id()}@example.com"
    owner = await town.person(business, role=Role.OWNER)
    phone, browser = await town.set_up_factor(owner), town.browser()
    await browser.sign_in(owner, phone=phone)
    headers = {"X-CSRF-Token": await browser.csrf(), "Origin": town.site}
    body = {"email": email, "role": "bookkeeper"}
    sent = await browser.http.post("/api/v1/invitations", json=body, headers=headers)
    assert sent.status_code == 201, sent.text
    link = await town.link_for(email)
    assert (await town.browser().get(link)).status_code == 200
    async with town.services.access_uow([]) as uow:
        held = await uow.session.scalar(select(Membership).where(Membership.user_id == owner.id))
        assert held is not None
        held.role = Role.BOOKKEEPER.value
    assert (await town.browser().get(link)).status_code == 404


async def test_known_and_unknown_addresses_get_the_same_answer_to_a_reset(town: Town) -> None:
    user = await town.person()
    pages = set()
    for email in (user.email, "nobody-at-all@example.com"):
        answer = await town.browser().submit("/forgot-password", email=email)
        pages.add((answer.status_code, re.sub(r'nonce="[^"]+"', "", answer.text.replace(email, "E"))))
    assert len(pages) == 1
    assert pages.pop()[0] == 200
    letters = await town.letters()
    assert "/reset-password/" in letters[user.email][-1]
    assert "nobody-at-all@example.com" not in letters


async def test_a_reset_works_once_and_ends_every_session_but_no_second_factor(town: Town) -> None:
    user = await town.person()
    phone = await town.set_up_factor(user)
    before, browser = town.browser(), town.browser()
    await before.sign_in(user, phone=phone)
    await browser.submit("/forgot-password", email=user.email)
    link = await town.link_for(user.email)
    weak = await browser.submit(link, password=user.email)
    assert (weak.status_code, "your e-mail address" in weak.text) == (400, True)
    done = await browser.submit(link, password=OTHER)
    assert done.headers["location"] == "/sign-in?notice=password"
    assert not await before.is_signed_in()
    for answer in (await browser.get(link), await browser.send(link, {"password": PASSWORD})):
        assert answer.status_code == 404
        assert "does not work any more" in answer.text
    assert (await browser.sign_in(user, OTHER)).headers["location"].startswith("/sign-in/second-factor")
    assert {"password.reset_asked", "password.changed"} <= set(await town.events(user.id))


async def test_a_reset_ends_by_time_and_by_the_next_one(town: Town) -> None:
    user, browser = await town.person(), town.browser()
    links = []
    for _ in range(2):
        await browser.submit("/forgot-password", email=user.email)
        links.append(await town.link_for(user.email))
    assert [(await browser.get(link)).status_code for link in links] == [404, 200]
    town.clock.ahead += timedelta(minutes=31)
    assert (await browser.get(links[1])).status_code == 404


async def test_letters_to_one_address_are_few(town: Town) -> None:
    user = await town.person()
    statuses = [(await town.browser().submit("/forgot-password", email=user.email)).status_code for _ in range(8)]
    assert statuses[:5] == [200] * 5
    assert statuses[-1] == 429
    assert len((await town.letters())[user.email]) == statuses.count(200)


async def test_links_are_not_found_by_trying(town: Town) -> None:
    browser = town.browser()
    statuses = [(await browser.get(f"/reset-password/oo_reset_{n}")).status_code for n in range(12)]
    assert statuses[0] == 404
    assert statuses[-1] == 429


async def test_a_disabled_person_gets_no_letter_and_their_link_is_dead(town: Town) -> None:
    user, browser = await town.person(), town.browser()
    await browser.submit("/forgot-password", email=user.email)
    link = await town.link_for(user.email)
    await browser.sign_in(user)
    async with town.services.access_uow([]) as uow:
        await town.services.door.people.disable(uow.session, user.id, origin=OPERATOR, now=town.clock.now())
    assert (await browser.get(link)).status_code == 404
    assert_problem(await browser.get("/api/v1/me"), 401, "unauthenticated")
    count = len((await town.letters())[user.email])
    await town.browser().submit("/forgot-password", email=user.email)
    assert len((await town.letters())[user.email]) == count
