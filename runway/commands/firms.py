"""`oodaloo firm …` and `oodaloo business …`, by whoever has the machine. Mounted by runway/cli.py."""

from typing import Annotated
from zoneinfo import available_timezones

import typer

from runway.commands.command_line import as_operator, echo_table

firm_app = typer.Typer(help="Firms, which keep the books of businesses.", no_args_is_help=True)
business_app = typer.Typer(help="Businesses, whose cash is kept.", no_args_is_help=True)

_CODE_LETTERS = 3


def _currency(code: str) -> str:
    if len(code) != _CODE_LETTERS or not code.isascii() or not code.isalpha() or not code.isupper():
        raise typer.BadParameter("should be a code of three letters, such as USD")
    return code


def _time_zone(zone: str | None) -> str | None:
    if zone is not None and zone not in available_timezones():
        raise typer.BadParameter("should be an IANA time zone, such as America/New_York")
    return zone


@firm_app.command("create")
def create_firm(name: Annotated[str, typer.Argument(help="What it is called.")]) -> None:
    """Make a firm. Its admins come with `oodaloo user create --firm` or `invite --firm`."""
    firm = as_operator(lambda operator: operator.create_firm(name))
    typer.echo(firm.id)


@firm_app.command("list")
def list_firms() -> None:
    """Every firm, oldest first."""
    firms = as_operator(lambda operator: operator.list_firms())
    echo_table(("ID", "NAME", "SINCE"), [(str(firm.id), firm.name, f"{firm.created_at:%Y-%m-%d}") for firm in firms])


@business_app.command("create")
def create_business(
    name: Annotated[str, typer.Argument(help="What it is called.")],
    *,
    firm: Annotated[str | None, typer.Option(help="Name or id of the firm that keeps its books.")] = None,
    currency: Annotated[str, typer.Option(callback=_currency, help="Its home currency.")] = "USD",
    time_zone: Annotated[
        str | None, typer.Option(callback=_time_zone, help="It decides what today is; Los Angeles's unless given.")
    ] = None,
) -> None:
    """Make a business, and print its id."""
    business = as_operator(
        lambda operator: operator.create_business(name, firm=firm, home_currency=currency, time_zone=time_zone)
    )
    typer.echo(business.id)


@business_app.command("list")
def list_businesses() -> None:
    """Every business, by name."""
    businesses = as_operator(lambda operator: operator.list_businesses())
    echo_table(
        ("ID", "NAME", "CURRENCY", "TIME ZONE", "FIRM"),
        [
            (
                str(business.id),
                business.name,
                business.home_currency,
                business.time_zone,
                str(business.firm_id) if business.firm_id else "-",
            )
            for business in businesses
        ],
    )
