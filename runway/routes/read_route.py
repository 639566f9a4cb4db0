"""Reads that ask with one model of the query, answered without FastAPI's general way of finding what a function takes."""

import inspect
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.responses import Response
from starlette.routing import request_response

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class ReadRoute(APIRoute):
    """A route as any other, and documented so. A function of (request, caller, asked) that makes its answer itself is called with
    these three at once: FastAPI would look each field of the model up again for every request, which takes longer than the SQL.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if takes_caller_and_query(self):
            # Starlette's own: FastAPI's opens what dependencies need that must be closed.
            self.app = request_response(self.get_route_handler())

    def get_route_handler(self) -> Handler:
        if not takes_caller_and_query(self):
            return super().get_route_handler()
        (caller,), (query,) = self.dependant.dependencies, self.dependant.query_params
        names: Any = (self.dependant.request_param_name, caller.name, query.name)
        find_caller: Any = caller.call
        model: Any = query.field_info.annotation

        async def answer(request: Request) -> Response:
            taken = (request, await find_caller(request), _read(model, request))
            answered: Response = await self.endpoint(**dict(zip(names, taken, strict=True)))
            return answered

        return answer


def takes_caller_and_query(route: APIRoute) -> bool:
    takes = route.dependant
    others = (takes.path_params, takes.header_params, takes.cookie_params, takes.body_params)
    if inspect.signature(route.endpoint).return_annotation is not Response or any(others):
        return False
    if takes.request_param_name is None or len(takes.dependencies) != 1 or len(takes.query_params) != 1:
        return False
    return _takes_request_alone(takes.dependencies[0]) and _has_single_values(
        takes.query_params[0].field_info.annotation
    )


def _takes_request_alone(caller: Dependant) -> bool:
    find = caller.call
    return inspect.iscoroutinefunction(find) and list(inspect.signature(find).parameters) == [caller.request_param_name]


def _has_single_values(model: Any) -> bool:
    """Whether it is a model none of whose fields takes what is given several times."""
    if not (inspect.isclass(model) and issubclass(model, BaseModel)):
        return False
    fields = model.model_json_schema().get("properties", {}).values()
    return not any(one.get("type") == "array" for field in fields for one in (field, *field.get("anyOf", ())))


def _read(model: type[BaseModel], request: Request) -> BaseModel:
    """The query as the model has it.

    Raises:
        RequestValidationError: as of FastAPI's own reading.
    """
    try:
        return model.model_validate(dict(request.query_params))
    except ValidationError as error:
        found = error.errors(include_url=False)
        raise RequestValidationError([{**one, "loc": ("query", *one["loc"])} for one in found]) from error
