"""When everything has come to rest: what is still watched is looked at once more, and people say what they find."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from benchmarks.proofs.payments.driving import Driver
from benchmarks.proofs.payments.town import Lane
from infra.actions.accept import BY_PERSON
from infra.actions.errors import FoundAfterAll
from infra.errors import OodalooError, RailRateLimited, RailUnavailable

_RESTING = frozenset({"confirmed", "failed", "cancelled", "needs_review"})
_PAUSES = (0.1, 0.5, 2.0)  # seconds


@dataclass
class Afterwards:
    """Of one history. `faults` are told to."""

    lane: Lane
    driver: Driver
    faults: list[str]

    async def look_once_more(self) -> dict[UUID, str]:
        """What was given up in doubt is watched for days, and a review is looked at each hour: that hour is over now.

        Then the people: they look into the books, and say what they find. The answers by action.
        """
        doubtful = {each: row["fence"] for each, row in self.driver.rows.items() if _is_doubtful(row)}
        if doubtful:
            await self._due_now(list(doubtful))
            looked = await self.driver.until(
                lambda: (
                    all(self.driver.rows[each]["fence"] > fence for each, fence in doubtful.items())
                    and all(rests(each) for each in self.driver.rows.values())
                ),
                within=3600,
            )
            if not looked:
                self.faults.append("a look that was due was not made")
        reviews = {}
        for each in doubtful:
            if self.driver.rows[each]["state"] == "needs_review":
                reviews[each] = await self._reviewed(each)
        if reviews:
            await self.driver.until(lambda: all(rests(each) for each in self.driver.rows.values()), within=600)
        return reviews

    async def _reviewed(self, intent_id: UUID) -> str:
        """A person who is told that QuickBooks cannot be asked just now says so once more, a little later."""
        for pause in _PAUSES:
            try:
                return await self._review(intent_id)
            except (RailUnavailable, RailRateLimited):
                await asyncio.sleep(pause)
        return await self._review(intent_id, is_last=True)

    async def _review(self, intent_id: UUID, *, is_last: bool = False) -> str:
        row, engine = self.driver.rows[intent_id], self.lane.engines[0]
        living = [
            each
            for each in self.lane.machines.witness.created[row["mark"]]
            if self.lane.machines.witness.is_living(each)
        ]
        try:
            if living:
                await engine.review_found(
                    self.lane.business_id, intent_id, external_id=living[0].id, actor="user:proof", request_id="review"
                )
                return f"{row['outcome_code']}: it is there"
            await engine.review_not_there(self.lane.business_id, intent_id, actor="user:proof", request_id="review")
        except FoundAfterAll:
            return f"{row['outcome_code']}: found after all"
        except (RailUnavailable, RailRateLimited) as error:
            if not is_last:
                raise
            self.faults.append(f"a person's word was refused again and again: {error}")
        except OodalooError as error:
            self.faults.append(f"a person's word was refused: {error}")
        return f"{row['outcome_code']}: not there"

    async def _due_now(self, intents: Sequence[UUID]) -> None:
        await self._as_owner(
            "UPDATE action_intent SET due_at = clock_timestamp() WHERE id = ANY(%s) AND due_at IS NOT NULL", intents
        )

    async def leave(self) -> None:
        """Nobody watches this history any longer."""
        await self._as_owner("UPDATE action_intent SET due_at = NULL WHERE id = ANY(%s)", list(self.driver.rows))

    async def _as_owner(self, statement: str, intents: Sequence[UUID]) -> None:
        root = self.lane.root
        async with root.transaction():
            await root.execute("SET LOCAL session_replication_role = replica")
            await root.execute(statement, (list(intents),))


def is_held(row: dict[str, Any]) -> bool:
    return bool(row["state"] == "blocked" and row["hold"] == BY_PERSON)


def rests(row: dict[str, Any]) -> bool:
    if is_held(row):
        return True
    if row["state"] not in _RESTING or row["lease_until"] is not None:
        return False
    return row["state"] != "confirmed" or bool(row["verifications"]) or row["reversed_at"] is not None


def _is_doubtful(row: dict[str, Any]) -> bool:
    return bool(row["state"] == "needs_review" or (row["state"] == "failed" and row["ever_ambiguous"]))
