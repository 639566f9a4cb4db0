"""Who may do what at this instant, read from the tables as superuser: nothing of the product's own way to decide is used."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from psycopg import Connection

from benchmarks.proofs.tenancy.ask import Ask
from benchmarks.proofs.tenancy.page_rights import CLIENT_PAGES
from benchmarks.proofs.tenancy.rights import (
    DOORS,
    FRESH_THOUGH_SAFE,
    NEEDS,
    ROLES,
    WITH_FACTOR,
    WITH_FRESH_PROOF,
)
from benchmarks.proofs.tenancy.world import Principal, World

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

_SESSIONS = """
    SELECT s.token_hash, s.user_id, u.totp_confirmed_at IS NOT NULL, s.factor_at > now() - interval '5 minutes'
    FROM user_session s JOIN app_user u ON u.id = s.user_id
    WHERE s.token_hash = ANY(%s) AND s.is_complete AND s.ended_at IS NULL AND s.expires_at > now()
      AND s.last_seen_at > now() - interval '30 minutes' AND u.disabled_at IS NULL
"""
_TOKENS = """
    SELECT t.id, t.token_hash, t.user_id, u.totp_confirmed_at IS NOT NULL, t.permissions, array_agg(b.business_id)
    FROM api_token t LEFT JOIN app_user u ON u.id = t.user_id JOIN api_token_business b ON b.token_id = t.id
    WHERE t.token_hash = ANY(%s) AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > now())
      AND u.disabled_at IS NULL
    GROUP BY t.id, u.id
"""
_ROLES = """
    SELECT user_id, business_id, role FROM membership WHERE user_id = ANY(%(users)s)
    UNION ALL SELECT a.user_id, b.id, 'firm_admin' FROM firm_admin a JOIN business b ON b.firm_id = a.firm_id
    WHERE a.user_id = ANY(%(users)s)
"""


@dataclass(frozen=True)
class Right:
    """What somebody may do in one business. `label` is the role, `service` where there is none."""

    label: str
    permissions: frozenset[str]


@dataclass(frozen=True)
class Standing:
    """What one session or token is worth now."""

    user: UUID | None
    rights: Mapping[UUID, Right]
    has_factor: bool
    is_fresh: bool
    is_session: bool
    is_firm_admin: bool
    token: UUID | None = None


@dataclass(frozen=True)
class Ruling:
    """`may`: None where the route is for anybody. `allowed`: the businesses whose words the answer may hold."""

    may: bool | None
    need: str
    why: str = ""
    chosen: UUID | None = None
    label: str = ""
    allowed: frozenset[UUID] = frozenset()
    standing: Standing | None = None


_DEAD = Ruling(may=False, need="", why="no living session or token")


@dataclass
class Snapshot:
    standings: dict[bytes, Standing]
    roles: dict[UUID, dict[UUID, str]] = field(default_factory=dict)

    def of(self, principal: Principal) -> Standing | None:
        found = self.standings.get(principal.hash)
        # A session's secret sent as a token opens nothing, nor the other way round.
        return found if found is not None and found.is_session == (principal.kind == "session") else None

    def rule(self, ask: Ask, *, declared: str) -> Ruling:
        """`declared` is what the product's route says it needs, taken where the oracle has no word of its own."""
        key = (ask.method, ask.template)
        need = NEEDS.get(key) or DOORS.get(key) or declared
        if not ask.is_served:
            return Ruling(may=False, need=need, why="no such method")
        if need == "open":
            standing = self.of(ask.principal)
            return Ruling(may=None, need=need, allowed=frozenset(standing.rights) if standing else frozenset())
        standing = self.of(ask.principal)
        if standing is None or (ask.template.startswith(CLIENT_PAGES) and not standing.is_session):
            return _DEAD
        if standing.is_session and ask.method not in SAFE and ask.csrf != "right":
            return Ruling(may=False, need=need, why="no proof that the request is from a page of ours")
        if need in {"recognised", "signed_in", "firm_admin"}:
            return self._rule_before_businesses(need, standing)
        return _rule_in_business(ask, standing, need)

    def _rule_before_businesses(self, need: str, standing: Standing) -> Ruling:
        may = (
            need == "recognised"
            or (need == "signed_in" and standing.is_session)
            or (need == "firm_admin" and standing.is_session and standing.has_factor and standing.is_firm_admin)
        )
        allowed = frozenset(standing.rights) if may else frozenset()
        return Ruling(may, need, why=f"not {need}", allowed=allowed, standing=standing)


def _rule_in_business(ask: Ask, standing: Standing, need: str) -> Ruling:
    rights = standing.rights
    only = next(iter(rights)) if len(rights) == 1 else None
    named = ask.business_named
    chosen = only if named is None else _read_id(named)
    right = rights.get(chosen) if chosen is not None else None
    if right is None:
        return Ruling(may=False, need=need, why="no business of theirs", standing=standing)
    refused = Ruling(may=False, need=need, why=f"lacks {need}", chosen=chosen, label=right.label, standing=standing)
    if need not in right.permissions:
        return refused
    changes = ask.method not in SAFE or (ask.method, ask.template) in FRESH_THOUGH_SAFE
    if need in WITH_FRESH_PROOF and changes and standing.is_session and not standing.is_fresh:
        return Ruling(may=False, need=need, why="proof too old", chosen=chosen, label=right.label, standing=standing)
    assert chosen is not None
    return Ruling(may=True, need=need, chosen=chosen, label=right.label, allowed=frozenset({chosen}), standing=standing)


def _read_id(text: str) -> UUID | None:
    try:
        return UUID(text.strip())
    except ValueError:
        return None


def look(root: Connection[Any], world: World) -> Snapshot:
    """The state of this instant."""
    hashes = [one.hash for one in world.principals if one.kind != "none"]
    sessions, tokens = root.execute(_SESSIONS, [hashes]).fetchall(), root.execute(_TOKENS, [hashes]).fetchall()
    roles: defaultdict[UUID, dict[UUID, str]] = defaultdict(dict)
    for user, business, role in root.execute(_ROLES, {"users": world.users}, prepare=True):
        if roles[user].get(business) != "firm_admin":
            roles[user][business] = role
    admins = {user for (user,) in root.execute("SELECT user_id FROM firm_admin")}
    standings = {}
    for token_hash, user, has_factor, is_fresh in sessions:
        rights = {
            business: Right(role, _with_factor(ROLES[role], has_factor=has_factor))
            for business, role in roles.get(user, {}).items()
        }
        standings[bytes(token_hash)] = Standing(
            user, rights, has_factor=has_factor, is_fresh=is_fresh, is_session=True, is_firm_admin=user in admins
        )
    for token, token_hash, user, has_factor, permissions, businesses in tokens:
        own = frozenset(permissions)
        if user is None:
            rights = {business: Right("service", own) for business in businesses}
        else:
            rights = {
                business: Right(role, _with_factor(ROLES[role] & own, has_factor=has_factor))
                for business, role in roles.get(user, {}).items()
                if business in businesses
            }
        standings[bytes(token_hash)] = Standing(
            user,
            rights,
            has_factor=has_factor,
            is_fresh=False,
            is_session=False,
            is_firm_admin=user in admins,
            token=token,
        )
    return Snapshot(standings, dict(roles))


def _with_factor(permissions: frozenset[str], *, has_factor: bool) -> frozenset[str]:
    return permissions if has_factor else permissions - WITH_FACTOR
