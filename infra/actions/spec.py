"""What a domain declares about an action. The engine knows no noun: it brings what is declared here through the protocol."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from infra.actions.rail import Payload, RailLook
from infra.config import Rail
from infra.errors import OodalooError

Meaning = Mapping[str, Any]
"""What a person meant, as JSON: ids of the rail, amounts as Decimal, dates as texts. Its digest is the action's fingerprint.

A spec's functions get it as it comes back from the database: an amount without decimals is an int then, so take `Decimal(value)`.
"""


class Manner(StrEnum):
    CREATE = "create"  # the body is frozen when it is asked for; found again by its mark
    CHANGE = (
        "change"  # the body is frozen when it is first sent, from the object as it was then; found again by re-reading
    )


@dataclass(frozen=True)
class Target:
    """An object of the rail that the action uses. Guarded: one open action at a time has it. `amount` is positive."""

    kind: str
    external_id: str
    amount: Decimal
    is_guarded: bool = True


@dataclass(frozen=True)
class ActionRequest:
    """What is asked for.

    Attributes:
        client_key: 16 to 64 characters, one for each thing that a person wants; the same key is the same action for ever.
        actor: who asks: `user:<id>`, `token:<id>`, `job:<name>`.
        facts: what the person saw when they decided (figures, approvals), kept in the log.
        not_before: it is begun then, not at once.
        held: reason to wait for a person's word (`ActionEngine.release`), empty for none.
        undo_window: what would be begun at once waits so long, and can be cancelled meanwhile.
    """

    business_id: UUID
    operation: str
    client_key: str
    meaning: Meaning
    actor: str
    request_id: str
    facts: Meaning = field(default_factory=dict)
    not_before: datetime | None = None
    held: str = ""
    undo_window: timedelta = timedelta(0)


@dataclass(frozen=True)
class Intent:
    """An action as it is remembered, for a spec's functions. `body` is None before a CHANGE is first sent.

    `first_sent_at` and `created_at` are the database's times; None: it was never sent. `age`: since it was asked for.
    """

    business_id: UUID
    id: UUID
    operation: str
    meaning: Meaning
    mark: str
    created_at: datetime
    body: Payload | None
    external_id: str | None
    first_sent_at: datetime | None = None
    age: timedelta = timedelta(0)


@dataclass(frozen=True)
class Go:
    """Send it. `body` for a CHANGE. `seen` is what the decision rests on (balance, version), for the log.

    `read` is what was read for it, by entity: the mirror has it before the last word (`Workshop.last_word`) is asked for.
    """

    body: Payload | None = None
    seen: Meaning = field(default_factory=dict)
    read: Mapping[str, Sequence[Payload]] = field(default_factory=dict)


@dataclass(frozen=True)
class Adopt:
    """It is there already: the object carries our mark, or is as we would make it."""

    payload: Payload


@dataclass(frozen=True)
class Refuse:
    """Nothing is sent. `code` is ours (`already_paid`), `words` what a bookkeeper understands and can act on."""

    code: str
    words: str
    seen: Meaning = field(default_factory=dict)


Verdict = Go | Adopt | Refuse


@dataclass(frozen=True)
class Wait:
    """Nothing is sent until a person lets it go; `words` say what it waits for."""

    words: str


Objection = Refuse | Wait


@dataclass(frozen=True)
class Found:
    """`others` are ids of further objects that carry the same mark: there should be none."""

    payload: Payload
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class NotThere:
    """Looked everywhere. `is_impossible`: it can neither have been executed nor be yet without being seen (somebody else closed the
    target; the version that it names has passed). `is_unmoved`: of a CHANGE, the object is still as it was: it was not executed so far.
    """

    seen: Meaning = field(default_factory=dict)
    is_impossible: bool = False
    is_unmoved: bool = False


Finding = Found | NotThere


class EchoDiffers(OodalooError):
    """The rail says done, and shows something else than was asked."""

    def __init__(self, fields: Sequence[str]) -> None:
        self.fields = tuple(fields)
        super().__init__(f"Something else was recorded than was sent: {', '.join(fields)}.")


class EchoVoid(EchoDiffers):
    """It is there, ours by its mark or id, and counts no more: somebody has voided it."""

    def __init__(self, external_id: str) -> None:
        self.external_id = external_id
        super().__init__(["voided"])


@dataclass(frozen=True)
class ActionSpec:
    """One operation on a rail's books.

    Attributes:
        operation: "pay_bills": part of every key, never renamed.
        entity: what it makes or changes, in the rail's words.
        targets: the lines of a meaning; raises InvalidInput for one that makes no sense.
        build_body: of a CREATE, with the mark in it.
        preflight: the live look just before sending.
        check_echo: the id of the object in the rail's answer; raises EchoDiffers.
        find_mark: the look for an outcome that is not known; evidence only, no guess.
        options, subpath: of the address, from the meaning.
        touched: which objects to read again once it is done, ids by entity.
        is_numbered_by_mark: whether the mark is the number too, so that a number that is taken says that it was made.
        undoes: the operation whose object this one takes back; None: none.
        alike: what makes another action look like the same one (payee, amount, currency); None: nothing does.
    """

    operation: str
    rail: Rail
    entity: str
    manner: Manner
    targets: Callable[[Meaning], Sequence[Target]]
    preflight: Callable[[RailLook, Intent], Awaitable[Verdict]]
    check_echo: Callable[[Intent, Payload], str]
    find_mark: Callable[[RailLook, Intent], Awaitable[Finding]]
    touched: Callable[[Intent, Payload], Mapping[str, Sequence[str]]]
    build_body: Callable[[Meaning, str], Payload] | None = None
    options: Callable[[Meaning], Mapping[str, str]] = lambda _: {}
    subpath: Callable[[Meaning], str] = lambda _: ""
    alike: Callable[[Meaning], Meaning] | None = None
    undoes: str | None = None
    is_numbered_by_mark: Callable[[Intent], bool] = lambda _: False
