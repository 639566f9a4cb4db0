"""`oodaloo sync …`: bringing books up to date and comparing them, here and now. What is no command's name is a business."""

import asyncio
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from runway.commands.command_line import plainly

_DEFAULT = "now"
_Business = Annotated[str, typer.Argument(help="The business's id, or its name where only one has it.")]


class _BusinessOrCommand(TyperGroup):
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            args = [_DEFAULT, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_BusinessOrCommand,
    no_args_is_help=True,
    help="Bring one business's mirror up to date now (oodaloo sync BUSINESS), or compare it with QuickBooks.",
)


@app.command(_DEFAULT)
def now(business: _Business) -> None:
    """Bring one business's mirror up to date now, in this process, showing progress; a first sync is resumed."""
    from runway.commands.sync_run import run_sync

    plainly(lambda: asyncio.run(run_sync(business)))


@app.command()
def compare(business: _Business) -> None:
    """Compare every object with QuickBooks, field by field; repair and tell what differs. Cut off, the next call goes on."""
    from runway.commands.sync_run import run_compare

    plainly(lambda: asyncio.run(run_compare(business)))
