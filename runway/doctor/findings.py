from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from infra.observability.verdicts import Level, Verdict


@dataclass(frozen=True)
class Finding:
    """What one check found. `to_do` is empty where nothing need be done."""

    check: str
    level: Level
    said: str
    to_do: str = ""

    def as_line(self) -> str:
        return f"{self.level.value:<4}  {self.check:<12}  {self.said}" + (f" → {self.to_do}" if self.to_do else "")

    def as_fields(self) -> dict[str, Any]:
        return {"check": self.check, "level": self.level.value, "said": self.said, "to_do": self.to_do}


def ok(check: str, said: str) -> Finding:
    return Finding(check, Level.OK, said)


def warn(check: str, said: str, to_do: str) -> Finding:
    return Finding(check, Level.WARN, said, to_do)


def fail(check: str, said: str, to_do: str) -> Finding:
    return Finding(check, Level.FAIL, said, to_do)


def judged(check: str, verdict: Verdict, *, to_do: str) -> Finding:
    """`to_do` is for a verdict that is not well."""
    return Finding(check, verdict.level, verdict.said, to_do if verdict.level is not Level.OK else "")


def is_well(findings: Iterable[Finding]) -> bool:
    return all(finding.level is not Level.FAIL for finding in findings)
