from uuid import UUID

from infra.errors import NotFound


class InvoiceNotFound(NotFound):
    def __init__(self, invoice_id: UUID) -> None:
        self.invoice_id = invoice_id
        super().__init__(f"There is no invoice {invoice_id}.")


class CustomerNotFound(NotFound):
    def __init__(self, customer_id: UUID | str) -> None:
        self.customer_id = customer_id
        super().__init__(f"There is no customer {customer_id}.")
