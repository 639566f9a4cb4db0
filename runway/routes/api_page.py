"""The API's pages, drawn from its OpenAPI document here: no script, and nothing is fetched from elsewhere."""

from collections.abc import Iterable, Mapping
from html import escape
from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import APIRouter, Depends, HTTPException, Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from infra import exact_json


def shown_here(request: Request) -> None:
    """As if the page were not there, unless the settings show it."""
    if not request.app.state.edge.shows_api_docs:
        raise HTTPException(HTTPStatus.NOT_FOUND)


router = APIRouter(include_in_schema=False, dependencies=[Depends(shown_here)])

API_PAGE_PATH = "/docs"
OPENAPI_PATH = "/openapi.json"
_STYLE = """
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color-scheme: light dark }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; vertical-align: top; padding: .2rem .8rem .2rem 0 }
pre { overflow: auto; max-height: 24rem; padding: .8rem; border: 1px solid gray } section { margin-top: 3rem }
"""


@router.get(API_PAGE_PATH)
async def show_the_api(request: Request) -> Response:
    return HTMLResponse(page_of_api(request.app.openapi(), nonce=request.state.csp_nonce))


@router.get(OPENAPI_PATH)
async def give_the_document(request: Request) -> Response:
    return JSONResponse(request.app.openapi())


def page_of_api(document: Mapping[str, Any], *, nonce: str) -> str:
    """One HTML page that tells what an OpenAPI document tells: operations, parameters, examples, shapes."""
    operations = [(path, verb, one) for path, item in document["paths"].items() for verb, one in item.items()]
    schemas = document["components"]["schemas"]
    title = escape(document["info"]["title"])
    return "".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f'<title>{title} API</title><style nonce="{nonce}">{_STYLE}</style></head><body><main><h1>{title} API</h1>',
            *(_paragraph(text) for text in document["info"]["description"].split("\n\n")),
            '<p>The same for tools: <a href="/openapi.json">openapi.json</a></p><ul>',
            *(f'<li><a href="#{one["operationId"]}">{_call(path, verb)}</a> {_summary(one)}</li>' for path, verb, one in operations),
            "</ul>",
            *(_operation(path, verb, one) for path, verb, one in operations),
            "<section><h2>Shapes</h2>",
            *(_shape(name, schema) for name, schema in sorted(schemas.items())),
            "</section></main></body></html>",
        ]
    )  # fmt: skip


def _operation(path: str, verb: str, operation: Mapping[str, Any]) -> str:
    parameters = [
        (one["name"], one["in"], _type(one["schema"]), one.get("description", ""))
        for one in operation.get("parameters", [])
    ]
    return "".join(
        [
            f'<section id="{operation["operationId"]}"><h2>{_call(path, verb)}</h2><p><b>{_summary(operation)}</b></p><p>',
            f"{_text(operation.get('description', ''))}</p>",
            _table(("parameter", "in", "type", "meaning"), parameters),
            *(_response(status, one) for status, one in sorted(operation["responses"].items())),
            "</section>",
        ]
    )


def _response(status: str, response: Mapping[str, Any]) -> str:
    examples = [content["example"] for content in response.get("content", {}).values() if "example" in content]
    shown = "".join(f"<pre>{_json(example)}</pre>" for example in examples if example is not None)
    told = _text(response.get("description", ""))
    return f"<details><summary>{status} {told}</summary>{shown}</details>" if shown else f"<p>{status} {told}</p>"


def _shape(name: str, schema: Mapping[str, Any]) -> str:
    fields = [
        (field, _type(one), one.get("description", "")) for field, one in sorted(schema.get("properties", {}).items())
    ]
    told = f"<p>{_text(schema.get('description', ''))}</p>" + ("" if fields else f"<p>{escape(_type(schema))}</p>")
    return f'<h3 id="{escape(name)}">{escape(name)}</h3>{told}{_table(("field", "type", "meaning"), fields)}'


def _type(schema: Mapping[str, Any]) -> str:
    """In words: `string or null`, `list of FlowSumOut`, `integer, 1 to 200, default 50`."""
    match schema:
        case {"$ref": str(reference)}:
            return reference.rpartition("/")[2]
        case {"anyOf": choices}:
            return " or ".join(_type(one) for one in choices)
        case {"enum": values}:
            kind = " | ".join(map(str, values))
        case {"type": "array", "items": items}:
            kind = f"list of {_type(items)}"
        case _:
            kind = str(schema.get("format") or schema.get("type") or "any")
    bounds = f", {schema['minimum']} to {schema['maximum']}" if {"minimum", "maximum"} <= schema.keys() else ""
    default = f", default {schema['default']}" if schema.get("default") is not None else ""
    return kind + bounds + default


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    body = "".join("<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    head = "".join(f"<th>{head}</th>" for head in heads)
    return f"<table><tr>{head}</tr>{body}</table>" if body else ""


def _call(path: str, verb: str) -> str:
    return f"{verb.upper()} {escape(path)}"


def _summary(operation: Mapping[str, Any]) -> str:
    return _text(operation.get("summary", ""))


def _json(example: Any) -> str:
    return escape(msgspec.json.format(exact_json.dumps(example)).decode(), quote=False)


def _paragraph(text: str) -> str:
    """A list where its lines begin with a star."""
    if not text.startswith("* "):
        return f"<p>{_text(text)}</p>"
    return "<ul>" + "".join(f"<li>{_text(item)}</li>" for item in text[2:].split("\n* ")) + "</ul>"


def _text(text: str) -> str:
    """Escaped; `code` and **bold** are set as such, as in the document's Markdown."""
    return _marked(_marked(escape(text, quote=False), mark="`", tag="code"), mark="**", tag="b")


def _marked(text: str, *, mark: str, tag: str) -> str:
    return "".join(f"<{tag}>{part}</{tag}>" if index % 2 else part for index, part in enumerate(text.split(mark)))
