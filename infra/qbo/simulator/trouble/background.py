"""Edits by other users at a rate: they come whether or not anybody calls."""

from functools import partial
from typing import Any, Final

from infra.qbo.simulator.simulator import Simulator
from infra.qbo.simulator.trouble.rules import Edit, Rule
from infra.qbo.simulator.trouble.trouble import ActiveRule

_SECONDS_A_MINUTE: Final = 60
_MOST_CAUGHT_UP: Final = 1000


def add_trouble(simulator: Simulator, rules: list[Rule]) -> list[ActiveRule]:
    """Put rules in force; those at a rate start at once.

    Raises:
        TroubleRefused: a name that is taken, or too many rules.
    """
    added = simulator.trouble.add(rules)
    for active in added:
        effect = active.rule.effect
        if isinstance(effect, Edit) and effect.per_minute is not None:
            active.began = simulator.clock.now().timestamp()
            _schedule(simulator, active, effect)
    return added


def resume_trouble(simulator: Simulator, kept: dict[str, Any]) -> None:
    """The rules of a state, as they stood; those at a rate go on."""
    simulator.trouble.resume(kept)
    for active in simulator.trouble.active.values():
        effect = active.rule.effect
        if isinstance(effect, Edit) and effect.per_minute is not None:
            _schedule(simulator, active, effect)


def _schedule(simulator: Simulator, active: ActiveRule, effect: Edit) -> None:
    interval = _SECONDS_A_MINUTE / (effect.per_minute or 1)
    due = active.began + (active.paid + 1) * interval
    wait = max(0.0, due - simulator.clock.now().timestamp())
    simulator.timeline.after(wait, partial(_edit, simulator, active, effect))


async def _edit(simulator: Simulator, active: ActiveRule, effect: Edit) -> None:
    """A jump of the clock over hours is caught up on in one go, to a bound."""
    if active.is_over:
        return
    now = simulator.clock.now()
    match = active.rule.match
    passed = int((now.timestamp() - active.began) * (effect.per_minute or 1) / _SECONDS_A_MINUTE)
    due, active.paid = passed - active.paid, passed
    simulator.trouble.revision += 1
    realms = list(simulator.companies) if match.realm is None else [match.realm]
    is_open = (match.starts is None or match.starts <= now) and (match.until is None or now < match.until)
    for _ in range(min(due, _MOST_CAUGHT_UP) if is_open else 0):
        if match.count is not None and active.applied >= match.count:
            return
        active.applied += 1
        simulator.edit(active.random.choice(realms), effect.entity, edits=effect.edits)
    _schedule(simulator, active, effect)
