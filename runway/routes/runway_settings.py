from datetime import datetime
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from domains.cash.runway_settings import RunwayChoices, RunwaySettings, find_settings, set_settings
from runway.routes.access import ManagesSettings, ReadsBooks
from runway.routes.answers import Amount, fields_of
from runway.routes.asked import Strict
from runway.routes.documentation import documented

router = APIRouter(prefix="/api/v1/runway", tags=["runway"])

AccountId = Annotated[str, Field(min_length=1, max_length=100, description="An account's id at the rail.")]


class WantedSettings(Strict):
    """What is left out takes its default: this is the whole of the settings."""

    floor_amount: Annotated[Decimal, Field(ge=0, max_digits=15, decimal_places=2)] | None = Field(
        default=None,
        description="The least cash to keep, in home currency. Without it and `floor_days`: one payroll, or 7 days of gross burn.",
        examples=["5000.00"],
    )
    floor_days: int | None = Field(default=None, ge=0, le=365, description="The floor as days of gross burn.")
    counted_accounts: list[AccountId] = Field(
        default_factory=list, max_length=100, description="Bank accounts that are operating cash whatever their name."
    )
    uncounted_accounts: list[AccountId] = Field(
        default_factory=list, max_length=100, description="Bank accounts that are not operating cash."
    )
    filing_day: int | None = Field(
        default=None, ge=1, le=31, description="The day of the month on which sales tax is filed; null: the 20th."
    )
    counts_owner_draws: bool = Field(default=True, description="Whether what owners draw is burn.")
    counts_uninvoiced_sales: bool | None = Field(
        default=None, description="Whether sales without an invoice go on; null: where they are a tenth of all or more."
    )
    counts_to_come: bool = Field(
        default=True, description="Whether invoices and bills that nobody has written yet count."
    )
    bills_by_habit: bool = Field(
        default=False,
        description="Whether an open bill that is neither scheduled nor must be paid is expected as many days after its due date "
        "as its vendor was usually paid late in the last 12 months; false: on its due date.",
    )

    def choices(self) -> RunwayChoices:
        lists = {name: tuple(sorted(set(getattr(self, name)))) for name in ("counted_accounts", "uncounted_accounts")}
        return RunwayChoices(**{**self.model_dump(), **lists})


class SettingsOut(BaseModel):
    floor_amount: Amount | None
    floor_days: int | None
    counted_accounts: list[str]
    uncounted_accounts: list[str]
    filing_day: int | None
    counts_owner_draws: bool
    counts_uninvoiced_sales: bool | None
    counts_to_come: bool
    bills_by_habit: bool
    version: int = Field(description="0 while nobody has set anything.")
    set_at: datetime | None
    actor: str | None = Field(description="Who set it.", examples=["user:0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c11"])


class SettingsAnswer(BaseModel):
    data: SettingsOut


_EXAMPLE = {
    "floor_amount": "5000.00",
    "floor_days": None,
    "counted_accounts": [],
    "uncounted_accounts": ["91"],
    "filing_day": 20,
    "counts_owner_draws": True,
    "counts_uninvoiced_sales": None,
    "counts_to_come": True,
    "bills_by_habit": False,
    "version": 1,
    "set_at": "2026-03-15T18:55:00Z",
    "actor": "user:0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c11",
}


@router.get("/settings", summary="What the runway is measured by", responses=documented({"data": _EXAMPLE}))
async def get_runway_settings(caller: ReadsBooks) -> SettingsAnswer:
    """The floor, which accounts are cash and which rows count, as the business decided; the defaults where nobody has."""
    async with caller.process.uow([caller.business.id]) as uow:
        return _answer(await find_settings(uow.session, caller.business.id))


@router.put("/settings", summary="Decide what the runway is measured by", responses=documented({"data": _EXAMPLE}))
async def set_runway_settings(caller: ManagesSettings, wanted: WantedSettings) -> SettingsAnswer:
    """It counts from now on, in every number. What was set before is kept. 400 for two floors, and for an account that is no bank account."""
    async with caller.process.uow([caller.business.id]) as uow:
        settings = await set_settings(
            uow.session,
            caller.business.id,
            wanted.choices(),
            actor=caller.origin.actor,
            request_id=caller.origin.request_id,
        )
    return _answer(settings)


def _answer(settings: RunwaySettings) -> SettingsAnswer:
    told = {name: getattr(settings, name) for name in ("version", "set_at", "actor")}
    lists = {name: list(getattr(settings.choices, name)) for name in ("counted_accounts", "uncounted_accounts")}
    return SettingsAnswer(data=SettingsOut(**fields_of(SettingsOut, settings.choices, **told, **lists)))
