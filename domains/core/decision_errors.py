from uuid import UUID

from infra.errors import Conflict, InvalidInput, NotFound


class SeenFiguresNotFound(NotFound):
    def __init__(self, seen_id: UUID) -> None:
        self.seen_id = seen_id
        super().__init__(
            f"No figures {seen_id} were shown here within the last week. Preview again, or leave seen_figures_id out."
        )


class ScenarioNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("No scenario of this business has that id.")


class ScenarioNameTaken(Conflict):
    def __init__(self, name: str) -> None:
        super().__init__(
            f"A scenario called {name} asks something else already. Delete it first, or choose another name."
        )


class TooManyScenarios(Conflict):
    def __init__(self, most: int) -> None:
        super().__init__(f"There are {most} scenarios, which is all that are kept. Delete one first.")


class TrayItemNotFound(NotFound):
    def __init__(self, item: str) -> None:
        self.item = item
        super().__init__(f"There is no item {item} in the tray now: it may be done already.")


class SnoozeInPast(InvalidInput):
    def __init__(self) -> None:
        super().__init__("Snooze until a day to come, at most a year ahead.")


class OwnerNotMember(InvalidInput):
    def __init__(self) -> None:
        super().__init__("The owner should be somebody who belongs to this business.")


class TermsNotConfirmed(NotFound):
    def __init__(self) -> None:
        super().__init__("Nobody has confirmed a discount for these terms.")
