"""Links by which one person joins one business, or one firm as its admin. Each works once, for seven days, for one address."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import SecretStr
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from domains.core import access_log
from domains.core.access_log import AccessEvent, Origin
from domains.core.access_service import Entry, Person
from domains.core.errors import LimitWithoutApproval, MoreThanOwn, NotFirmAdmin
from domains.core.invitation_queries import end_living, find_living, is_still_backed, list_living
from domains.core.member_service import Standing, refuse_more_than_own
from domains.core.models import Business
from domains.core.passwords import HashedPassword
from domains.core.people import Firm, FirmAdmin, Invitation, Membership, User
from domains.core.people_service import PeopleService, read_email, read_name
from domains.core.permissions import Role
from domains.core.secrets import hash_of, new_secret
from domains.core.sign_in_errors import (
    AlreadyMember,
    InvitationForAnother,
    InvitationNotFound,
    LinkGone,
    SignInToAccept,
)
from infra.ids import new_id

INVITED_FOR = timedelta(days=7)
PREFIX = "oo_join_"  # what begins with oo_ is cut out of every log line, a path's too
_WHOLE_ROLES = frozenset({Role.OWNER, Role.FIRM_ADMIN})


@dataclass(frozen=True)
class Invited:
    """What the letter needs. `secret` exists here and in the letter alone."""

    invitation: Invitation
    place: str
    secret: SecretStr


@dataclass(frozen=True)
class OpenInvitation:
    """A living invitation, the name of the business or firm, and the account that its address has already, if any."""

    invitation: Invitation
    place: str
    user: User | None

    @property
    def needs_account(self) -> bool:
        return self.user is None or self.user.password_hash is None


class Invitations:
    def __init__(self, people: PeopleService) -> None:
        self._people = people

    async def invite(
        self,
        session: AsyncSession,
        business: Business,
        *,
        giver: Entry | None,
        email: str,
        standing: Standing,
        origin: Origin,
        now: datetime,
    ) -> Invited:
        """Invite a person to a business; earlier open invitations of theirs there end.

        `giver` has to be in that business and to have `members.manage` (the route's business); None is the machine's operator.

        Raises:
            EmailMalformed, LimitWithoutApproval.
            MoreThanOwn: the giver does not have all of it; an owner is made by an owner or the firm's admin alone.
            AlreadyMember: they belong there.
        """
        if standing.role is Role.FIRM_ADMIN:
            raise MoreThanOwn("a firm's admin is invited to the firm, not to one of its businesses")
        if giver is not None:
            refuse_more_than_own(giver, standing)
            if standing.role in _WHOLE_ROLES and giver.role not in _WHOLE_ROLES:
                raise MoreThanOwn("an owner is made by an owner or by the firm's admin alone")
        elif standing.approval_limit is not None and not standing.may_approve:
            raise LimitWithoutApproval(standing.role.value)
        email = read_email(email)
        await self._refuse_member(session, email, Membership, Membership.business_id == business.id)
        return await self._make(
            session,
            place=business.name,
            business_id=business.id,
            email=email,
            standing=standing,
            invited_by=None if giver is None else giver.principal.user_id,
            origin=origin,
            now=now,
        )

    async def invite_to_firm(
        self,
        session: AsyncSession,
        firm: Firm,
        *,
        giver: Person | None,
        email: str,
        origin: Origin,
        now: datetime,
    ) -> Invited:
        """Invite a person to a firm, as its admin; None as `giver` is the machine's operator.

        Raises:
            EmailMalformed, AlreadyMember.
            NotFirmAdmin: the giver is not, or has no second factor.
        """
        if giver is not None:
            admin = await session.get(FirmAdmin, (firm.id, giver.user_id))
            if admin is None or giver.lacks_second_factor:
                raise NotFirmAdmin
        email = read_email(email)
        await self._refuse_member(session, email, FirmAdmin, FirmAdmin.firm_id == firm.id)
        return await self._make(
            session,
            place=firm.name,
            firm_id=firm.id,
            email=email,
            standing=Standing(Role.FIRM_ADMIN, None),
            invited_by=None if giver is None else giver.user_id,
            origin=origin,
            now=now,
        )

    async def list_open(self, session: AsyncSession, business_id: UUID, *, now: datetime) -> list[Invitation]:
        """Those of a business that can still be accepted, the newest first."""
        return await list_living(session, business_id, now=now)

    async def revoke(
        self, session: AsyncSession, business_id: UUID, *, invitation_id: UUID, origin: Origin, now: datetime
    ) -> None:
        """Withdraw an invitation to this business.

        Raises:
            InvitationNotFound: no open one of that id.
        """
        there = Invitation.business_id == business_id
        emails = await end_living(session, Invitation.id == invitation_id, there, now=now)
        if not emails:
            raise InvitationNotFound
        await access_log.note(
            session,
            AccessEvent.INVITATION_REVOKED,
            origin=origin,
            business_id=business_id,
            details={"invitation_id": str(invitation_id), "email": emails[0]},
        )

    async def find(self, session: AsyncSession, secret: str, *, now: datetime) -> OpenInvitation:
        """What this link invites to.

        Raises:
            LinkGone: unknown, accepted, withdrawn, too old, or its sender may not invite there any more.
        """
        found = await find_living(session, hash_of(secret), now=now)
        if found is None or not await is_still_backed(session, found[0]):
            raise LinkGone
        invitation, place = found
        return OpenInvitation(invitation, place, await self._people.find(session, invitation.email))

    async def accept_as_new(
        self, session: AsyncSession, secret: str, *, name: str, password: HashedPassword, origin: Origin, now: datetime
    ) -> User:
        """Make the account that was invited (its address is proved by the link) and let it in.

        Raises:
            LinkGone, NameEmpty.
            SignInToAccept: there is an account with that address.
        """
        found = await self.find(session, secret, now=now)
        if not found.needs_account:
            raise SignInToAccept
        user = found.user
        if user is None:
            user = await self._people.create(
                session, email=found.invitation.email, name=name, password=None, origin=origin, now=now
            )
        elif user.disabled_at is not None:
            raise LinkGone
        user.name = read_name(name)
        await self._people.set_password(session, user, password=password, origin=origin, now=now)
        await self._let_in(session, found.invitation, user, origin=origin, now=now)
        return user

    async def accept_as(
        self, session: AsyncSession, secret: str, *, person: Person, origin: Origin, now: datetime
    ) -> OpenInvitation:
        """Let in the person who is signed in.

        Raises:
            LinkGone.
            InvitationForAnother: it was sent to another address.
            AlreadyMember: they belong there meanwhile.
        """
        found = await self.find(session, secret, now=now)
        if found.invitation.email != person.email:
            raise InvitationForAnother
        await self._let_in(
            session, found.invitation, await self._people.get(session, person.user_id), origin=origin, now=now
        )
        return found

    async def _make(
        self,
        session: AsyncSession,
        *,
        place: str,
        email: str,
        standing: Standing,
        invited_by: UUID | None,
        origin: Origin,
        now: datetime,
        business_id: UUID | None = None,
        firm_id: UUID | None = None,
    ) -> Invited:
        there = Invitation.firm_id == firm_id if business_id is None else Invitation.business_id == business_id
        await end_living(session, there, Invitation.email == email, now=now)
        secret = new_secret(PREFIX)
        invitation = Invitation(
            id=new_id(),
            business_id=business_id,
            firm_id=firm_id,
            email=email,
            role=standing.role.value,
            approval_limit=standing.approval_limit,
            token_hash=hash_of(secret),
            invited_by=invited_by,
            created_at=now,
            expires_at=now + INVITED_FOR,
        )
        session.add(invitation)
        details = {"invitation_id": str(invitation.id), "email": email, **standing.as_details()}
        await access_log.note(
            session, AccessEvent.INVITED, origin=origin, business_id=business_id, details=_of_firm(details, firm_id)
        )
        return Invited(invitation, place, SecretStr(secret))

    async def _refuse_member(self, session: AsyncSession, email: str, table: Any, there: Any) -> None:
        query = select(table.user_id).join(User, User.id == table.user_id).where(User.email == email, there)
        if (await session.execute(query)).first() is not None:
            raise AlreadyMember

    async def _let_in(
        self, session: AsyncSession, invitation: Invitation, user: User, *, origin: Origin, now: datetime
    ) -> None:
        await session.flush()  # the place is taken by a statement; a new user must be there for it
        invitation.accepted_at = now
        if invitation.firm_id is not None:
            row: dict[str, Any] = {"firm_id": invitation.firm_id}
            table: Any = FirmAdmin
        else:
            row = {
                "business_id": invitation.business_id,
                "role": invitation.role,
                "approval_limit": invitation.approval_limit,
            }
            table = Membership
        taken = await session.execute(
            insert(table)
            .values(user_id=user.id, created_at=now, **row)
            .on_conflict_do_nothing()
            .returning(table.user_id)
        )
        if taken.first() is None:
            raise AlreadyMember
        standing = Standing(Role(invitation.role), invitation.approval_limit)
        details = {"invitation_id": str(invitation.id), **standing.as_details()}
        await access_log.note(
            session,
            AccessEvent.JOINED,
            origin=Origin(f"user:{user.id}", origin.address, origin.request_id),
            business_id=invitation.business_id,
            user_id=user.id,
            details=_of_firm(details, invitation.firm_id),
        )


def _of_firm(details: dict[str, Any], firm_id: UUID | None) -> dict[str, Any]:
    return details if firm_id is None else {**details, "firm_id": str(firm_id)}
