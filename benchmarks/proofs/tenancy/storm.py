"""Sends the requests, compares each answer with the ruling, and keeps what is wrong."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx
from fastapi import FastAPI
from psycopg import Connection

from benchmarks.proofs.tenancy.ask import Ask
from benchmarks.proofs.tenancy.draws import Draws
from benchmarks.proofs.tenancy.judge import Judge, Seen
from benchmarks.proofs.tenancy.known_routes import KnownRoute, is_known, routes_of
from benchmarks.proofs.tenancy.oracle import SAFE, Ruling, Snapshot, look
from benchmarks.proofs.tenancy.probe import Probe
from benchmarks.proofs.tenancy.traces import KEPT_WHEN_SHOWN, Traces, difference
from benchmarks.proofs.tenancy.world import Principal, World
from infra.ids import new_id

_BATCH = 40
_AT_ONCE = 8
_PROBE_EVERY = 2  # batches
_MOST_KEPT = 50


@dataclass
class Tally:
    """What the storms saw. `wrong` by kind, each with its request."""

    requests: int = 0
    refused: int = 0
    twins: int = 0
    probed_rows: int = 0
    served: Counter[tuple[str, str]] = field(default_factory=Counter)
    pairs: set[tuple[str, str]] = field(default_factory=set)
    statuses: Counter[int] = field(default_factory=Counter)
    routes: Counter[str] = field(default_factory=Counter)
    unknown: set[str] = field(default_factory=set)
    wrong: list[tuple[str, str]] = field(default_factory=list)

    def complain(self, kind: str, what: str) -> None:
        if self.count(kind) < _MOST_KEPT:  # of each: one that floods must not hide another
            self.wrong.append((kind, what))

    def count(self, *kinds: str) -> int:
        return sum(kind in kinds for kind, _ in self.wrong)


@dataclass
class Storm:
    """One world's requests. The same seed draws the same again, but for ids."""

    app: FastAPI
    http: httpx.AsyncClient
    root: Connection[Any]
    probe: Probe
    world: World
    chance: random.Random
    tally: Tally
    mix: tuple[float, float]
    focus: Collection[str] = ()

    def __post_init__(self) -> None:
        self.routes = routes_of(self.app)
        self._by_key: dict[tuple[str, str], KnownRoute] = {(one.method, one.path): one for one in self.routes}
        self._draws = Draws(self.world, self.routes, self.chance, mix=self.mix, focus=self.focus)
        self._draws.served = self.tally.served
        self.tally.pairs.update(self._draws.pairs)
        self._judge = Judge(self.world, self.app.openapi()["paths"], self.tally.complain)
        self._traces = Traces(self.root)
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def run(
        self, requests: int, *, until: Sequence[str] = (), told: Callable[[int], None] = lambda _: None
    ) -> Tally:
        """So many requests, or fewer where something of the kinds `until` is found."""
        end, batch = self.tally.requests + requests, 0
        while self.tally.requests < end and not self.tally.count(*until):
            snapshot = look(self.root, self.world)
            await self._send_all([self._draws.draw(snapshot) for _ in range(_BATCH)], snapshot)
            if batch % _PROBE_EVERY == 0:
                self._look_through(look(self.root, self.world))
            batch += 1
            told(self.tally.requests)
        self.tally.probed_rows += self.probe.rows
        return self.tally

    def _look_through(self, snapshot: Snapshot) -> None:
        """The probe, as three of the principals would be let in, and as nobody."""
        whose: list[set[UUID]] = [set()]
        for principal in self.chance.sample(self.world.principals, k=3):
            standing = snapshot.of(principal)
            whose.append(set(standing.rights) & set(self.world.businesses) if standing else set())
        for mine in whose:
            for wrong in self.probe.look(mine):
                self.tally.complain("probe", wrong)

    async def _send_all(self, asks: Iterable[Ask], snapshot: Snapshot) -> None:
        """What must be refused and what only reads, each all at once; what may change something one by one."""
        ruled = [(ask, self._rule(snapshot, ask)) for ask in asks]
        refused = [(ask, ruling) for ask, ruling in ruled if ruling.may is False]
        changing = [(ask, ruling) for ask, ruling in ruled if ruling.may is not False and ask.method not in SAFE]
        reading = [(ask, ruling) for ask, ruling in ruled if ruling.may is not False and ask.method in SAFE]
        before = self._traces.take()
        await self._together(self._one(ask, ruling, snapshot) for ask, ruling in refused)
        if changed := difference(before, self._traces.take()):
            told = "; ".join(str(ask) for ask, _ in refused)
            self.tally.complain("changed", f"{changed} by one of these that must be refused: {told}")
        self.tally.refused += len(refused)
        await self._together(self._one(ask, ruling, snapshot) for ask, ruling in reading)
        for ask, _ in changing:
            await self._change(ask)

    async def _together(self, work: Iterable[Awaitable[Seen]]) -> None:
        await asyncio.gather(*work)

    async def _change(self, ask: Ask) -> None:
        # A forecast that a reader before did not wait for is kept when it is done.
        await self.app.state.services.forecasts.settled()
        now = look(self.root, self.world)
        ruling = self._rule(now, ask)
        before = self._traces.take()
        seen = await self._one(ask, ruling, now)
        changed = difference(before, self._traces.take())
        if ruling.need == "open":
            return
        refused_for_itself = [key for key in changed if key[0] not in KEPT_WHEN_SHOWN] if ruling.may else changed
        if refused_for_itself and (ruling.may is False or (seen.is_refusal and seen.answer.status_code != 503)):
            self.tally.complain("changed", f"{refused_for_itself} by a refused {ask}: {seen.answer.status_code}")
        touched = {business for _, business in changed if business is not None}
        may_touch = self._judge.may_touch(ask, ruling, seen)
        if beyond := sorted(key for key in changed if key[1] in touched - may_touch):
            self.tally.complain("changed", f"{beyond} by {ask}")

    def _rule(self, snapshot: Snapshot, ask: Ask) -> Ruling:
        route = self._by_key.get((ask.method, ask.template))
        declared = route.need if route else "none"
        ruling = snapshot.rule(ask, declared=declared)
        if route and declared not in {"open", "signed_in"} and not is_known(route):
            self.tally.unknown.add(f"{route.method} {route.path}")
        if route and ruling.need not in {declared, "", "none"}:
            self.tally.complain("declared", f"{ask.method} {ask.template} declares {declared}, not {ruling.need}")
        return ruling

    async def _one(self, ask: Ask, ruling: Ruling, snapshot: Snapshot) -> Seen:
        seen = await self._send(ask)
        self._judge.judge(seen, ruling, snapshot)
        if seen.is_success and ruling.may and ruling.label:
            self.tally.served[ruling.label, ruling.need] += 1
        self._learn(seen, ruling, snapshot)
        if ask.foreign is not None and self._judge.is_foreign(ask, snapshot):
            self.tally.twins += 1
            twin = ask.with_id(new_id())
            other = await self._send(twin)
            self._judge.judge(other, self._rule(snapshot, twin), snapshot)
            self._judge.compare(seen, other)
        return seen

    async def _send(self, ask: Ask) -> Seen:
        async with self._room:
            answer = await self.http.request(
                ask.method, ask.path, params=list(ask.query) or None, content=ask.payload(), headers=ask.headers()
            )
        self.tally.requests += 1
        self.tally.statuses[answer.status_code] += 1
        self.tally.routes[f"{ask.method} {ask.template}"] += 1
        return Seen(ask, answer)

    def _learn(self, seen: Seen, ruling: Ruling, snapshot: Snapshot) -> None:
        """Cursors and new tokens are tried by others later."""
        if made := list(seen.business_made):
            self._learn_businesses(made, snapshot)
        if not seen.is_success or not seen.is_json or not seen.answer.content:
            return
        body = json.loads(seen.answer.content)
        if isinstance(body, dict) and isinstance(cursor := body.get("next_cursor"), str):
            self.world.cursors[seen.ask.template].append(cursor)
        if seen.ask.method == "POST" and isinstance(data := body.get("data"), dict):
            if "token" in data and ruling.chosen:
                self.world.principals.append(Principal("token", data["token"]))
            if seen.ask.template == "/api/v1/businesses":
                self._learn_business(data["name"], UUID(data["id"]), UUID(data["firm_id"]), snapshot)

    def _learn_businesses(self, made: list[UUID], snapshot: Snapshot) -> None:
        for name, business, firm in self.root.execute(
            "SELECT name, id, firm_id FROM business WHERE id = ANY(%s)", [made]
        ):
            self._learn_business(name, business, firm, snapshot)

    def _learn_business(self, name: str, business: UUID, firm: UUID, snapshot: Snapshot) -> None:
        """The firm's admins belong to it. A form may have been sent with a name that is no word of ours."""
        self.world.add("business", business, business)
        if (word := name.removeprefix("new ").encode()) in self.world.canaries.owners:
            self.world.canaries.owners[word].add(business)
        for user, roles in snapshot.roles.items():
            if user in self.world.words_of_users and any(
                roles.get(place) == "firm_admin" for place in self.world.firms.get(firm, ())
            ):
                self.world.belongs(user, business)
