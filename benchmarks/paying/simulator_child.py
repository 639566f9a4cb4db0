"""`python -m benchmarks.paying.simulator_child FILE REALM COPIES TOLD`: the simulator as a process of its own, with a grant for each company.

The companies are copies of the one in FILE, their realms count up from REALM.

TOLD gets its addresses and the grants, as JSON, once it takes calls.
"""

import asyncio
import sys
from dataclasses import asdict
from pathlib import Path

from infra import exact_json
from infra.parent import end_with_parent
from infra.qbo.simulator.books.loading import load_company
from infra.qbo.simulator.files.company_file import read_company_file
from infra.qbo.simulator.server import SimulatorInfo, serve
from infra.qbo.simulator.simulator import Simulator
from infra.qbo.simulator.timeline.simulated_clock import SimulatedClock
from infra.qbo.simulator.timestamps import PACIFIC


def main() -> None:
    end_with_parent()
    path, realm, copies, told = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
    clock = SimulatedClock()
    file = read_company_file(path, today=clock.now().astimezone(PACIFIC).date())
    original = load_company(file.model_copy(update={"realm_id": str(realm)}), clock=clock)
    others = [original.copy(str(realm + number)) for number in range(1, copies)]
    simulator = Simulator([original, *others], clock=clock)

    def announce(info: SimulatorInfo) -> None:
        grants = {
            realm_id: simulator.oauth.grant(realm_id, client_id=info.client_id) for realm_id in simulator.companies
        }
        unfinished = told.with_suffix(".part")
        unfinished.write_bytes(exact_json.dumps({"info": asdict(info), "grants": grants}))
        unfinished.replace(told)

    asyncio.run(serve(simulator, announce=announce))


if __name__ == "__main__":
    main()
