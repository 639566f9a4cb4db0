"""Signing in: leave to guess, a look at the account, the password checked outside any transaction, then the session."""

from pydantic import SecretStr

from domains.core.access_log import AccessEvent, Origin
from domains.core.access_service import Person
from domains.core.passwords import Passwords
from domains.core.sign_in_errors import CodeRefused, SignInRefused
from domains.core.sign_in_service import Account, SignedIn, SignInService
from infra.clock import Clock
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.ratelimit.guesses import Guess, Guesses


class SigningIn:
    def __init__(
        self,
        *,
        access_uow: UnitOfWorkFactory,
        clock: Clock,
        passwords: Passwords,
        service: SignInService,
        password_guesses: Guesses,
        code_guesses: Guesses,
    ) -> None:
        self._uow = access_uow
        self._clock = clock
        self._passwords = passwords
        self._service = service
        self._password_guesses = password_guesses
        self._code_guesses = code_guesses

    async def sign_in(
        self, email: str, password: SecretStr, *, origin: Origin, user_agent: str, shown: str | None
    ) -> SignedIn:
        """Begin a session; a pending one where there is a second factor. `shown` is the session that the browser has now.

        Raises:
            SignInRefused: the same words, after the same time, for an account that there is and one that there is not.
            TooManyGuesses: not now.
        """
        account, guess = await self._check(email, password, origin=origin)
        async with self._uow([]) as uow:
            signed_in = await self._service.admit(
                uow.session, account, origin=origin, user_agent=user_agent, shown=shown, now=self._clock.now()
            )
        await guess.was_right()
        return signed_in

    async def show_code(self, shown: str, code: SecretStr, *, origin: Origin, user_agent: str) -> SignedIn:
        """The second step of a sign-in: a code of the app, or a recovery code.

        Raises:
            SignInRefused: the browser has not shown its password, or too long ago.
            CodeRefused: wrong or used.
            TooManyGuesses: not now.
        """
        async with self._uow([]) as uow:
            user = await self._service.find_pending(uow.session, shown, now=self._clock.now())
            if user is None:
                raise SignInRefused
            account = await self._service.find_account(
                uow.session, user.email, address=origin.address, now=self._clock.now()
            )
        if account is None:
            raise SignInRefused
        guess = await self._code_guesses.ask(str(user.id), origin.address, is_known=account.is_known_here)
        try:
            async with self._uow([]) as uow:
                signed_in = await self._service.admit_with_code(
                    uow.session, shown, code=code, origin=origin, user_agent=user_agent, now=self._clock.now()
                )
        except CodeRefused:
            await self._note(account, origin, AccessEvent.SECOND_FACTOR_REFUSED)
            raise
        await guess.was_right()
        return signed_in

    async def prove_again(
        self, person: Person, password: SecretStr, code: SecretStr | None, *, origin: Origin
    ) -> SecretStr:
        """The session's new plaintext, once the person has shown again who they are.

        Raises:
            SignInRefused, CodeRefused, TooManyGuesses: as a sign-in.
        """
        account, guess = await self._check(person.email, password, origin=origin)
        code_guess = await self._code_guesses.ask(str(account.user_id), origin.address, is_known=account.is_known_here)
        try:
            async with self._uow([]) as uow:
                session = await self._service.prove_again(
                    uow.session, person, code=code, origin=origin, now=self._clock.now()
                )
        except CodeRefused:
            await self._note(account, origin, AccessEvent.SECOND_FACTOR_REFUSED)
            raise
        await guess.was_right()
        await code_guess.was_right()
        return session

    async def _check(self, email: str, password: SecretStr, *, origin: Origin) -> tuple[Account, Guess]:
        """The account that this is the password of."""
        async with self._uow([]) as uow:
            account = await self._service.find_account(
                uow.session, email, address=origin.address, now=self._clock.now()
            )
        guess = await self._password_guesses.ask(
            email, origin.address, is_known=account is not None and account.is_known_here
        )
        hashed = None if account is None else account.password_hash
        is_right = await self._passwords.is_right(password, hashed=hashed)
        if account is None or not is_right:
            await self._note(account, origin, AccessEvent.SIGN_IN_REFUSED)
            raise SignInRefused
        return account, guess

    async def _note(self, account: Account | None, origin: Origin, event: AccessEvent) -> None:
        async with self._uow([]) as uow:
            await self._service.note_refusal(uow.session, account, origin=origin, event=event)
