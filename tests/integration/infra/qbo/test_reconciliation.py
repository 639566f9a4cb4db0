"""Does the mirror tie out, is whatever differs found, named and repaired, and is nothing invented?"""

import random
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from infra.config import Rail
from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.loading import load_company
from infra.qbo.simulator.books.merges import merge
from infra.qbo.simulator.files.company_file import read_company_file
from infra.qbo.simulator.files.generator import demo_company, generate_large
from infra.qbo.simulator.files.large_company import LargeCompany
from infra.sync import drift
from infra.sync.drift import DriftCause, DriftItem, DriftKind
from infra.sync.freshness import SyncStrategy
from tests.integration.infra.qbo.company_rig import SPECS, CutClient, Mirrored, MovedClock, mirrored_company
from tests.rig import Database

LEDGER = Path(__file__).parents[5] / "shared" / "qbo" / "samples" / "craigs_transactions.json"
SIZE = LargeCompany(bills=60, invoices=30, vendors=10, customers=10, months=2, paid_share=0.4)


@pytest.fixture
async def small(database: Database, redis_url: str) -> AsyncIterator[Mirrored]:
    """Backfilled half an hour ago, and refreshed since: what is seeded afterwards stays out of every overlap."""
    clock = MovedClock()
    company = load_company(generate_large(SIZE, today=clock.now().date()), clock=clock)
    async with mirrored_company(company, clock=clock, app_url=database.app_url, redis_url=redis_url) as mirrored:
        await mirrored.service.backfill(actor="test")
        await in_step(mirrored)
        yield mirrored


async def in_step(mirrored: Mirrored) -> None:
    mirrored.clock.ahead += timedelta(minutes=30)
    await mirrored.service.refresh(SyncStrategy.SCHEDULED)
    mirrored.clock.ahead += timedelta(minutes=30)
    await mirrored.service.refresh(SyncStrategy.SCHEDULED)


async def items(mirrored: Mirrored) -> list[DriftItem]:
    async with mirrored.uow([mirrored.business_id]) as uow:
        return list(await uow.session.scalars(select(DriftItem).order_by(DriftItem.id)))


def silently(mirrored: Mirrored, entity: str, identifier: str, **fields: Any) -> None:
    """Change an object in QBO so that neither its SyncToken nor its LastUpdatedTime moves."""
    record = mirrored.company.stores[entity].records[identifier]
    record.body |= fields
    record.forget_encoding()


def vanish(mirrored: Mirrored, entity: str, identifier: str) -> None:
    """Delete an object in QBO so that change capture never tells of it."""
    store = mirrored.company.stores[entity]
    del store.records[identifier]
    store.begin_bulk()


async def test_a_clean_book_ties_out_and_nothing_is_invented(small: Mirrored) -> None:
    done = await small.service.tie_out(actor="test")
    assert done.checked > len(SPECS)
    assert (done.differing, done.objects) == (0, 0)
    compared = await small.service.compare(actor="test")
    assert (compared.objects, compared.repaired) == (0, 0)
    night = await small.service.reconcile(actor="test")
    assert (night.differing, night.objects, night.closed_period) == (0, 0, 0)
    assert await items(small) == []


async def test_what_changed_while_we_looked_is_no_drift(small: Mirrored) -> None:
    small.simulator.other_users.edits_per_page = True
    compared = await small.service.compare(actor="test")
    assert small.simulator.other_users.edit_count > 0
    assert compared.objects == 0
    assert await items(small) == []


