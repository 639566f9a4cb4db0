"""What a person meant by an action, read where it enters and written so that equal meanings are equal bytes."""

from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from infra import exact_json
from infra.actions.spec import Meaning
from infra.errors import InvalidInput


class SenselessMeaning(InvalidInput):
    """An action was asked for in a form that it does not have. The text names the fields, never their content."""

    def __init__(self, operation: str, *, problems: list[str]) -> None:
        self.problems = problems
        super().__init__(f"This cannot be done ({operation}): {'; '.join(problems)}.")


def _without_trailing_zeros(amount: Decimal) -> Decimal:
    """100.00000 from a mirror and 100 from a form are one amount and must be one fingerprint."""
    return Decimal(f"{amount.normalize():f}")


Amount = Annotated[Decimal, Field(ge=0, max_digits=20, decimal_places=5), AfterValidator(_without_trailing_zeros)]
PositiveAmount = Annotated[Amount, Field(gt=0)]
RailId = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[\w.:-]+$")]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class Meant(BaseModel):
    """`of` reads what `as_meaning` wrote, also after it has been in the database."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def of(cls, meaning: Meaning) -> Self:
        """Raises:
        SenselessMeaning: a field is missing, of another kind, or out of its bounds.
        """
        try:
            return cls.model_validate(dict(meaning))
        except ValidationError as error:
            problems = [_problem(item) for item in error.errors(include_url=False, include_input=False)]
            # Not chained: the validation's text holds what was sent.
            raise SenselessMeaning(cls.__name__, problems=problems) from None

    def as_meaning(self) -> Meaning:
        """As JSON has it; what is None is left out."""
        meaning: Meaning = exact_json.loads(exact_json.dumps(self.model_dump(exclude_none=True)))
        return meaning


def _problem(item: Any) -> str:
    place = ".".join(map(str, item["loc"]))
    return f"{place}: {item['msg']}" if place else str(item["msg"])
