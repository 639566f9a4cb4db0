"""Grants and tokens as Intuit hands them out: one-time codes, hourly access tokens, rotating refresh tokens."""

import contextlib
import secrets
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from typing import Any, Final

from infra.clock import Clock
from infra.errors import OodalooError
from infra.qbo.simulator import faults

ACCESS_SECONDS: Final = 3600
REFRESH_SECONDS: Final = 8_726_400
_CODE_SECONDS: Final = 600
_ROTATES_AFTER_SECONDS: Final = 86_400
_SHORTEST_TOKEN: Final = 16
_LONGEST_TOKEN: Final = 4096


class TokenRefused(OodalooError):
    """The token endpoint's own error form."""

    def __init__(self, error: str, description: str | None = None, *, status: int = 400) -> None:
        self.error, self.description, self.status = error, description, status
        super().__init__(error)

    def body(self) -> dict[str, str]:
        return {"error": self.error} | ({"error_description": self.description} if self.description else {})


@dataclass(slots=True)
class Grant:
    """One user's consent for one realm. `refresh_token` is the only one of its line that works."""

    realm_id: str
    client_id: str
    refresh_token: str
    issued: float
    last_used: float
    is_revoked: bool = False


@dataclass(slots=True)
class _Code:
    realm_id: str
    client_id: str
    redirect_uri: str
    expires: float


@dataclass(slots=True)
class _Access:
    grant: Grant
    expires: float


