"""What stands in a request: ids for its path, a query, a body. Each comes with the id in it that is another tenant's, if one is."""

import random
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from benchmarks.proofs.tenancy.known_routes import KnownRoute
from benchmarks.proofs.tenancy.rights import ROLES
from benchmarks.proofs.tenancy.world import World
from infra.ids import new_id

Pair = tuple[str, str]

_ID_KINDS = {
    "bill_id": "bill", "invoice_id": "invoice", "user_id": "user", "token_id": "token", "invitation_id": "invitation",
    "session_id": "session", "vendor_id": "vendor", "customer_id": "customer", "item_id": "drift", "notice_id": "notice",
}  # fmt: skip
_JUNK: tuple[Any, ...] = (None, True, -1, 1e300, "", "x" * 300, "null", [], {}, ["a"], {"a": {"b": []}}, "cy", "%00")
_VALUES: Mapping[str, tuple[str, ...]] = {
    "limit": ("1", "2", "3", "50", "200", "0", "x"),
    "max_age": ("60", "3600", "86400", "86400", "86400", "soon", "0", "live"),
    "as_of": ("2026-03-01T00:00:00Z", "2040-01-01T00:00:00Z", "1999-01-01T00:00:00Z", "now"),
    "since": ("2020-01-01T00:00:00Z", "2026-03-01T00:00:00Z", "2020-01-01", "2026-03-01", "never"),
    "until": ("2030-01-01T00:00:00Z", "2026-03-01T00:00:00Z", "2030-01-01", "2026-03-01", "never"),
}
_ANY_VALUE = ("0", "1", "30", "true", "false", "x", "100", "csv")


