from uuid import UUID

from infra.errors import NotFound


class BillNotFound(NotFound):
    def __init__(self, bill_id: UUID) -> None:
        self.bill_id = bill_id
        super().__init__(f"There is no bill {bill_id}.")


class VendorNotFound(NotFound):
    def __init__(self, vendor_id: UUID | str) -> None:
        self.vendor_id = vendor_id
        super().__init__(f"There is no vendor {vendor_id}.")
