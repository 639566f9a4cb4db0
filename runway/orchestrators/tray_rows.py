"""What an item of the tray looks like, and the facts that it comes from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from domains.ap.tray_queries import DiscountedBill, OpenBill
from domains.ar.tray_queries import InvoiceFigures, OpenPromise
from domains.core.notice_models import Notice
from domains.core.tray_queries import MirrorState, OpenDrift
from runway.calculators.forecast import Forecast
from runway.calculators.impacts import Impact
from runway.calculators.tray_priority import TrayItem
from runway.papers.tray_words import ChipCode, Facts, WhatCode, chip_in_words, what_in_words


class NextStep(StrEnum):
    """What most people do with it."""

    APPROVE = "approve"
    PAY = "pay"
    REMIND = "remind"
    REVIEW = "review"
    PLAN = "plan"
    SYNC = "sync"
    RECONNECT = "reconnect"


class Chip(NamedTuple):
    """Why it is here: `code` for programs, `words` to be shown, in the language of whoever reads them."""

    code: ChipCode
    facts: Facts = MappingProxyType({})

    @property
    def words(self) -> str:
        return chip_in_words(self.code, self.facts)


class What(NamedTuple):
    """What it is; as `Chip`."""

    code: WhatCode
    facts: Facts = MappingProxyType({})

    @property
    def words(self) -> str:
        return what_in_words(self.code, self.facts)


class Subject(NamedTuple):
    """What it is about; `id` is ours."""

    kind: str
    id: str
    external_id: str | None = None


@dataclass(frozen=True)
class TrayRow:
    """`item` is what the order and `state_mark` are made of; `impact` is None where money is not what it is about."""

    item: TrayItem
    what: What
    who: str | None
    chips: tuple[Chip, ...]
    next_step: NextStep
    subject: Subject | None = None
    impact: Impact | None = None


@dataclass(frozen=True)
class TraySources:
    """All that was read of one business, by the rail's ids. `forecast` None: there is none, and only data can be fixed.

    `under_way`: (kind, the rail's id) of what an open action of ours has hold of.
    """

    today: date
    now: datetime
    currency: str
    forecast: Forecast | None = None
    bills: Mapping[str, OpenBill] = field(default_factory=dict)
    discounted: Mapping[str, DiscountedBill] = field(default_factory=dict)
    invoices: Mapping[str, InvoiceFigures] = field(default_factory=dict)
    promises: Mapping[str, OpenPromise] = field(default_factory=dict)
    notices: Sequence[Notice] = ()
    drift: Mapping[str, OpenDrift] = field(default_factory=dict)
    mirrors: MirrorState | None = None
    under_way: frozenset[tuple[str, str]] = frozenset()
