"""An epoch is the life of one database cluster between restores: within it transaction ids rise and no checkpoint is lost.

Its first checkpoint, the opening, says up to which id each log's rows belong to the time before. Those of them that no batch
holds are adopted in it; from then on the epoch's own rows are those with higher ids.
"""

import sys
from dataclasses import dataclass, field
from typing import Any, Self

from infra import exact_json
from infra.errors import MalformedJSON

_HIGHEST = sys.maxsize  # of a bigint
_LOWEST = -sys.maxsize - 1


@dataclass(frozen=True)
class Opening:
    """`restored_from` is the newest checkpoint that the restored database held; the lines between it and this are lost, and known to be.

    `through_ids` has a log's highest id of the time before.
    """

    restored_from: int
    reason: str
    through_ids: dict[str, int] = field(default_factory=dict)

    def to_text(self) -> str:
        fields = {"restored_from": self.restored_from, "reason": self.reason, "through_ids": self.through_ids}
        return exact_json.dumps(fields).decode()

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read an opening.

        Raises:
            ValueError: it is not one.
        """
        try:
            fields: Any = exact_json.loads(text)
            return cls(int(fields["restored_from"]), str(fields["reason"]), dict(fields["through_ids"]))
        except (MalformedJSON, KeyError, TypeError, ValueError) as error:
            raise ValueError("not an epoch's opening") from error


@dataclass(frozen=True)
class IdRange:
    """Which ids of each log belong to an epoch: above those of the time before, up to those that the next opening names."""

    after: dict[str, int] = field(default_factory=dict)
    through: dict[str, int] | None = None

    def of(self, table: str) -> tuple[int, int]:
        """The first and the last id. A log that came later than the epoch has none in it."""
        first = self.after[table] + 1 if table in self.after else _LOWEST
        return first, _HIGHEST if self.through is None else self.through.get(table, _LOWEST)
