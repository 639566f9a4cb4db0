"""A random world of firms, businesses, people and keys, written straight into the database."""

import hmac
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from hashlib import sha256
from secrets import token_urlsafe
from typing import Any
from uuid import UUID

from psycopg import Connection, sql
from psycopg.types.json import Jsonb

from benchmarks.proofs.tenancy.canaries import Canaries
from benchmarks.proofs.tenancy.rights import ROLES
from infra.clock import SystemClock
from infra.ids import new_id
from infra.security.keyring import Keyring
from infra.security.sealed_columns import context_by_row
from runway.registry import MIRROR_SPECS

BUSINESS_ROLES = ("owner", "approver", "bookkeeper", "viewer")
_DEAD_JOB = """
    INSERT INTO outbox (business_id, queue, job, arguments, attempts, dead_at, last_error)
    VALUES (%(business_id)s, 'sync', 'qbo.backfill', %(arguments)s, 8, now(), %(word)s) RETURNING id
"""
_EVERY_PERMISSION = sorted(ROLES["owner"])


@dataclass(frozen=True)
class Principal:
    """What a caller shows. `kind`: session, token, or nothing."""

    kind: str
    secret: str

    @cached_property
    def hash(self) -> bytes:
        return sha256(self.secret.encode()).digest()

    @property
    def csrf(self) -> str:
        return hmac.new(self.secret.encode(), b"csrf", sha256).hexdigest()


@dataclass
class World:
    """Everything that was made, by what it is of. `rows` has the ids that a path may name, each with its businesses."""

    canaries: Canaries = field(default_factory=Canaries)
    firms: dict[UUID, list[UUID]] = field(default_factory=dict)
    businesses: list[UUID] = field(default_factory=list)
    users: list[UUID] = field(default_factory=list)
    words_of_users: dict[UUID, str] = field(default_factory=dict)
    principals: list[Principal] = field(default_factory=list)
    rows: defaultdict[str, dict[UUID, set[UUID]]] = field(default_factory=lambda: defaultdict(dict))
    jobs: dict[int, UUID] = field(default_factory=dict)
    cursors: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, kind: str, row: UUID, *owners: UUID) -> UUID:
        self.rows[kind][row] = set(owners)
        self.canaries.add_row(row, *owners)
        return row

    def of_business(self, kind: str, business: UUID) -> list[UUID]:
        return [row for row, owners in self.rows[kind].items() if business in owners]

    def of_others(self, kind: str, business: UUID) -> list[UUID]:
        return [row for row, owners in self.rows[kind].items() if business not in owners]

    def belongs(self, user: UUID, *businesses: UUID) -> None:
        """From now on these businesses may see the person's name."""
        self.canaries.owners[self.words_of_users[user].encode()].update(businesses)
        self.rows["user"].setdefault(user, set()).update(businesses)


def insert(root: Connection[Any], table: str, rows: Sequence[dict[str, Any]]) -> None:
    if not rows:
        return
    statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, rows[0])),
        sql.SQL(", ").join(map(sql.Placeholder, rows[0])),
    )
    with root.cursor() as cursor:
        cursor.executemany(statement, rows)


def build(root: Connection[Any], chance: random.Random, *, keyring: Keyring, businesses: int) -> World:
    """Every business has each role, held by somebody sound; beyond that anything may be: disabled, ended, expired, revoked."""
    world, now = World(), SystemClock().now()
    _make_businesses(root, world, chance, now=now, count=businesses)
    sound = _make_people(root, world, chance, keyring=keyring, now=now)
    _make_members(root, world, chance, sound=sound, now=now)
    _make_sessions(root, world, chance, sound=sound, now=now)
    _make_tokens(root, world, chance, now=now)
    _make_traces(root, world, now=now)
    world.principals += [Principal("none", ""), Principal("session", token_urlsafe()), Principal("token", "oo_wrong")]
    return world


