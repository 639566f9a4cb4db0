from datetime import datetime, timedelta

_MINUTE = timedelta(minutes=1)
_MOST_KEPT = 1000


class OnceAMinute:
    """Says yes once a minute for each name, and to a thousand names a minute at most: for what is told, not for what is allowed."""

    def __init__(self) -> None:
        self._told: dict[str, datetime] = {}

    def is_news(self, name: str, *, now: datetime) -> bool:
        last = self._told.get(name)
        if last is not None and timedelta(0) <= now - last < _MINUTE:
            return False
        if len(self._told) >= _MOST_KEPT:
            self._told = {each: at for each, at in self._told.items() if timedelta(0) <= now - at < _MINUTE}
        if len(self._told) >= _MOST_KEPT:
            return False
        self._told[name] = now
        return True
