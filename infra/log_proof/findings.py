"""What a verification found, for people and for machines."""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import IntEnum
from typing import Any
from uuid import UUID

_SHOWN_AT_MOST = 1000
LAG_ALLOWED = timedelta(seconds=60)


class Verdict(IntEnum):
    """Exit codes, the worst first: what was sealed was changed; anchors are missing; the sealer lags."""

    CLEAN = 0
    TAMPERED = 2
    ANCHORS_MISSING = 3
    LAGGING = 4


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it was sealed."""

    text: str
    checkpoint_no: int | None = None
    business_id: UUID | None = None
    batch_no: int | None = None
    table: str | None = None
    row_id: int | None = None
    entity_id: UUID | None = None  # of a mirror's row
    column: str | None = None

    def to_fields(self) -> dict[str, Any]:
        return {
            name: str(value) if isinstance(value, UUID) else value
            for name, value in vars(self).items()
            if value is not None
        }


@dataclass
class Report:
    """`through` is the last checkpoint looked at: what `--since` takes next time. `notes` are no findings; `anchors_missing` are checkpoints
    that the database has and the file has not. `mirror_rows` were compared with the log.
    """

    findings: list[Finding] = field(default_factory=list)
    anchors_missing: list[int] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    checkpoints: int = 0
    batches: int = 0
    rows: int = 0
    unsealed_rows: int = 0
    mirror_rows: int = 0
    through: int = 0
    lag: timedelta = timedelta(0)
    finding_count: int = 0

    def add(self, text: str, **place: Any) -> None:
        self.finding_count += 1
        if len(self.findings) < _SHOWN_AT_MOST:
            self.findings.append(Finding(text, **place))

    def miss_anchor(self, checkpoint_no: int) -> None:
        self.anchors_missing.append(checkpoint_no)

    @property
    def verdict(self) -> Verdict:
        if self.finding_count:
            return Verdict.TAMPERED
        if self.anchors_missing:
            return Verdict.ANCHORS_MISSING
        return Verdict.LAGGING if self.lag > LAG_ALLOWED else Verdict.CLEAN

    def to_fields(self) -> dict[str, Any]:
        return {
            "verdict": self.verdict.name.lower(),
            "findings": [finding.to_fields() for finding in self.findings],
            "finding_count": self.finding_count,
            "anchors_missing": self.anchors_missing,
            "notes": self.notes,
            "checkpoints": self.checkpoints,
            "batches": self.batches,
            "rows": self.rows,
            "unsealed_rows": self.unsealed_rows,
            "mirror_rows": self.mirror_rows,
            "through": self.through,
            "lag_seconds": self.lag.total_seconds(),
        }
