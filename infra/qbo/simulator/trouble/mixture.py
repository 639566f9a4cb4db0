"""Trouble of every kind from one seed: for a client that should bear whatever comes, again and again the same."""

import random
from collections.abc import Iterator
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from infra.qbo.simulator.trouble.rules import Rule, TroubleRefused, read_rules

_WRITES: Final = ["create", "update", "delete", "void"]
_READS: Final = ["query", "cdc", "read", "report"]
_RARELY: Final = 0.1
"""Of the share: what ends a connection, or repeats a write behind its requestid."""


class Mixture(BaseModel):
    """`share` is about how much of the calls meets something, edits and latencies apart. Connections end only if asked."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int
    share: float = Field(default=0.05, gt=0, le=1)
    ends_connections: bool = False


def read_mixture(raw: Any) -> Mixture:
    """Raises:
    TroubleRefused: names the field.
    """
    try:
        return Mixture.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "body"
        raise TroubleRefused(f"{place}: {first['msg']}") from error


def mixed_rules(mixture: Mixture) -> list[Rule]:
    """One rule of each kind, named `seed-N-kind`; figures drawn from the seed."""
    draw = random.Random(f"{mixture.seed}:mixture")  # noqa: S311 - repeatable, guards nothing
    kinds = list(_kinds(draw, mixture))
    chance = mixture.share / len(kinds)
    raw = [
        {
            "name": f"seed-{mixture.seed}-{name}",
            "seed": mixture.seed,
            "effect": effect,
            "match": {"probability": min(1.0, chance * draw.uniform(0.5, 1.5) * weight), **match},
        }
        for name, effect, match, weight in kinds
    ]
    return read_rules(raw, source="the mixture")


def _kinds(draw: random.Random, mixture: Mixture) -> Iterator[tuple[str, dict[str, Any], dict[str, Any], float]]:
    """Name, effect, whom it meets, and how often compared with the others."""
    writes, reads = {"verb": _WRITES}, {"verb": _READS}
    yield "throttled", {"do": "answer", "status": 429, "retry_after_seconds": draw.randint(1, 60)}, {}, 1
    yield "throttled-mutely", {"do": "answer", "status": 429}, {}, 1
    yield "refused-before", {"do": "answer", "status": draw.choice((500, 502, 503, 504))}, {}, 1
    yield "lost-after", {"do": "answer", "status": draw.choice((500, 502, 504)), "executed": True}, writes, 1
    yield "fault-in-200", {"do": "answer", "status": 200, "body": "fault"}, reads, 1
    yield "silent", {"do": "silence", "executed": draw.random() < 0.5}, {}, 1  # noqa: PLR2004 - a coin
    yield "reset", {"do": "reset"}, {}, 1
    yield "reset-after", {"do": "reset", "executed": True}, writes, 1
    yield "half", {"do": "half", "fraction": round(draw.uniform(0, 0.9), 2)}, {}, 1
    yield "slow", {"do": "slow", "seconds": draw.randint(2, 20)}, reads, 1
    yield "late", {"do": "late", "after_seconds": [5, draw.randint(60, 300)]}, writes, 1
    yield "twice", {"do": "twice"}, {"verb": "create"}, _RARELY
    yield "expired", {"do": "expire_token"}, {"verb": [*_READS, *_WRITES]}, 1
    yield "cut-cdc", {"do": "cut_cdc", "at": draw.randint(0, 100)}, {"verb": "cdc"}, 1
    yield "edits", {"do": "edit", "edits": draw.randint(1, 3)}, {"verb": "query"}, 5
    yield "latency", {"do": "latency", "p50_ms": draw.randint(50, 200), "p99_ms": draw.randint(500, 3000)}, {}, 1000
    for name, effect in (
        ("webhooks-lost", {"do": "lose"}),
        ("webhooks-doubled", {"do": "double"}),
        ("webhooks-reordered", {"do": "delay", "seconds": [0, draw.randint(10, 120)]}),
    ):
        yield name, effect, {}, 5
    if mixture.ends_connections:
        yield "rotated", {"do": "rotate_first"}, {"verb": "token", "count": 1}, 1
        yield "refresh-lost", {"do": "reset", "executed": True}, {"verb": "token", "count": 1}, 1
        yield "revoked", {"do": "revoke_grant"}, {"verb": _READS, "count": 1}, _RARELY