@pytest.mark.parametrize("share", [0.01, 0.1])
async def test_all_silent_edits_and_deletions_are_found_in_one_comparison(
    database: Database, redis_url: str, share: float
) -> None:
    clock, draw = MovedClock(), random.Random(7)  # noqa: S311 - seeds a book
    size = LargeCompany(bills=220, invoices=160, vendors=30, customers=30, months=6, paid_share=0.4)
    company = load_company(generate_large(size, today=clock.now().date()), clock=clock)
    async with mirrored_company(company, clock=clock, app_url=database.app_url, redis_url=redis_url) as mirrored:
        await mirrored.service.backfill(actor="test")
        await in_step(mirrored)
        everything = [
            (entity, identifier)
            for entity in ("Bill", "Invoice", "BillPayment", "Payment", "Vendor", "Customer")
            for identifier in company.stores[entity].records
        ]
        seeded = draw.sample(everything, int(len(everything) * share))
        for nth, (entity, identifier) in enumerate(seeded):
            if nth % 10 == 0 and entity not in {"Vendor", "Customer"}:
                vanish(mirrored, entity, identifier)
            else:
                silently(mirrored, entity, identifier, PrivateNote=f"silent {nth}", Notes="silent")
        done = await mirrored.service.compare(actor="test")
        found = await items(mirrored)
        assert {(item.entity, item.external_id) for item in found} == set(seeded)
        assert done.objects == done.repaired == len(seeded)
        assert [item for item in found if item.repaired_at is None] == []
        assert await mirrored.differing() == []
        assert (await mirrored.service.compare(actor="test")).objects == 0


async def test_each_repair_is_told_by_the_log_under_the_run(small: Mirrored) -> None:
    bill_id = next(iter(small.true("Bill")))
    silently(small, "Bill", bill_id, PrivateNote="silent")
    await small.service.compare(actor="test:who")
    (item,) = await items(small)
    assert (item.kind, item.cause, item.external_id) == (DriftKind.DIFFERENT, DriftCause.SILENT_CHANGE, bill_id)
    assert item.details["fields"] == {"PrivateNote": [None, "silent"]}
    log = SPECS["Bill"].log
    async with small.uow([small.business_id]) as uow:
        row = (await uow.session.scalars(select(log).where(log.request_id == item.repair_request_id))).one()
    assert (row.actor, row.transaction_type) == ("test:who", "updated")


def deposit_of(mirrored: Mirrored, payment_id: str) -> dict[str, Any]:
    payment = mirrored.true("Payment")[payment_id]
    bank = next(key for key, body in mirrored.true("Account").items() if body["AccountType"] == "Bank")
    link = {"TxnId": payment_id, "TxnType": "Payment", "TxnLineId": "0"}
    return {
        "DepositToAccountRef": {"value": bank},
        "TxnDate": small_day(mirrored),
        "Line": [{"Amount": payment["TotalAmt"], "LinkedTxn": [link]}],
    }


def small_day(mirrored: Mirrored) -> str:
    return mirrored.clock.now().date().isoformat()


def undeposited(mirrored: Mirrored) -> str:
    """A payment of today that waits in Undeposited Funds."""
    customer = next(iter(mirrored.true("Customer")))
    body = {"CustomerRef": {"value": customer}, "TotalAmt": Decimal("10.00"), "TxnDate": small_day(mirrored)}
    return mirrored.company.create("Payment", body).id


async def test_a_deposited_payment_comes_with_its_deposit_for_one_call_more(small: Mirrored) -> None:
    payment_id = undeposited(small)
    await in_step(small)
    deposit = small.company.create("Deposit", deposit_of(small, payment_id))
    before = small.calls
    await small.service.refresh(SyncStrategy.SCHEDULED)
    assert small.calls == before + 2
    assert await small.differing() == []
    small.clock.ahead += timedelta(minutes=1)
    before = small.calls
    await small.service.refresh(SyncStrategy.SCHEDULED)  # the overlap brings the deposit again
    assert small.calls == before + 1
    await in_step(small)
    small.company.delete("Deposit", dict(small.company.get("Deposit", deposit.id).body))
    await small.service.refresh(SyncStrategy.SCHEDULED)
    assert await small.differing() == []
    assert await items(small) == []


async def test_a_payment_deposited_unseen_is_found_and_named(small: Mirrored) -> None:
    payment_id = undeposited(small)
    await in_step(small)
    silently(small, "Payment", payment_id, LinkedTxn=[{"TxnId": "999", "TxnType": "Deposit"}])
    await small.service.compare(actor="test")
    (item,) = await items(small)
    assert (item.cause, item.external_id) == (DriftCause.DEPOSITED_PAYMENT, payment_id)
    assert await small.differing() == []


