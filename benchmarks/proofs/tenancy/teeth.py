"""Walls taken down one by one, each of which the storm must see.

What is behind two walls is let out only when both are down: with the queries' own filter gone the database still holds it (which is
what the second wall is for, and is shown), with the policy gone the queries do, and only the probe sees it. People, keys and the
access log are behind one wall, the oracle's very subject: there a single hole must be found over HTTP.
"""

import random
from collections.abc import Collection, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from psycopg import sql
from sqlalchemy import and_, select
from sqlalchemy.orm import aliased

from benchmarks.proofs.tenancy.proof import Stage
from benchmarks.proofs.tenancy.storm import Tally
from benchmarks.report import Measure, at_least, at_most
from domains.core import access_queries, access_service, parties
from domains.core.api_tokens import ApiTokens
from domains.core.ledger import LEDGER
from domains.core.models import Business
from domains.core.people import ApiToken, Membership
from domains.core.permissions import MAY, Permission, Role

_MIX = (0.3, 0.8)
_TABLES = ("bill", "invoice", "vendor", "customer")
_PATHS = ("/api/v1/vendors", "/api/v1/customers")  # read by these queries
_POLICY = "businesses_of_the_transaction"
_OVER_HTTP = ("leak", "let in", "gift", "changed", "told apart")


async def find_what_is_broken(stage: Stage, *, seed: int, requests: int = 100) -> list[Measure]:
    """A storm each, in one world: so many requests where nothing may be found, else until something is, within ten times that."""
    chance = random.Random(seed)  # noqa: S311  # a schedule, not a secret
    world = await stage.make_world(chance, businesses=4)

    async def storm(*broken: AbstractContextManager[None], until: str = "", focus: Collection[str] = ()) -> Tally:
        with ExitStack() as stack:
            for one in broken:
                stack.enter_context(one)
            storm = stage.storm_of(world, chance, Tally(), mix=_MIX, focus=focus)
            return await storm.run(10 * requests, until=[until]) if until else await storm.run(requests)

    policy = await storm(without_policies(stage))
    query = await storm(without_filter_of_books(), focus=_PATHS)
    both = await storm(without_policies(stage), without_filter_of_books(), until="leak", focus=_PATHS)
    viewers = await storm(with_viewers_that_may_all(), until="let in")
    members = await storm(with_everybody_a_member(), until="let in")
    tokens = await storm(without_filter_of_tokens(), until="leak")
    return [
        at_least("broken: policies are true; tables the probe saw", policy.count("probe"), "tables", bar=1),
        at_most("  over HTTP, where the queries' filter holds", policy.count(*_OVER_HTTP), "answers", bar=0),
        at_most("broken: books unfiltered; seen, where RLS holds", query.count(*_OVER_HTTP), "answers", bar=0),
        at_least("broken: both; others' books seen", both.count("leak"), "answers", bar=1),
        at_least("broken: a viewer may do all; seen", viewers.count("let in"), "answers", bar=1),
        at_least("broken: everybody is a member; seen", members.count("let in"), "answers", bar=1),
        at_least("broken: tokens unfiltered; seen", tokens.count("leak"), "answers", bar=1),
    ]


@contextmanager
def without_policies(stage: Stage) -> Iterator[None]:
    """They let every row through, as careless ones would."""
    held = stage.root.execute(
        "SELECT polrelid::regclass::text, pg_get_expr(polqual, polrelid) FROM pg_policy WHERE polname = %s AND polrelid::regclass::text = ANY(%s)",
        [_POLICY, list(_TABLES)],
    ).fetchall()
    assert len(held) == len(_TABLES)
    alter = sql.SQL("ALTER POLICY {} ON {} USING ({})")

    def set_all(rows: Iterable[tuple[str, str]]) -> None:
        for table, expression in rows:
            stage.root.execute(alter.format(sql.Identifier(_POLICY), sql.Identifier(table), sql.SQL(expression)))

    set_all((table, "true") for table, _ in held)
    try:
        yield
    finally:
        set_all(held)


@contextmanager
def without_filter_of_books() -> Iterator[None]:
    """The queries of vendors and customers forget whose rows they want."""

    def live(mirror: Any, _business_id: Any) -> tuple[Any, ...]:
        return (mirror.rail == LEDGER.value, mirror.deleted_at.is_(None))

    with patch.object(parties, "live", live):
        yield


@contextmanager
def with_viewers_that_may_all() -> Iterator[None]:
    with patch.dict(MAY, {Role.VIEWER: frozenset(Permission)}):
        yield


@contextmanager
def with_everybody_a_member() -> Iterator[None]:
    """The join takes somebody's membership for the caller's."""

    def is_member(_user_id: Any) -> Any:
        other = aliased(Membership)
        first = select(other.user_id).where(other.business_id == Business.id).order_by(other.user_id).limit(1)
        return and_(Membership.business_id == Business.id, Membership.user_id == first.scalar_subquery())

    with patch.object(access_queries, "_is_member", is_member):
        statement = access_queries.opened_by_session(is_named=True)
    with patch.object(access_service, "NAMED_BY_SESSION", statement):
        yield


@contextmanager
def without_filter_of_tokens() -> Iterator[None]:
    async def list_all(_self: Any, session: Any, _business_id: Any) -> list[ApiToken]:
        return list(await session.scalars(select(ApiToken).order_by(ApiToken.id.desc()).limit(100)))

    with patch.object(ApiTokens, "list_of_business", list_all):
        yield
