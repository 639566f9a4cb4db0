"""Deliveries in any order, doubled and torn apart, against a plain model of the rules."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy.ext.asyncio import AsyncEngine

from infra.db.engine import create_engine
from infra.sync.spec import RailDeletion, RailRecord
from tests.integration.infra.sync.bill_mirror import BillMirror, at, bill, gone
from tests.rig import Database

IDS = ("1", "2", "3")


@dataclass
class Held:
    """What the rules say we hold: the reference, written as plainly as they are."""

    record: RailRecord
    fetched: float
    order_time: datetime
    is_deleted: bool = False
    history: list[tuple[str, Any]] = field(default_factory=list)

    def takes(self, new: RailRecord, fetched: float) -> bool:
        if self.is_deleted:
            return new.updated_at > self.order_time
        if new.payload == self.record.payload:
            return False
        if new.version != self.record.version:
            return (new.version or 0) > (self.record.version or 0)
        if new.updated_at != self.order_time:
            return new.updated_at > self.order_time
        return fetched > self.fetched


class Deliveries(RuleBasedStateMachine):
    """QBO's side makes states and deletions; any of them, old ones again too, is delivered at any time."""

    engine: AsyncEngine
    loop: asyncio.AbstractEventLoop

    def __init__(self) -> None:
        super().__init__()
        self.mirror = BillMirror(self.engine)
        self.states: list[tuple[RailRecord, float]] = []
        self.deletions: list[RailDeletion] = []
        self.current: dict[str, RailRecord] = {}
        self.model: dict[str, Held] = {}
        self.tick = 0

    def run(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    def teardown(self) -> None:
        if self.current:
            self.all_of_it_again()
        for external_id, held in self.model.items():
            assert held.is_deleted or held.record == self.current[external_id]
        self.the_mirror_is_what_the_rules_say()
        self.run(self.everything_matches())

    def next_tick(self) -> int:
        self.tick += 1
        return self.tick

    @initialize()
    def first_bill(self) -> None:
        self.edit("1", moves_token=True, moves_time=True)

    @rule(external_id=st.sampled_from(IDS), moves_token=st.booleans(), moves_time=st.booleans())
    def edit(self, external_id: str, *, moves_token: bool, moves_time: bool) -> None:
        """A new state at QBO. Some changes of QBO's move neither its token nor its time."""
        now, before = self.next_tick(), self.current.get(external_id)
        version = 0 if before is None or before.version is None else before.version + moves_token
        updated = now if before is None or moves_time else (before.updated_at - at(0)).total_seconds()
        state = bill(external_id, version=version, updated=updated, Balance=Decimal(now) / 100)
        self.current[external_id] = state
        self.states.append((state, float(now)))

    @precondition(lambda self: self.current)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        external_id = data.draw(st.sampled_from(sorted(self.current)))
        self.deletions.append(gone(external_id, updated=self.next_tick()))

    @rule(data=st.data())
    def deliver(self, data: st.DataObject) -> None:
        """Any page of states that ever were, in any order, some twice."""
        picked = data.draw(st.lists(st.sampled_from(self.states), min_size=1, max_size=5))
        fetched = max(tick for _, tick in picked)  # one call: nothing in the page is from after it
        self.run(self.mirror.put(*(state for state, _ in picked), fetched=fetched))
        page: dict[str, RailRecord] = {}
        for state, _ in picked:
            other = page.get(state.external_id)
            if other is None or (state.version or 0, state.updated_at) >= (other.version or 0, other.updated_at):
                page[state.external_id] = state
        for state in page.values():
            self.apply(state, fetched)

    @precondition(lambda self: self.deletions)
    @rule(data=st.data())
    def deliver_deletions(self, data: st.DataObject) -> None:
        picked = data.draw(st.lists(st.sampled_from(self.deletions), min_size=1, max_size=3))
        fetched = float(self.next_tick())
        self.run(self.mirror.put(deletions=picked, fetched=fetched))
        newest = {deletion.external_id: deletion for deletion in sorted(picked, key=lambda d: d.updated_at)}
        for deletion in newest.values():
            held = self.model.get(deletion.external_id)
            if held is not None and not held.is_deleted and deletion.updated_at >= held.order_time:
                held.is_deleted, held.order_time, held.fetched = True, deletion.updated_at, fetched
                held.history.append(("deleted", held.record.payload))

    @precondition(lambda self: self.current)
    @rule()
    def all_of_it_again(self) -> None:
        """A re-scan: what QBO holds now."""
        fetched = float(self.next_tick())
        self.run(self.mirror.put(*self.current.values(), fetched=fetched))
        for state in self.current.values():
            self.apply(state, fetched)

    def apply(self, state: RailRecord, fetched: float) -> None:
        held = self.model.get(state.external_id)
        if held is None:
            held = Held(state, fetched, state.updated_at)
            held.history.append(("created", state.payload))
            self.model[state.external_id] = held
        elif held.takes(state, fetched):
            kind = "restored" if held.is_deleted else "updated"
            held.record, held.fetched, held.order_time, held.is_deleted = state, fetched, state.updated_at, False
            held.history.append((kind, state.payload))

    @invariant()
    def the_mirror_is_what_the_rules_say(self) -> None:
        rows = self.run(self.mirror.list_all())
        assert set(rows) == set(self.model)
        for external_id, held in self.model.items():
            row = rows[external_id]
            assert row.payload == held.record.payload
            assert (row.deleted_at is not None) == held.is_deleted
            assert row.version == len(held.history)

    async def everything_matches(self) -> None:
        """The log: gap-free, its last snapshot the mirror's payload, and the state at each instant the history's."""
        for external_id, held in self.model.items():
            entries = await self.mirror.log(external_id)
            assert [entry.version for entry in entries] == list(range(1, len(held.history) + 1))
            assert [(entry.transaction_type, entry.snapshot) for entry in entries] == held.history
            for before, after in pairwise(entries):
                self.check_changes(before.snapshot, after)
            for number, entry in enumerate(entries):
                for instant in (entry.recorded_at, entry.recorded_at + timedelta(microseconds=1)):
                    following = entries[number + 1].recorded_at if number + 1 < len(entries) else None
                    if following is not None and following <= instant:
                        continue
                    found = await self.mirror.as_of(instant, external_id)
                    assert found is not None
                    assert (found.version, found.mirror.payload) == (entry.version, entry.snapshot)
                    assert found.is_deleted == (entry.transaction_type == "deleted")
                    assert found.mirror.balance == entry.snapshot["Balance"]
                    assert found.mirror.external_id == external_id
            assert await self.mirror.as_of(entries[0].recorded_at - timedelta(microseconds=1), external_id) is None

    def check_changes(self, before: dict[str, Any], entry: Any) -> None:
        """Applied to the state before, `changes` gives the state after."""
        rebuilt = dict(before)
        for name, (was, now) in entry.changes.items():
            if name == "deleted_at":
                continue
            assert rebuilt.get(name) == was
            rebuilt[name] = now
        assert {name: value for name, value in rebuilt.items() if value is not None} == entry.snapshot


@pytest.mark.timeout(300)
def test_any_order_of_deliveries_ends_as_the_rules_say(database: Database) -> None:
    class OnThisDatabase(Deliveries):
        pass

    loop = asyncio.new_event_loop()
    OnThisDatabase.engine, OnThisDatabase.loop = create_engine(database.app_url, pool_size=2), loop
    try:
        run_state_machine_as_test(
            OnThisDatabase,
            settings=settings(
                max_examples=15,
                stateful_step_count=25,
                deadline=None,
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
            ),
        )
    finally:
        loop.run_until_complete(OnThisDatabase.engine.dispose())
        loop.close()
