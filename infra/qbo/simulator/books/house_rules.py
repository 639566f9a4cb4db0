"""What a company's own preferences forbid: entries in closed books, a bill number used twice."""

from collections.abc import Mapping

from infra.qbo.simulator import faults
from infra.qbo.simulator.books.store import Body, EntityStore


class HouseRules:
    """Reads Preferences at each question: they may be changed while the company runs."""

    def __init__(self, stores: Mapping[str, EntityStore]) -> None:
        self._stores = stores

    @property
    def uses_custom_numbers(self) -> bool:
        return self._preferences().get("SalesFormsPrefs", {}).get("CustomTxnNumbers") is True

    def check_period_open(self, txn_date: str) -> None:
        """Raises:
        ServiceFault: 6210 on or before BookCloseDate.
        """
        closed_until = self._preferences().get("AccountingInfoPrefs", {}).get("BookCloseDate")
        if closed_until and txn_date <= closed_until:
            raise faults.books_closed()

    def check_number_free(self, entity: str, body: Body) -> None:
        """Raises:
        ServiceFault: 6140, when the company wants to be warned about duplicate bill numbers.
        """
        number = body.get("DocNumber")
        if entity != "Bill" or not number or not self._warns("WarnDuplicateBillNumber"):
            return
        for record in self._stores["Bill"].records.values():
            if record.body.get("DocNumber") == number and record.id != body.get("Id"):
                raise faults.duplicate_number(number, entity="Bill", identifier=record.id)

    def _warns(self, name: str) -> bool:
        values = self._preferences().get("OtherPrefs", {}).get("NameValue", ())
        return any(value.get("Name") == name and str(value.get("Value")).lower() == "true" for value in values)

    def _preferences(self) -> Body:
        record = next(iter(self._stores["Preferences"].records.values()), None)
        return {} if record is None else record.body
