"""What the machine's operator does to firms, people and tokens, each with its line in the access log (actor `cli`)."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

from pydantic import SecretStr
from sqlalchemy import select

from domains.core.access_log import AccessEvent, Origin
from domains.core.access_service import AccessService
from domains.core.api_tokens import ApiTokens
from domains.core.business_service import BusinessService
from domains.core.firm_service import FirmService
from domains.core.invitations import Invitations, Invited
from domains.core.member_service import MemberService
from domains.core.models import DEFAULT_TIME_ZONE, Business
from domains.core.password_resets import PasswordResets
from domains.core.passwords import HashedPassword, Passwords
from domains.core.people import ApiToken, ApiTokenBusiness, Firm, User
from domains.core.people_service import PeopleService, read_email, read_name
from domains.core.permissions import Permission
from domains.core.second_factor import SecondFactors
from domains.core.sessions import Sessions
from domains.core.sign_in_errors import UserNotFound
from domains.core.token_service import TokenService, note_of_token
from infra.clock import Clock, SystemClock
from infra.config import ServerSettings, load
from infra.db.engine import create_engine
from infra.db.unit_of_work import UnitOfWork, UnitOfWorkFactory, unit_of_work_factory
from infra.embedded.servers import servers
from infra.mail.post import Post
from infra.security.keyring import Keyring
from runway.operator.terms import IssuedToken, Listed, NoSuchToken, NotThere, Place, PlaceMissing, named, only
from runway.orchestrators import letters
from runway.schema import bring_to_head

CLI = Origin(actor="cli", address="local", request_id="cli")


_MOST_SHOWN = 20


class Operator:
    """Whoever has the machine. Nothing is refused to them for want of a permission."""

    def __init__(self, access_uow: UnitOfWorkFactory, *, clock: Clock) -> None:
        self._uow = access_uow
        self._clock = clock
        self._businesses = BusinessService()
        self._firms = FirmService(self._businesses)
        self._people = PeopleService(Sessions())
        self._members = MemberService()
        self._tokens = ApiTokens()
        self._access = AccessService()

    async def create_firm(self, name: str) -> Firm:
        async with self._uow([]) as uow:
            return await self._firms.create_firm(uow.session, named(name, "firm"), origin=CLI, now=self._clock.now())

    async def list_firms(self) -> list[Firm]:
        async with self._uow([]) as uow:
            return await self._firms.list_firms(uow.session)

    async def create_business(
        self, name: str, *, firm: str | None, home_currency: str = "USD", time_zone: str | None = None
    ) -> Business:
        async with self._uow([]) as uow:
            keeper = None if firm is None else await self._firm(uow, firm)
            return await self._create_business(uow, name, firm=keeper, home_currency=home_currency, time_zone=time_zone)

    async def list_businesses(self) -> list[Business]:
        async with self._uow([]) as uow:
            return list(await uow.session.scalars(select(Business).order_by(Business.name, Business.id)))

    async def create_user(
        self, email: str, *, name: str, place: Place, password: SecretStr | None
    ) -> tuple[User, SecretStr | None]:
        """A new user, who belongs to `place` at once; with the secret of a link that sets the password, unless one is given.

        Raises:
            EmailMalformed, EmailTaken, NameEmpty, PasswordRefused, LimitWithoutApproval, NotOne.
        """
        hashed: HashedPassword | None = None
        if password is not None:
            hashed = await Passwords().hash_new(password, email=read_email(email), name=read_name(name))
        now = self._clock.now()
        async with self._uow([]) as uow:
            user = await self._people.create(uow.session, email=email, name=name, password=hashed, origin=CLI, now=now)
            if place.firm is not None:
                firm = await self._firm(uow, place.firm)
                await self._firms.add_admin(uow.session, firm, user_id=user.id, origin=CLI, now=now)
            if place.business is not None and place.standing is not None:
                business = await self._business(uow, place.business)
                await self._members.add(
                    uow.session, business.id, user_id=user.id, standing=place.standing, origin=CLI, now=now
                )
            if hashed is not None:
                return user, None
            asked = await PasswordResets(self._people).ask(uow.session, user.email, origin=CLI, now=now)
        return user, None if asked is None else asked[1]

    async def invite(self, email: str, *, place: Place) -> Invited:
        """An invitation, whose secret the operator passes on: no letter is sent.

        Raises:
            EmailMalformed, AlreadyMember, LimitWithoutApproval, NotOne, PlaceMissing.
        """
        invitations, now = Invitations(self._people), self._clock.now()
        async with self._uow([]) as uow:
            if place.firm is not None:
                firm = await self._firm(uow, place.firm)
                return await invitations.invite_to_firm(uow.session, firm, giver=None, email=email, origin=CLI, now=now)
            if place.business is None or place.standing is None:
                raise PlaceMissing
            business = await self._business(uow, place.business)
            return await invitations.invite(
                uow.session, business, giver=None, email=email, standing=place.standing, origin=CLI, now=now
            )

    async def disable_user(self, email: str) -> User:
        """Raises UserNotFound."""
        async with self._uow([]) as uow:
            user = await self._user(uow, email)
            await self._people.disable(uow.session, user.id, origin=CLI, now=self._clock.now())
        return user

    async def enable_user(self, email: str) -> User:
        """Raises UserNotFound."""
        async with self._uow([]) as uow:
            user = await self._user(uow, email)
            await self._people.enable(uow.session, user.id, origin=CLI)
        return user

    async def remove_second_factor(self, email: str, *, keyring: Keyring, public_url: str) -> User:
        """For a lost phone with the recovery codes lost too. Ends every session of theirs, and a letter tells them, whoever asked.

        Raises:
            UserNotFound, SecondFactorAbsent.
        """
        now = self._clock.now()
        async with self._uow([]) as uow:
            user = await self._user(uow, email)
            await SecondFactors(keyring).remove(uow.session, user, origin=CLI)
            await Sessions().end_all(uow.session, user.id, now=now)
            what = "the second factor of your account was removed by whoever runs this Oodaloo."
            subject, body = letters.security_notice(what, public_url=public_url.rstrip("/"))
            Post(keyring).write(uow, recipient=user.email, subject=subject, body=body, now=now)
        return user

    async def list_users(self) -> list[Listed]:
        async with self._uow([]) as uow:
            users = await uow.session.scalars(select(User).order_by(User.email))
            return [
                Listed(
                    user,
                    await self._access.list_businesses(uow.session, user.id),
                    await self._firms.list_of_admin(uow.session, user.id),
                )
                for user in users.all()
            ]

    async def issue_token(
        self,
        business_name: str,
        *,
        name: str,
        lifetime: timedelta,
        permissions: Sequence[Permission] = (),
        email: str | None = None,
    ) -> IssuedToken:
        """A token for the (oldest) business of that name or id: a person's, who belongs there, or a service's.

        Without `permissions` it has all: a person's token is cut to what the person may anyway. For a service the business is
        made where there is none.

        Raises:
            NameMissing, UserNotFound, TokenNameEmpty.
            NotThere: the person does not belong there.
        """
        business_name, now = named(business_name, "business"), self._clock.now()
        async with self._uow([]) as uow:
            known = await self._businesses.list_called(uow.session, business_name)
            user = None if email is None else await self._user(uow, email)
            if user is not None:
                of_person = {one.id for one, _ in await self._access.list_businesses(uow.session, user.id)}
                known = [one for one in known if one.id in of_person]
                if not known:
                    raise NotThere(user.email, business_name)
            business = known[0] if known else await self._create_business(uow, business_name, firm=None)
            token, plaintext = await self._tokens.issue(
                uow.session,
                [business.id],
                name=name,
                permissions=frozenset(permissions or Permission),
                user_id=None if user is None else user.id,
                expires_at=now + lifetime,
                now=now,
            )
            await note_of_token(uow.session, AccessEvent.TOKEN_CREATED, token, business_ids=[business.id], origin=CLI)
        return IssuedToken(business.id, plaintext, now + lifetime)

    async def list_tokens(self, business: str | None) -> list[tuple[ApiToken, User | None, list[Business]]]:
        """Every token, the newest first, with its person and its businesses; those of one business where it is named."""
        query = select(ApiToken, User).outerjoin(User, User.id == ApiToken.user_id)
        async with self._uow([]) as uow:
            if business is not None:
                meant = await self._business(uow, business)
                opening = select(ApiTokenBusiness.token_id).where(ApiTokenBusiness.business_id == meant.id)
                query = query.where(ApiToken.id.in_(opening))
            rows = (await uow.session.execute(query.order_by(ApiToken.created_at.desc(), ApiToken.id))).all()
            return [(token, user, await self._opened(uow, token.id)) for token, user in rows]

    async def revoke_token(self, token_id: UUID) -> ApiToken:
        """End it and those it made. Raises NoSuchToken."""
        async with self._uow([]) as uow:
            opened = await self._opened(uow, token_id)
            if not opened:
                raise NoSuchToken(token_id)
            await TokenService(self._access).revoke(
                uow.session, opened[0].id, token_id=token_id, origin=CLI, now=self._clock.now()
            )
            return await uow.session.get_one(ApiToken, token_id, populate_existing=True)

    async def _create_business(
        self,
        uow: UnitOfWork,
        name: str,
        *,
        firm: Firm | None,
        home_currency: str = "USD",
        time_zone: str | None = None,
    ) -> Business:
        return await self._firms.create_business(
            uow.session,
            named(name, "business"),
            firm_id=None if firm is None else firm.id,
            home_currency=home_currency,
            time_zone=time_zone or DEFAULT_TIME_ZONE,
            origin=CLI,
            now=self._clock.now(),
        )

    async def _user(self, uow: UnitOfWork, email: str) -> User:
        user = await self._people.find(uow.session, email)
        if user is None:
            raise UserNotFound
        return user

    async def _business(self, uow: UnitOfWork, name: str) -> Business:
        found = await self._businesses.list_called(uow.session, name.strip())
        shown = found or await self._businesses.list_businesses(uow.session, limit=_MOST_SHOWN)
        return only(found, "business", name, shown=shown)

    async def _firm(self, uow: UnitOfWork, name: str) -> Firm:
        firms = await self._firms.list_firms(uow.session)
        found = [firm for firm in firms if name.strip() in {firm.name, str(firm.id)}]
        return only(found, "firm", name, shown=found or firms[:_MOST_SHOWN])

    async def _opened(self, uow: UnitOfWork, token_id: UUID) -> list[Business]:
        query = select(Business).join(ApiTokenBusiness, ApiTokenBusiness.business_id == Business.id)
        return list(
            await uow.session.scalars(query.where(ApiTokenBusiness.token_id == token_id).order_by(Business.name))
        )


@asynccontextmanager
async def operator_here() -> AsyncIterator[Operator]:
    """The operator of the database that the environment names, or of the bundled one.

    Raises:
        DatabaseBehind, DatabaseOutOfReach: as `bring_to_head`.
    """
    settings = load(ServerSettings)
    with servers(settings) as addresses:
        bring_to_head(settings, addresses)
        engine = create_engine(addresses.database_access_url, pool_size=1)
        try:
            yield Operator(unit_of_work_factory(engine), clock=SystemClock())
        finally:
            await engine.dispose()
