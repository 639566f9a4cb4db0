"""The jobs that QBO's sync asks for, by the names in runway/jobs.py. Each takes the business's id first."""

from typing import Final

BACKFILL: Final = "qbo.backfill"
RESCAN: Final = "qbo.rescan"  # then the entities, all that wait for it unless named
TIE_OUT: Final = "qbo.tie_out"
RECONCILE: Final = "qbo.reconcile"
COMPARE: Final = "qbo.compare"
