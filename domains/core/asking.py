"""What every wish that becomes an action has in common: who has it, under which key, and what exactly was asked for."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import blake2b
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from infra.actions.errors import KeyUsedForOther
from infra.actions.identity import IdentityGraph
from infra.actions.models import ActionIntent

ASKED_DIGEST: Final = "asked_digest"
SEEN_FIGURES: Final = "seen_figures"  # the member of a log row that freezes what somebody had before them
_BATCH_BYTES, _ITEM_BYTES = 16, 15


@dataclass(frozen=True)
class Asking:
    """`key` is the client's, `digest` of the request's path and body: the same key with another digest is another wish.

    `figures` are those that they saw before they decided, frozen; None: not told. `undo_window`: how long it waits before it leaves, so
    that they can take it back.
    """

    actor: str
    request_id: str
    key: str
    digest: str
    figures: Mapping[str, Any] | None = None
    undo_window: timedelta = timedelta(0)

    @property
    def batch_prefix(self) -> str:
        """What the keys of one batch's items begin with: 32 hexadecimal digits."""
        return blake2b(self.key.encode(), digest_size=_BATCH_BYTES, person=b"batch").hexdigest()

    def of_item(self, item: str) -> "Asking":
        """The wish for one item of a batch; `item` says which, whatever its place in the list. Its key has 62 hexadecimal digits."""
        return replace(self, key=self.batch_prefix + blake2b(item.encode(), digest_size=_ITEM_BYTES).hexdigest())

    def facts(self, **more: Any) -> dict[str, Any]:
        """What the log keeps beside the meaning."""
        seen = {} if self.figures is None else {SEEN_FIGURES: dict(self.figures)}
        return {ASKED_DIGEST: self.digest, **seen, **more}

    def refuse_other(self, known: ActionIntent) -> ActionIntent:
        """The action that the key stands for already.

        Raises:
            KeyUsedForOther: it was asked for with other words.
        """
        if known.facts.get(ASKED_DIGEST) != self.digest:
            raise KeyUsedForOther(known.id)
        return known


async def find_asked(session: AsyncSession, business_id: UUID, operation: str, asking: Asking) -> ActionIntent | None:
    """What the key stands for already, whatever became of it.

    Raises:
        KeyUsedForOther: it was asked for with other words.
    """
    known = await IdentityGraph(session, business_id).find_by_key(operation, asking.key)
    return None if known is None else asking.refuse_other(known)
