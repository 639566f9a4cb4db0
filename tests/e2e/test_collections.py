"""Reminding customers: the application, the simulator as QuickBooks, a worker between, and the letters as files."""

from collections.abc import AsyncIterator
from datetime import date, timedelta
from email.message import EmailMessage
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError

from domains.ar.reminder_models import ReminderLevelRow
from domains.core.permissions import Role
from infra.crash_points import hooked
from infra.jobs.execution import execute
from infra.jobs.outbox import OutboxRow
from infra.sync.freshness import AS_IT_STANDS
from runway.jobs import JOBS, REMIND_JOB, begin_reminding, remind
from tests.e2e.chasing import ALWAYS, Desk, Killed, dies_at
from tests.e2e.paying import new_key
from tests.e2e.people import member
from tests.e2e.rest import assert_problem, open_shop
from tests.rig import Database
from tests.unit.infra.qbo.simulator.small_company import make_file

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(
    database: Database, module_redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Desk]:
    home = tmp_path_factory.mktemp("collections")
    async with open_shop(database, module_redis_url, home=home, files=[make_file()]) as shop:
        await shop.read_books()
        business_id = UUID(shop.visitor.business_id)
        owner = await member(shop.web, business_id, Role.OWNER)
        bookkeeper = await member(shop.web, business_id, Role.BOOKKEEPER)
        yield Desk(shop, owner, bookkeeper, database, home)


async def asked_jobs(desk: Desk) -> list[int]:
    """Of reminders, that wait for this business."""
    async with desk.shop.web.services.jobs_uow([]) as uow:
        waits = (OutboxRow.job == REMIND_JOB, OutboxRow.finished_at.is_(None))
        rows = await uow.session.scalars(select(OutboxRow.id).where(OutboxRow.business_id == desk.business_id, *waits))
        return list(rows)


async def free_step(desk: Desk, invoice_id: UUID) -> None:
    """What would let a second mail have it."""
    async with desk.shop.web.services.uow([desk.business_id]) as uow:
        taken = update(ReminderLevelRow).where(ReminderLevelRow.invoice_id == invoice_id)
        await uow.session.execute(taken.values(is_mailed=False))


async def part_of_the_plan(desk: Desk, customer: str) -> None:
    """A customer's is the same, whether or not the others are read."""
    services = desk.shop.web.services
    async with services.uow([desk.business_id]) as uow:
        business = await services.businesses.get_business(uow.session, desk.business_id)
    reminding = services.of(business).reminding
    whole = (await reminding.look(freshness=AS_IT_STANDS)).value
    part = (await reminding.look(customers={customer, "nobody"}, freshness=AS_IT_STANDS)).value
    assert len(whole.customers) > 1
    assert part.customers == [one for one in whole.customers if one.debtor.external_id == customer]


def text_of(letter: EmailMessage) -> str:
    content: str = letter.get_content()
    return content


async def test_nobody_is_reminded_until_somebody_switches_it_on(desk: Desk) -> None:
    customer = desk.customer("Early")
    desk.owes(customer, over=30)
    policy_now = (await desk.bookkeeper.get("/collections/policy"))["data"]
    assert (policy_now["is_on"], policy_now["version"], policy_now["actor"]) == (False, 0, None)
    assert (await desk.chased(customer))["why"] is None
    shown = await desk.run(dry_run=True)
    assert shown["closed"] == "off"
    assert customer in {one["external_id"] for one in shown["recipients"]}
    assert {one["action"] for one in shown["recipients"]} == {None}
    refused = await desk.bookkeeper.ask("POST", "/collections/run", json={}, headers={"Idempotency-Key": new_key()})
    assert assert_problem(refused, 409, "conflict")["code"] == "off"
    forbidden = await desk.bookkeeper.ask("PUT", "/collections/policy", json={**ALWAYS})
    assert_problem(forbidden, 403, "forbidden")
    assert await desk.letters(f"{customer}@customer.example") == []


async def test_two_invoices_are_one_mail_and_what_was_paid_just_before_is_not_in_it(desk: Desk) -> None:
    await desk.set_policy()
    two, paid = desk.customer("Two"), desk.customer("Paid")
    first, second, third = (desk.owes(two, over=over, amount=f"{over}.00") for over in (40, 12, 5))
    desk.owes(two, over=-20)
    gone = desk.owes(paid, over=9)
    chased = await desk.chased(two)
    await part_of_the_plan(desk, two)
    assert (chased["overdue"]["value"], chased["overdue"]["n"], chased["days_overdue"]) == ("57.00", 3, 40)
    await desk.pays(third)  # after we read it
    await desk.pays(gone)
    key = new_key()
    ran = await desk.run(key=key)
    (mine,) = [one for one in ran["recipients"] if one["external_id"] == two]
    assert [each["external_id"] for each in mine["invoices"]] == [first.id, second.id, third.id]
    await desk.settle()
    (letter,) = await desk.letters(f"{two}@customer.example")
    (sender,) = letter["From"].addresses
    assert sender.display_name == "Small Works, accounts"
    assert letter["Reply-To"] == "accounts@smallworks.example"
    assert "2 invoices, 52.00 USD" in letter["Subject"]
    assert [record.body["DocNumber"] in text_of(letter) for record in (first, second, third)] == [True, True, False]
    assert await desk.letters(f"{paid}@customer.example") == []
    again = await desk.run(key=key)
    outcomes = {one["external_id"]: one["action"] for one in again["recipients"]}
    assert (outcomes[two]["outcome"], outcomes[two]["words"][:27]) == ("recorded", "The reminder is in the mail")
    assert (outcomes[paid]["outcome"], outcomes[paid]["reason"]["code"]) == ("not_recorded", "paid")
    assert len(await desk.letters(f"{two}@customer.example")) == 1