async def causes(mirrored: Mirrored) -> dict[tuple[str, str | None], str]:
    return {(item.entity, item.external_id): item.cause for item in await items(mirrored)}


async def test_balances_inactivations_and_voids_that_never_came_are_told_apart(small: Mirrored) -> None:
    vendor, other, *_ = small.true("Vendor")
    bill_id = next(iter(small.true("Bill")))
    silently(small, "Vendor", vendor, Balance=Decimal("123.45"))
    silently(small, "Vendor", other, Active=False)
    silently(small, "Bill", bill_id, TotalAmt=0, Balance=0, Line=[], PrivateNote="Voided")
    await small.service.compare(actor="test")
    found = await causes(small)
    assert found[("Vendor", vendor)] == DriftCause.BALANCE_WITHOUT_TOKEN
    assert found[("Vendor", other)] == DriftCause.INACTIVATION
    assert found[("Bill", bill_id)] == DriftCause.VOID
    assert len(found) == 3
    assert await small.differing() == []


async def test_a_merge_that_never_came_is_told_from_an_inactivation(small: Mirrored) -> None:
    bill = next(iter(small.true("Bill").values()))
    loser = bill["VendorRef"]["value"]
    survivor = next(key for key in small.true("Vendor") if key != loser)
    before = {
        (entity, key): (record.updated, record.body["SyncToken"])
        for entity, store in small.company.stores.items()
        for key, record in store.records.items()
    }
    merge(small.company, "Vendor", loser_id=loser, survivor_id=survivor)
    for (entity, key), (updated, token) in before.items():  # as if it had happened long before the last sync
        store = small.company.stores[entity]
        record = store.records[key]
        record.body["SyncToken"] = token
        record.set_updated(updated)
        store.begin_bulk()
    await small.service.compare(actor="test")
    found = await causes(small)
    assert found[("Vendor", loser)] == DriftCause.MERGE
    assert found[("Bill", bill["Id"])] == DriftCause.MERGE
    assert await small.differing() == []


async def test_after_a_merge_the_documents_follow_the_survivor(small: Mirrored) -> None:
    """QBO tells of the retired name alone; its open documents make the figures by vendor differ, and are named."""
    bill = next(body for body in small.true("Bill").values() if body["Balance"])
    loser = bill["VendorRef"]["value"]
    merge(small.company, "Vendor", loser_id=loser, survivor_id=next(k for k in small.true("Vendor") if k != loser))
    await small.service.refresh(SyncStrategy.SCHEDULED)
    assert await small.differing(["Vendor"]) == []
    await small.service.tie_out(actor="test")
    found = await causes(small)
    assert found[("Bill", bill["Id"])] == DriftCause.MERGE
    assert ("Vendor", loser) in found
    assert await small.differing(["Bill"]) == []
    await small.service.compare(actor="test")
    assert await small.differing() == []


async def test_a_missing_bill_makes_the_figures_differ_and_is_named(small: Mirrored) -> None:
    """A bill that change capture never told of: count, open A/P and the accounts' balances say so; the repair ends it."""
    vendor = next(iter(small.true("Vendor")))
    body = {"VendorRef": {"value": vendor}, "Line": next(iter(small.true("Bill").values()))["Line"]}
    record = small.company.create("Bill", body)
    long_ago = int((small.clock.now() - timedelta(days=20)).timestamp())
    store = small.company.stores["Bill"]
    record.set_updated(long_ago)
    store.begin_bulk()
    small.clock.ahead += timedelta(minutes=30)
    done = await small.service.tie_out(actor="test")
    assert done.differing >= 2
    found = {(item.kind, item.entity): item for item in await items(small)}
    assert found[(DriftKind.MISSING, "Bill")].external_id == record.id
    count = found[(DriftKind.COUNT, "Bill")]
    assert (count.size, count.cause) == (Decimal(1), DriftCause.MISSED_RECORDS.value)
    total = found[(DriftKind.TOTAL, "Vendor")]
    assert (total.external_id, total.size) == (vendor, record.body["Balance"])
    assert record.id in {one["external_id"] for one in total.details["records"]}
    assert [item for item in await items(small) if item.repaired_at is None] == []
    assert await small.differing() == []


