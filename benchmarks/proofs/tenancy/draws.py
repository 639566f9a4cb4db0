"""Random requests over every route: aimed at what was allowed least so far, spoiled in one thing, or of anything."""

import random
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from benchmarks.proofs.tenancy.ask import Ask
from benchmarks.proofs.tenancy.contents import Contents
from benchmarks.proofs.tenancy.known_routes import KnownRoute
from benchmarks.proofs.tenancy.oracle import Right, Snapshot, Standing
from benchmarks.proofs.tenancy.rights import ROLES
from benchmarks.proofs.tenancy.world import Principal, World
from infra.ids import new_id

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
MIX = (0.4, 0.65)  # aimed; aimed or spoiled; the rest is anything
_MALFORMED = ("", "null", "*", "all", "../..", "1 OR 1=1", "0198c7d2-6a35-7c1e-9f0e")


@dataclass(frozen=True)
class Opening:
    """One business that a principal may enter."""

    principal: Principal
    business: UUID
    standing: Standing
    right: Right

    @property
    def is_stale(self) -> bool:
        return self.standing.is_session and not self.standing.is_fresh


class Draws:
    def __init__(
        self,
        world: World,
        routes: Sequence[KnownRoute],
        chance: random.Random,
        *,
        mix: tuple[float, float],
        focus: Collection[str] = (),
    ) -> None:
        """`mix`: as MIX. `focus`: the only paths, where there are any."""
        self.mix = mix
        self.world = world
        self.routes = routes
        self.chance = chance
        self.served: Counter[tuple[str, str]] = Counter()
        self._tried: Counter[tuple[str, str]] = Counter()
        self._contents = Contents(world, chance)
        self._doors_of: tuple[Snapshot | None, list[Opening]] = (None, [])
        of_businesses = [route for route in routes if route.is_of_client or not route.is_page]
        self._api = [route for route in routes if route.path in focus] if focus else of_businesses
        self._pages = [route for route in routes if route.is_page and not focus] or self._api
        offered = {route.asks_for() for route in self._api}
        labels = [(role, may) for role, permissions in ROLES.items() for may in permissions if may in offered]
        self.pairs = sorted(labels + [("service", may) for may in ROLES["owner"] if may in offered])

    def draw(self, snapshot: Snapshot) -> Ask:
        roll = self.chance.random()
        aimed_until, spoiled_until = self.mix
        if roll < aimed_until and (aimed := self._aimed(snapshot)) is not None:
            return aimed
        if roll < spoiled_until and (spoiled := self._spoiled(snapshot)) is not None:
            return spoiled
        return self._anything(snapshot, self.chance.choice(self._pages if roll > 0.96 else self._api))

    def _doors(self, snapshot: Snapshot) -> list[Opening]:
        """Who may enter what now; worked out once a snapshot."""
        if self._doors_of[0] is not snapshot:
            found = [
                Opening(principal, business, standing, right)
                for principal in self.world.principals
                if (standing := snapshot.of(principal)) is not None
                for business, right in standing.rights.items()
            ]
            self._doors_of = snapshot, found
        return self._doors_of[1]

    def _aimed(self, snapshot: Snapshot) -> Ask | None:
        """Something that ought to be let in, of the pair of role and permission that was let in least."""
        for label, need in sorted(self.pairs, key=lambda pair: (self.served[pair] + self._tried[pair] / 8, pair))[:4]:
            found = [
                door
                for door in self._doors(snapshot)
                if door.right.label == label and need in door.right.permissions and not door.is_stale
            ]
            # There is no payment of ours in these worlds before one is asked for.
            routes = [route for route in self._api if route.asks_for() == need and "{payment_id}" not in route.path]
            if found and routes:
                self._tried[label, need] += 1  # answers of this batch are not here yet
                door = self.chance.choice(found)
                fitting = [route for route in routes if door.standing.is_session or not route.is_of_client]
                ask = self._through(door, self.chance.choice(fitting or routes))
                is_only = len(found[0].standing.rights) == 1 and self.chance.random() < 0.3
                return replace(ask, business=None) if is_only else ask
        return None

    def _through(self, door: Opening, route: KnownRoute) -> Ask:
        return self._ask(route, door.principal, str(door.business), chosen=door.business, is_plain=True)

    def _spoiled(self, snapshot: Snapshot) -> Ask | None:
        """Something that lacks one thing only: the permission, a fresh proof, the page's token, or the business."""
        chance, doors = self.chance, self._doors(snapshot)
        route = chance.choice([route for route in self._api if route.asks_for() in ROLES["owner"]])
        need = route.asks_for()
        may = [door for door in doors if need in door.right.permissions]
        match chance.choice(("permission", "permission", "proof", "csrf", "business")):
            case "permission":
                lacking = [door for door in doors if need not in door.right.permissions]
                label = chance.choice(sorted({door.right.label for door in lacking}) or [""])
                found = [door for door in lacking if door.right.label == label]
            case "proof":
                found = [door for door in may if door.is_stale]
            case "csrf":
                found = [door for door in may if door.principal.kind == "session"]
                if found:
                    return replace(
                        self._through(chance.choice(found), route), csrf=chance.choice(["none", "wrong", "origin"])
                    )
            case _:
                if may:
                    door = chance.choice(may)
                    others = [one for one in self.world.businesses if one not in door.standing.rights]
                    if others:
                        foreign = chance.choice(others)
                        ask = self._ask(route, door.principal, str(foreign), chosen=foreign, is_plain=True)
                        return replace(ask, foreign=foreign)
                found = []
        return self._through(chance.choice(found), route) if found else None

    def _anything(self, snapshot: Snapshot, route: KnownRoute) -> Ask:
        chance, principal = self.chance, self.chance.choice(self.world.principals)
        standing = snapshot.of(principal)
        own = sorted(standing.rights) if standing else []
        others = [one for one in self.world.businesses if one not in own]
        chosen, named, foreign = None, None, None
        match chance.choice(("own", "own", "foreign", "foreign", "random", "malformed", "none")):
            case "own" if own:
                chosen = chance.choice(own)
                named = chance.choice([str(chosen), str(chosen).upper(), f" {chosen}", f"{{{chosen}}}", chosen.hex])
            case "foreign" if others:
                foreign = chance.choice(others)
                named = str(foreign)
            case "random":
                named = str(new_id())
            case "malformed":
                named = chance.choice(
                    ["", "null", "*", "all", "../..", str(chance.choice(self.world.businesses))[:-1], "1 OR 1=1"]
                )
            case _:
                chosen = own[0] if len(own) == 1 else None
        ask = self._ask(route, principal, named, chosen=chosen, is_plain=chance.random() < 0.3)
        if foreign is not None:
            ask = replace(ask, foreign=foreign)
        if chance.random() < 0.15:
            method = chance.choice(METHODS)
            is_served = any(one.method == method and one.path == route.path for one in self.routes)
            if not is_served:
                return replace(ask, method=method, is_served=False, foreign=None)
        return ask

    def _ask(
        self, route: KnownRoute, principal: Principal, named: str | None, *, chosen: UUID | None, is_plain: bool
    ) -> Ask:
        chance, foreign, path = self.chance, None, []
        for part in route.path.split("/"):
            if not part.startswith("{"):
                path.append(part)
                continue
            if part == "{business_id}":
                path.append(named if named and named.replace("-", "").isalnum() else str(new_id()))
                continue
            shown, stranger = self._contents.id(part.strip("{}"), chosen, is_plain=is_plain)
            path.append(shown)
            foreign = stranger or foreign
        is_form = route.is_page and route.has_body
        body, content = None, None
        if route.has_body:
            body, stranger = self._contents.body(route, chosen, is_plain=is_plain)
            foreign = foreign or stranger
            if not is_plain and not is_form and chance.random() < 0.1:
                body, content = None, chance.choice([b"", b"{", b"[]", b"\xff", b"null"])
        csrf = "right" if is_plain or chance.random() < 0.7 else chance.choice(["none", "wrong", "origin"])
        query, stranger = self._contents.query(route, chosen, is_plain=is_plain)
        more = {"Accept": chance.choice(["text/html", "application/json", "*/*"]), "Idempotency-Key": str(new_id())}
        return Ask(
            route.method, route.path, "/".join(path), principal, business=named, csrf=csrf, query=tuple(query), body=body,
            content=content, is_form=is_form, foreign=foreign or stranger, more=more,
        )  # fmt: skip
