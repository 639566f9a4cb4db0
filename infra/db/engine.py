from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from infra import exact_json
from infra.db.checkout import check_at_checkout

# A page of 1,000 objects takes some tenths of a second; waiting for a lock counts as part of its statement.
LIMITS = "-c statement_timeout=60s -c lock_timeout=30s -c idle_in_transaction_session_timeout=60s -c timezone=UTC"


def _dumps(value: object) -> str:
    return exact_json.dumps(value).decode()


def create_engine(url: str, *, pool_size: int = 10) -> AsyncEngine:
    """The application's engine: psycopg 3, exact JSON both ways, a broken or unclean connection noticed before it is used.

    Statement and idle limits keep a lost client from holding rows or the log's transaction-id watermark back.
    """
    engine = create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        json_serializer=_dumps,
        json_deserializer=exact_json.loads,
        hide_parameters=True,  # an error's text ends in logs and in what the API shows of a run
        connect_args={"options": LIMITS},
    )
    check_at_checkout(engine)
    return engine
