"""One history, drawn from its seed: a vendor's bills, what people do about them, here and in QuickBooks, and all that goes wrong."""

import random
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from hashlib import blake2b
from typing import Any, Final

from infra.crash_points import POINTS


class Act(StrEnum):
    PAY = "pay"  # a form is sent; `form` says which
    DOUBLE_CLICK = "double click"
    RETRY = "retry"  # the same form again
    OTHER_WORDS = "other words"  # the same key, another amount
    CANCEL = "cancel"
    EDIT_BILL = "edit the bill"  # another total
    NOTE_BILL = "note on the bill"  # another version, the same meaning
    DELETE_BILL = "delete the bill"
    PAY_ELSEWHERE = "pay in QuickBooks"
    REMOVE_PAYMENT = "delete our payment"
    VOID_PAYMENT = "void our payment"
    NOTE_PAYMENT = "note on our payment"
    DISCONNECT = "disconnect"
    RECONNECT = "reconnect"
    LOSE_REDIS = "lose Redis"
    FIND_REDIS = "find Redis"
    APPROVE = "approve the bill"
    WITHDRAW = "withdraw the approval"
    ASK_FOR_APPROVAL = "every bill needs an approval"
    ASK_FOR_NONE = "no bill needs an approval"
    MOVE_DUE = "move the due date"
    LET_GO = "execute what is held"


_DECIDING: Final = frozenset({Act.WITHDRAW, Act.MOVE_DUE, Act.ASK_FOR_APPROVAL})


@dataclass(frozen=True, order=True)
class Deed:
    """`at` is in simulated seconds since the history's beginning."""

    at: float
    what: Act
    form: int = 0
    bill: int = 0


@dataclass(frozen=True)
class Form:
    """What a person asks for. `shares`: of each bill's total, in percent."""

    bills: tuple[int, ...]
    shares: tuple[int, ...]


@dataclass(frozen=True)
class Plan:
    """`lies`: the first successes are answered with something else: `other`, another's answer; `nothing`, and nothing was done;
    `refusal`: a request that is told again is refused.
    """

    seed: int
    totals: tuple[Decimal, ...]
    forms: tuple[Form, ...]
    deeds: tuple[Deed, ...]
    spells: tuple["Spell", ...]
    points: frozenset[str]
    death: float
    cut: float
    stall: float
    lost_bells: float
    doubled: float
    skews: tuple[float, float]
    lies: str
    ends_at: float
    needs_approval: bool = False
    approved: tuple[int, ...] = ()
    """At first: whether bills need it, and which have it."""
    salt: str = ""
    """A history that is played again in the same books is another one there."""

    @property
    def is_deciding(self) -> bool:
        return bool(_DECIDING & {deed.what for deed in self.deeds})

    @property
    def key(self) -> str:
        """What every form's key begins with: hexadecimal digits."""
        return blake2b(f"payments:{self.salt}:{self.seed}".encode(), digest_size=12).hexdigest()

    def key_of(self, form: int) -> str:
        return f"{self.key}{form:08x}"


@dataclass(frozen=True)
class Kind:
    """Which histories are drawn.

    Attributes:
        longest_late: simulated seconds at the most until a late request is carried out.
        calm: nobody lies, nobody else is at work in QuickBooks.
        lies, stall: the chance of a history with one.
        deciding: the chance that bills need approvals, which people take back while payments are under way.
        doubtful: the first request is carried out unseen, or late, and somebody would rather cancel; a second payment would fit on the bill.
        keeps_payments: nobody removes our payment in QuickBooks.
        dies_sending: the first sender dies with the answer in hand, nothing can be read when its lease is over, and somebody cancels then.
    """

    longest_late: float = 1500
    calm: bool = False
    lies: float = 0.03
    stall: float = 0.12
    deciding: float = 0.3
    doubtful: bool = False
    keeps_payments: bool = False
    dies_sending: bool = False


ANY = Kind()
_LEASE_IS_OVER: Final = (150, 500)
_FAULTS: Final = (500, 502, 503, 504)
NEVER: Final = 800_000
"""Seconds: whoever plays the history carries a late request out in the lane's own time."""


