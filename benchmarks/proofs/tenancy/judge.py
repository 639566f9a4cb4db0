"""What may be wrong with an answer."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from uuid import UUID

import httpx

from benchmarks.proofs.tenancy.ask import Ask
from benchmarks.proofs.tenancy.canaries import said_in
from benchmarks.proofs.tenancy.oracle import Ruling, Snapshot
from benchmarks.proofs.tenancy.page_rights import CLIENT_PAGES
from benchmarks.proofs.tenancy.rights import NEEDS, ROLES
from benchmarks.proofs.tenancy.world import World

PROBLEM = "application/problem+json"
# The log tells whom a refused request named, and an export's file is named for its business: words are looked for there, ids not.
_IDS_ARE_TOLD = frozenset({f"{prefix}/audit{end}" for prefix in ("/api/v1", CLIENT_PAGES) for end in ("", "/export")})
# A conflict or a silent rail is found out by whoever was let in first.
_BEHIND_THE_DOOR = frozenset({409, 503})
# A business that was made a moment ago has no connection yet, and is told so.
_MAY_BE_NOTHING = frozenset({"/api/v1/qbo/connection"})
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_START = re.compile(rf"/c/({_ID.pattern})/start$")
# What differs from one answer to the next by itself: ids, a page's nonce and its form's token, the age of the books.
_OF_THE_MOMENT = re.compile(
    rf"""{_ID.pattern}|nonce(-|=")[A-Za-z0-9_-]+|name="csrf" value="[^"]*"|expires=[^;]+|"age_seconds":[0-9]+"""
)


@dataclass(frozen=True)
class Seen:
    ask: Ask
    answer: httpx.Response

    @property
    def is_page(self) -> bool:
        return not self.ask.template.startswith("/api/")

    @property
    def is_success(self) -> bool:
        """Whether it let somebody in: what leads to the sign-in, or to the path without its last slash, does not."""
        status = self.answer.status_code
        return status < 300 or (
            status < 400
            and status != HTTPStatus.TEMPORARY_REDIRECT
            and not self.answer.headers.get("location", "").startswith("/sign-in")
        )

    @property
    def is_refusal(self) -> bool:
        return self.answer.status_code >= 400

    @property
    def is_json(self) -> bool:
        kind: str = self.answer.headers.get("content-type", "")
        return kind.startswith("application/json")

    @property
    def business_made(self) -> set[UUID]:
        """By a page: it goes on to the new business's start."""
        made = _START.search(self.answer.headers.get("location", ""))
        return {UUID(made.group(1))} if made and self.ask.template == "/firm/businesses" else set()

    def bytes(self) -> bytes:
        heads = b"\n".join(name + b": " + value for name, value in self.answer.headers.raw)
        return heads + b"\n\n" + self.answer.content


class Judge:
    def __init__(self, world: World, documented: Mapping[str, Any], complain: Callable[[str, str], None]) -> None:
        self._world = world
        self._documented = documented
        self._complain = complain

    def judge(self, seen: Seen, ruling: Ruling, snapshot: Snapshot) -> None:
        self._judge_words(seen, ruling)
        self._judge_status(seen)
        if ruling.may is False and (seen.is_success or seen.answer.status_code in _BEHIND_THE_DOOR):
            self._complain("let in", f"{seen.ask} → {seen.answer.status_code} though: {ruling.why}")
        if ruling.may and ruling.need not in {"signed_in", "open"}:
            self._judge_let_in(seen, ruling)
        if seen.is_success and ruling.may and ruling.chosen is not None:
            self._judge_gift(seen, ruling, snapshot)

    def _judge_words(self, seen: Seen, ruling: Ruling) -> None:
        said, told = said_in(seen.ask.said()), seen.bytes()
        allowed = set(ruling.allowed)
        canaries = self._world.canaries
        own = set()
        if (standing := ruling.standing) is not None and standing.user in self._world.words_of_users:
            own = {self._world.words_of_users[standing.user].encode()}
        for word in canaries.strangers(told, allowed=allowed, said=said):
            if word not in own:
                self._complain("leak", f"{seen.ask} → {seen.answer.status_code} tells {word!r}")
        if seen.ask.template not in _IDS_ARE_TOLD:
            # A token's entry names those of its businesses that the reader may enter.
            enterable = set(standing.rights) if standing is not None and ruling.may else set()
            for row in canaries.strange_rows(told, allowed=allowed | enterable, said=said):
                if standing is not None and row == str(standing.token).encode():
                    continue  # its own, which may open nothing any more
                self._complain("leak", f"{seen.ask} → {seen.answer.status_code} tells the id {row!r}")

    def _judge_status(self, seen: Seen) -> None:
        status, kind = seen.answer.status_code, seen.answer.headers.get("content-type", "")
        operation = self._documented.get(seen.ask.template, {}).get(seen.ask.method.lower(), {})
        may_be_silent = seen.is_page or "503" in operation.get("responses", {})
        if status >= 500 and not (status == 503 and may_be_silent):
            self._complain("5xx", f"{seen.ask} → {status} {seen.answer.text[:300]}")
        is_for_people = seen.is_page or "text/html" in kind
        if status >= 400 and kind != PROBLEM and not is_for_people:
            self._complain("no problem", f"{seen.ask} → {status} of {kind}")

    def _judge_let_in(self, seen: Seen, ruling: Ruling) -> None:
        """Whoever may is not turned away at the door; what they ask may be refused for itself (403 of a gift, 404 of a row)."""
        status, is_plain_read = seen.answer.status_code, seen.ask.method == "GET" and "{" not in seen.ask.template
        is_turned_away = status == 403 or (status == 404 and seen.ask.template not in _MAY_BE_NOTHING)
        if status == 401 or (is_plain_read and is_turned_away):
            self._complain("turned away", f"{seen.ask} → {status} {seen.answer.text[:300]} as {ruling.label}")

    def _judge_gift(self, seen: Seen, ruling: Ruling, snapshot: Snapshot) -> None:
        """Nobody gives what they do not have."""
        ask, standing, chosen = seen.ask, ruling.standing, ruling.chosen
        assert standing is not None
        assert chosen is not None
        own = standing.rights[chosen].permissions
        match (ask.method, ask.template):
            case ("POST", "/api/v1/tokens"):
                wanted = {*ask.body["permissions"], "tokens.manage"}
                for place in ask.body.get("businesses") or [str(chosen)]:
                    right = standing.rights.get(UUID(place))
                    if right is None or wanted - right.permissions:
                        self._complain("gift", f"{ask} made a token for what its maker may not")
            case (
                ("POST", "/api/v1/invitations" | "/c/{business_id}/settings/members/invite")
                | ("PATCH", "/api/v1/members/{user_id}")
                | ("POST", "/c/{business_id}/settings/members/{user_id}")
            ):
                given = ask.body.get("role")
                if given is not None and ROLES[given] - own:
                    self._complain("gift", f"{ask} gave the role {given}")
            case ("DELETE", "/api/v1/members/{user_id}") | (
                "POST",
                "/c/{business_id}/settings/members/{user_id}/remove",
            ):
                held = snapshot.roles.get(UUID(ask.path.removesuffix("/remove").rsplit("/", 1)[1]), {}).get(chosen)
                if held is None or held == "firm_admin" or ROLES[held] - own:
                    self._complain("gift", f"{ask} removed a {held}")
            case _:
                pass

    def may_touch(self, ask: Ask, ruling: Ruling, seen: Seen) -> set[UUID]:
        """The businesses whose rows a request may change: the chosen one, and those that a new or ended token opens."""
        own = {ruling.chosen} if ruling.chosen else set()
        standing = ruling.standing
        if ask.template.startswith("/api/v1/tokens") and standing is not None:
            return {*own, *standing.rights}
        if ask.template == "/api/v1/businesses" and seen.is_success:
            return {UUID(json.loads(seen.answer.content)["data"]["id"])}
        return own if standing is None or not seen.is_page else {*own, *standing.rights, *seen.business_made}

    def is_foreign(self, ask: Ask, snapshot: Snapshot) -> bool:
        """Whether the id is out of the caller's reach: rows are drawn so, a business or a firm may be theirs all the same."""
        standing, foreign = snapshot.of(ask.principal), ask.foreign
        assert foreign is not None
        if (ask.method, ask.template) not in NEEDS and str(foreign) not in str(ask.body):
            return False  # it takes no business and names no row: the header is nothing to it
        if standing is None:
            return True
        if (owned := self._world.firms.get(foreign)) is not None:
            roles = snapshot.roles.get(standing.user, {}) if standing.user else {}
            return not any(roles.get(business) == "firm_admin" for business in owned)
        return foreign not in standing.rights

    def compare(self, seen: Seen, twin: Seen) -> None:
        """Another's id and nobody's must not be told apart."""
        first, second = (_plain(one) for one in (seen, twin))
        if first != second:
            self._complain("told apart", f"{seen.ask}: {first} but of nobody's id: {second}")


def _plain(seen: Seen) -> tuple[int, str, list[tuple[str, str]]]:
    heads = [
        (name, _OF_THE_MOMENT.sub("…", value))
        for name, value in sorted(seen.answer.headers.multi_items())
        if name not in {"x-request-id", "content-length", "etag"}
    ]
    return seen.answer.status_code, _OF_THE_MOMENT.sub("…", seen.answer.text), heads
