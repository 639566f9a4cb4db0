"""Which routes a path can be: found by two of its words, where the router would try some hundreds one after the other."""

from collections.abc import Sequence
from typing import Any

from starlette.routing import BaseRoute, Match, NoMatchFound, Route
from starlette.types import Receive, Scope, Send

_FOUND = "oodaloo.route"
_ANY = "{}"
_Words = tuple[str, str]


class RouteIndex(BaseRoute):
    """Stands before all routes and finds what serves a path and its method: by the path's first and third word, as in
    `/api/v1/bills` and `/c/{business_id}/payables`. What it does not find is the router's to tell: another method, another path.
    """

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        served = [(route, _words_of_template(route.path)) for route in routes if isinstance(route, Route)]
        self._by_words: dict[_Words, Sequence[Route]] = {
            words: [route for route, its in served if _may_be(its, words)] for _, words in served
        }

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] == "http":
            for route in self._of(scope["path"]):
                match, found = route.matches(scope)
                if match is Match.FULL:
                    found[_FOUND] = route
                    return match, found
        return Match.NONE, {}

    def _of(self, path: str) -> Sequence[Route]:
        first, third = _words_of(path)
        exactly = self._by_words.get((first, third))
        return self._by_words.get((first, _ANY), ()) if exactly is None else exactly

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await scope[_FOUND].handle(scope, receive, send)

    def url_path_for(self, name: str, /, **path_params: Any) -> Any:
        raise NoMatchFound(name, path_params)


def _words_of(path: str) -> _Words:
    _, first, _, third, *_ = (*path.split("/", 4), "", "", "")
    return first, third


def _words_of_template(path: str) -> _Words:
    first, third = (_ANY if "{" in word else word for word in _words_of(path))
    return first, third


def _may_be(route: _Words, path: _Words) -> bool:
    """Whether a path with these words can be the route's."""
    return all(its in {word, _ANY} for its, word in zip(route, path, strict=True))
