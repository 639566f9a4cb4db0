"""What can be wrong with asking for an action, or with a person's word about one."""

from uuid import UUID

from infra.errors import Conflict, InvalidInput, NotFound


class UnknownOperation(NotFound):
    def __init__(self, operation: str) -> None:
        self.operation = operation
        super().__init__(f"There is no operation {operation!r}.")


class IntentNotFound(NotFound):
    def __init__(self, intent_id: UUID) -> None:
        self.intent_id = intent_id
        super().__init__(f"There is no action {intent_id}.")


class MalformedClientKey(InvalidInput):
    def __init__(self) -> None:
        super().__init__("The Idempotency-Key must be 16 to 64 characters: letters, digits and any of . _ : -")


class KeyUsedForOther(InvalidInput):
    """The same key with another meaning: most likely a client that forgot to make a new one."""

    def __init__(self, intent_id: UUID) -> None:
        self.intent_id = intent_id
        super().__init__(
            f"This Idempotency-Key was used for something else already (action {intent_id}). "
            "Send the same request with it, or make a new key for a new one."
        )


class TargetTaken(Conflict):
    """Another action that is not settled has the object."""

    def __init__(self, *, kind: str, external_id: str, intent_id: UUID) -> None:
        self.kind = kind
        self.external_id = external_id
        self.intent_id = intent_id
        super().__init__(f"{kind} {external_id} is in use by another action that is not finished yet ({intent_id}).")


class TooLate(Conflict):
    """What was asked for is not possible in the state that the action has reached."""

    def __init__(self, intent_id: UUID, *, state: str, wish: str) -> None:
        self.intent_id = intent_id
        self.state = state
        super().__init__(f"The action {intent_id} cannot be {wish} any more: it is {state}.")


class NotTheObject(Conflict):
    """What a person pointed at is not what the action would have made."""

    def __init__(self, *, entity: str, external_id: str, why: str) -> None:
        self.external_id = external_id
        super().__init__(f"{entity} {external_id} is not what was asked for: {why}")


class FoundAfterAll(Conflict):
    """A person said that it is not there, and it is."""

    def __init__(self, intent_id: UUID, *, external_id: str) -> None:
        self.intent_id = intent_id
        self.external_id = external_id
        super().__init__(f"It was found just now: number {external_id}. The action is confirmed.")
