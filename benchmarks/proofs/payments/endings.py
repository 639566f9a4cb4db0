"""How a history ended: what the judge is given."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from benchmarks.proofs.payments.deciding import Word
from benchmarks.proofs.payments.fates import Fate
from benchmarks.proofs.payments.plan import Plan


@dataclass
class Told:
    """An answer to a form: the action that stands for it, or why there is none."""

    form: int
    at: float
    intent_id: UUID | None = None
    refusal: str = ""


@dataclass
class Ending:
    """How a history ended. `rows` are the actions as the database has them, by id."""

    plan: Plan
    calm_at: float
    rows: dict[UUID, dict[str, Any]]
    told: list[Told]
    edits: list[tuple[float, str]]
    bills: list[str]
    reviews: dict[UUID, str]
    stuck: list[UUID]
    removed: set[str]
    fate: Fate
    faults: list[str]
    words: list[Word]
