"""Which schema it is, told to the role that looks after the installation: a load balancer asks for it through a web process.

Revision ID: 0009
"""

from alembic import op

from infra.db.roles import JOBS

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.execute(f"GRANT SELECT ON alembic_version TO {JOBS}")
