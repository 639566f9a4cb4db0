"""The first steps with a new business."""

from collections.abc import Sequence
from dataclasses import dataclass

from runway.orchestrators.sync_progress import ReadingState, SyncProgress
from runway.web.strings import _


@dataclass(frozen=True)
class Step:
    """`is_optional`: the defaults do without it."""

    title: str
    text: str
    href: str
    action: str
    is_done: bool
    is_optional: bool = False


def steps_of(sync: SyncProgress, *, path: str, people: int | None, has_policy: bool, has_floor: bool) -> Sequence[Step]:
    """`people`: how many belong here; None: the reader may not know."""
    is_connected = sync.connection is not None and sync.connection.state == "active"
    done = sum(one.state is ReadingState.DONE for one in sync.entities)
    is_read = done == len(sync.entities)
    told = {"done": done, "total": len(sync.entities)}
    steps = [
        Step(
            _("Connect QuickBooks"),
            _("You choose the company on Intuit's own page. Nothing is changed there by that."),
            f"{path}/settings/connection",
            _("Connect"),
            is_connected,
        ),
        Step(
            _("Let the books be read"),
            _("%(done)s of %(total)s kinds are read. It takes seconds to minutes, once.") % told,
            f"{path}/health",
            _("Watch"),
            is_read,
        ),
        Step(
            _("Say what is cash"),
            _("Which accounts count, and how much must always be there."),
            f"{path}/settings/runway",
            _("Choose"),
            has_floor,
            is_optional=True,
        ),
        Step(
            _("Say who approves what"),
            _("Until then every bill needs one person's approval."),
            f"{path}/settings/approvals",
            _("Choose"),
            has_policy,
            is_optional=True,
        ),
        Step(
            _("Begin this week's ritual"),
            _("Fifteen minutes: what changed, what is due, what is overdue, the low point."),
            f"{path}/ritual",
            _("Begin"),
            is_done=False,
        ),
    ]
    if people is not None:
        invite = Step(
            _("Invite who works with you"),
            _("An owner, approvers with a limit, bookkeepers."),
            f"{path}/settings/members",
            _("Invite"),
            people > 1,
            is_optional=True,
        )
        steps.insert(2, invite)
    return steps
