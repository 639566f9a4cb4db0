"""Inviting people, by letter, and what they do with it."""

from pydantic import SecretStr

from domains.core.access_log import Origin
from domains.core.access_service import Entry, Person
from domains.core.invitations import Invitations, Invited, OpenInvitation
from domains.core.member_service import Standing
from domains.core.models import Business
from domains.core.passwords import Passwords
from domains.core.people import Firm, Invitation, User
from domains.core.people_service import read_email
from domains.core.sign_in_errors import SignInToAccept
from infra.clock import Clock
from infra.db.unit_of_work import UnitOfWork, UnitOfWorkFactory
from infra.mail.post import Post
from infra.ratelimit.guesses import Guesses
from runway.orchestrators import letters


class Joining:
    def __init__(
        self,
        *,
        access_uow: UnitOfWorkFactory,
        clock: Clock,
        passwords: Passwords,
        invitations: Invitations,
        post: Post,
        letter_limit: Guesses,
        link_guesses: Guesses,
        public_url: str,
    ) -> None:
        self._uow = access_uow
        self._clock = clock
        self._passwords = passwords
        self._invitations = invitations
        self._post = post
        self._letter_limit = letter_limit
        self._link_guesses = link_guesses
        self._public_url = public_url

    async def invite(
        self, business: Business, *, giver: Entry | None, email: str, standing: Standing, origin: Origin
    ) -> Invitation:
        """Write a person to join a business; `giver` None is the machine's operator.

        Raises:
            EmailMalformed, MoreThanOwn, LimitWithoutApproval, AlreadyMember: as `Invitations.invite`.
            TooManyGuesses: the person was written to, or this address asked, too often.
        """
        if giver is not None:
            await self._letter_limit.ask(read_email(email), origin.address)
        async with self._uow([]) as uow:
            invited = await self._invitations.invite(
                uow.session, business, giver=giver, email=email, standing=standing, origin=origin, now=self._clock.now()
            )
            self._write(uow, invited, sender=_name(None if giver is None else giver.principal))
        return invited.invitation

    async def invite_to_firm(self, firm: Firm, *, giver: Person | None, email: str, origin: Origin) -> Invitation:
        """Write a person to become an admin of a firm; `giver` None is the machine's operator.

        Raises:
            EmailMalformed, NotFirmAdmin, AlreadyMember: as `Invitations.invite_to_firm`.
            TooManyGuesses: as `invite`.
        """
        if giver is not None:
            await self._letter_limit.ask(read_email(email), origin.address)
        async with self._uow([]) as uow:
            invited = await self._invitations.invite_to_firm(
                uow.session, firm, giver=giver, email=email, origin=origin, now=self._clock.now()
            )
            self._write(uow, invited, sender=_name(giver))
        return invited.invitation

    async def look(self, secret: str, *, origin: Origin) -> OpenInvitation:
        """What a link invites to.

        Raises:
            LinkGone, TooManyGuesses.
        """
        guess = await self._link_guesses.ask(secret, origin.address)
        async with self._uow([]) as uow:
            found = await self._invitations.find(uow.session, secret, now=self._clock.now())
        await guess.was_right()
        return found

    async def accept_as_new(self, secret: str, *, name: str, password: SecretStr, origin: Origin) -> User:
        """Make the invited person's account. They sign in with it next.

        Raises:
            LinkGone, TooManyGuesses, NameEmpty, PasswordRefused.
            SignInToAccept: there is an account with that address.
        """
        found = await self.look(secret, origin=origin)
        if not found.needs_account:
            raise SignInToAccept
        hashed = await self._passwords.hash_new(password, email=found.invitation.email, name=name)
        async with self._uow([]) as uow:
            return await self._invitations.accept_as_new(
                uow.session, secret, name=name, password=hashed, origin=origin, now=self._clock.now()
            )

    async def accept_as(self, secret: str, person: Person, *, origin: Origin) -> OpenInvitation:
        """Let in who is signed in.

        Raises:
            LinkGone, TooManyGuesses, InvitationForAnother, AlreadyMember.
        """
        await self.look(secret, origin=origin)
        async with self._uow([]) as uow:
            return await self._invitations.accept_as(
                uow.session, secret, person=person, origin=origin, now=self._clock.now()
            )

    def _write(self, uow: UnitOfWork, invited: Invited, *, sender: str | None) -> None:
        subject, body = letters.invitation(invited, public_url=self._public_url, sender=sender)
        recipient = invited.invitation.email
        self._post.write(uow, recipient=recipient, subject=subject, body=body, now=self._clock.now())


def _name(giver: object) -> str | None:
    return giver.name if isinstance(giver, Person) else None
