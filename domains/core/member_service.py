"""Who belongs to a business. Each change and its line in the access log are one transaction, of the role oodaloo_access."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from domains.core import access_log
from domains.core.access_log import AccessEvent, Origin
from domains.core.access_service import Entry
from domains.core.errors import IsFirmAdmin, LastOwner, LimitWithoutApproval, MemberNotFound, MoreThanOwn
from domains.core.models import Business
from domains.core.people import FirmAdmin, Invitation, Membership, User
from domains.core.permissions import MAY, Permission, Role
from domains.core.sign_in_errors import AlreadyMember

_APPROVING = frozenset({Permission.BILLS_APPROVE, Permission.PAYMENTS_EXECUTE})


@dataclass(frozen=True)
class Member:
    """One who may enter a business. `approval_limit` is in its home currency; None is no limit."""

    user_id: UUID
    email: str
    name: str
    role: Role
    approval_limit: Decimal | None
    since: datetime
    is_disabled: bool
    has_second_factor: bool


@dataclass(frozen=True)
class Standing:
    """A role and its limit, as they are given together."""

    role: Role
    approval_limit: Decimal | None

    @property
    def may_approve(self) -> bool:
        return bool(MAY[self.role] & _APPROVING)

    def as_details(self) -> dict[str, Any]:
        limit = self.approval_limit
        return {"role": self.role.value, "approval_limit": None if limit is None else format(limit.normalize(), "f")}


def refuse_more_than_own(giver: Entry, given: Standing) -> None:
    """Raise unless whoever gives this standing has all of it. A token is held to its own permissions, not to its person's.

    Raises:
        MoreThanOwn: a permission that the giver lacks, a higher limit, or an owner where the giver is a service.
        LimitWithoutApproval: a limit for a role that approves nothing.
    """
    if missing := MAY[given.role] - giver.permissions:
        raise MoreThanOwn(f"the role {given.role.value} may {', '.join(sorted(missing))}, which you may not")
    if given.role is Role.OWNER and giver.role not in {Role.OWNER, Role.FIRM_ADMIN}:
        raise MoreThanOwn("an owner is made by an owner or by the firm's admin alone")
    if not given.may_approve:
        if given.approval_limit is not None:
            raise LimitWithoutApproval(given.role.value)
        return
    own = giver.approval_limit
    if own is not None and (given.approval_limit is None or given.approval_limit > own):
        raise MoreThanOwn("the approval limit is above your own")


class MemberService:
    """Members of a business: its own, and the admins of the firm that keeps it."""

    async def list_members(self, session: AsyncSession, business: Business) -> list[Member]:
        """By name. A firm's admin is one whatever membership they have besides."""
        admins = await session.execute(
            select(FirmAdmin, User)
            .join(User, User.id == FirmAdmin.user_id)
            .where(FirmAdmin.firm_id == business.firm_id)
        )
        own = await session.execute(
            select(Membership, User)
            .join(User, User.id == Membership.user_id)
            .where(Membership.business_id == business.id)
        )
        found = {held.user_id: _member(held, user, standing=_standing(held)) for held, user in own}
        found |= {held.user_id: _member(held, user, standing=Standing(Role.FIRM_ADMIN, None)) for held, user in admins}
        return sorted(found.values(), key=lambda member: (member.name.casefold(), member.user_id))

    async def get_member(self, session: AsyncSession, business: Business, user_id: UUID) -> Member:
        """One of them.

        Raises:
            MemberNotFound: nobody of that id may enter.
        """
        for member in await self.list_members(session, business):
            if member.user_id == user_id:
                return member
        raise MemberNotFound(user_id)

    async def add(
        self,
        session: AsyncSession,
        business_id: UUID,
        *,
        user_id: UUID,
        standing: Standing,
        origin: Origin,
        now: datetime,
    ) -> None:
        """Let a person in without an invitation: the machine's operator does.

        Raises:
            AlreadyMember.
            LimitWithoutApproval: a limit for a role that approves nothing.
        """
        if standing.approval_limit is not None and not standing.may_approve:
            raise LimitWithoutApproval(standing.role.value)
        if await session.get(Membership, (business_id, user_id)) is not None:
            raise AlreadyMember
        session.add(
            Membership(
                business_id=business_id,
                user_id=user_id,
                role=standing.role.value,
                approval_limit=standing.approval_limit,
                created_at=now,
            )
        )
        await access_log.note(
            session,
            AccessEvent.JOINED,
            origin=origin,
            business_id=business_id,
            user_id=user_id,
            details=standing.as_details(),
        )

    async def change(
        self, session: AsyncSession, caller: Entry, *, user_id: UUID, changes: dict[str, Any], origin: Origin
    ) -> Member:
        """Give a member another `role`, another `approval_limit`, or both. A role that approves nothing loses its limit.

        Raises:
            MemberNotFound, IsFirmAdmin, MoreThanOwn, LimitWithoutApproval, LastOwner.
        """
        held = await self._hold(session, caller, user_id)
        before = _standing(held)
        role = Role(changes.get("role", before.role))
        kept = before.approval_limit if Standing(role, None).may_approve else None
        after = Standing(role, changes.get("approval_limit", kept))
        refuse_more_than_own(caller, after)
        if before.role is Role.OWNER and after.role is not Role.OWNER:
            await self._refuse_last_owner(session, caller.business, user_id)
        if after != before:
            held.role, held.approval_limit = after.role.value, after.approval_limit
            details = {"before": before.as_details(), "after": after.as_details()}
            await _note(session, AccessEvent.ROLE_CHANGED, caller, user_id=user_id, origin=origin, details=details)
        return await self.get_member(session, caller.business, user_id)

    async def remove(
        self, session: AsyncSession, caller: Entry, *, user_id: UUID, origin: Origin, now: datetime
    ) -> None:
        """Close the business to a member, at once: no session, token or open invitation of theirs leads in any more.

        Raises:
            MemberNotFound, IsFirmAdmin, MoreThanOwn, LastOwner.
        """
        held = await self._hold(session, caller, user_id)
        before = _standing(held)
        if before.role is Role.OWNER:
            await self._refuse_last_owner(session, caller.business, user_id)
        await session.execute(
            delete(Membership)
            .where(Membership.business_id == caller.business.id, Membership.user_id == user_id)
            .execution_options(synchronize_session=False)
        )
        details = {"before": before.as_details(), "after": None}
        await _note(session, AccessEvent.REMOVED, caller, user_id=user_id, origin=origin, details=details)
        # Or whoever is removed comes back by a link they sent themselves.
        ended = await session.execute(
            update(Invitation)
            .where(
                Invitation.business_id == caller.business.id,
                Invitation.invited_by == user_id,
                Invitation.accepted_at.is_(None),
                Invitation.revoked_at.is_(None),
            )
            .values(revoked_at=now)
            .returning(Invitation.id, Invitation.email)
            .execution_options(synchronize_session=False)
        )
        for invitation_id, email in ended.all():
            told = {"invitation_id": str(invitation_id), "email": email, "because": "its sender was removed"}
            await _note(session, AccessEvent.INVITATION_REVOKED, caller, user_id=None, origin=origin, details=told)

    async def _hold(self, session: AsyncSession, caller: Entry, user_id: UUID) -> Membership:
        """The membership, to be changed: changes of one business's members wait for each other, so that one owner stays."""
        business = caller.business
        await session.execute(select(Business.id).where(Business.id == business.id).with_for_update(key_share=True))
        admin = select(FirmAdmin).where(FirmAdmin.firm_id == business.firm_id, FirmAdmin.user_id == user_id)
        if (await session.scalars(admin)).first() is not None:
            raise IsFirmAdmin(user_id)
        held = await session.get(Membership, (business.id, user_id))
        if held is None:
            raise MemberNotFound(user_id)
        if missing := MAY[Role(held.role)] - caller.permissions:
            raise MoreThanOwn(f"this member may {', '.join(sorted(missing))}, which you may not")
        return held

    async def _refuse_last_owner(self, session: AsyncSession, business: Business, user_id: UUID) -> None:
        """A disabled owner is none."""
        if business.firm_id is not None:
            return
        others = (
            select(func.count())
            .select_from(Membership)
            .join(User, User.id == Membership.user_id)
            .where(
                Membership.business_id == business.id,
                Membership.role == Role.OWNER.value,
                Membership.user_id != user_id,
                User.disabled_at.is_(None),
            )
        )
        if not await session.scalar(others):
            raise LastOwner


def _standing(held: Membership) -> Standing:
    return Standing(Role(held.role), held.approval_limit)


def _member(held: Membership | FirmAdmin, user: User, *, standing: Standing) -> Member:
    return Member(
        user_id=user.id,
        email=user.email,
        name=user.name,
        role=standing.role,
        approval_limit=standing.approval_limit,
        since=held.created_at,
        is_disabled=user.disabled_at is not None,
        has_second_factor=user.totp_confirmed_at is not None,
    )


async def _note(
    session: AsyncSession,
    event: AccessEvent,
    caller: Entry,
    *,
    user_id: UUID | None,
    origin: Origin,
    details: dict[str, Any],
) -> None:
    await access_log.note(
        session, event, origin=origin, business_id=caller.business.id, user_id=user_id, details=details
    )