def draw_plan(seed: int, kind: Kind = ANY) -> Plan:
    draw = random.Random(f"payments:{seed}")  # noqa: S311 - a schedule, not a secret
    totals = tuple(Decimal(draw.randint(500, 90_000)) / 100 for _ in range(draw.choice((1, 1, 1, 2, 3))))
    forms, deeds = _people(draw, len(totals), shares=(40,) if kind.doubtful else (100, 100, 100, 40))
    if not kind.calm:
        deeds += _others(draw, len(totals))
    deeds += _accidents(draw)
    is_hostile = draw.random() < 0.8
    spells = tuple(_spells(draw, kind)) if is_hostile else ()
    if kind.doubtful:
        spells = (_doubt(draw, kind), *spells)
        deeds.append(Deed(draw.uniform(1, 90), Act.CANCEL))
    dies = draw.random() < 0.45
    decisions = draw_decisions(seed, len(totals), chance=kind.deciding)
    deeds += decisions.deeds
    if kind.keeps_payments:
        deeds = [deed for deed in deeds if deed.what is not Act.REMOVE_PAYMENT]
    points = frozenset(draw.sample(POINTS, draw.randint(1, 3))) if dies and draw.random() < 0.7 else frozenset()
    if kind.dies_sending:
        dies, points, spells = False, frozenset({"send.after_call"}), (_blindness(draw),)
        deeds.append(Deed(draw.uniform(*_LEASE_IS_OVER), Act.CANCEL))
    ends_at = max([5.0, *(deed.at for deed in deeds), *(spell.ends for spell in spells)])
    return Plan(
        seed=seed,
        totals=totals,
        forms=forms,
        deeds=tuple(sorted(deeds)),
        spells=spells,
        points=points,
        death=draw.choice((0.01, 0.03, 0.08)) if dies and draw.random() < 0.6 else 0.0,
        cut=draw.choice((0.0, 0.1, 0.3)) if dies else 0.0,
        stall=0.1 if draw.random() < kind.stall else 0.0,
        lost_bells=draw.choice((0, 0, 0, 0.2, 0.6)),
        doubled=draw.choice((0, 0.15, 0.5)),
        skews=(draw.choice((0, 0, -7200, 86_400, 40 * 86_400)), draw.choice((0, 300, -300, -40 * 86_400))),
        lies=draw.choice(("other", "nothing", "refusal")) if draw.random() < kind.lies and not kind.calm else "",
        ends_at=ends_at,
        needs_approval=decisions.needs_approval,
        approved=decisions.approved,
    )


@dataclass(frozen=True)
class Decisions:
    needs_approval: bool = False
    approved: tuple[int, ...] = ()
    deeds: tuple[Deed, ...] = ()


_TAKEN_BACK: Final = (Act.WITHDRAW, Act.WITHDRAW, Act.MOVE_DUE, Act.ASK_FOR_APPROVAL)


def draw_decisions(seed: int, bills: int, *, chance: float) -> Decisions:
    """Of the seed's own numbers: everything else about a history is the same without them.

    Most fall between the click and the send, which is some hundredths of a second; the others while it is tried again.
    """
    draw = random.Random(f"decisions:{seed}")  # noqa: S311 - a schedule, not a secret
    if draw.random() >= chance:
        return Decisions()

    def soon() -> float:
        return draw.choice((draw.uniform(0, 0.12), draw.uniform(0, 0.12), draw.uniform(0, 5), draw.uniform(0, 300)))

    deeds = [Deed(soon(), draw.choice(_TAKEN_BACK), bill=draw.randrange(bills)) for _ in range(draw.choice((1, 1, 2)))]
    if draw.random() < 0.5:
        again = max(deed.at for deed in deeds) + draw.uniform(0, 60)
        deeds += [Deed(again, Act.APPROVE, bill=bill) for bill in range(bills)]
        deeds.append(Deed(again + draw.uniform(0, 5), Act.LET_GO))
    if draw.random() < 0.15:
        deeds.append(Deed(soon(), Act.ASK_FOR_NONE))
    needs_approval = draw.random() < 0.8
    return Decisions(needs_approval, tuple(bill for bill in range(bills) if draw.random() < 0.9), tuple(deeds))


def _people(draw: random.Random, bills: int, *, shares: tuple[int, ...]) -> tuple[tuple[Form, ...], list[Deed]]:
    everything = Form(tuple(range(bills)), tuple(draw.choice(shares) for _ in range(bills)))
    forms, deeds = [everything], [Deed(0, draw.choice((Act.PAY, Act.DOUBLE_CLICK)))]
    if draw.random() < 0.5:
        deeds += [Deed(draw.uniform(0.2, 200), Act.RETRY) for _ in range(draw.randint(1, 3))]
    for _ in range(draw.choice((0, 0, 1, 1, 2))):
        bill = draw.randrange(bills)
        forms.append(
            everything
            if draw.random() < 0.6
            else Form((bill,), (everything.shares[everything.bills.index(bill)] if draw.random() < 0.6 else 25,))
        )
        what = Act.DOUBLE_CLICK if draw.random() < 0.2 else Act.PAY
        deeds.append(Deed(draw.choice((draw.uniform(0.1, 30), draw.uniform(0.1, 900))), what, form=len(forms) - 1))
    if draw.random() < 0.35:
        deeds.append(Deed(draw.choice((draw.uniform(0, 5), draw.uniform(0, 400))), Act.CANCEL))
    if draw.random() < 0.08:
        deeds.append(Deed(draw.uniform(1, 60), Act.OTHER_WORDS))
    return tuple(forms), deeds


