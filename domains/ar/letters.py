"""What every action that writes a letter of ours has in common: the letter's id, and the look at what came back."""

from collections.abc import Mapping, Sequence
from uuid import UUID, uuid5

from infra.actions.rail import Payload
from infra.actions.spec import EchoDiffers, Intent

_LETTERS = UUID("0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c77")


def letter_id(mark: str) -> str:
    """The id of the one letter that an action writes."""
    return str(uuid5(_LETTERS, mark))


def check_letter(intent: Intent, payload: Payload) -> str:
    """The letter's id.

    Raises:
        EchoDiffers: it is another's.
    """
    if payload.get("Id") != letter_id(intent.mark):
        raise EchoDiffers(["letter"])
    return str(payload["Id"])


def touches_nothing(_intent: Intent, _payload: Payload) -> Mapping[str, Sequence[str]]:
    """No object of the ledger is another by a letter."""
    return {}