async def test_a_figure_that_no_record_explains_stays_open_and_beside_the_answers(small: Mirrored) -> None:
    class Wrong:
        """A trial balance in which one account stands higher than its object says."""

        def __getattr__(self, name: str) -> Any:
            return getattr(small.raw, name)

        async def report(self, name: str, **params: str) -> Any:
            answer = await small.raw.report(name, **params)
            if name == "TrialBalance":
                row = next(row for row in answer.content["Rows"]["Row"] if row["ColData"][0].get("id") == bank)
                row["ColData"][1]["value"] = "1.23"
            return answer

    bank = next(key for key, body in small.true("Account").items() if body["AccountType"] == "Bank")
    await small.service_with(client=Wrong()).tie_out(actor="test")
    (item,) = await items(small)
    assert (item.kind, item.entity, item.external_id, item.cause) == (
        DriftKind.TOTAL, "Account", bank, DriftCause.UNKNOWN,
    )  # fmt: skip
    assert item.repaired_at is None
    states = await small.states()
    assert (states["Account"].open_drift, states["Bill"].open_drift) == (1, 0)
    await small.service.tie_out(actor="test")
    (item,) = await items(small)
    assert item.repaired_at is not None
    assert (await small.states())["Account"].open_drift == 0


async def test_a_change_in_the_closed_books_raises_its_own_alarm_once(small: Mirrored) -> None:
    close(small, small_day(small))
    await in_step(small)
    await small.service.reconcile(actor="test")
    assert await items(small) == []
    bill_id, body = next(iter(small.true("Bill").items()))
    other = next(key for key in small.true("Bill") if key != bill_id)
    close(small, "2001-01-01")  # QBO lets an admin through with the closing password
    lines = [{**line, "Amount": line["Amount"] + 5} for line in body["Line"]]
    small.company.update("Bill", body | {"Line": lines})
    small.company.update("Bill", small.true("Bill")[other] | {"PrivateNote": "no posting"})
    close(small, small_day(small))
    small.clock.ahead += timedelta(minutes=30)
    await small.service.refresh(SyncStrategy.SCHEDULED)
    done = await small.service.reconcile(actor="test")
    assert done.closed_period == 1
    (item,) = [item for item in await items(small) if item.kind == DriftKind.CLOSED_PERIOD]
    assert (item.entity, item.external_id, item.size) == ("Bill", bill_id, Decimal(5 * len(lines)))
    assert item.details["on"] == body["TxnDate"]
    assert item.details["seen_by"] == "sync:scheduled"
    assert (await small.service.reconcile(actor="test")).closed_period == 0


def close(mirrored: Mirrored, day: str) -> None:
    (record,) = mirrored.company.stores["Preferences"].records.values()
    accounting = dict(record.body["AccountingInfoPrefs"]) | {"BookCloseDate": day}
    mirrored.company.update("Preferences", dict(record.body) | {"AccountingInfoPrefs": accounting})


async def test_a_comparison_cut_off_goes_on_where_it_was(small: Mirrored) -> None:
    bills, invoices = list(small.true("Bill"))[:2], list(small.true("Invoice"))[:2]
    for entity, ids in (("Bill", bills), ("Invoice", invoices)):
        for identifier in ids:
            silently(small, entity, identifier, PrivateNote="silent")
    for calls in range(1, 40):
        try:
            await small.service_with(client=CutClient(small.raw, calls=calls)).compare(actor="test")
        except Exception:  # noqa: BLE001, S112  # wherever it was cut
            continue
        break
    else:
        pytest.fail("the comparison never ended")
    assert {item.external_id for item in await items(small)} == {*bills, *invoices}
    assert await small.differing() == []


async def test_some_pages_a_night_see_everything_within_a_week(small: Mirrored) -> None:
    victims = {entity: next(iter(small.true(entity))) for entity in ("Bill", "Invoice", "Vendor", "JournalEntry") if small.true(entity)}  # fmt: skip
    for entity, identifier in victims.items():
        silently(small, entity, identifier, PrivateNote="silent")
    for _ in range(8):
        await small.service.reconcile(actor="test")
        small.clock.ahead += timedelta(days=1)
    assert {(item.entity, item.external_id) for item in await items(small)} == set(victims.items())
    assert await small.differing() == []