def _others(draw: random.Random, bills: int) -> list[Deed]:
    """People at work in QuickBooks."""
    kinds = (
        Act.EDIT_BILL, Act.NOTE_BILL, Act.DELETE_BILL, Act.PAY_ELSEWHERE, Act.REMOVE_PAYMENT, Act.VOID_PAYMENT, Act.NOTE_PAYMENT,
    )  # fmt: skip
    if draw.random() < 0.55:
        return []
    return [
        Deed(draw.choice((draw.uniform(0, 4), draw.uniform(0, 60), draw.uniform(0, 900))), draw.choice(kinds), bill=draw.randrange(bills))
        for _ in range(draw.choice((1, 1, 2)))
    ]  # fmt: skip


def _accidents(draw: random.Random) -> list[Deed]:
    deeds = []
    if draw.random() < 0.06:
        gone = draw.uniform(0, 100)
        deeds += [Deed(gone, Act.DISCONNECT), Deed(gone + draw.uniform(5, 400), Act.RECONNECT)]
    if draw.random() < 0.15:
        gone = draw.uniform(0, 20)
        deeds += [Deed(gone, Act.LOSE_REDIS), Deed(gone + draw.uniform(1, 600), Act.FIND_REDIS)]
    return deeds


@dataclass(frozen=True)
class Spell:
    """One kind of trouble for a while, in simulated seconds from the beginning. `late`: the longest until a late request is carried out."""

    starts: float
    ends: float
    rule: dict[str, Any]
    late: float = 0.0


def _doubt(draw: random.Random, kind: Kind) -> Spell:
    """From the beginning, and for the first two requests."""
    late = {"do": "late", "after_seconds": NEVER, "answer": "504"}
    lost = {"do": "answer", "status": 503, "executed": True}
    match = {"verb": ["create"], "count": 2}
    rule = {"seed": draw.getrandbits(30), "effect": draw.choice((late, late, lost)), "match": match}
    return Spell(0.0, 300.0, rule, min(draw.choice((90, 400)), kind.longest_late))


def _blindness(draw: random.Random) -> Spell:
    """From before the lease of the first sender is over until well after it."""
    match = {"verb": ["read", "query"], "probability": 1.0}
    rule = {"seed": draw.getrandbits(30), "effect": {"do": "answer", "status": 503}, "match": match}
    return Spell(60.0, 600.0, rule)


def _spells(draw: random.Random, kind: Kind) -> list[Spell]:
    """Some kinds of trouble at once. The first that ends a call wins."""
    spells = []
    for effect, match in draw.sample(_effects(draw), draw.choice((1, 1, 2, 2, 3, 5))):
        starts = draw.choice((0.0, 0.0, draw.uniform(0, 300)))
        counted = draw.random() < 0.6 or effect["do"] == "expire_token"
        how_often = {"count": draw.choice((1, 1, 2, 3))} if counted else {"probability": draw.choice((0.3, 0.7, 1.0))}
        late = min(draw.choice((20, 90, 400, 1500)), kind.longest_late) if effect["do"] == "late" else 0.0
        rule = {"seed": draw.getrandbits(30), "effect": effect, "match": {**match, **how_often}}
        spells.append(Spell(starts, starts + draw.choice((20, 120, 120, 600, 1800)), rule, late))
    return spells


def _effects(draw: random.Random) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Effects, and the calls that they meet."""
    writes, reads = {"verb": ["create"]}, {"verb": ["read", "query"]}
    never = {"do": "late", "after_seconds": NEVER}
    return [
        ({"do": "answer", "status": 429, "retry_after_seconds": draw.randint(1, 90)}, draw.choice((writes, {}))),
        ({"do": "answer", "status": 503}, {}),
        ({"do": "answer", "status": draw.choice(_FAULTS)}, writes),
        ({"do": "answer", "status": draw.choice(_FAULTS)}, reads),
        ({"do": "answer", "status": draw.choice(_FAULTS), "executed": True}, writes),
        ({"do": "answer", "status": 200, "body": "fault"}, writes),
        ({"do": "answer", "status": 200, "body": "html", "executed": True}, writes),
        ({"do": "answer", "status": 400, "body": "fault"}, writes),
        ({"do": "silence", "executed": True}, writes),
        ({"do": "silence"}, draw.choice((writes, reads))),
        ({"do": "reset"}, draw.choice((writes, reads, {}))),
        ({"do": "reset", "executed": True}, writes),
        ({"do": "half", "fraction": round(draw.uniform(0, 0.95), 2)}, draw.choice((writes, {}))),
        ({**never, "answer": "504"}, writes),
        ({**never, "answer": "504"}, writes),
        ({**never, "answer": "silence"}, writes),
        ({"do": "latency", "uniform_ms": [5, 150]}, {}),
        ({"do": "expire_token"}, {"verb": ["read", "query", "create"]}),
        ({"do": "edit", "entity": "Bill"}, reads),
    ]
