"""A forgotten password: a letter with a link, if there is such a person; nobody learns here whether there is."""

from pydantic import SecretStr

from domains.core.access_log import Origin
from domains.core.password_resets import PasswordResets
from domains.core.passwords import Passwords
from domains.core.people import User
from infra.clock import Clock
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.mail.post import Post
from infra.ratelimit.guesses import Guesses
from runway.orchestrators import letters


class Regaining:
    def __init__(
        self,
        *,
        access_uow: UnitOfWorkFactory,
        clock: Clock,
        passwords: Passwords,
        resets: PasswordResets,
        post: Post,
        letter_limit: Guesses,
        link_guesses: Guesses,
        public_url: str,
    ) -> None:
        self._uow = access_uow
        self._clock = clock
        self._passwords = passwords
        self._resets = resets
        self._post = post
        self._letter_limit = letter_limit
        self._link_guesses = link_guesses
        self._public_url = public_url

    async def may_ask(self, email: str, *, origin: Origin) -> None:
        """Leave to ask for a letter to that address, whoever has it or not.

        Raises:
            TooManyGuesses: not now.
        """
        await self._letter_limit.ask(email, origin.address)

    async def ask(self, email: str, *, origin: Origin) -> None:
        """Send the letter, if that is a user's address. Call it when the answer is out: it takes longer for one than for none."""
        async with self._uow([]) as uow:
            found = await self._resets.ask(uow.session, email, origin=origin, now=self._clock.now())
            if found is None:
                return
            user, secret = found
            subject, body = letters.password_reset(secret, public_url=self._public_url)
            self._post.write(uow, recipient=user.email, subject=subject, body=body, now=self._clock.now())

    async def look(self, secret: str, *, origin: Origin) -> User:
        """Whose password a link sets.

        Raises:
            LinkGone, TooManyGuesses.
        """
        guess = await self._link_guesses.ask(secret, origin.address)
        async with self._uow([]) as uow:
            user = await self._resets.find(uow.session, secret, now=self._clock.now())
        await guess.was_right()
        return user

    async def set_password(self, secret: str, password: SecretStr, *, origin: Origin) -> None:
        """Set it; every session of theirs ends, and nobody is signed in: they sign in with it.

        Raises:
            LinkGone, TooManyGuesses, PasswordRefused.
        """
        user = await self.look(secret, origin=origin)
        hashed = await self._passwords.hash_new(password, email=user.email, name=user.name)
        async with self._uow([]) as uow:
            await self._resets.use(uow.session, secret, password=hashed, origin=origin, now=self._clock.now())
            subject, body = letters.security_notice(
                "the password of your account was changed.", public_url=self._public_url
            )
            self._post.write(uow, recipient=user.email, subject=subject, body=body, now=self._clock.now())
