"""Which businesses a token or a person opens, and as what. Statements of the role oodaloo_access."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    DateTime,
    LargeBinary,
    Select,
    Uuid,
    and_,
    bindparam,
    case,
    literal,
    null,
    or_,
    select,
    true,
)

from domains.core.models import Business
from domains.core.people import ApiToken, ApiTokenBusiness, FirmAdmin, Membership, User, UserSession
from domains.core.permissions import Role
from infra.db.reads import Statement


@dataclass(frozen=True)
class Opened:
    """A token and one business it opens, with what its person (if it has one) is there."""

    token_id: UUID
    user_id: UUID | None
    permissions: list[str]
    last_used_at: datetime | None
    business: Business
    role: str | None
    approval_limit: Decimal | None
    has_factor: bool | None


BY_NAME = (Business.name, Business.id)
_OF_BUSINESS = (
    Business.id,
    Business.firm_id,
    Business.name,
    Business.home_currency,
    Business.time_zone,
    Business.created_at,
)
_BUSINESS_NAMES = tuple(column.key for column in _OF_BUSINESS)
_OF_TOKEN = (ApiToken.id, ApiToken.user_id, ApiToken.permissions, ApiToken.last_used_at)


@lru_cache(maxsize=1024)
def _business(*values: Any) -> Business:
    """A business with these values, of no session. One for all requests that find it so: nobody changes it."""
    return Business(**dict(zip(_BUSINESS_NAMES, values, strict=True)))


def of_tokens() -> Any:
    """What `opened` reads, for each business that a token opens and its person (if it has one) belongs to."""
    has_factor = select(User.totp_confirmed_at.is_not(None)).where(User.id == ApiToken.user_id).scalar_subquery()
    businesses: Any = (
        select(*_OF_TOKEN, *_OF_BUSINESS, *_rights(), has_factor)
        .join(ApiTokenBusiness, ApiTokenBusiness.token_id == ApiToken.id)
        .join(Business, Business.id == ApiTokenBusiness.business_id)
        .outerjoin(Membership, _is_member(ApiToken.user_id))
        .outerjoin(FirmAdmin, _is_admin(ApiToken.user_id))
        .where(or_(ApiToken.user_id.is_(None), Membership.user_id.is_not(None), FirmAdmin.user_id.is_not(None)))
    )
    return businesses


def opened(*row: Any) -> Opened:
    of_token, of_business = row[: len(_OF_TOKEN)], row[len(_OF_TOKEN) : -3]
    business = _business(*of_business)
    token_id, user_id, permissions, last_used_at = of_token
    role, approval_limit, has_factor = row[-3:]
    return Opened(token_id, user_id, permissions, last_used_at, business, role, approval_limit, has_factor)


@dataclass(frozen=True)
class SessionHolder:
    """The person whose browser shows a session."""

    session_id: UUID
    last_seen_at: datetime
    factor_at: datetime
    user_id: UUID
    email: str
    name: str
    has_factor: bool


_OF_SESSION = (
    UserSession.id,
    UserSession.last_seen_at,
    UserSession.factor_at,
    User.id,
    User.email,
    User.name,
    User.totp_confirmed_at.is_not(None),
)


def _opened_by_session(*row: Any) -> tuple[SessionHolder, Business, str, Decimal | None]:
    holder, business, (role, limit) = row[: len(_OF_SESSION)], row[len(_OF_SESSION) : -2], row[-2:]
    return SessionHolder(*holder), _business(*business), role, limit


def of_person(user_id: UUID) -> Select[Any]:
    """Business, role and limit, for each business that the person belongs to."""
    return (
        select(Business, *_rights())
        .outerjoin(Membership, _is_member(literal(user_id)))
        .outerjoin(FirmAdmin, _is_admin(literal(user_id)))
        .where(or_(Membership.user_id.is_not(None), FirmAdmin.user_id.is_not(None)))
    )


def is_living(token_hash: Any, *, now: Any) -> ColumnElement[bool]:
    """Of a person who is disabled, no token lives."""
    is_disabled = select(User.id).where(User.id == ApiToken.user_id, User.disabled_at.is_not(None)).exists()
    return and_(
        ApiToken.token_hash == token_hash,
        ApiToken.revoked_at.is_(None),
        or_(ApiToken.expires_at.is_(None), ApiToken.expires_at > now),
        ~is_disabled,
    )


def _is_member(user_id: Any) -> ColumnElement[bool]:
    return and_(Membership.business_id == Business.id, Membership.user_id == user_id)


def _is_admin(user_id: Any) -> ColumnElement[bool]:
    return and_(FirmAdmin.firm_id == Business.firm_id, FirmAdmin.user_id == user_id)


def _rights() -> tuple[Any, Any]:
    """The role, and the approval limit, which binds members and not the firm's admins. Both null for a service's token."""
    is_admin = FirmAdmin.user_id.is_not(None)
    role = case((is_admin, Role.FIRM_ADMIN.value), else_=Membership.role)
    return role, case((is_admin, null()), else_=Membership.approval_limit)


_ASKED_HASH = bindparam("token_hash", type_=LargeBinary)
_ASKED_NOW = bindparam("now", type_=DateTime(timezone=True))
_ASKED_BUSINESS = bindparam("business_id", type_=Uuid)

_ASKED_SEEN_SINCE = bindparam("seen_since", type_=DateTime(timezone=True))


def _by_session(*columns: Any) -> Select[Any]:
    """Of a session that is complete, not over and not idle for too long, of somebody who is not disabled."""
    return (
        select(*columns)
        .select_from(UserSession)
        .join(User, User.id == UserSession.user_id)
        .where(
            UserSession.token_hash == _ASKED_HASH,
            UserSession.is_complete,
            UserSession.ended_at.is_(None),
            UserSession.expires_at > _ASKED_NOW,
            UserSession.last_seen_at > _ASKED_SEEN_SINCE,
            User.disabled_at.is_(None),
        )
    )


def opened_by_session(*, is_named: bool) -> Statement[tuple[SessionHolder, Business, str, Decimal | None]]:
    """The business that is named, or two at most: who has several has to name one."""
    businesses = (
        _by_session(*_OF_SESSION, *_OF_BUSINESS, *_rights())
        .join(Business, Business.id == _ASKED_BUSINESS if is_named else true())
        .outerjoin(Membership, _is_member(User.id))
        .outerjoin(FirmAdmin, _is_admin(User.id))
        .where(or_(Membership.user_id.is_not(None), FirmAdmin.user_id.is_not(None)))
    )
    return Statement(businesses.limit(2), _opened_by_session)


LIVING_SESSION = Statement(_by_session(*_OF_SESSION), SessionHolder)
NAMED_BY_SESSION = opened_by_session(is_named=True)
ANY_BY_SESSION = opened_by_session(is_named=False)

LIVING_TOKEN = Statement(select(ApiToken.id).where(is_living(_ASKED_HASH, now=_ASKED_NOW)), lambda token_id: token_id)

OPENED_BY_TOKEN = Statement(
    of_tokens()
    .where(is_living(_ASKED_HASH, now=_ASKED_NOW), or_(_ASKED_BUSINESS.is_(None), Business.id == _ASKED_BUSINESS))
    .limit(2),
    opened,
)