def _make_businesses(root: Connection[Any], world: World, chance: random.Random, *, now: datetime, count: int) -> None:
    firms: list[UUID | None] = [new_id(), new_id(), None]
    rows = []
    for number in range(count):
        # The first three decide that no kind is missing.
        firm = firms[number] if number < len(firms) else chance.choice(firms)
        business = new_id()
        world.businesses.append(business)
        world.add("business", business, business)
        if firm is not None:
            world.firms.setdefault(firm, []).append(business)
        rows.append(
            {"id": business, "firm_id": firm, "name": f"Shop {world.canaries.new(business)}", "created_at": now}
        )
    insert(
        root,
        "firm",
        [
            {"id": firm, "name": f"Firm {world.canaries.new(*owned)}", "created_at": now}
            for firm, owned in world.firms.items()
        ],
    )
    insert(root, "business", rows)
    for firm, owned in world.firms.items():
        world.add("firm", firm, *owned)


def _make_people(
    root: Connection[Any], world: World, chance: random.Random, *, keyring: Keyring, now: datetime
) -> set[UUID]:
    """Those whom nothing keeps out."""
    rows, sound = [], set()
    for number in range(4 * len(world.businesses)):
        user, word = new_id(), world.canaries.new()
        is_sound = number % 4 != 3
        has_factor = is_sound or chance.random() < 0.4
        secret = keyring.seal(
            "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", context=context_by_row("app_user", user, "totp_secret_sealed")
        )
        world.users.append(user)
        world.words_of_users[user] = word
        rows.append(
            {
                "id": user,
                "email": f"{word}@people.example",
                "name": f"Person {word}",
                "totp_secret_sealed": secret if has_factor else None,
                "totp_confirmed_at": now if has_factor else None,
                "created_at": now,
                "disabled_at": None if is_sound or chance.random() < 0.5 else now,
            }
        )
        if is_sound:
            sound.add(user)
    insert(root, "app_user", rows)
    return sound


def _make_members(
    root: Connection[Any], world: World, chance: random.Random, *, sound: set[UUID], now: datetime
) -> None:
    held: dict[tuple[UUID, UUID], str] = {}
    for business in world.businesses:
        for role in BUSINESS_ROLES:
            for pool in (sorted(sound), world.users):
                user = chance.choice(pool)
                if (business, user) not in held and (pool is not world.users or chance.random() < 0.5):
                    held[business, user] = role
        if missing := set(BUSINESS_ROLES) - {role for (place, _), role in held.items() if place == business}:
            free = [user for user in sorted(sound) if (business, user) not in held]
            held |= {(business, chance.choice(free)): role for role in sorted(missing)[:1]}
    insert(
        root,
        "membership",
        [
            {
                "business_id": business,
                "user_id": user,
                "role": role,
                "approval_limit": chance.choice([None, 500]) if role in {"owner", "approver"} else None,
                "created_at": now - timedelta(days=1),
            }
            for (business, user), role in held.items()
        ],
    )
    admins: list[dict[str, Any]] = [
        {"firm_id": firm, "user_id": user, "created_at": now - timedelta(days=1)}
        for firm in world.firms
        for user in {chance.choice(sorted(sound)), chance.choice(sorted(sound)), chance.choice(world.users)}
    ]
    insert(root, "firm_admin", admins)
    for business, user in held:
        world.belongs(user, business)
    for admin in admins:
        world.belongs(admin["user_id"], *world.firms[admin["firm_id"]])


def _make_sessions(
    root: Connection[Any], world: World, chance: random.Random, *, sound: set[UUID], now: datetime
) -> None:
    """A sound person has one that is fresh. Of the others some are proved long ago, ended, old, idle, or half-way in."""
    long_ago, ahead = now - timedelta(hours=2), now + timedelta(days=1)
    flaws: list[dict[str, Any]] = [
        {},
        {"factor_at": long_ago},
        {"ended_at": now},
        {"expires_at": long_ago},
        {"last_seen_at": long_ago},
        {"is_complete": False},
    ]
    rows = []
    for user in world.users:
        own: list[dict[str, Any]] = [{}] if user in sound else []
        for flaw in [*own, *(chance.choice(flaws) for _ in range(chance.randint(0, 2)))]:
            one = Principal("session", token_urlsafe())
            world.principals.append(one)
            rows.append(
                {
                    "id": new_id(), "user_id": user, "token_hash": one.hash, "is_complete": True, "created_at": long_ago,
                    "last_seen_at": now, "factor_at": ahead, "expires_at": ahead, "ended_at": None,
                    "address": "192.0.2.1", "user_agent": f"browser of {world.words_of_users[user]}", **flaw,
                }
            )  # fmt: skip
            world.rows["session"][rows[-1]["id"]] = set()
    insert(root, "user_session", rows)