@dataclass(slots=True)
class AuthorizationServer:
    """`rotate_always`: each refresh gives a new value and kills the old; else only once a day, as Intuit does.

    `revision` moves with every change that a state has to keep.
    """

    clock: Clock
    seed: int = 0
    rotate_always: bool = True
    revision: int = 0
    _codes: dict[str, _Code] = field(default_factory=dict)
    _grants: dict[str, Grant] = field(default_factory=dict)
    _accesses: dict[str, _Access] = field(default_factory=dict)

    @property
    def client_id(self) -> str:
        """Stable for a seed, so that settings survive a restart of the simulator."""
        return "AB" + sha256(f"client-id:{self.seed}".encode()).hexdigest()[:46]

    @property
    def client_secret(self) -> str:
        return sha256(f"client-secret:{self.seed}".encode()).hexdigest()[:40]

    def issue_code(self, realm_id: str, *, client_id: str, redirect_uri: str) -> str:
        code = "XAB" + secrets.token_urlsafe(30)
        self._codes[code] = _Code(realm_id, client_id, redirect_uri, self._now() + _CODE_SECONDS)
        self.revision += 1
        return code

    def authenticate_client(self, client_id: str, client_secret: str) -> None:
        """Raises:
        TokenRefused: 401 invalid_client.
        """
        genuine = secrets.compare_digest(client_secret.encode(), self.client_secret.encode())
        if client_id != self.client_id or not genuine:
            raise TokenRefused("invalid_client", status=401)

    def exchange_code(self, code: str, *, client_id: str, redirect_uri: str) -> dict[str, Any]:
        """A code works once, for ten minutes, with the redirect_uri it was asked for.

        Raises:
            TokenRefused: 400 invalid_grant.
        """
        known = self._codes.pop(code, None)
        self.revision += 1
        if known is None or known.expires <= self._now() or known.client_id != client_id:
            raise TokenRefused("invalid_grant", "Invalid authorization code")
        if known.redirect_uri != redirect_uri:
            raise TokenRefused("invalid_grant", "redirect_uri does not match the one of the authorization request")
        return self.grant(known.realm_id, client_id=client_id)

    def grant(self, realm_id: str, *, client_id: str) -> dict[str, Any]:
        """A new grant's token response."""
        now = self._now()
        grant = Grant(realm_id, client_id, _new_refresh_token(), now, now)
        self._grants[grant.refresh_token] = grant
        return self._token_response(grant)

    def refresh(self, refresh_token: str, *, client_id: str) -> dict[str, Any]:
        """Raises:
        TokenRefused: 400 invalid_grant for a rotated, revoked, expired or unknown token.
        """
        grant = self._grants.get(refresh_token)
        now = self._now()
        if (
            grant is None
            or grant.is_revoked
            or grant.client_id != client_id
            or grant.last_used + REFRESH_SECONDS <= now
        ):
            raise TokenRefused("invalid_grant", "Incorrect or invalid refresh token")
        grant.last_used = now
        if self.rotate_always or grant.issued + _ROTATES_AFTER_SECONDS <= now:
            del self._grants[refresh_token]
            grant.refresh_token, grant.issued = _new_refresh_token(), now
            self._grants[grant.refresh_token] = grant
        return self._token_response(grant)

    def revoke(self, token: str) -> None:
        """Either token kills the whole grant.

        Raises:
            TokenRefused: 400 for a token that is not known.
        """
        access = self._accesses.get(token)
        grant = access.grant if access else self._grants.get(token)
        if grant is None or grant.is_revoked:
            raise TokenRefused("invalid_request", "The token is unknown or already revoked")
        grant.is_revoked = True
        self.revision += 1
        self._grants.pop(grant.refresh_token, None)

    def authorize(self, header: str | None, *, realm_id: str) -> Grant:
        """The grant behind an API call's Authorization header.

        Raises:
            GatewayFault: 401 for the token, 403 for another realm's.
        """
        scheme, _, token = (header or "").partition(" ")
        if scheme.lower() != "bearer":
            raise faults.bad_token(None)
        if not _SHORTEST_TOKEN <= len(token) <= _LONGEST_TOKEN:
            raise faults.bad_token("Malformed bearer token: too short or too long")
        access = self._accesses.get(token)
        if access is None or access.grant.is_revoked:
            raise faults.bad_token(None)
        if access.expires <= self._now():
            raise faults.bad_token("Token expired: AADA2zYvQxE4DiIEBTD")
        if access.grant.realm_id != realm_id:
            raise faults.wrong_realm()
        return access.grant

    def has_grant(self, realm_id: str) -> bool:
        """Whether somebody may still read this realm: the rest send no webhooks."""
        now = self._now()
        return any(
            grant.realm_id == realm_id and not grant.is_revoked and grant.last_used + REFRESH_SECONDS > now
            for grant in self._grants.values()
        )

    def expire(self, access_token: str) -> None:
        """End one access token now; an unknown one is let be."""
        access = self._accesses.get(access_token)
        if access is not None:
            access.expires = min(access.expires, self._now())
            self.revision += 1

    def revoke_quietly(self, token: str) -> None:
        """The user disconnects the app: as `revoke`, but an unknown token is let be."""
        with contextlib.suppress(TokenRefused):
            self.revoke(token)

    def rotate(self, refresh_token: str) -> None:
        """Somebody else refreshes with this token and gets the new one; an unknown token is let be."""
        grant = self._grants.pop(refresh_token, None)
        if grant is not None:
            grant.refresh_token, grant.issued = _new_refresh_token(), self._now()
            self._grants[grant.refresh_token] = grant
            self.revision += 1

    def expire_access_tokens(self) -> int:
        """End every access token now; refresh tokens stay. Returns how many were alive."""
        now = self._now()
        alive = [access for access in self._accesses.values() if access.expires > now]
        for access in alive:
            access.expires = now
        self.revision += 1
        return len(alive)

    def kept(self) -> dict[str, Any]:
        """Grants, living access tokens and codes of consent, for a state to keep."""
        grants = [grant for grant in self._grants.values() if not grant.is_revoked]
        place = {id(grant): nth for nth, grant in enumerate(grants)}
        now = self._now()
        return {
            "grants": [asdict(grant) for grant in grants],
            "codes": {code: asdict(known) for code, known in self._codes.items() if known.expires > now},
            "accesses": [
                [token, place[id(access.grant)], access.expires]
                for token, access in self._accesses.items()
                if id(access.grant) in place and access.expires > now
            ],
        }

    def resume(self, kept: dict[str, Any]) -> None:
        grants = [
            Grant(**{**grant, "issued": float(grant["issued"]), "last_used": float(grant["last_used"])})
            for grant in kept["grants"]
        ]
        codes = kept.get("codes", {}).items()
        self._codes |= {code: _Code(**{**known, "expires": float(known["expires"])}) for code, known in codes}
        self._grants |= {grant.refresh_token: grant for grant in grants}
        self._accesses |= {token: _Access(grants[nth], float(expires)) for token, nth, expires in kept["accesses"]}

    def _token_response(self, grant: Grant) -> dict[str, Any]:
        now = self._now()
        self.revision += 1
        for token in [token for token, access in self._accesses.items() if access.expires < now - ACCESS_SECONDS]:
            del self._accesses[token]
        token = "eyJlbmMiOiJBMTI4Q0JDLUhTMjU2IiwiYWxnIjoiZGlyIn0.." + secrets.token_urlsafe(120)
        self._accesses[token] = _Access(grant, now + ACCESS_SECONDS)
        return {
            "token_type": "bearer",
            "expires_in": ACCESS_SECONDS,
            "refresh_token": grant.refresh_token,
            "x_refresh_token_expires_in": int(grant.last_used + REFRESH_SECONDS - now),
            "access_token": token,
        }

    def _now(self) -> float:
        return self.clock.now().timestamp()


def _new_refresh_token() -> str:
    return "AB11" + secrets.token_urlsafe(36)
