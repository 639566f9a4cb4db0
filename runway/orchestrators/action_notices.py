"""What the action engine tells becomes a notice, in the transaction of the fact; what somebody must decide is mailed as well."""

from dataclasses import dataclass
from typing import Final

from domains.core import notices
from domains.core.notices import Matter, NoticeKind, Severity
from infra.actions.notices import ActionNotice, ActionNoticeKind, tell_the_log
from infra.clock import Clock
from infra.db.unit_of_work import UnitOfWork
from runway.orchestrators.watch import NOTICE_MAIL_JOB

_TITLES: Final = {
    ActionNoticeKind.NEEDS_REVIEW: "Somebody must look whether it was recorded",
    ActionNoticeKind.DUPLICATE: "Something may be recorded twice",
    ActionNoticeKind.LATE_FOUND: "Given up, and recorded after all",
    ActionNoticeKind.ECHO_DIFFERS: "Recorded otherwise than it was sent",
    ActionNoticeKind.REVERSED: "Removed from the books by somebody",
    ActionNoticeKind.PARKED: "It cannot be brought to an end",
}
_TOLD_ONLY: Final = frozenset({ActionNoticeKind.REVERSED})


@dataclass(frozen=True)
class ActionNotices:
    clock: Clock

    async def tell(self, uow: UnitOfWork, notice: ActionNotice) -> None:
        await tell_the_log(uow, notice)
        severity = Severity.WARNING if notice.kind in _TOLD_ONLY else Severity.ALARM
        matter = Matter(
            NoticeKind.ACTION,
            f"{notice.kind.value}:{notice.intent_id}",
            severity,
            _TITLES[notice.kind],
            notice.words,
            {"intent_id": str(notice.intent_id), "operation": notice.operation, **notice.details},
        )
        raised = await notices.raise_notice(uow.session, notice.business_id, matter, now=self.clock.now())
        if raised.is_new and severity is Severity.ALARM:
            uow.enqueue(NOTICE_MAIL_JOB, str(notice.business_id), str(raised.notice_id), queue="interactive")
