"""What QuickBooks has seen of payments, whatever we believe: every version of every BillPayment, as it was committed."""

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from benchmarks.proofs.payments.rail import mark_in
from infra.qbo.simulator.oracle.journal import CURRENT, Commit
from infra.qbo.simulator.simulator import Simulator


@dataclass
class Seen:
    """One payment that came to be. `requested_as`: the requestid it came with, None of what a person entered there."""

    realm_id: str
    id: str
    mark: str
    at: float
    requested_as: str | None
    body: dict[str, Any]


@dataclass
class Witness:
    """`at` is this machine's time, seconds since the epoch."""

    simulator: Simulator
    created: defaultdict[str, list[Seen]] = field(default_factory=lambda: defaultdict(list))  # by mark
    unmarked: defaultdict[str, list[Seen]] = field(default_factory=lambda: defaultdict(list))  # of the API, by realm

    def begin(self) -> Callable[[], None]:
        self.simulator.journal.listeners.append(self._note)
        return lambda: self.simulator.journal.listeners.remove(self._note)

    def _note(self, commit: Commit) -> None:
        if commit.entity != "BillPayment" or commit.operation != "Create":
            return
        request = CURRENT.get()
        body = self.simulator.companies[commit.realm_id].stores["BillPayment"].records[commit.id].body
        mark = mark_in(str(body.get("PrivateNote") or ""))
        name = None if request is None else (request.request_id or "")
        seen = Seen(commit.realm_id, commit.id, mark, time.time(), name, dict(body))
        if mark:
            self.created[mark].append(seen)
        elif request is not None:
            self.unmarked[commit.realm_id].append(seen)

    def is_living(self, seen: Seen) -> bool:
        """Neither deleted nor voided."""
        record = self.simulator.companies[seen.realm_id].stores["BillPayment"].records.get(seen.id)
        return record is not None and bool(record.body.get("TotalAmt"))

    def is_late(self, realm_id: str) -> bool:
        """Whether a request of the realm is still to be carried out."""
        prefix = f"/v3/company/{realm_id}/"
        return any(each["path"].startswith(prefix) for each in self.simulator.late.kept())
