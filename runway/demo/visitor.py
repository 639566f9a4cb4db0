"""What the demo does as its first user would: connect through the consent page, then watch the first sync."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from time import sleep
from typing import Any
from urllib.parse import urljoin

import httpx
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from infra.errors import OodalooError

_POLL_SECONDS = 0.4


class DemoStuck(OodalooError):
    """A step of the demo did not do what it should."""


@dataclass(frozen=True)
class Visitor:
    """A user with a token for one business; `check` raises when one of the demo's processes has died."""

    web_url: str
    token: str
    realm_id: str
    check: Callable[[], None]

    def wait_until_up(self) -> None:
        with httpx.Client(trust_env=False) as http:
            while True:
                self.check()
                try:
                    if http.get(f"{self.web_url}/healthz").is_success:
                        return
                except httpx.TransportError:
                    sleep(0.05)

    def connect(self) -> None:
        """The real OAuth2 flow: our redirect, Intuit's (here: the simulator's) consent form, the callback.

        Raises:
            DemoStuck: a step answered something else.
        """
        with httpx.Client(trust_env=False, timeout=30) as http:
            begun = http.get(f"{self.web_url}/api/v1/qbo/connect", headers=self._headers())
            consent = http.get(_expect_redirect(begun))
            form = _ConsentForm.read(consent)
            answered = http.post(
                urljoin(str(consent.url), form.action),
                data=form.fields | {"realm_id": self.realm_id, "action": "connect"},
            )
            finished = http.get(_expect_redirect(answered))
            if not finished.is_success:
                raise DemoStuck(f"The callback answered {finished.status_code}: {finished.text}")

    def get(self, path: str) -> Any:
        with httpx.Client(trust_env=False, timeout=30) as http:
            answer = http.get(f"{self.web_url}{path}", headers=self._headers())
            answer.raise_for_status()
            return answer.json()

    def entities(self, http: httpx.Client) -> list[dict[str, Any]]:
        """How far each kind of object is read.

        Raises:
            DemoStuck: the first sync failed.
        """
        answer = http.get(f"{self.web_url}/api/v1/sync", headers=self._headers())
        answer.raise_for_status()
        body = answer.json()["data"]
        for run in body["runs"]:
            if run["state"] == "failed":
                raise DemoStuck(f"The first sync failed: {run['error']}")
        entities: list[dict[str, Any]] = body["entities"]
        return entities

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


def watch_first_syncs(visitors: Sequence[Visitor], progress: Progress) -> int:
    """Show the first syncs, side by side, until all are complete; how many objects were stored."""
    task = progress.add_task("Reading the books", total=None, objects=0)
    entities: dict[Visitor, list[dict[str, Any]]] = {}
    unread = list(visitors)
    with httpx.Client(trust_env=False, timeout=30) as http:
        while True:
            for visitor in unread:
                visitor.check()
                entities[visitor] = visitor.entities(http)
            unread = [visitor for visitor in unread if not _is_read(entities[visitor])]
            known = [entity for of_one in entities.values() for entity in of_one]
            done = sum(entity["state"] == "done" for entity in known)
            stored = int(sum(entity["stored_objects"] for entity in known))
            progress.update(task, completed=done, total=len(known) or None, objects=stored)
            if not unread:
                return stored
            sleep(_POLL_SECONDS)


def _is_read(entities: list[dict[str, Any]]) -> bool:
    return bool(entities) and all(entity["last_synced_at"] for entity in entities)


def progress_display(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("kinds, {task.fields[objects]:,} objects"),
        TimeElapsedColumn(),
        console=console,
    )


def _expect_redirect(answer: httpx.Response) -> str:
    if not answer.is_redirect:
        raise DemoStuck(f"{answer.url} answered {answer.status_code} instead of redirecting: {answer.text[:500]}")
    location: str = answer.headers["location"]
    return location


class _ConsentForm(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}
        self._select: str | None = None

    @classmethod
    def read(cls, page: httpx.Response) -> "_ConsentForm":
        form = cls()
        form.feed(page.text)
        if not form.action:
            raise DemoStuck(f"The consent page at {page.url} has no form.")
        return form

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        match tag:
            case "form":
                self.action = values["action"]
            case "input":
                self.fields[values["name"]] = values.get("value", "")
            case "select":
                self._select = values["name"]
            case "option" if self._select and self._select not in self.fields:
                self.fields[self._select] = values["value"]
