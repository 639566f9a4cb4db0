from collections.abc import Iterable, Sequence

from domains.core.ritual import RitualEvent
from infra.errors import Conflict, InvalidInput


class RitualNotStarted(Conflict):
    def __init__(self) -> None:
        super().__init__("This week's ritual has not been started. Start it first.")


class RitualIsFinished(Conflict):
    def __init__(self) -> None:
        super().__init__("This week's ritual is finished: its snapshot is locked. The next one begins on Monday.")


class StepsLeft(Conflict):
    def __init__(self, steps: Iterable[str]) -> None:
        self.steps = tuple(steps)
        named = ", ".join(step.replace("_", " ") for step in self.steps)
        super().__init__(f"Some steps are not done yet: {named}. Do or skip them, then finish.")


class StepNotDone(Conflict):
    def __init__(self, step: str) -> None:
        super().__init__(f"The step {step.replace('_', ' ')} is not done: there is nothing to reopen.")


class ChangedMeanwhile(Conflict):
    """Somebody did something that whoever decides now has not seen. `said` is who did what, in words."""

    def __init__(self, events: Sequence[RitualEvent], *, version: int, said: Iterable[str] | None = None) -> None:
        self.events, self.version = events, version
        told = "; ".join(said or (f"{event.actor}: {event.kind} {event.step or ''}".strip() for event in events))
        super().__init__(f"While you were looking: {told}. Look again (version {version}), then decide.")


class VersionUnknown(InvalidInput):
    def __init__(self, version: int) -> None:
        super().__init__(f"The ritual has no version {version} yet. Send the version that you were shown.")
