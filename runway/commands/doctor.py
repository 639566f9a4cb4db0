"""`oodaloo doctor`. Mounted by runway/cli.py."""

from typing import Annotated

import typer


def doctor(
    *,
    online: Annotated[
        bool, typer.Option("--online", help="See whether QuickBooks' hosts can be reached, too.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The findings as JSON, once all are there.")] = False,
) -> None:
    """Look at settings, servers, roles, walls, keys and queues, and say what to do. Exit code 1 where something fails."""
    from infra import exact_json
    from infra.logging import configure_logging
    from runway.doctor import examine, is_well

    configure_logging(level="ERROR")
    findings = []
    for finding in examine(is_online=online):
        findings.append(finding)
        if not as_json:
            typer.echo(finding.as_line())
    if as_json:
        fields = {"ok": is_well(findings), "checks": [finding.as_fields() for finding in findings]}
        typer.echo(exact_json.dumps(fields).decode())
    raise typer.Exit(0 if is_well(findings) else 1)
