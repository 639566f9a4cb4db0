"""The one reader and writer of JSON that may hold money: numbers stay exact both ways."""

from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from infra.errors import MalformedJSON

T = TypeVar("T")

_decoder = msgspec.json.Decoder(float_hook=Decimal)
_decode = msgspec.json.Decoder().decode
_items_decoder = msgspec.json.Decoder(list[msgspec.Raw])
_fields_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encoder = msgspec.json.Encoder(decimal_format="number", order="deterministic")


def _decoded(decoder: msgspec.json.Decoder[T], text: bytes | str | msgspec.Raw) -> T:
    try:
        return decoder.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedJSON(str(error)) from error


def loads(text: bytes | str | msgspec.Raw) -> Any:
    """Parse JSON; a number with a point or an exponent becomes a Decimal with every digit it had.

    Raises:
        MalformedJSON: the text is not JSON (truncated, HTML, empty).
    """
    return _decoded(_decoder, text)


def dumps(value: Any) -> bytes:
    """Write canonical JSON: UTF-8, keys sorted, no spaces, Decimal as a JSON number, dates in ISO form.

    Equal values give equal bytes, so the result can be hashed.
    """
    return _encoder.encode(value)


NULL = msgspec.Raw(b"null")


def fields_of(text: bytes | str) -> dict[str, msgspec.Raw]:
    """The top-level fields of a JSON object, each as it is written; `dumps` writes them so.

    Raises:
        MalformedJSON: the text is no JSON object.
    """
    return _decoded(_fields_decoder, text)


def items_of(text: bytes | str) -> list[msgspec.Raw]:
    """The items of a JSON array, each as it is written; `dumps` writes them so.

    Raises:
        MalformedJSON: the text is no JSON array.
    """
    return _decoded(_items_decoder, text)


def equal_pairs(pairs: bytes) -> set[str]:
    """Of a JSON object of two-element arrays, the fields whose two values are equal however they are written: 1.0 and 1.00 are.

    What differs as binary fractions differs; only where some do not are they compared with all their digits.
    """
    near = {field for field, (one, other) in _decode(pairs).items() if one == other}
    if not near:
        return near
    exact = loads(pairs)
    return {field for field in near if exact[field][0] == exact[field][1]}
