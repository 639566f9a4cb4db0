import asyncio
import json
import signal
import sys
from pathlib import Path

import httpx
from typer.testing import CliRunner

from infra.qbo.simulator.command import app

_RUN = "from infra.qbo.simulator.command import app; app()"


async def test_the_command_serves_the_demo_company_and_stops_when_told(tmp_path: Path) -> None:
    info_file = tmp_path / "info.json"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _RUN, "qbo", "--port", "0", "--info", str(info_file), stderr=asyncio.subprocess.PIPE
    )
    try:
        assert process.stderr is not None
        line = (await asyncio.wait_for(process.stderr.readline(), 60)).decode()
        info = json.loads(info_file.read_bytes())
        assert info["base_url"] in line
        assert info_file.stat().st_mode & 0o077 == 0  # it holds secrets
        headers = {"Authorization": f"Bearer {info['access_token']}", "Accept": "application/json"}
        async with httpx.AsyncClient(headers=headers, timeout=30) as http:
            url = f"{info['api_url']}/v3/company/{info['realm_ids'][0]}/query"
            counted = await http.get(url, params={"query": "SELECT COUNT(*) FROM Bill"})
        assert counted.json()["QueryResponse"]["totalCount"] > 0
    finally:
        process.send_signal(signal.SIGINT)
        await asyncio.wait_for(process.communicate(), 30)


def test_a_company_file_that_is_not_there_is_a_plain_message(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["qbo", "--company", str(tmp_path / "none.json")])
    assert result.exit_code == 1
    assert "none.json" in result.output
    assert "Traceback" not in result.output
