"""`oodaloo token …`: keys to the API, by whoever has the machine. Mounted by runway/cli.py."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from domains.core.permissions import Permission
from runway.commands.command_line import as_operator, echo_table

if TYPE_CHECKING:
    from datetime import datetime

    from domains.core.people import ApiToken

app = typer.Typer(help="Keys to the API.", no_args_is_help=True)

_DAYS = 90


@app.command("create")
def create_token(
    *,
    business: Annotated[str, typer.Option(help="Name of the business; made if there is none and no --user.")],
    user: Annotated[str | None, typer.Option(help="E-mail of the person it acts for; none: it is a service's.")] = None,
    permission: Annotated[
        list[Permission] | None, typer.Option(help="What it may do; may be given more than once. All unless given.")
    ] = None,
    name: Annotated[str, typer.Option(help="What the token is for.")] = "development",
    days: Annotated[int, typer.Option(min=1, max=3650, help="How long it lives.")] = _DAYS,
) -> None:
    """Make a token for one business. It is shown once, and alone on standard output."""
    issued = as_operator(
        lambda operator: operator.issue_token(
            business, name=name, lifetime=timedelta(days=days), permissions=permission or (), email=user
        )
    )
    typer.echo(f"business  {issued.business_id}", err=True)
    typer.echo(f"expires   {issued.expires_at:%Y-%m-%d}", err=True)
    typer.echo(issued.token)


@app.command("list")
def list_tokens(
    *, business: Annotated[str | None, typer.Option(help="Only those that open this one: name or id.")] = None
) -> None:
    """Every token, the newest first. The tokens themselves are kept nowhere."""
    from infra.clock import SystemClock

    now = SystemClock().now()
    held = as_operator(lambda operator: operator.list_tokens(business))
    echo_table(
        ("ID", "NAME", "WHOSE", "STATE", "LAST USED", "MAY", "OPENS"),
        [
            (
                str(token.id),
                token.name,
                "a service" if user is None else user.email,
                _state(token, now),
                "never" if token.last_used_at is None else f"{token.last_used_at:%Y-%m-%d %H:%M}",
                "all" if set(token.permissions) == set(Permission) else ",".join(token.permissions),
                ", ".join(opened.name for opened in businesses),
            )
            for token, user, businesses in held
        ],
    )


@app.command("revoke")
def revoke_token(token_id: Annotated[UUID, typer.Argument(help="Its id: see `oodaloo token list`.")]) -> None:
    """End a token, at once and in every business that it opens."""
    token = as_operator(lambda operator: operator.revoke_token(token_id))
    typer.echo(f"{token.name} ({token.id}) opens nothing any more.")


def _state(token: "ApiToken", now: "datetime") -> str:
    if token.revoked_at is not None:
        return f"revoked {token.revoked_at:%Y-%m-%d}"
    if token.expires_at is None:
        return "for ever"
    return f"{'until' if token.expires_at > now else 'expired'} {token.expires_at:%Y-%m-%d}"
