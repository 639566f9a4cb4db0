"""QBO's JSON answers in its XML form: refs become text with a `name`, lists repeat their element."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

from infra import exact_json

_NAMESPACE: Final = "http://schema.intuit.com/finance/v3"
# Element -> what of it is an attribute; "" is every other element that holds an object.
_ATTRIBUTES: Final[dict[str, tuple[str, ...]]] = {
    "": ("domain", "sparse", "status"),
    "QueryResponse": ("startPosition", "maxResults", "totalCount"),
    "BatchItemResponse": ("bId",),
    "Fault": ("type",),
    "Error": ("code", "element"),
    "ColData": ("value", "id"),
    "Row": ("type", "group"),
}


def as_xml(answer: bytes) -> bytes:
    """The whole document for the body of a JSON answer."""
    content = exact_json.loads(answer)
    time = content.pop("time", None)
    if "Header" in content and "Rows" in content:
        head, inner = f'<Report xmlns="{_NAMESPACE}">', "".join(_children(content))
        end = "</Report>"
    else:
        stamp = f" time={quoteattr(str(time))}" if time is not None else ""
        head, inner = f'<IntuitResponse{stamp} xmlns="{_NAMESPACE}">', "".join(_children(content))
        end = "</IntuitResponse>"
    return f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>{head}{inner}{end}'.encode()


def _children(content: Mapping[str, Any]) -> Iterator[str]:
    for name, value in content.items():
        if name.startswith("{"):
            continue  # an attribute of Intuit's own XML that its JSON shows as a key
        for one in value if isinstance(value, list) else (value,):
            yield from _element(name, one)


def _element(name: str, value: Any) -> Iterator[str]:
    if name == "any":  # an extension: the wrapper tells its element's name, the value is inside
        yield from _element("NameValue", value.get("value", {}))
    elif not isinstance(value, dict):
        yield f"<{name}>{escape(_text(value))}</{name}>"
    elif "value" in value and value.keys() <= {"value", "name", "type"} and name != "ColData":
        attributes = "".join(f" {key}={quoteattr(str(value[key]))}" for key in ("name", "type") if key in value)
        yield f"<{name}{attributes}>{escape(_text(value['value']))}</{name}>"
    else:
        names = _ATTRIBUTES.get(name, _ATTRIBUTES[""])
        attributes = "".join(f" {key}={quoteattr(_text(value[key]))}" for key in names if key in value)
        inner = "".join(_children({key: held for key, held in value.items() if key not in names}))
        yield f"<{name}{attributes}>{inner}</{name}>" if inner else f"<{name}{attributes}/>"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return ""
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