class Contents:
    def __init__(self, world: World, chance: random.Random) -> None:
        self.world = world
        self.chance = chance

    def id(self, name: str, chosen: UUID | None, *, is_plain: bool) -> tuple[str, UUID | None]:
        """For the part of a path of that name."""
        if name == "job_id":
            own_jobs = [job for job, owner in self.world.jobs.items() if owner == chosen]
            return str(self.chance.choice((own_jobs if is_plain else []) or [*self.world.jobs, 10**9, "x"])), None
        kind, roll = _ID_KINDS.get(name, "bill"), self.chance.random()
        own = self.world.of_business(kind, chosen) if chosen else []
        if own and roll < (0.8 if is_plain else 0.4):
            return str(self.chance.choice(own)), None
        others = self.world.of_others(kind, chosen) if chosen else list(self.world.rows[kind])
        if others and roll < 0.9:
            one = self.chance.choice(others)
            return str(one), one
        return self.chance.choice([str(new_id()), str(new_id()), "seven", "%00", "..%2f", "0"]), None

    def query(self, route: KnownRoute, chosen: UUID | None, *, is_plain: bool) -> tuple[list[Pair], UUID | None]:
        query: list[Pair] = []
        foreign = None
        for name, schema in route.parameters.items():
            if self.chance.random() >= (0.15 if is_plain else 0.35):
                continue
            if name in {"vendor", "customer"} and chosen and (strange := self.world.of_others(name, chosen)):
                foreign = self.chance.choice(strange)
                query.append((name, str(foreign)))
            else:
                query.append((name, self.chance.choice(self._values(route, name, schema))))
        if not is_plain and self.chance.random() < 0.05:
            query.append(("business_id", str(self.chance.choice(self.world.businesses))))
        return query, foreign

    def _values(self, route: KnownRoute, name: str, schema: Mapping[str, Any]) -> Sequence[str]:
        world = self.world
        match name:
            case "cursor":
                return [*(world.cursors[route.path] or world.cursors["/api/v1/bills"])[-60:], "AAAA", "1"]
            case "search":
                return ["Vendor", "cust", "%", *(word.decode() for word in list(world.canaries.owners)[:40])]
            case "user":
                return [str(user) for user in world.users]
            case "actor":
                return ["cli", "nobody", *(f"user:{user}" for user in world.users)]
            case _:
                return _VALUES.get(name) or enum_of(schema) or _ANY_VALUE

    def body(self, route: KnownRoute, chosen: UUID | None, *, is_plain: bool) -> tuple[dict[str, Any], UUID | None]:
        """Every text in it is a new word, of the business for which it is said."""
        chance, foreign = self.chance, None
        word = self.world.canaries.new(*([chosen] if chosen else []))
        match (route.method, route.path):
            case ("POST", "/api/v1/tokens"):
                body, foreign = self._new_token(word, chosen)
            case ("POST", "/api/v1/invitations") | ("POST", "/c/{business_id}/settings/members/invite"):
                body = {"email": f"{word}@invited.example", **self._standing()}
            case ("PATCH", "/api/v1/members/{user_id}") | ("POST", "/c/{business_id}/settings/members/{user_id}"):
                body = self._standing()
            case ("POST", "/api/v1/businesses") | ("POST", "/firm/businesses"):
                foreign = chance.choice([None, *self.world.firms])
                body = {"name": f"new {word}", **({"firm_id": str(foreign)} if foreign else {})}
            case ("POST" | "PUT", path) if (of_money := _of_money(path.rpartition("/")[2], word)) is not None:
                body = of_money
            case _:
                email = f"{chance.choice(list(self.world.words_of_users.values()))}@people.example"
                body = {"email": email, "password": word, "code": "000000", "name": word}
                body["next"] = chance.choice(["/account", "//evil.example"])
        if not is_plain and chance.random() < 0.3:
            name = chance.choice([*body, "business_id", "user_id", "id"])
            foreign = None if name in {"businesses", "firm_id"} else foreign
            body[name] = chance.choice([*_JUNK, str(chance.choice(self.world.businesses))])
        return body, foreign

    def _new_token(self, word: str, chosen: UUID | None) -> tuple[dict[str, Any], UUID | None]:
        few = self.chance.sample(sorted(ROLES["owner"]), k=self.chance.choice([1, 1, 4]))
        body: dict[str, Any] = {"name": f"made {word}", "permissions": few, "expires_in_days": 5}
        if self.chance.random() < 0.6:
            return body, None
        other = self.chance.choice(self.world.businesses)
        body["businesses"] = [str(other), *([str(chosen)] if chosen else [])]
        self.world.canaries.owners[word.encode()].add(other)
        return body, other if other != chosen else None

    def _standing(self) -> dict[str, Any]:
        role = self.chance.choice(["owner", "approver", "bookkeeper", "viewer", "viewer"])
        limit = self.chance.choice([None, None, "100", "1000"]) if role in {"owner", "approver"} else None
        return {"role": role, "approval_limit": limit}


def _of_money(verb: str, word: str) -> dict[str, Any] | None:
    """What says yes to a bill, notes something on an invoice, or asks for a record in the ledger; None for anything else."""
    bodies: dict[str, dict[str, Any]] = {
        "approve": {"duplicate_reason": word},
        "promise": {"promised_on": "2999-01-31", "reason": word},
        "dispute": {"reason": word},
        "write-off-note": {"reason": word},
        "close": {"because": word},
        "approval-policy": {"needed_from": "0"},
        "pay": {"account_id": "35"},
        "batch-execute": {"payment_ids": [str(new_id())]},
        "void": {"reason": word},
        "review": {"not_there": word},
        "record-payment": {"amount": "1.00", "date": "2026-03-20", "reference": word[:21]},
        "send-reminder": {"through": "mail", "to": f"{word}@customer.example"},
        "policy": {"is_on": True, "sender_name": word, "send_from": 0, "send_until": 24, "on_weekends": True},
        "reminders": {"send_to": f"{word}@customer.example"},
        "run": {"dry_run": False},
        "preview": {"actions": [{"kind": "scenario", "scenario": {"kind": "delay_bills", "days": 7}}]},
        "scenarios": {"name": word, "steps": [{"kind": "delay_bills", "days": 7}]},
        "ask": {"question": word},
    }
    return bodies.get(verb)


def enum_of(schema: Mapping[str, Any]) -> list[str]:
    """What a parameter may be, where its schema lists it."""
    for one in (schema, *schema.get("anyOf", ())):
        if "enum" in one:
            return [str(value) for value in one["enum"]]
    return []
