"""The rules in force, and what they decide for each call. Repeatable: each rule draws from its own seeded source."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any, Final, get_args

from infra.clock import Clock
from infra.qbo.simulator.oracle.calls import Call
from infra.qbo.simulator.trouble import rules
from infra.qbo.simulator.trouble.draws import Draws
from infra.qbo.simulator.trouble.rules import Effect, Ending, Rule, TroubleRefused, read_rules

_NORMAL_P99: Final = 2.3263478740408408
_MOST_RULES: Final = 1000


@dataclass(slots=True)
class ActiveRule:
    """`fitting` counts the calls its matchers meant, `applied` those it took.

    Of a rule at a rate, `began` is when it was added (epoch seconds) and `paid` how many intervals are over.
    """

    name: str
    rule: Rule
    random: Draws
    fitting: int = 0
    applied: int = 0
    is_over: bool = False
    began: float = 0
    paid: int = 0

    def takes(self, call: Call, now: datetime) -> bool:
        match = self.rule.match
        if self.is_over or not _fits(match, call) or not _is_open(match, now):
            return False
        if match.count is not None and self.applied >= match.count:
            return False
        self.fitting += 1
        nth = self.fitting - match.skip
        if nth <= 0 or nth % match.every:
            return False
        if match.probability < 1 and self.random.random() >= match.probability:
            return False
        self.applied += 1
        return True


@dataclass(slots=True)
class Plan:
    """What befalls one call: any number of side effects and one ending, that of the first rule that has one."""

    ending: Ending | None = None
    ended_by: ActiveRule | None = None
    others: list[tuple[ActiveRule, Effect]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)


_NO_TROUBLE: Final = Plan()


class Trouble:
    def __init__(self, clock: Clock, *, seed: int = 0) -> None:
        self._clock = clock
        self._seed = seed
        self._count = 0
        self.active: dict[str, ActiveRule] = {}
        self.revision = 0

    def add(self, added: Iterable[Rule]) -> list[ActiveRule]:
        """All or none.

        Raises:
            TroubleRefused: a name that is taken, or too many rules.
        """
        fresh: list[ActiveRule] = []
        for rule in added:
            self._count += 1
            name = rule.name or f"rule-{self._count}"
            if name in self.active or any(other.name == name for other in fresh):
                raise TroubleRefused(f"name: a rule {name} exists already")
            placed = rule.model_copy(update={"name": name, "match": rule.match.placed(self._clock.now())})
            seed = self._seed if rule.seed is None else rule.seed
            fresh.append(ActiveRule(name, placed, Draws(f"{seed}:{name}")))
        if len(self.active) + len(fresh) > _MOST_RULES:
            raise TroubleRefused(f"rules: at most {_MOST_RULES} at a time")
        self.active |= {active.name: active for active in fresh}
        self.revision += 1
        return fresh

    def remove(self, name: str | None = None) -> list[str]:
        """One rule, or all; the names of those that were there."""
        names = [each for each in self.active if name in {None, each}]
        for each in names:
            self.active.pop(each).is_over = True
        self.revision += 1
        return names

    def kept(self) -> dict[str, Any]:
        """The rules in force and where each stands, for a state to keep."""
        rules_ = [
            {
                "rule": active.rule.model_dump(mode="json", by_alias=True, exclude_none=True),
                "fitting": active.fitting, "applied": active.applied, "taken": active.random.taken,
                "began": active.began, "paid": active.paid, "origin": active.random.origin,
            }
            for active in self.active.values()
        ]  # fmt: skip
        return {"count": self._count, "rules": rules_}

    def resume(self, kept: dict[str, Any]) -> None:
        self._count = kept["count"]
        for each in kept["rules"]:
            [rule] = read_rules(each["rule"], source="the state")
            active = ActiveRule(str(rule.name), rule, Draws(each["origin"]))
            active.fitting, active.applied, active.paid = each["fitting"], each["applied"], each["paid"]
            active.began = float(each["began"])
            active.random.skip_to(each["taken"])
            self.active[active.name] = active

    def decide(self, call: Call) -> Plan:
        """The plan for one API call."""
        if not self.active:
            return _NO_TROUBLE
        plan = Plan()
        now = self._clock.now()
        for active in tuple(self.active.values()):
            effect = active.rule.effect
            if isinstance(effect, rules.WebhookEffect) or (isinstance(effect, rules.Edit) and effect.per_minute):
                continue
            if isinstance(effect, get_args(Ending)) and plan.ending is not None:
                continue
            before = active.fitting
            is_taken = active.takes(call, now)
            self.revision += active.fitting - before
            if not is_taken:
                continue
            plan.names.append(active.name)
            if isinstance(effect, Ending):
                plan.ending, plan.ended_by = effect, active
            else:
                plan.others.append((active, effect))
        return plan

    def decide_webhook(self, call: Call) -> list[tuple[ActiveRule, Any]]:
        """What befalls one webhook event."""
        now = self._clock.now()
        meant = [active for active in self.active.values() if isinstance(active.rule.effect, rules.WebhookEffect)]
        self.revision += bool(meant)
        return [(active, active.rule.effect) for active in meant if active.takes(call, now)]


def draw_seconds(active: ActiveRule, value: float | tuple[float, float]) -> float:
    return active.random.uniform(*value) if isinstance(value, tuple) else value


def draw_latency(active: ActiveRule, latency: rules.Latency) -> float:
    """Seconds."""
    if latency.constant_ms is not None:
        drawn = latency.constant_ms
    elif latency.uniform_ms is not None:
        drawn = active.random.uniform(*latency.uniform_ms)
    else:
        median, tail = latency.p50_ms or 1.0, latency.p99_ms or 1.0
        drawn = active.random.lognormvariate(math.log(median), math.log(tail / median) / _NORMAL_P99)
    return min(drawn, latency.max_ms) / 1000


def _fits(match: rules.Match, call: Call) -> bool:
    return (
        (match.realm is None or match.realm == call.realm_id)
        and (match.method is None or match.method.upper() == call.method)
        and (match.path is None or fnmatchcase(call.path, match.path))
        and (match.verb is None or call.verb in match.verb)
        and (match.entity is None or (call.entity or "").lower() in {name.lower() for name in match.entity})
    )


def _is_open(match: rules.Match, now: datetime) -> bool:
    return (match.starts is None or match.starts <= now) and (match.until is None or now < match.until)
