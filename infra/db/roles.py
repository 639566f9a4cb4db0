"""The database's login roles, each for one purpose. None but the owner owns anything; none can bypass row-level security.

Under FORCE a SECURITY DEFINER function sees no more than its caller, so whoever looks across businesses has a role, and policies
on just the tables that takes (DESIGN section 9).
"""

from sqlalchemy import make_url

OWNER = "oodaloo_owner"  # owns the database and its schema, runs the migrations
APP = "oodaloo_app"  # one business's (or a firm's) books, for web and workers
ACCESS = "oodaloo_access"  # who may come in: people, sessions, tokens, memberships, the access log; no books
JOBS = "oodaloo_jobs"  # the queue, and which businesses are to be synced; no books
SEALER = "oodaloo_sealer"  # reads every log, writes the seals

LOGIN_ROLES = (OWNER, APP, ACCESS, JOBS, SEALER)


def url_of_role(app_url: str, role: str) -> str:
    """The application's address with another role in it; the password, if there is one, is the same."""
    return make_url(app_url).set(username=role).render_as_string(hide_password=False)
