"""`Idempotency-Key`: a client's own name for one thing that it wants, kept for as long as what it made."""

from hashlib import blake2b
from typing import Annotated

from fastapi import Header
from pydantic import BaseModel

from infra import exact_json

IdempotencyKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        min_length=16,
        max_length=64,
        pattern=r"^[A-Za-z0-9._:-]+$",
        description=(
            "Drawn anew for each thing that you want (a UUID does), and sent again unchanged when an answer did not come: the same key is "
            "the same action for ever, whatever became of it. The same key with another body is 422."
        ),
        examples=["5f0d9f0e-7a35-4c1e-9f0e-3b1f0a5d2c11"],
    ),
]


def digest_of(path: str, body: BaseModel | None = None) -> str:
    """What was asked for, to tell a repetition from another wish under the same key."""
    content = exact_json.dumps(body.model_dump(mode="json") if body is not None else {})
    return blake2b(path.encode() + b"\0" + content, digest_size=16).hexdigest()
