"""What a signed-in person changes of their own account. Each change ends every session; the asking browser gets a new one."""

from dataclasses import dataclass

from pydantic import SecretStr

from domains.core.access_log import Origin
from domains.core.access_service import Person
from domains.core.passwords import Passwords
from domains.core.people import User
from domains.core.people_service import PeopleService
from domains.core.second_factor import SecondFactors
from domains.core.sign_in_errors import CodeRefused, SecondFactorAbsent
from domains.core.sign_in_service import SignInService
from infra.clock import Clock
from infra.db.unit_of_work import UnitOfWork, UnitOfWorkFactory
from infra.mail.post import Post
from infra.ratelimit.guesses import Guesses
from runway.orchestrators import letters


@dataclass(frozen=True)
class Browser:
    """Whose request it is, and what the new session's row tells of it."""

    person: Person
    origin: Origin
    user_agent: str


@dataclass(frozen=True)
class FactorSet:
    """The asking browser's new session, and the recovery codes, which are shown once."""

    session: SecretStr
    recovery_codes: list[str]


class OwnAccount:
    def __init__(
        self,
        *,
        access_uow: UnitOfWorkFactory,
        clock: Clock,
        passwords: Passwords,
        people: PeopleService,
        factors: SecondFactors,
        sign_in: SignInService,
        post: Post,
        code_guesses: Guesses,
        public_url: str,
    ) -> None:
        self._uow = access_uow
        self._clock = clock
        self._passwords = passwords
        self._people = people
        self._factors = factors
        self._sign_in = sign_in
        self._post = post
        self._code_guesses = code_guesses
        self._public_url = public_url

    async def change_password(self, browser: Browser, new: SecretStr) -> SecretStr:
        """The caller has just shown the old one (a session that is freshly proved).

        Raises:
            PasswordRefused: its text tells why.
        """
        person = browser.person
        hashed = await self._passwords.hash_new(new, email=person.email, name=person.name)
        async with self._uow([]) as uow:
            user = await self._people.get(uow.session, person.user_id)
            await self._people.set_password(
                uow.session, user, password=hashed, origin=browser.origin, now=self._clock.now()
            )
            self._tell(uow, user, "the password of your account was changed.")
            return await self._start_afresh(uow, browser)

    async def begin_factor(self, person: Person) -> None:
        """Make the secret that the page then shows.

        Raises:
            SecondFactorExists: there is one that counts.
        """
        async with self._uow([]) as uow:
            self._factors.begin(await self._people.get(uow.session, person.user_id))

    async def confirm_factor(self, browser: Browser, code: SecretStr) -> FactorSet:
        """The app is set up right; from now on its codes are asked for.

        Raises:
            SecondFactorAbsent, SecondFactorExists: nothing is waiting to be confirmed.
            CodeRefused: the code is wrong.
            TooManyGuesses: not now.
        """
        person = browser.person
        guess = await self._code_guesses.ask(str(person.user_id), browser.origin.address, is_known=True)
        async with self._uow([]) as uow:
            user = await self._people.get(uow.session, person.user_id)
            codes = await self._factors.confirm(
                uow.session, user, code=code, origin=browser.origin, now=self._clock.now()
            )
            self._tell(uow, user, "a second factor was set up for your account.")
            session = await self._start_afresh(uow, browser)
        await guess.was_right()
        return FactorSet(session, codes)

    async def renew_codes(self, person: Person, *, origin: Origin) -> list[str]:
        """New recovery codes; the old ones work no more.

        Raises:
            SecondFactorAbsent: there is nothing to recover.
        """
        async with self._uow([]) as uow:
            user = await self._people.get(uow.session, person.user_id)
            return await self._factors.renew_codes(uow.session, user, origin=origin, now=self._clock.now())

    async def remove_factor(self, browser: Browser, code: SecretStr) -> SecretStr:
        """Do without, once a code or a recovery code has proved that it is theirs.

        Raises:
            SecondFactorAbsent: there is none.
            CodeRefused: the code is wrong.
            TooManyGuesses: not now.
        """
        person, origin = browser.person, browser.origin
        guess = await self._code_guesses.ask(str(person.user_id), origin.address, is_known=True)
        async with self._uow([]) as uow:
            user = await self._people.get(uow.session, person.user_id)
            if user.totp_confirmed_at is None:
                raise SecondFactorAbsent
            if await self._factors.use(uow.session, user, code=code, origin=origin, now=self._clock.now()) is None:
                raise CodeRefused
            await self._factors.remove(uow.session, user, origin=origin)
            self._tell(uow, user, "the second factor of your account was removed.")
            session = await self._start_afresh(uow, browser)
        await guess.was_right()
        return session

    def _tell(self, uow: UnitOfWork, user: User, what: str) -> None:
        subject, body = letters.security_notice(what, public_url=self._public_url)
        self._post.write(uow, recipient=user.email, subject=subject, body=body, now=self._clock.now())

    async def _start_afresh(self, uow: UnitOfWork, browser: Browser) -> SecretStr:
        return await self._sign_in.start_afresh(
            uow.session,
            browser.person.user_id,
            origin=browser.origin,
            user_agent=browser.user_agent,
            now=self._clock.now(),
        )
