"""How many calls of a process may be repeated: a tenth of those that succeed. Without it an outage doubles its own load."""

_SHARE = 0.1
_MOST = 10.0


class RetryBudget:
    """Ten at the start and at most, so that a quiet process may repeat what fails once in a while."""

    def __init__(self) -> None:
        self._left = _MOST

    def earn(self) -> None:
        """A call succeeded."""
        self._left = min(self._left + _SHARE, _MOST)

    def spend(self) -> bool:
        """Take one repetition; False when there is none left."""
        if self._left < 1:
            return False
        self._left -= 1
        return True
