"""A kept company comes back: its objects as they were, and all that follows from them worked out anew."""

from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from infra import exact_json
from infra.clock import Clock
from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.entities import ENTITY_KINDS
from infra.qbo.simulator.books.ledger import Entry
from infra.qbo.simulator.books.links import APPLIES_TO, applied_amounts
from infra.qbo.simulator.books.store import Record, Tombstone
from infra.qbo.simulator.state.state_file import StateFile

_entries: Final = msgspec.json.Decoder(Entry, float_hook=Decimal)


def resume_company(state: StateFile, realm_id: str, *, clock: Clock) -> Company:
    zone, facts = state.company(realm_id)
    company = Company(realm_id, clock=clock, zone=ZoneInfo(zone))
    for store in company.stores.values():
        store.begin_bulk()
    payers: list[tuple[str, Record]] = []
    for kept in state.objects(realm_id):
        record = Record(exact_json.loads(kept.body), created=kept.created)
        record.set_updated(kept.updated)
        company.stores[kept.entity].add(record)
        if ENTITY_KINDS[kept.entity].is_name_list:
            company.learn(kept.entity, None, record.body)
        elif kept.entity in APPLIES_TO:
            payers.append((kept.entity, record))
    for entity, record in sorted(payers, key=lambda payer: payer[1].number):
        company.links.replace((entity, record.id), applied_amounts(entity, record.body))
    for key, entry in state.entries(realm_id):
        company.ledger.add(key, _entries.decode(entry))
    for entity, identifier, deleted in state.deletions(realm_id):
        company.stores[entity].tombstones.append(Tombstone(deleted, int(identifier), identifier))
    company.chart.tax_accounts.update(facts["tax_accounts"])
    company.resume_numbering(facts["numbering"])
    for store in company.stores.values():
        store.end_bulk()
    return company
