"""`python -m benchmarks.paying.simulator_child FILE COPIES TOLD`: the simulator as a process of its own, with a grant for each company.

TOLD gets its addresses and the grants, as JSON, once it takes calls.
"""

import asyncio
import sys
from dataclasses import asdict
from pathlib import Path

from benchmarks.paying.ends_with_parent import end_with_parent
from infra import exact_json
from infra.qbo.simulator.server import SimulatorInfo, serve
from infra.qbo.simulator.simulator import Simulator
from infra.qbo.simulator.state.loading_companies import CompanySource, load_companies
from infra.qbo.simulator.timeline.simulated_clock import SimulatedClock


def main() -> None:
    end_with_parent()
    file, copies, told = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    clock = SimulatedClock()
    simulator = Simulator(load_companies(CompanySource((file,), copies=copies), clock=clock), clock=clock)

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
