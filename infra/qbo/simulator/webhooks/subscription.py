"""Where an app wants to hear of changes, and in which of Intuit's two forms."""

from typing import Annotated, Any, Final, Literal

from pydantic import AnyHttpUrl, BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from infra.errors import InvalidInput

ENTITIES: Final = frozenset({
    "Account", "Bill", "BillPayment", "Budget", "Class", "CreditMemo", "Currency", "Customer", "Department", "Deposit",
    "Employee", "Estimate", "Invoice", "Item", "JournalCode", "JournalEntry", "Payment", "PaymentMethod", "Preferences",
    "Purchase", "PurchaseOrder", "RefundReceipt", "SalesReceipt", "TaxAgency", "Term", "TimeActivity", "Transfer",
    "Vendor", "VendorCredit",
})  # fmt: skip


class SubscriptionRefused(InvalidInput):
    """The text names the field and what should stand there."""


class Subscription(BaseModel):
    """`entities` left out means all that have webhooks. Changes are gathered for `delay_seconds` of simulated time.

    `answer_seconds` are real ones: Intuit waits three. A subscription needs a live grant of the realm, as there.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: AnyHttpUrl
    verifier_token: SecretStr = Field(min_length=1)
    format: Literal["legacy", "cloudevents"] = "cloudevents"
    entities: frozenset[str] | None = None
    delay_seconds: Annotated[float, Field(ge=0, le=86_400)] = 5
    answer_seconds: Annotated[float, Field(gt=0, le=60)] = 3

    @field_validator("entities")
    @classmethod
    def _known(cls, value: frozenset[str] | None) -> frozenset[str] | None:
        unknown = sorted((value or frozenset()) - ENTITIES)
        if unknown:
            raise ValueError(f"{unknown[0]} has no webhooks")
        return value

    def wants(self, entity: str) -> bool:
        return entity in (ENTITIES if self.entities is None else self.entities)

    def kept(self) -> dict[str, Any]:
        """With its secret, for a state."""
        shown = self.model_dump(mode="json", exclude_none=True)
        return shown | {"verifier_token": self.verifier_token.get_secret_value()}


def read_subscription(raw: Any) -> Subscription:
    """Raises:
    SubscriptionRefused: names the field.
    """
    try:
        return Subscription.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "top level"
        raise SubscriptionRefused(f"{place}: {first['msg']}") from error