async def test_a_step_is_taken_once_and_the_next_waits_for_the_quiet_days(desk: Desk) -> None:
    await desk.set_policy(quiet_days=3)
    customer = desk.customer("Steps")
    owed = desk.owes(customer, over=300)
    await desk.chased(customer)
    await desk.run()
    under_way = await desk.chased(customer)
    assert (under_way["why"], under_way["level"]) == ("under_way", 2)
    await desk.settle()
    chased = await desk.chased(customer)
    assert (chased["level"], chased["invoices"][0]["next_level"], chased["why"]) == (2, 3, "too_soon")
    assert chased["next_on"] == (date.fromisoformat(chased["last_contact_on"]) + timedelta(days=3)).isoformat()
    ran = await desk.run()
    assert customer not in {one["external_id"] for one in ran["recipients"]}
    assert {one["external_id"]: one["why"] for one in ran["not_reminded"]}[customer] == "too_soon"
    steps = (await desk.owner.get(f"/customers/{chased['customer_id']}/reminders"))["data"]["steps"]
    assert [(step["level"], step["is_mailed"]) for step in steps] == [(2, True)]
    assert steps[0]["invoice_id"] == chased["invoices"][0]["id"]
    await desk.run()  # writes down what became of it
    with pytest.raises(DBAPIError, match="only grows"):
        await free_step(desk, UUID(steps[0]["invoice_id"]))
    assert len(await desk.letters(f"{owed.body['BillEmail']['Address']}")) == 1


async def test_a_run_that_dies_anywhere_asks_for_each_mail_once(desk: Desk) -> None:
    await desk.set_policy()
    customer = desk.customer("Dying")
    desk.owes(customer, over=20)
    await desk.chased(customer)
    services = desk.shop.web.services
    for number in range(1, 20):
        with hooked(dies_at("unit.before_commit", number)):
            try:
                await remind(services, str(desk.business_id))
            except Killed:
                continue
            break
    else:
        pytest.fail("it never came to an end")
    assert number > 2
    assert len(await desk.under_way()) == 1
    await desk.settle()
    assert len(await desk.letters(f"{customer}@customer.example")) == 1


@pytest.mark.parametrize(
    ("point", "pays", "letters"),
    [("send.after_call", False, 1), ("send.before_call", False, 1), ("send.before_call", True, 0)],
)
async def test_a_worker_that_dies_has_its_letter_written_once_and_to_nobody_who_has_paid_since(
    desk: Desk, point: str, *, pays: bool, letters: int
) -> None:
    await desk.set_policy()
    customer = desk.customer("Dying")
    owed = desk.owes(customer, over=20)
    await desk.chased(customer)
    services = desk.shop.web.services
    await desk.run()
    (intent,) = await desk.under_way()
    with hooked(dies_at(point)), pytest.raises(Killed):
        await services.actions.work(desk.business_id, intent)
    if pays:
        await desk.pays(owed)
    await desk.run()
    assert await desk.under_way() == [intent]
    for _ in range(4):
        desk.let_time_pass(intent)
        await services.actions.work(desk.business_id, intent)
    assert await desk.under_way() == []
    assert len(await desk.letters(f"{customer}@customer.example")) == letters


