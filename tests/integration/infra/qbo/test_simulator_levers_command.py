"""`oodaloo simulator trouble` and `clock` against a running simulator."""

import asyncio
from pathlib import Path

from typer.testing import CliRunner, Result

from infra import exact_json
from infra.qbo.simulator.command import app
from tests.integration.infra.qbo.troubled_simulator import small_simulator, troubled


async def run(url: str, *words: str) -> Result:
    return await asyncio.to_thread(lambda: CliRunner().invoke(app, [*words, "--admin-url", url]))


async def test_rules_are_added_listed_and_cleared(tmp_path: Path) -> None:
    file = tmp_path / "scenario.json"
    file.write_bytes(exact_json.dumps({"rules": [{"name": "late", "effect": {"do": "late", "after_seconds": [1, 9]}}]}))
    async with troubled(small_simulator()) as rig:
        url = rig.info.base_url
        assert (await run(url, "trouble", "add", '{"name": "r", "effect": {"do": "reset"}}')).exit_code == 0
        assert (await run(url, "trouble", "add", "--file", str(file))).exit_code == 0
        assert [rule["name"] for rule in exact_json.loads((await run(url, "trouble", "list")).output)["rules"]] == [
            "r",
            "late",
        ]
        assert (await run(url, "trouble", "clear", "r")).exit_code == 0
        assert (await run(url, "trouble", "clear")).output == '{"removed":["late"]}\n'


async def test_mistakes_are_plain_messages(tmp_path: Path) -> None:
    async with troubled(small_simulator()) as rig:
        url = rig.info.base_url
        unknown = await run(url, "trouble", "add", '{"effect": {"do": "explode"}}')
        missing = await run(url, "trouble", "add", "--file", str(tmp_path / "none.json"))
        nothing = await run("http://127.0.0.1:1", "trouble", "list")
        back = await run(url, "clock", "--now", "2020-01-01T00:00:00Z")
    assert [result.exit_code for result in (unknown, missing, nothing, back)] == [1, 1, 1, 1]
    assert "explode" in unknown.output
    assert "none.json" in missing.output
    assert "No simulator answers" in nothing.output
    assert "does not go back" in back.output


async def test_the_clock_is_shown_and_moved() -> None:
    async with troubled(small_simulator()) as rig:
        await run(rig.info.base_url, "clock", "--advance", "3600")
        shown = await run(rig.info.base_url, "clock")
    assert exact_json.loads(shown.output)["now"] == "2026-03-02T19:00:00+00:00"
