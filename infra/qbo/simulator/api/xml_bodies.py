"""QBO's XML form of a request, read as its JSON: what `xml_answers` writes, the other way round."""

from decimal import Decimal, InvalidOperation
from typing import Any, Final
from xml.etree import ElementTree as ET

from infra.errors import OodalooError
from infra.qbo.simulator.books.checks import NUMBERS

_REPEATED: Final = frozenset({"Line", "LinkedTxn", "TaxLine", "CustomField", "BatchItemRequest"})
_WORDED: Final = frozenset({"CustomerMemo"})  # plain text here, an object with a value in JSON
_NIL: Final = "{http://www.w3.org/2001/XMLSchema-instance}nil"


class MalformedXML(OodalooError):
    """Not well formed, or with a document type, which no body of QBO has."""


def read_xml(payload: bytes) -> dict[str, Any]:
    """The object that stands for the root's content; the root's own name is not looked at.

    Raises:
        MalformedXML: cannot be read.
    """
    if b"<!" in payload.replace(b"<!--", b"").replace(b"<![CDATA[", b""):
        raise MalformedXML("a document type is not allowed")
    try:
        root = ET.fromstring(payload)  # noqa: S314 - without a document type there are no entities to expand
    except ET.ParseError as error:
        raise MalformedXML(str(error)) from error
    return _object(root)


def _object(element: ET.Element) -> dict[str, Any]:
    read: dict[str, Any] = {name: _scalar(name, text) for name, text in element.attrib.items() if "}" not in name}
    for child in element:
        name = child.tag.rpartition("}")[2]
        if name.endswith("Ex"):
            continue  # extensions are the server's
        value = _value(name, child)
        if name in _REPEATED:
            read.setdefault(name, []).append(value)
        else:
            read[name] = value
    if element.tag.endswith("BillPayment"):
        read.setdefault("Line", [])  # no lines, all of it unapplied: XML has no other way to say so
    return read


def _value(name: str, element: ET.Element) -> Any:
    text = (element.text or "").strip()
    if element.get(_NIL) == "true":
        return None
    if len(element) or name.endswith(("Detail", "Addr")):
        return _object(element)
    if name.endswith("Ref") or name in _WORDED:
        named = {key: held for key, held in element.attrib.items() if key in {"name", "type"}}
        return {"value": text, **named}
    return _scalar(name, text)


def _scalar(name: str, text: str) -> Any:
    if text in {"true", "false"}:
        return text == "true"
    if name in NUMBERS and text:
        try:
            return Decimal(text)
        except InvalidOperation:
            return text  # the books say what is wrong with it
    return text