def _make_tokens(root: Connection[Any], world: World, chance: random.Random, *, now: datetime) -> None:
    """Two of services do all; the others' ends and rights are anything."""
    tokens, opened, ahead = [], [], now + timedelta(days=1)
    for number in range(3 * len(world.businesses)):
        user, is_sound = None if number % 3 == 0 else chance.choice(world.users), number in {0, 3}
        own = [place for place in world.businesses if user and place in world.rows["user"].get(user, set())]
        # Of a person, also what they have no more, or never had.
        pool = own if own and chance.random() < 0.8 else world.businesses
        places = chance.sample(pool, k=min(len(pool), chance.choice([1, 1, 2, 3])))
        some = chance.sample(_EVERY_PERMISSION, k=chance.randint(1, len(_EVERY_PERMISSION)))
        one, word = Principal("token", f"oo_{token_urlsafe()}"), world.canaries.new(*places)
        world.principals.append(one)
        tokens.append(
            {
                "id": world.add("token", new_id(), *places),
                "user_id": user,
                "name": f"Key {word}",
                "token_hash": one.hash,
                "permissions": _EVERY_PERMISSION if is_sound or chance.random() < 0.5 else sorted(some),
                "created_at": now,
                "expires_at": None if is_sound else chance.choice([None, ahead, ahead, now]),
                "revoked_at": now if not is_sound and chance.random() < 0.1 else None,
            }
        )
        opened += [{"business_id": place, "token_id": tokens[-1]["id"]} for place in places]
        if user:
            world.belongs(user, *places)  # the list of tokens names whom each acts for
    insert(root, "api_token", tokens)
    insert(root, "api_token_business", opened)


def _make_traces(root: Connection[Any], world: World, *, now: datetime) -> None:
    """What is neither people nor documents: connections, sync states, invitations, notices, the access log."""
    fresh = {"last_synced_at": now, "synced_through": now}
    for business in world.businesses:
        word = world.canaries.new(business)
        own = {"business_id": business}
        realm = str(new_id().int)[-18:]
        insert(root, "connection", [{
            **own, "id": new_id(), "rail": "qbo", "external_account_id": realm, "state": "active", "reason": f"why {word}",
            "connected_at": now, "state_changed_at": now,
        }])  # fmt: skip
        states = [{**own, "rail": "qbo", "entity": spec.entity, **fresh, "last_error": word} for spec in MIRROR_SPECS]
        insert(root, "sync_state", states)
        insert(root, "sync_run", [{
            **own, "id": new_id(), "rail": "qbo", "kind": "backfill", "state": "failed", "actor": f"job {word}",
            "started_at": now, "finished_at": now, "error": word,
        }])  # fmt: skip
        insert(root, "invitation", [{
            "id": world.add("invitation", new_id(), business), "business_id": business, "email": f"{word}@guests.example",
            "role": "viewer", "token_hash": sha256(token_urlsafe().encode()).digest(), "created_at": now,
            "expires_at": now + timedelta(days=1),
        }])  # fmt: skip
        insert(root, "notice", [{
            **own, "id": world.add("notice", new_id(), business), "kind": "drift", "subject": word, "severity": "warning", "title": word, "text": word,
            "details": Jsonb({"of": word}), "raised_at": now, "last_raised_at": now,
        }])  # fmt: skip
        insert(root, "drift_item", [{
            **own, "id": world.add("drift", new_id(), business), "rail": "qbo", "kind": "implausible_deletions", "entity": "Bill",
            "external_id": word, "cause": "missed_deletion", "details": Jsonb({"of": word}), "run_id": new_id(), "found_at": now,
        }])  # fmt: skip
        dead = root.execute(_DEAD_JOB, {**own, "word": word, "arguments": Jsonb([str(business), word])}).fetchone()
        assert dead is not None
        world.jobs[dead[0]] = business
        insert(root, "access_log", [{
            **own, "event": "connection.changed", "actor": "cli", "address": "local", "request_id": word,
            "details": Jsonb({"of": word}),
        }])  # fmt: skip
