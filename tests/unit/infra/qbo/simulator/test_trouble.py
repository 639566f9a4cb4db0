"""Distributions and matchers without HTTP."""

import statistics
from typing import Any

from infra.qbo.simulator.oracle.calls import Call, describe_call
from infra.qbo.simulator.timeline.simulated_clock import SimulatedClock
from infra.qbo.simulator.trouble.draws import Draws
from infra.qbo.simulator.trouble.rules import Latency, read_rules
from infra.qbo.simulator.trouble.trouble import ActiveRule, Trouble, draw_latency
from tests.unit.infra.qbo.simulator.small_company import MovableClock


def latency(**form: Any) -> tuple[ActiveRule, Latency]:
    [rule] = read_rules({"effect": {"do": "latency", **form}}, source="test")
    assert isinstance(rule.effect, Latency)
    return ActiveRule("x", rule, Draws(1)), rule.effect


def test_a_lognormal_latency_has_the_percentiles_asked_for() -> None:
    active, effect = latency(p50_ms=100, p99_ms=1000)
    drawn = sorted(draw_latency(active, effect) for _ in range(20_000))
    assert abs(statistics.median(drawn) - 0.1) < 0.005
    assert 0.85 < drawn[19_800] < 1.2


def test_a_latency_is_cut_at_its_most() -> None:
    active, effect = latency(p50_ms=100, p99_ms=1000, max_ms=150)
    assert max(draw_latency(active, effect) for _ in range(500)) == 0.15


def test_rules_do_not_disturb_one_another() -> None:
    def hits(*names: str) -> list[bool]:
        trouble = Trouble(SimulatedClock(MovableClock()), seed=1)
        effect, match = {"do": "edit"}, {"probability": 0.5}
        trouble.add(read_rules([{"name": name, "effect": effect, "match": match} for name in names], source="test"))
        return ["a" in trouble.decide(Call("GET", "/", verb="read")).names for _ in range(50)]

    assert hits("a") == hits("b", "a", "c")
    assert len(set(hits("a"))) == 2


def test_calls_are_told_from_address_and_body() -> None:
    def verb(method: str, rest: str, query: bytes = b"", body: bytes = b"{}") -> tuple[str, str | None]:
        call = describe_call(method, f"/v3/company/1/{rest}", query, body=body, headers={})
        assert call is not None
        return call.verb, call.entity

    assert verb("GET", "query", b"query=select%20*%20from%20billpayment") == ("query", "BillPayment")
    assert verb("POST", "query", body=b"SELECT COUNT(*) FROM Bill") == ("query", "Bill")
    assert verb("POST", "bill") == ("create", "Bill")
    assert verb("POST", "bill", body=b'{"Id":"1"}') == ("update", "Bill")
    assert verb("POST", "bill", b"operation=delete") == ("delete", "Bill")
    assert verb("POST", "payment", b"operation=update&include=void") == ("void", "Payment")
    assert verb("POST", "invoice/3/send") == ("send", "Invoice")
    assert verb("GET", "reports/TrialBalance") == ("report", "TrialBalance")
    assert describe_call("GET", "/admin/oracle", b"", body=b"", headers={}) is None
