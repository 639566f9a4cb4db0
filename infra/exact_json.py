"""The one reader and writer of JSON that may hold money: numbers stay exact both ways."""

from decimal import Decimal
from typing import Any

import msgspec

from infra.errors import MalformedJSON

_decoder = msgspec.json.Decoder(float_hook=Decimal)
_encoder = msgspec.json.Encoder(decimal_format="number", order="deterministic")


def loads(text: bytes | str) -> Any:
    """Parse JSON; a number with a point or an exponent becomes a Decimal with every digit it had.

    Raises:
        MalformedJSON: the text is not JSON (truncated, HTML, empty).
    """
    try:
        return _decoder.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedJSON(str(error)) from error


def dumps(value: Any) -> bytes:
    """Write canonical JSON: UTF-8, keys sorted, no spaces, Decimal as a JSON number, dates in ISO form.

    Equal values give equal bytes, so the result can be hashed.
    """
    return _encoder.encode(value)
