"""`oodaloo user …`: people, by whoever has the machine. Mounted by runway/cli.py."""

import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import typer

from domains.core.permissions import Role
from runway.commands.command_line import as_operator, echo_table, plainly

if TYPE_CHECKING:
    from pydantic import SecretStr

    from runway.operator.terms import Listed, Place

app = typer.Typer(help="People who sign in.", no_args_is_help=True)

Email = Annotated[str, typer.Argument(help="Their e-mail address.")]
Business = Annotated[str | None, typer.Option(help="Name or id of the business they are to belong to.")]
InRole = Annotated[Role | None, typer.Option(help="Their role in that business.", case_sensitive=False)]
Firm = Annotated[str | None, typer.Option(help="Name or id of the firm whose admin they are to be.")]
Limit = Annotated[str | None, typer.Option(help="Approval limit in the business's home currency; none unless given.")]


@app.command("create")
def create_user(
    email: Email,
    *,
    name: Annotated[str, typer.Option(help="What they are called.")],
    business: Business = None,
    role: InRole = None,
    limit: Limit = None,
    firm: Firm = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input: one line.")
    ] = False,
) -> None:
    """Make a user. Prints a link that sets the password, works once and for half an hour, unless the password is given."""
    from pydantic import SecretStr

    place = _place(business=business, role=role, limit=limit, firm=firm)
    password = SecretStr(sys.stdin.readline().rstrip("\r\n")) if password_stdin else None
    user, secret = as_operator(lambda operator: operator.create_user(email, name=name, place=place, password=password))
    typer.echo(f"user  {user.id}  {user.email}", err=True)
    if secret is not None:
        typer.echo(_link("reset-password", secret))


@app.command("invite")
def invite_user(
    email: Email, *, business: Business = None, role: InRole = None, limit: Limit = None, firm: Firm = None
) -> None:
    """Invite a person to a business or a firm. Prints the link: pass it on yourself, no letter is sent."""
    place = _place(business=business, role=role, limit=limit, firm=firm)
    invited = as_operator(lambda operator: operator.invite(email, place=place))
    typer.echo(f"{invited.invitation.email} is invited to {invited.place} as {invited.invitation.role}", err=True)
    typer.echo(f"expires  {invited.invitation.expires_at:%Y-%m-%d %H:%M} UTC", err=True)
    typer.echo(_link("invitations", invited.secret))


@app.command("disable")
def disable_user(email: Email) -> None:
    """End every session of a user, now; nobody signs in as them, and no token of theirs works, until they are enabled."""
    user = as_operator(lambda operator: operator.disable_user(email))
    typer.echo(f"{user.email} is disabled.")


@app.command("enable")
def enable_user(email: Email) -> None:
    """Undo `disable`. Sessions that it ended stay ended."""
    user = as_operator(lambda operator: operator.enable_user(email))
    typer.echo(f"{user.email} is enabled.")


@app.command("remove-second-factor")
def remove_second_factor(email: Email) -> None:
    """For a lost phone with its recovery codes lost too: make sure who asks. Ends their sessions; a letter tells them."""
    from infra.config import KeyringSettings, ServerSettings, WebSettings, load
    from runway.settings import open_keyring

    keyring = plainly(lambda: open_keyring(load(KeyringSettings), load(ServerSettings)))
    public_url = plainly(lambda: str(load(WebSettings).public_url))
    user = as_operator(lambda operator: operator.remove_second_factor(email, keyring=keyring, public_url=public_url))
    typer.echo(f"{user.email} has no second factor any more, and is signed out everywhere.")


@app.command("list")
def list_users() -> None:
    """Everybody, with where they belong."""
    users = as_operator(lambda operator: operator.list_users())
    echo_table(("EMAIL", "NAME", "STATE", "FACTOR", "BELONGS TO"), [_row(listed) for listed in users])


def _row(listed: "Listed") -> tuple[str, ...]:
    user = listed.user
    state = "no password" if user.password_hash is None else "active"
    if user.disabled_at is not None:
        state = "disabled"
    kept = {firm.id for firm in listed.firms}
    places = [f"{firm.name} (firm_admin)" for firm in listed.firms]
    places += [f"{business.name} ({role.value})" for business, role in listed.places if business.firm_id not in kept]
    return user.email, user.name, state, "yes" if user.totp_confirmed_at else "no", ", ".join(places) or "-"


def _place(*, business: str | None, role: Role | None, limit: str | None, firm: str | None) -> "Place":
    from runway.operator.terms import Place

    return plainly(lambda: Place.read(business=business, role=role, limit=_amount(limit), firm=firm))


def _amount(text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        amount = Decimal(text)
    except ArithmeticError:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount < 0 or round(amount, 2) != amount:
        raise typer.BadParameter("should be an amount such as 5000 or 5000.00", param_hint="--limit")
    return amount


def _link(page: str, secret: "SecretStr") -> str:
    from infra.config import WebSettings, load

    public_url = plainly(lambda: str(load(WebSettings).public_url)).rstrip("/")
    return f"{public_url}/{page}/{secret.get_secret_value()}"
