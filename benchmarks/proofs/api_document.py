"""Requests made from the OpenAPI document by Schemathesis, as every role and as nobody: the document is true, and nothing breaks.

Its own checks ask: no 5xx (503 is documented and may be), no undocumented status or content type (every error is documented as
problem details), bodies that conform to their schemas, no route that forgets to ask who is there, no method that is not told.
"""

import asyncio
import os
import random
import re
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from rich.progress import Progress

from benchmarks.proofs.seeds import told_seed
from benchmarks.proofs.tenancy.oracle import look
from benchmarks.proofs.tenancy.proof import Stage, open_stage
from benchmarks.proofs.tenancy.rights import ROLES
from benchmarks.proofs.tenancy.world import Principal, World
from benchmarks.report import Measure, ProofResult, at_least, at_most, reported
from benchmarks.rig import open_rig
from runway.routes.api_page import OPENAPI_PATH

NOBODY = "nobody"
WHO = (*ROLES, "service", NOBODY)
_ALL_PHASES = "examples,coverage,fuzzing,stateful"
_CONFIG = """
[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", "503"]
"""
# A body that breaks the schema in a way JSON cannot tell (1.0 for 1) is taken, and headers of every kind are other layers' business.
_NOT_ASKED = "negative_data_rejection,positive_data_acceptance,missing_required_header"


_CASES = re.compile(r"([0-9,]+) generated")
_FAILURES = re.compile(r"([0-9]+) unique failure")


@dataclass(frozen=True)
class Told:
    """What one run told. `text` is its whole output, for whoever looks for a failure."""

    who: str
    cases: int
    failures: int
    text: str


async def run(*, examples: int, seed: int | None = None) -> ProofResult:
    """The proof at full size; `seed` is a fresh one unless it is given."""
    seed = told_seed("schemathesis", seed)
    told: list[Told] = []
    with open_rig() as rig, Progress() as progress:
        task = progress.add_task("Requests from the document", total=len(WHO))
        async with open_stage(rig.addresses, rig.home) as stage:
            told = await ask_as(
                stage, WHO, examples=examples, phases=_ALL_PHASES, seed=seed, done=lambda: progress.advance(task)
            )
    for one in told:
        if one.failures:
            print(f"{one.who}:\n{one.text}", file=sys.stderr)
    measures = (*measures_of(told, cases=10_000), reported("schemathesis: seed", seed, "seed"))
    return ProofResult("api_document", measures)


def measures_of(told: Sequence[Told], *, cases: int) -> list[Measure]:
    return [
        at_least("cases from the document", sum(one.cases for one in told), "cases", bar=cases),
        *(reported(f"  as {one.who}", one.cases, "cases") for one in told),
        at_most("that broke something or its documentation", sum(one.failures for one in told), "failures", bar=0),
    ]


async def ask_as(
    stage: Stage,
    roles: Sequence[str],
    *,
    examples: int,
    phases: str,
    seed: int,
    paths: str = "",
    done: Callable[[], object] = lambda: None,
) -> list[Told]:
    """One run a role, each with somebody of that role in a business with books. `paths`: a pattern of those that are asked."""
    chance = random.Random(seed)  # noqa: S311  # a schedule, not a secret
    world = await stage.make_world(chance, businesses=3)
    while not all(_headers(stage, world, who) for who in roles if who != NOBODY):
        world = await stage.make_world(chance, businesses=3)  # some worlds lack a fresh session of some role
    told = []
    stage.app.openapi()  # whoever asks for the document waits ten seconds, and making it may take a busy machine longer
    async with served(stage.app) as url:
        for who in roles:
            told.append(
                await _ask(
                    who,
                    _headers(stage, world, who),
                    url=url,
                    examples=examples,
                    phases=phases,
                    seed=seed,
                    paths=paths,
                )
            )
            done()
    return told


def _headers(stage: Stage, world: World, who: str) -> dict[str, str]:
    """Of the first principal who is that there, with all that a page of ours would send."""
    snapshot = look(stage.root, world)
    for principal in world.principals:
        if (standing := snapshot.of(principal)) is None:
            continue
        for business, right in standing.rights.items():
            is_whole = right.permissions == ROLES.get(who, ROLES["owner"])
            if right.label == who and is_whole and (standing.is_fresh or who == "service"):
                return {"X-Business-ID": str(business), **_shown(principal)}
    return {}


def _shown(principal: Principal) -> dict[str, str]:
    if principal.kind == "token":
        return {"Authorization": f"Bearer {principal.secret}"}
    return {"Cookie": f"__Host-sid={principal.secret}", "X-CSRF-Token": principal.csrf}


async def _ask(
    who: str, headers: dict[str, str], *, url: str, examples: int, phases: str, seed: int, paths: str
) -> Told:
    # Beside a session in the cookie a made-up token proves nothing.
    not_asked = f"{_NOT_ASKED},ignored_auth" if "Cookie" in headers else _NOT_ASKED
    given = [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]
    chosen = ["--include-path-regex", paths] if paths else []
    with tempfile.TemporaryDirectory() as directory:
        process = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).with_name("schemathesis")), "--config-file", _written(directory), "run", f"{url}{OPENAPI_PATH}",
            "--no-color", "--seed", str(seed), "--phases", phases, "--max-examples", str(examples),
            "--checks", "all", "--exclude-checks", not_asked, "--generation-database", "none", "--warnings", "off",
            "--continue-on-failure", "--suppress-health-check", "all", "--request-timeout", "120", "--no-shrink", *given, *chosen,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=directory,
            env={"PATH": os.environ["PATH"], "HOME": directory, "COLUMNS": "200"},
        )  # fmt: skip
        text = (await process.communicate())[0].decode()
    cases, failures = _CASES.search(text), _FAILURES.search(text)
    # What ends badly without a failure could not even begin.
    found = int(failures[1]) if failures else int(process.returncode != 0)
    return Told(who, int(cases[1].replace(",", "")) if cases else 0, found, text)


def _written(directory: str) -> str:
    path = Path(directory, "schemathesis.toml")
    path.write_text(_CONFIG)
    return str(path)


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[str]:
    """The application behind a socket of this machine, in this process. Its lifespan runs already."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, lifespan="off", log_config=None, access_log=False)
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            while not server.started:  # noqa: ASYNC110  # uvicorn has no event for it
                await asyncio.sleep(0.01)
            yield f"http://localhost:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            await serving
