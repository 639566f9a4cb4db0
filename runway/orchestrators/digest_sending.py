"""Sends a business's digest to its people: once a recipient and week, however often it is asked for and however often the job runs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import SecretStr

from domains.core.digest_models import DigestAskRow
from domains.core.digests import DigestChoices, Digests, SendOutcome, SendState, Wish, weekly_ask_id
from domains.core.member_queries import Reader, list_readers
from domains.core.models import Business
from domains.core.permissions import Role
from infra.clock import Clock
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.errors import OodalooError
from infra.logging import get_logger
from infra.mail.post import Post
from infra.sync.freshness import FreshnessNeed, SyncStrategy
from runway.calculators.digest import Digest
from runway.orchestrators.digest import DigestDataOrchestrator, monday_of
from runway.papers.letter import digest_letter

DIGEST_JOB = "digest.send"
# Of the business's own people; who only watches, or keeps the books of many, asks for it.
DEFAULT_ROLES = frozenset({Role.OWNER, Role.APPROVER, Role.BOOKKEEPER})
_LATEST = timedelta(hours=24)
_SCHEDULED = FreshnessNeed(strategy=SyncStrategy.SCHEDULED)
_GONE = "does not belong to the business any more, or may not sign in"

log = get_logger()


@dataclass(frozen=True)
class DigestSending:
    """`uow` is of the books, `access_uow` of people and letters."""

    business: Business
    data: Callable[[], DigestDataOrchestrator]
    uow: UnitOfWorkFactory
    access_uow: UnitOfWorkFactory
    post: Callable[[], Post]
    clock: Clock
    public_url: str

    @property
    def week_on(self) -> date:
        """The company's Monday."""
        return monday_of(self._here().date())

    async def ask(self, wish: Wish) -> None:
        """Have this week's digest sent.

        Raises:
            DigestKeyUsed: the wish's key asked for something else.
        """
        async with self.uow([self.business.id]) as uow:
            if await self._digests.ask(uow.session, wish, week_on=self.week_on):
                uow.enqueue(DIGEST_JOB, str(self.business.id), str(wish.ask_id), queue="bulk")

    async def ask_of_the_week(self) -> None:
        """By the schedule: once its hour has come, and within a day of it."""
        async with self.uow([self.business.id]) as uow:
            choices = (await self._digests.find_choices(uow.session)).choices
        if not self._is_time(choices):
            return
        ask_id = weekly_ask_id(self.business.id, self.week_on)
        await self.ask(Wish(ask_id, "system", "schedule", digest="weekly", now=self.clock.now()))

    async def send(self, ask_id: UUID) -> None:
        """What was asked for; nothing where that is done. Cut off, the next run goes on: letters have their ids before they are written."""
        async with self.uow([self.business.id]) as uow:
            ask = await self._digests.find_ask(uow.session, ask_id)
            choices = (await self._digests.find_choices(uow.session)).choices
        if ask is None or ask.finished_at is not None:
            return
        try:
            digest = (await self.data().get(freshness=_SCHEDULED)).value
        except OodalooError as error:
            await self._finish(ask_id, why=str(error))
            return
        if digest.cash.value is None:
            await self._finish(ask_id, why=digest.cash.reason)
            return
        readers, gone = await self._recipients(choices)
        if not readers and not gone:
            await self._finish(ask_id, why="Nobody of this business is to get it.")
            return
        outcomes = await self._claimed(ask, readers)
        await self._write(digest, outcomes)
        await self._finish(ask_id, outcomes=[*outcomes, *gone])
        log.info("digest.send.done", business_id=str(self.business.id), recipients=len(outcomes), refused=len(gone))

    async def _recipients(self, choices: DigestChoices) -> tuple[list[Reader], list[SendOutcome]]:
        """Who gets it, and who was chosen and may not."""
        async with self.access_uow([]) as uow:
            readers = await list_readers(uow.session, self.business.id)
        if choices.recipients is None:
            return [one for one in readers if one.role in DEFAULT_ROLES], []
        may = {one.user_id: one for one in readers}
        gone = [
            SendOutcome(user_id, None, None, SendState.REFUSED, words=_GONE)
            for user_id in choices.recipients
            if user_id not in may
        ]
        return [may[user_id] for user_id in choices.recipients if user_id in may], gone

    async def _claimed(self, ask: DigestAskRow, readers: Sequence[Reader]) -> list[SendOutcome]:
        outcomes = []
        async with self.uow([self.business.id]) as uow:
            for reader in readers:
                sent = await self._digests.claim(
                    uow.session, ask, user_id=reader.user_id, email=reader.email, now=self.clock.now()
                )
                is_ours = sent.ask_id == ask.id
                state = SendState.WRITTEN if is_ours else SendState.ALREADY
                words = None if is_ours else f"had this week's digest on {self._day(sent.claimed_at)}"
                outcomes.append(SendOutcome(reader.user_id, reader.name, sent.email, state, sent.mail_id, words))
        return outcomes

    async def _write(self, digest: Digest, outcomes: Sequence[SendOutcome]) -> None:
        letter, post = digest_letter(digest, public_url=self.public_url), self.post()
        async with self.access_uow([]) as uow:
            for one in outcomes:
                if one.state is SendState.WRITTEN and one.mail_id is not None and one.email is not None:
                    await post.write_once(
                        uow,
                        one.mail_id,
                        recipient=one.email,
                        subject=letter.subject,
                        body=SecretStr(letter.text),
                        html=SecretStr(letter.html),
                        now=self.clock.now(),
                    )

    async def _finish(self, ask_id: UUID, *, outcomes: Sequence[SendOutcome] = (), why: str | None = None) -> None:
        async with self.uow([self.business.id]) as uow:
            await self._digests.finish(uow.session, ask_id, outcomes=outcomes, why=why, now=self.clock.now())

    def _is_time(self, choices: DigestChoices) -> bool:
        here = self._here()
        begins = here.replace(hour=choices.hour, minute=0, second=0, microsecond=0)
        begins += timedelta(days=choices.weekday - here.weekday())
        return choices.is_on and timedelta(0) <= here - begins < _LATEST

    def _here(self) -> datetime:
        return self.clock.now().astimezone(ZoneInfo(self.business.time_zone))

    def _day(self, instant: datetime) -> str:
        return instant.astimezone(ZoneInfo(self.business.time_zone)).date().isoformat()

    @property
    def _digests(self) -> Digests:
        return Digests(self.business.id)
