"""Books for each business, brought in as QuickBooks' objects are, with the business's word in every text of theirs."""

from typing import Any
from uuid import UUID

from psycopg import Connection, sql

from benchmarks.proofs.tenancy.world import World
from infra.clock import SystemClock
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.qbo.wire import record_of
from infra.sync import mirror_store
from infra.sync.shapes import LogSource
from infra.sync.spec import Delivery
from runway.registry import MIRROR_SPECS

_OF_PATHS = {"Bill": "bill", "Invoice": "invoice", "Vendor": "vendor", "Customer": "customer"}
_SPECS = {spec.entity: spec for spec in MIRROR_SPECS}
_USD = {"value": "USD", "name": "United States Dollar"}


async def fill_books(world: World, uow: UnitOfWorkFactory, root: Connection[Any]) -> None:
    """Two deliveries each, so that there is a history."""
    now = SystemClock().now()
    for business in world.businesses:
        word = world.canaries.new(business)
        async with uow([business]) as unit:
            for version in (0, 1):
                for entity, bodies in _objects(word, version=version).items():
                    delivery = Delivery(
                        business_id=business,
                        records=[record_of(body, entity) for body in bodies],
                        fetched_at=now,
                        source=LogSource.QBO,
                        actor=f"sync {word}",
                        request_id=word,
                    )
                    await mirror_store.store(unit.session, _SPECS[entity], delivery)
    _learn_ids(world, root)


def _learn_ids(world: World, root: Connection[Any]) -> None:
    for entity, kind in _OF_PATHS.items():
        table = sql.Identifier(_SPECS[entity].mirror.__tablename__)
        query = sql.SQL("SELECT business_id, id FROM {} WHERE business_id = ANY(%s)").format(table)
        found: list[tuple[UUID, UUID]] = root.execute(query, [world.businesses]).fetchall()
        for business, row in found:
            world.add(kind, row, business)


def _objects(word: str, *, version: int) -> dict[str, list[dict[str, Any]]]:
    envelope = {
        "SyncToken": str(version),
        "MetaData": {
            "CreateTime": "2026-03-01T08:00:00-08:00",
            "LastUpdatedTime": f"2026-03-0{version + 1}T09:00:00-08:00",
        },
        "CurrencyRef": _USD,
        "PrivateNote": f"note {word} {version}",
    }
    vendor, customer = {"value": "31", "name": f"Vendor {word}"}, {"value": "61", "name": f"Customer {word}"}
    document = {
        **envelope, "TxnDate": "2026-03-01", "DueDate": "2026-03-31", "TotalAmt": 120 + version, "Balance": 20 + version,
        "Line": [{"Description": word, "Amount": 120}],
    }  # fmt: skip
    party = {**envelope, "Active": True, "Balance": 20, "CompanyName": word, "PrimaryEmailAddr": {"Address": f"{word}@p.example"}}  # fmt: skip
    numbers = [str(number) for number in range(1, 5)]
    return {
        "Vendor": [{**party, "Id": f"3{n}", "DisplayName": f"Vendor {n} {word}"} for n in numbers],
        "Customer": [{**party, "Id": f"6{n}", "DisplayName": f"Customer {n} {word}"} for n in numbers],
        "Bill": [{**document, "Id": f"7{n}", "VendorRef": vendor, "DocNumber": f"B{n} {word}"} for n in numbers],
        "Invoice": [{**document, "Id": f"8{n}", "CustomerRef": customer, "DocNumber": f"I{n} {word}"} for n in numbers],
        "BillPayment": [
            {
                **document, "Id": "90", "VendorRef": vendor, "DocNumber": word, "PayType": "Check",
                "CheckPayment": {"BankAccountRef": {"value": "35", "name": word}},
            }
        ],
        "Account": [
            {
                **envelope, "Id": "35", "Name": f"Checking {word}", "FullyQualifiedName": f"Checking {word}",
                "AccountType": "Bank", "Classification": "Asset", "CurrentBalance": 1201, "Active": True,
            }
        ],
        "CompanyInfo": [{**envelope, "Id": "1", "CompanyName": word, "LegalName": word, "Country": "US"}],
    }  # fmt: skip
