"""The oracle and the levers are no client's: with a secret, nothing under /admin answers to anything else."""

import re

from starlette.routing import Route
from typer.testing import CliRunner

from infra.qbo.simulator.api.app import create_app
from infra.qbo.simulator.command import app
from tests.integration.infra.qbo.test_simulator_levers_command import run
from tests.integration.infra.qbo.troubled_simulator import small_simulator, troubled
from tests.unit.infra.qbo.simulator.small_company import bill

SECRET = "the simulator's own"


async def test_no_client_reaches_what_is_under_admin() -> None:
    simulator = small_simulator(admin_secret=SECRET)
    routes = [route for route in create_app(simulator).routes if isinstance(route, Route)]
    places = {re.sub(r"\{\w+\}", "x", route.path): route.methods or set() for route in routes if "/admin" in route.path}
    assert len(places) > 10
    async with troubled(simulator) as rig:
        for place, methods in places.items():
            for method in methods - {"HEAD"}:
                for headers in ({}, rig.headers, {"x-simulator-secret": rig.info.client_secret}):
                    answer = await rig.http.request(method, place, headers=headers)
                    assert answer.status_code == 401, f"{method} {place}"
                    assert answer.json().keys() == {"error"}
        shown = await rig.http.get("/admin/oracle", headers={"x-simulator-secret": SECRET})
        assert shown.json()["totals"] == {}


async def test_an_answer_of_the_api_says_nothing_of_trouble_or_the_oracle() -> None:
    async with troubled(small_simulator()) as rig:
        plain = await rig.post("bill", bill())
        await rig.trouble({"do": "latency", "constant_ms": 0}, verb="create")
        await rig.trouble({"do": "twice"}, verb="create", count=1)
        troubled_answer = await rig.post("bill", bill())
        assert troubled_answer.headers.keys() == plain.headers.keys()
        assert troubled_answer.json()["Bill"].keys() == plain.json()["Bill"].keys()
        for path in ("admin", "oracle", "admin/oracle"):
            assert (await rig.get(path)).status_code in {400, 404}


async def test_the_command_shows_the_secret() -> None:
    async with troubled(small_simulator(admin_secret=SECRET)) as rig:
        url = rig.info.base_url
        refused = await run(url, "trouble", "list")
        allowed = await run(url, "trouble", "seed", "3", "--admin-secret", SECRET)
    assert (refused.exit_code, allowed.exit_code) == (1, 0)
    assert "secret" in refused.output
    assert "seed-3-late" in allowed.output


def test_an_address_of_strangers_needs_a_secret() -> None:
    result = CliRunner().invoke(app, ["qbo", "--host", "0.0.0.0"])
    assert result.exit_code == 2
    assert "--admin-secret" in result.output