async def test_what_an_action_touched_is_read_again_and_compared(small: Mirrored) -> None:
    bill_id = next(iter(small.true("Bill")))
    assert await small.service.reconcile_action({"Bill": [bill_id]}, actor="test") == []
    silently(small, "Bill", bill_id, PrivateNote="not what we sent")
    (found,) = await small.service.reconcile_action({"Bill": [bill_id]}, actor="test")
    assert (found.entity, found.external_id) == ("Bill", bill_id)
    assert await small.differing() == []


async def test_many_deletions_at_once_wait_for_a_second_look(small: Mirrored) -> None:
    victims = list(small.true("Bill"))[:30]
    for identifier in victims:
        vanish(small, "Bill", identifier)
    await small.service.compare(actor="test")
    assert await small.held("Bill", deleted=True) == {}
    (doubt,) = await items(small)
    assert (doubt.kind, doubt.entity, doubt.repaired_at) == (DriftKind.IMPLAUSIBLE_DELETIONS, "Bill", None)
    assert doubt.details["suspected"] == 30
    small.clock.ahead += timedelta(minutes=1)
    await small.service.rescan("Bill", actor="test")  # too soon to count as a second look
    assert await small.held("Bill", deleted=True) == {}
    small.clock.ahead += timedelta(minutes=6)
    await small.service.rescan("Bill", actor="test")
    assert set(await small.held("Bill", deleted=True)) == set(victims)
    (doubt,) = await items(small)
    assert doubt.repaired_at is not None


async def test_a_bad_hour_in_which_nothing_is_found_deletes_nothing(small: Mirrored) -> None:
    class Empty:
        """QBO answers every query of bills as if there were none; a read by its id tells the truth."""

        def __getattr__(self, name: str) -> Any:
            return getattr(small.raw, name)

        async def query(self, statement: str) -> Any:
            answer = await small.raw.query(statement)
            return _emptied(answer) if " Bill " in statement else answer

        async def read_many(self, entity: str, ids: Sequence[str]) -> Any:
            return _emptied(await small.raw.read_many(entity, ids))

    shown = await small.held("Bill")
    await small.service_with(client=Empty()).rescan("Bill", actor="test")
    small.clock.ahead += timedelta(minutes=7)
    await small.service_with(client=Empty()).rescan("Bill", actor="test")
    assert await small.held("Bill") == shown
    assert await small.held("Bill", deleted=True) == {}
    async with small.uow([small.business_id]) as uow:
        assert await drift.list_open(uow.session, small.business_id, rail=Rail.QBO) == []


def _emptied(answer: Any) -> Any:
    answer.objects[:] = []
    return answer


async def tied_out(company: Company, clock: MovedClock, database: Database, redis_url: str) -> int:
    """The figures that were looked at, all of them equal; every object too."""
    async with mirrored_company(company, clock=clock, app_url=database.app_url, redis_url=redis_url) as mirrored:
        await mirrored.service.backfill(actor="test")
        done = await mirrored.service.tie_out(actor="test")
        assert [(item.kind, item.entity, item.external_id, item.details) for item in await items(mirrored)] == []
        assert (await mirrored.service.compare(actor="test")).objects == 0
        return done.checked


async def test_the_demo_company_ties_out_to_the_cent(database: Database, redis_url: str) -> None:
    clock = MovedClock()
    company = load_company(demo_company(clock.now().date()), clock=clock)
    assert await tied_out(company, clock, database, redis_url) > 40


@pytest.mark.skipif(not LEDGER.exists(), reason=f"the sample ledger {LEDGER} is not there")
async def test_the_sample_ledger_ties_out_to_the_cent(database: Database, redis_url: str) -> None:
    clock = MovedClock()
    company = load_company(read_company_file(LEDGER, today=clock.now().date()), clock=clock)
    assert await tied_out(company, clock, database, redis_url) > 40
