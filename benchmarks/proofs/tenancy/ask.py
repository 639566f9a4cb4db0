"""One request of the storm."""

import json
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import httpx

from benchmarks.proofs.tenancy.world import Principal


@dataclass(frozen=True)
class Ask:
    """`business` is what X-Business-ID says. `foreign` is an id in it that is another tenant's: its twin has one of nobody."""

    method: str
    template: str
    path: str
    principal: Principal
    business: str | None = None
    csrf: str = "right"
    query: tuple[tuple[str, str], ...] = ()
    body: Any = None
    content: bytes | None = None
    is_form: bool = False
    is_served: bool = True
    foreign: UUID | None = None
    more: dict[str, str] = field(default_factory=dict)

    @property
    def business_named(self) -> str | None:
        """In the path, where the path names it; else in the header."""
        parts = zip(self.template.split("/"), self.path.split("/"), strict=False)
        return next((shown for part, shown in parts if part == "{business_id}"), self.business)

    def headers(self) -> dict[str, str]:
        headers = dict(self.more)
        if self.principal.kind == "token":
            headers["Authorization"] = f"Bearer {self.principal.secret}"
        elif self.principal.kind == "session":
            headers["Cookie"] = f"__Host-sid={self.principal.secret}"
            if self.csrf in {"right", "origin"} and not self.is_form:
                headers["X-CSRF-Token"] = self.principal.csrf
            elif self.csrf == "wrong":
                headers["X-CSRF-Token"] = "0" * 64
            if self.csrf == "origin":
                headers["Origin"] = "https://evil.example"
        if self.business is not None:
            headers["X-Business-ID"] = self.business
        if self.body is not None or self.content is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded" if self.is_form else "application/json"
        return headers

    def payload(self) -> bytes | None:
        if self.is_form:
            fields = dict(self.body or {})
            if self.csrf in {"right", "origin"}:
                fields["csrf"] = self.principal.csrf
            return str(httpx.QueryParams(fields)).encode()
        return self.content if self.body is None else json.dumps(self.body).encode()

    def said(self) -> bytes:
        """All of it but the secrets."""
        parts = [self.path, self.business or "", *(value for _, value in self.query)]
        return "\n".join(parts).encode() + b"\n" + (self.payload() or b"")

    def with_id(self, other: UUID) -> "Ask":
        """The same request with another id in the place of the foreign one."""
        old, new = str(self.foreign), str(other)
        return replace(
            self,
            path=self.path.replace(old, new),
            business=None if self.business is None else self.business.replace(old, new),
            query=tuple((name, value.replace(old, new)) for name, value in self.query),
            body=None if self.body is None else json.loads(json.dumps(self.body).replace(old, new)),
            foreign=None,
        )

    def __str__(self) -> str:
        query = f"?{httpx.QueryParams(list(self.query))}" if self.query else ""
        body = f" {self.payload()!r}" if self.payload() else ""
        who = f"{self.principal.kind} {self.principal.hash.hex()[:12]}"
        return f"{self.method} {self.path}{query} of {who} for {self.business} (csrf {self.csrf}){body}"
