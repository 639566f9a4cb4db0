"""How often somebody may guess a password, a code or a link: few times in a row, then ever more slowly, never no more.

A stranger who guesses uses up what strangers have for the account. Where the account signed in before, it has an allowance of
its own, so that nobody elsewhere keeps its owner out.
"""

import ipaddress
from dataclasses import dataclass
from datetime import timedelta
from hashlib import blake2b

from redis.asyncio import Redis

from infra.errors import TooManyRequests
from infra.ratelimit.brief import BriefScript
from infra.ratelimit.inbound import Rate
from infra.ratelimit.own_share import OwnShare

_MICROSECONDS = 1_000_000
_KNOWN_PREFIXES = 50
_MINUTE = Rate(5, timedelta(minutes=1), burst=5)
_HOUR = Rate(20, timedelta(hours=1), burst=20)


class TooManyGuesses(TooManyRequests):
    """The same words for an account that exists and for one that does not."""

    def __init__(self, retry_after_seconds: float) -> None:
        super().__init__("There were too many attempts. Wait a little.", retry_after_seconds=retry_after_seconds)


@dataclass(frozen=True, slots=True)
class GuessRules:
    """What each allowance has.

    Attributes:
        without_delay: wrong guesses in a row before the pause begins to double, from a second on.
        longest_delay: where the doubling ends.
        memory: after this without a guess, wrong ones are forgotten.
        known_for: how long an address is known after the account signed in there.
    """

    minute: Rate = _MINUTE
    hour: Rate = _HOUR
    without_delay: int = 3
    longest_delay: timedelta = timedelta(minutes=5)
    memory: timedelta = timedelta(days=1)
    known_for: timedelta = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Guess:
    """One that may be made. It counts as wrong unless `was_right` is awaited."""

    guesses: "Guesses"
    account: str
    address: str
    is_known: bool

    async def was_right(self) -> None:
        await self.guesses.learn(self.account, self.address, charged_as_known=self.is_known)


class Guesses:
    """`guess = await guesses.ask(email, address)`; check the password; if it is right, `await guess.was_right()`.

    `purpose` keeps apart what is guessed: passwords, second factors, reset links. While Redis is down each process keeps to its
    part of the rates, without the growing pause.
    """

    def __init__(self, redis: Redis, *, purpose: str, rules: GuessRules | None = None, processes: int = 2) -> None:
        self.purpose = purpose
        self._rules = rules or GuessRules()
        self._ask = BriefScript(redis, "guess.lua")
        self._right = BriefScript(redis, "guess_right.lua")
        self._own = OwnShare(processes)

    async def ask(self, account: str, address: str, *, is_known: bool = False) -> Guess:
        """Leave for one guess at `account` from `address`; `is_known` when the caller knows that it signed in there.

        Raises:
            TooManyGuesses: not now. A refused guess makes nobody wait longer.
        """
        rules = self._rules
        args: list[int | str] = [address_prefix(address), int(is_known)]
        for rate in (rules.minute, rules.hour):
            args += (_microseconds(rate.interval_seconds), _microseconds(rate.tolerance_seconds))
        args += (
            rules.without_delay,
            _microseconds(rules.longest_delay.total_seconds()),
            _milliseconds(rules.memory),
        )
        answer = await self._ask.run(self._keys(account, address), args)
        if answer is None:
            self._ask_here(account, address, is_known=is_known)
            return Guess(self, account, address, is_known=is_known)
        if not int(answer[0]):
            raise TooManyGuesses(int(answer[1]) / _MICROSECONDS)
        return Guess(self, account, address, is_known=bool(int(answer[2])))

    async def learn(self, account: str, address: str, *, charged_as_known: bool | None = None) -> None:
        """From now on the account has its own allowance at this address: it signed in there, or followed a link we mailed.

        `charged_as_known` tells what the guess was charged to, and that is given back; None: there was no guess.
        """
        rules = self._rules
        args: list[int | str] = [
            address_prefix(address),
            int(charged_as_known is not False),
            _microseconds(rules.minute.interval_seconds),
            _microseconds(rules.hour.interval_seconds),
            rules.without_delay,
            _microseconds(rules.known_for.total_seconds()),
            _KNOWN_PREFIXES,
        ]
        await self._right.run(self._keys(account, address), args)

    def _ask_here(self, account: str, address: str, *, is_known: bool) -> None:
        _, here, among_strangers, prefix = self._keys(account, address)
        buckets = (here,) if is_known else (among_strangers, prefix)
        rates = (self._rules.minute, self._rules.hour)
        waits = self._own.admit(
            [
                (f"{bucket}:{rate.count}", rate.interval_seconds, rate.tolerance_seconds)
                for bucket in buckets
                for rate in rates
            ]
        )
        if any(waits):
            raise TooManyGuesses(max(waits))

    def _keys(self, account: str, address: str) -> list[str]:
        """Known prefixes, account at this prefix, account among strangers, prefix. No account is named in Redis."""
        name = blake2b(account.strip().casefold().encode(), digest_size=16).hexdigest()
        prefix = address_prefix(address)
        room = f"guess:{{{self.purpose}}}"
        return [f"{room}:known:{name}", f"{room}:at:{name}:{prefix}", f"{room}:account:{name}", f"{room}:from:{prefix}"]


def address_prefix(address: str) -> str:
    """What one household or office has: an IPv4 address, or an IPv6 /64."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return str(ip.ipv4_mapped)
        return str(ipaddress.ip_network((ip.packed[:8] + bytes(8), 64)))
    return str(ip)


def _microseconds(seconds: float) -> int:
    return round(seconds * _MICROSECONDS)


def _milliseconds(span: timedelta) -> int:
    return round(span.total_seconds() * 1000)
