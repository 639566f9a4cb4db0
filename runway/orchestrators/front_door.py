"""Everything that lets people in, put together once a process."""

from dataclasses import dataclass
from datetime import timedelta

from redis.asyncio import Redis

from domains.core.invitations import Invitations
from domains.core.password_resets import PasswordResets
from domains.core.passwords import Passwords
from domains.core.people_service import PeopleService
from domains.core.second_factor import SecondFactors
from domains.core.sessions import Sessions
from domains.core.sign_in_service import SignInService
from infra.clock import Clock
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.mail.post import Post
from infra.ratelimit.guesses import Guesses, GuessRules
from infra.ratelimit.inbound import Rate
from infra.security.keyring import Keyring
from runway.orchestrators.joining import Joining
from runway.orchestrators.own_account import OwnAccount
from runway.orchestrators.regaining import Regaining
from runway.orchestrators.signing_in import SigningIn

# Letters are no guesses: whoever sends several need not wait ever longer, and a whole office is invited in an hour.
_NO_DELAY = 1000
_RESET_LETTERS = GuessRules(without_delay=_NO_DELAY)
_INVITATION_LETTERS = GuessRules(
    minute=Rate(20, timedelta(minutes=1), burst=20),
    hour=Rate(100, timedelta(hours=1), burst=100),
    without_delay=_NO_DELAY,
)


@dataclass(frozen=True)
class FrontDoor:
    """The services of people, and the use cases that take several steps."""

    people: PeopleService
    passwords: Passwords
    sessions: Sessions
    factors: SecondFactors
    sign_in: SignInService
    invitations: Invitations
    signing_in: SigningIn
    own_account: OwnAccount
    joining: Joining
    regaining: Regaining


def build_front_door(
    *,
    access_uow: UnitOfWorkFactory,
    clock: Clock,
    keyring: Keyring,
    redis: Redis,
    public_url: str,
    processes: int,
) -> FrontDoor:
    passwords, sessions, factors, post = Passwords(), Sessions(), SecondFactors(keyring), Post(keyring)
    people = PeopleService(sessions)
    sign_in = SignInService(sessions=sessions, factors=factors, people=people)
    invitations = Invitations(people)

    def guesses(purpose: str, rules: GuessRules | None = None) -> Guesses:
        return Guesses(redis, purpose=purpose, rules=rules, processes=processes)

    code_guesses, link_guesses = guesses("second-factor"), guesses("link")
    public_url = public_url.rstrip("/")
    return FrontDoor(
        people=people,
        passwords=passwords,
        sessions=sessions,
        factors=factors,
        sign_in=sign_in,
        invitations=invitations,
        signing_in=SigningIn(
            access_uow=access_uow,
            clock=clock,
            passwords=passwords,
            service=sign_in,
            password_guesses=guesses("password"),
            code_guesses=code_guesses,
        ),
        own_account=OwnAccount(
            access_uow=access_uow,
            clock=clock,
            passwords=passwords,
            people=people,
            factors=factors,
            sign_in=sign_in,
            post=post,
            code_guesses=code_guesses,
            public_url=public_url,
        ),
        joining=Joining(
            access_uow=access_uow,
            clock=clock,
            passwords=passwords,
            invitations=invitations,
            post=post,
            letter_limit=guesses("invitation", _INVITATION_LETTERS),
            link_guesses=link_guesses,
            public_url=public_url,
        ),
        regaining=Regaining(
            access_uow=access_uow,
            clock=clock,
            passwords=passwords,
            resets=PasswordResets(people),
            post=post,
            letter_limit=guesses("reset", _RESET_LETTERS),
            link_guesses=link_guesses,
            public_url=public_url,
        ),
    )
