"""People at the pages: their session's cookie, forms filled in as they are drawn."""

import re
from dataclasses import dataclass
from html import unescape
from typing import Any

import httpx

from runway.routes.request_proofs import csrf_token
from tests.e2e.people import Browser
from tests.e2e.rest import PUBLIC_URL


@dataclass(frozen=True)
class Desk:
    """One person in one client's pages; `get("/settings")` is /c/{id}/settings."""

    person: Browser

    @property
    def path(self) -> str:
        return f"/c/{self.person.at_business}"

    async def get(self, path: str = "", **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.person.web.http.get(self._path(path), headers={**self._headers(), **named})

    async def send(self, path: str, **fields: Any) -> httpx.Response:
        typed = {"csrf": csrf_token(self.person.session), **fields}
        headers = {**self._headers(), "Origin": PUBLIC_URL, "Referer": f"{PUBLIC_URL}{self._path(path)}"}
        return await self.person.web.http.post(self._path(path), data=typed, headers=headers)

    async def follow(self, answer: httpx.Response) -> httpx.Response:
        """The page that a form leads to."""
        assert answer.status_code == 303, answer.text
        return await self.person.web.http.get(answer.headers["location"], headers=self._headers())

    def _path(self, path: str) -> str:
        return path.removeprefix("~") if path.startswith("~") else f"/c/{self.person.at_business}{path}"

    def _headers(self) -> dict[str, str]:
        return {"Cookie": f"sid={self.person.session}"}


def text_of(answer: httpx.Response) -> str:
    """What is read, without marks."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", answer.text)))
