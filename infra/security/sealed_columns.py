"""Where sealed text rests. A column that is not declared would lose its values with the first key that is retired."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from infra.db.roles import APP

Context = tuple[str, ...]


def context_by_row(table: str, row_id: object, column: str) -> Context:
    """What a value of a table with one id is bound to; `column` is its whole name, `…_sealed`."""
    return (table, str(row_id), column)


@dataclass(frozen=True)
class SealedColumn:
    """One column of sealed text.

    Attributes:
        table: its table.
        column: its name, which ends in `_sealed`; the values may be NULL, or empty once they are forgotten.
        keys: the table's primary key.
        context_of: from a row's keys to what its value is bound to; table, id and column where it is not said.
        role: who may change it. The application's role sees the businesses of its transaction only.
    """

    table: str
    column: str
    keys: tuple[str, ...] = ("id",)
    context_of: Callable[[Mapping[str, Any]], Context] | None = None
    role: str = APP

    def context(self, row: Mapping[str, Any]) -> Context:
        if self.context_of is not None:
            return self.context_of(row)
        (key,) = self.keys
        return context_by_row(self.table, row[key], self.column)

    def __str__(self) -> str:
        return f"{self.table}.{self.column}"
