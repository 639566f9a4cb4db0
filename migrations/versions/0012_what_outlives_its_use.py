"""Which token made a token, so that revoking one ends both; and old leases of cached answers may be removed.

Revision ID: 0012
"""

import sqlalchemy as sa
from alembic import op

from infra.db.roles import JOBS

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column("api_token", sa.Column("made_by", sa.Uuid(), sa.ForeignKey("api_token.id"), nullable=True))
    op.create_index("ix_api_token_made_by", "api_token", ["made_by"], postgresql_where=sa.text("made_by IS NOT NULL"))
    op.execute(f"GRANT DELETE ON refresh_lease TO {JOBS}")
