"""Shapes of events against captured ones, and the published signature."""

from pathlib import Path
from uuid import UUID

import pytest

from infra import exact_json
from infra.qbo.simulator.webhooks.events import Event, cloud_body, legacy_body, sign

SAMPLES = Path(__file__).parents[6] / "shared" / "qbo" / "samples"
needs_samples = pytest.mark.skipif(not SAMPLES.exists(), reason="the captured samples are not beside the checkout")

EVENT = Event(UUID("88cd52aa-33b6-4351-9aa4-47572edbd068"), "310687", "Account", "1234", "Create", 1757539885.179851)


def test_the_signature_is_that_of_the_published_vector() -> None:
    body = b'[{"specversion":"1.0","id":"1"}]'
    assert sign(body, "test-verifier-token") == "nMXYYFuwM44NKgb458SwG+pSq9HAP+BYyijI5eMd9FM="


@needs_samples
def test_a_cloud_event_has_the_captured_keys() -> None:
    captured = exact_json.loads((SAMPLES / "webhook_cloudevents.json").read_bytes())[0]
    ours = exact_json.loads(cloud_body([EVENT], source=captured["source"]))[0]
    assert {**ours, "time": captured["time"]} == captured
    assert captured["time"].startswith(ours["time"][:-1])


@needs_samples
def test_a_legacy_event_has_the_captured_keys() -> None:
    captured = exact_json.loads((SAMPLES / "webhook_legacy_2025.json").read_bytes())
    ours = exact_json.loads(legacy_body("310687", [EVENT]))
    [theirs] = captured["eventNotifications"][0]["dataChangeEvent"]["entities"]
    [shown] = ours["eventNotifications"][0]["dataChangeEvent"]["entities"]
    assert ours["eventNotifications"][0]["realmId"] == captured["eventNotifications"][0]["realmId"]
    assert {**shown, "lastUpdated": theirs["lastUpdated"]} == theirs


def test_a_merge_names_the_one_that_is_gone() -> None:
    merge = Event(EVENT.id, "1", "Vendor", "56", "Merge", 0, deleted_id="57")
    assert b'"deletedId":"57"' in legacy_body("1", [merge])
    assert b"qbo.vendor.merged.v1" in cloud_body([merge], source="s")
