"""Who belongs to a business, by name: for those who may not manage members, but read what these did."""

from collections.abc import Mapping
from uuid import UUID

from domains.core.member_service import MemberService
from runway.web.clients import Client

_members = MemberService()


async def names_in(client: Client) -> Mapping[UUID, str]:
    """Members, and the admins of the firm that keeps the business."""
    async with client.process.access_uow([]) as uow:
        found = await _members.list_members(uow.session, client.business)
    return {member.user_id: member.name for member in found}