async def test_paused_excluded_disputed_and_promised_are_left_out(desk: Desk) -> None:
    await desk.set_policy()
    names = ("paused", "excluded", "disputed", "promised")
    customers = {name: desk.customer(name.title()) for name in names}
    for customer in customers.values():
        desk.owes(customer, over=15)
    ids = {name: await desk.chased(customer) for name, customer in customers.items()}
    invoices = {name: one["invoices"][0]["id"] for name, one in ids.items()}
    soon = (desk.today + timedelta(days=4)).isoformat()
    asked = [
        ("PUT", f"/customers/{ids['paused']['customer_id']}/reminders", {"paused_until": soon}),
        ("PUT", f"/customers/{ids['excluded']['customer_id']}/reminders", {"is_excluded": True}),
        ("POST", f"/invoices/{invoices['disputed']}/dispute", {"reason": "two boxes were missing"}),
        ("POST", f"/invoices/{invoices['promised']}/promise", {"promised_on": soon}),
    ]
    for method, path, body in asked:
        answer = await desk.bookkeeper.ask(method, path, json=body)
        assert answer.status_code == 200, answer.text
    ran = await desk.run()
    why = {one["external_id"]: one["why"] for one in ran["not_reminded"]}
    assert {name: why[customers[name]] for name in names} == {name: name for name in names}
    standing = (await desk.owner.get(f"/customers/{ids['promised']['customer_id']}/reminders"))["data"]
    assert [(one["promised_on"], one["state"]) for one in standing["promises"]] == [(soon, "open")]
    assert (await desk.chased(customers["promised"]))["promise"] == {"on": soon, "amount": "100.00", "is_broken": False}
    table = await desk.owner.ask("GET", "/collections", params={"format": "csv"})
    assert table.headers["content-type"].startswith("text/csv")
    lines = table.text.splitlines()
    assert lines[0].startswith('"customer","customer_id","overdue"')
    assert any(f'"{customers["disputed"]}","100.00","USD"' in line for line in lines)


async def test_a_promise_is_kept_by_a_payment_of_its_day_and_broken_by_a_later_one(desk: Desk) -> None:
    customer = desk.customer("Promising")
    owed = [desk.owes(customer, over=15) for _ in range(2)]
    chased = await desk.chased(customer)
    for each in chased["invoices"]:
        body = {"promised_on": desk.today.isoformat()}
        answer = await desk.bookkeeper.ask("POST", f"/invoices/{each['id']}/promise", json=body)
        assert answer.status_code == 200, answer.text
    await desk.pays(owed[0], on=desk.today)
    await desk.pays(owed[1], on=desk.today + timedelta(days=1))
    path = f"/customers/{chased['customer_id']}/reminders"
    standing = (await desk.owner.get(path, max_age="live"))["data"]
    ends = {one["invoice"]: (one["state"], one["paid_on"]) for one in standing["promises"]}
    days = [(desk.today + timedelta(days=day)).isoformat() for day in (0, 1)]
    assert [ends[one.body["DocNumber"]] for one in owed] == [("kept", days[0]), ("broken", days[1])]
    assert (standing["promises_kept"], standing["promises_broken"]) == (1, 1)


@pytest.mark.parametrize("how", ["paused", "off"])
async def test_what_waits_is_taken_back_when_nobody_is_to_get_it(desk: Desk, how: str) -> None:
    await desk.set_policy()
    customer = desk.customer("Waiting")
    desk.owes(customer, over=15)
    chased = await desk.chased(customer)
    path = f"/customers/{chased['customer_id']}/reminders"
    await desk.run()
    if how == "paused":
        await desk.bookkeeper.ask("PUT", path, json={"paused_until": "2999-01-01"})
    else:
        await desk.set_policy(is_on=False)
    assert [step["is_mailed"] for step in (await desk.owner.get(path))["data"]["steps"]] == [False]
    await desk.settle()
    assert await desk.letters(f"{customer}@customer.example") == []
    await desk.bookkeeper.ask("PUT", path, json={})
    await desk.set_policy()
    await desk.run()
    await desk.settle()
    assert len(await desk.letters(f"{customer}@customer.example")) == 1  # the step was free again


async def test_the_job_asks_for_those_who_switched_it_on(desk: Desk) -> None:
    await desk.set_policy()
    services = desk.shop.web.services
    await begin_reminding(services)
    (job,) = await asked_jobs(desk)
    assert await execute(job, jobs=JOBS, context=services, uow=services.jobs_uow)
    await desk.set_policy(is_on=False)
    await begin_reminding(services)
    assert await asked_jobs(desk) == []
    ran = await desk.bookkeeper.ask("POST", "/collections/run", json={}, headers={"Idempotency-Key": new_key()})
    assert assert_problem(ran, 409, "conflict")["code"] == "off"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"levels": [{"days": 3}, {"days": 3}]}, 400, "levels_senseless"),
        ({"levels": [{"days": 3, "text": "no list"}]}, 400, "template_wrong"),
        ({"levels": [{"days": 3, "text": "{invoices.__class__}"}]}, 400, "template_wrong"),
        ({"send_from": 18}, 400, "hours_senseless"),
        ({"reply_to": "<a@b>"}, 400, "address_wrong"),
        ({"sender_name": "A\nBcc: x"}, 422, None),
        ({"levels": []}, 422, None),
    ],
)
async def test_a_policy_that_makes_no_sense_is_refused(
    desk: Desk, body: dict[str, Any], status: int, code: str | None
) -> None:
    answer = await desk.owner.ask("PUT", "/collections/policy", json={"is_on": True, **body})
    assert (answer.status_code, answer.json().get("code")) == (status, code), answer.text
