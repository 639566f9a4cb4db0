"""A sealer that works as fast as it can until it is killed, and says a word after each round."""

import sys
from pathlib import Path

from infra.clock import SystemClock
from infra.log_proof.sealer import Sealer, open_connection
from infra.log_proof.settings import LogProofFiles, LogProofSettings

files = LogProofFiles(LogProofSettings(), Path(sys.argv[2]))
with open_connection(sys.argv[1]) as connection:
    sealer = Sealer(connection, key=files.key(), file=files.checkpoints, clock=SystemClock())
    while True:
        sealer.seal()
        sys.stdout.write("sealed\n")
        sys.stdout.flush()
