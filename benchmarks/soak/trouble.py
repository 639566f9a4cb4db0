"""What goes wrong between QuickBooks and us all the time, and the bursts that come on top. By one seed."""

import random
from typing import Any

from infra.qbo.simulator.simulator import Simulator
from infra.qbo.simulator.trouble.background import add_trouble
from infra.qbo.simulator.trouble.rules import read_rules

READS = ["query", "cdc", "read", "batch", "report"]
LOST = "webhook-lost"
_BURST_CALLS = 4
_RETRY_AFTER_SECONDS = 2


class Troubles:
    def __init__(self, simulator: Simulator, *, seed: int) -> None:
        self._simulator = simulator
        self._draw = random.Random(f"{seed}:troubles")  # noqa: S311 - chooses whom it befalls
        self._seed = seed
        self._bursts = 0
        self.applied: dict[str, int] = {}

    def begin(self) -> None:
        self._add(
            _rule("unavailable", {"do": "answer", "status": 503}, probability=0.05, verb=READS),
            _rule("timed-out", {"do": "silence"}, probability=0.02, verb=READS),
            _rule("answer-lost", {"do": "reset", "executed": True}, probability=0.01, verb=READS),
            # A refresh whose answer is lost ends the connection for good, which is another proof's matter.
            _rule("no-tokens", {"do": "answer", "status": 503}, probability=0.05, verb=["token"]),
            _rule("token-ended", {"do": "expire_token"}, probability=0.01, verb=READS),
            _rule(LOST, {"do": "lose"}, probability=0.1),
            _rule("webhook-doubled", {"do": "double", "after_seconds": [1, 10]}, probability=0.1),
            _rule("webhook-overtaken", {"do": "delay", "seconds": [1, 10]}, probability=0.1),
        )

    def burst(self) -> None:
        """The next calls of one company are too many for QuickBooks."""
        self._bursts += 1
        realm = self._draw.choice(list(self._simulator.companies))
        effect = {"do": "answer", "status": 429, "retry_after_seconds": _RETRY_AFTER_SECONDS}
        self._forget_past_bursts()
        self._add(_rule(f"burst-{self._bursts}", effect, verb=READS, realm=realm, count=_BURST_CALLS))

    def end(self) -> None:
        self._note(*self._simulator.trouble.active)
        self._simulator.trouble.remove()

    def lost_webhooks(self) -> int:
        rule = self._simulator.trouble.active.get(LOST)
        return rule.applied if rule else 0

    def _forget_past_bursts(self) -> None:
        active = self._simulator.trouble.active
        for name in [name for name, rule in active.items() if name.startswith("burst") and rule.applied]:
            self._note(name)
            self._simulator.trouble.remove(name)

    def _note(self, *names: str) -> None:
        for name in names:
            kind = name.partition("-")[0] if name.startswith("burst") else name
            applied = self._simulator.trouble.active[name].applied
            self.applied[kind] = self.applied.get(kind, 0) + applied

    def _add(self, *rules: dict[str, Any]) -> None:
        seeded = [{**rule, "seed": self._seed} for rule in rules]
        add_trouble(self._simulator, read_rules(seeded, source="soak"))


def _rule(name: str, effect: dict[str, Any], **match: Any) -> dict[str, Any]:
    return {"name": name, "effect": effect, "match": match}
