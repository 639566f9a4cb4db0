"""What is looked up in a forecast again and again: worked out when it is first asked for, and once for all who read the same forecast."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

from runway.calculators.ageing import OpenDocument
from runway.calculators.expected_dates import ExpectedReceipt
from runway.calculators.impacts import bill_flows_by_id
from runway.calculators.outlook import DatedFlow
from runway.calculators.payers import PayerBook

DUE_WITHIN_DAYS = 14
_SOON_DAYS = 3
_P90 = 900
_LATE_WITHOUT_HISTORY_DAYS = 30


@dataclass(frozen=True)
class ForecastIndex:
    """Of a forecast of `as_of`. `invoices`, `bills`: after credits. Everything by the rail's id."""

    as_of: date
    invoices: Sequence[OpenDocument]
    bills: Sequence[OpenDocument]
    receipts: Sequence[ExpectedReceipt]
    flows: Sequence[DatedFlow]
    payers: PayerBook
    _usual: dict[str, int] = field(default_factory=dict, init=False, repr=False, compare=False)

    @cached_property
    def invoice(self) -> Mapping[str, OpenDocument]:
        return {one.external_id: one for one in self.invoices}

    @cached_property
    def bill(self) -> Mapping[str, OpenDocument]:
        return {one.external_id: one for one in self.bills}

    @cached_property
    def receipt(self) -> Mapping[str, ExpectedReceipt]:
        return {one.external_id: one for one in self.receipts}

    @cached_property
    def bill_flows(self) -> Mapping[str, Sequence[DatedFlow]]:
        return bill_flows_by_id(self.flows)

    @cached_property
    def due_bills(self) -> Sequence[str]:
        """Due within two weeks or past it: those of the nearest days first, of these the largest."""
        days_to = {one.external_id: (one.ages_from - self.as_of).days for one in self.bills if one.open_amount > 0}
        near = [self.bill[key] for key, days in days_to.items() if days <= DUE_WITHIN_DAYS]
        near.sort(key=lambda one: (days_to[one.external_id] > _SOON_DAYS, -one.open_amount, one.external_id))
        return [one.external_id for one in near]

    @cached_property
    def late_invoices(self) -> Sequence[str]:
        """Later than their customer usually is, the largest first."""
        late = [one for one in self.invoices if self.usual(one) is not None]
        late.sort(key=lambda one: (-one.open_amount, one.external_id))
        return [one.external_id for one in late]

    def usual(self, invoice: OpenDocument) -> int | None:
        """How late its customer nearly always is at the most (P90), when the invoice is later than that."""
        late = (self.as_of - invoice.ages_from).days
        if invoice.open_amount <= 0 or late <= 0:
            return None
        usual = self._usual.get(invoice.party_id)
        if usual is None:
            mixed = self.payers.of(invoice.party_id).mixed
            usual = self._usual[invoice.party_id] = mixed.quantile(_P90) if mixed.weight else _LATE_WITHOUT_HISTORY_DAYS
        return usual if late > usual else None
