"""Forms of pages, read by the models that the API reads: one rule for what may be asked for. What was typed is kept when it is refused."""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Generic, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData

from infra.errors import InvalidInput, OodalooError, TooManyRequests, Unauthenticated
from infra.ids import new_id
from runway.web.strings import _

M = TypeVar("M", bound=BaseModel)

KEY_FIELD = "idempotency_key"
_KEY = re.compile(r"[A-Za-z0-9._:-]{16,64}")
# What pydantic calls a problem, in words for whoever fills a form in.
_WORDS = {
    "missing": "This has to be filled in.",
    "decimal_parsing": "Write an amount, such as 120.50.",
    "int_parsing": "Write a whole number.",
    "decimal_max_places": "Write an amount with two decimals at the most.",
    "greater_than": "Write an amount above zero.",
    "greater_than_equal": "Write an amount that is not negative.",
    "date_from_datetime_parsing": "Write a day, such as 2026-03-15.",
    "date_parsing": "Write a day, such as 2026-03-15.",
    "uuid_parsing": "Choose one of the list.",
    "enum": "Choose one of the list.",
    "string_too_short": "This has to be filled in.",
    "string_too_long": "This is too long.",
    "string_pattern_mismatch": "This does not look right.",
}


class FormTooOld(InvalidInput):
    def __init__(self) -> None:
        super().__init__(_("This form has no key of its own. Load the page again, and nothing is done twice."))


@dataclass(frozen=True)
class Typed:
    """What somebody typed: `values` by field, of fields sent several times the last; `lists` has all."""

    values: Mapping[str, str]
    lists: Mapping[str, list[str]] = field(default_factory=dict)

    def get(self, name: str, default: str = "") -> str:
        return self.values.get(name, default)

    def all(self, name: str) -> list[str]:
        return self.lists.get(name, [])

    @property
    def key(self) -> str:
        """The wish's own key, made when the form was drawn: sent twice, it is one wish.

        Raises:
            FormTooOld: there is none.
        """
        key = self.get(KEY_FIELD)
        if not _KEY.fullmatch(key):
            raise FormTooOld
        return key


@dataclass(frozen=True)
class Read(Generic[M]):
    """A form as its model reads it, or what is wrong with it, by field; the form's own under ""."""

    wanted: M | None
    errors: Mapping[str, str]


async def typed_form(request: Request) -> Typed:
    return typed_of(await request.form())


def typed_query(request: Request) -> Typed:
    """Of a form that only asks, as a filter or a preview does."""
    params = request.query_params
    return Typed(dict(params), {name: params.getlist(name) for name in params})


def typed_of(form: FormData) -> Typed:
    """Files are none of ours, and left out."""
    texts = [(name, value.strip()) for name, value in form.multi_items() if isinstance(value, str)]
    lists: dict[str, list[str]] = {}
    for name, value in texts:
        lists.setdefault(name, []).append(value)
    return Typed(dict(texts), lists)


def read(model: type[M], typed: Typed, *, given: Mapping[str, Any] | None = None, keep: Iterable[str] = ()) -> Read[M]:
    """Fields that are left empty are left out, but those to `keep`; `given` is set beside what was typed."""
    kept = set(keep)
    names = [name for name in model.model_fields if name in typed.values]
    asked: dict[str, Any] = {name: typed.get(name) or None for name in names if typed.get(name) or name in kept}
    try:
        return Read(model.model_validate({**asked, **(given or {})}), {})
    except ValidationError as error:
        return Read(None, errors_of(error))


def errors_of(error: ValidationError) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in error.errors():
        place = str(one["loc"][0]) if one["loc"] else ""
        known = _WORDS.get(one["type"])
        found.setdefault(place, _(known) if known else one["msg"])
    return found


def new_key() -> str:
    """For a form that is being drawn."""
    return str(new_id())


def errors_of_refusal(error: OodalooError) -> dict[str, str]:
    """To be shown over the form.

    Raises:
        OodalooError: it is the page route's to answer.
    """
    if not is_for_form(error):
        raise error
    return {"": str(error)}


async def errors_of_keeping(form: Read[M], keep: Callable[[M], Awaitable[object]]) -> Mapping[str, str]:
    """None once what it asks for is kept.

    Raises:
        OodalooError: it is the page route's to answer.
    """
    if form.wanted is not None:
        try:
            await keep(form.wanted)
        except OodalooError as error:
            return errors_of_refusal(error)
    return form.errors


def is_for_form(error: OodalooError) -> bool:
    """Whether the form is shown again with it: the person can act on it. Who they are, and how often they ask, is the page route's."""
    return not isinstance(error, TooManyRequests | Unauthenticated)


REFUSED = HTTPStatus.UNPROCESSABLE_ENTITY
