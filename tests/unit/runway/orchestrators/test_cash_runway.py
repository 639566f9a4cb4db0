from datetime import UTC, datetime, timedelta

from infra.sync.freshness import Freshness, FreshnessSource
from runway.orchestrators.cash_runway import oldest_of

NOW = datetime(2026, 3, 15, 19, tzinfo=UTC)


def freshness(
    age_seconds: int | None = 60,
    *,
    source: FreshnessSource = FreshnessSource.MIRROR,
    calls: int = 0,
    reason: str | None = None,
) -> Freshness:
    as_of = None if age_seconds is None else NOW - timedelta(seconds=age_seconds)
    return Freshness(as_of, age_seconds, source, calls, stale=reason is not None, reason=reason)


def test_together_they_are_as_old_as_the_oldest() -> None:
    parts = [freshness(5, source=FreshnessSource.RAIL, calls=1), freshness(90), freshness(30)]
    assert oldest_of(parts) == freshness(90, source=FreshnessSource.RAIL, calls=1)


def test_one_that_was_never_synced_leaves_no_age() -> None:
    parts = [freshness(), freshness(None, reason="not finished"), freshness(reason="another")]
    assert oldest_of(parts) == freshness(None, reason="not finished")


def test_a_shared_refresh_is_told() -> None:
    assert oldest_of([freshness(source=FreshnessSource.COALESCED), freshness()]).source is FreshnessSource.COALESCED
