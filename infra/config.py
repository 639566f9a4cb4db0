"""Settings come from the environment alone, one frozen class a concern, read once in wiring and passed in.

A missing or malformed variable raises `SettingsError`, which names the variable and says what it should be.
"""

from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, HttpUrl, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from infra.errors import OodalooError

S = TypeVar("S", bound=BaseSettings)


class SettingsError(OodalooError):
    """The environment cannot be used; the text lists every variable at fault."""


class Rail(StrEnum):
    QBO = "qbo"
    PLAID = "plaid"
    STRIPE = "stripe"
    RAMP = "ramp"


def _split_rails(value: Any) -> Any:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _must_be_postgresql(value: str) -> str:
    if not value.startswith(("postgresql://", "postgresql+psycopg://")):
        raise ValueError("should look like postgresql://user:password@host:5432/database")
    return value


def _must_be_redis(value: str) -> str:
    if not value.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("should look like redis://host:6379/0")
    return value


class _Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="OODALOO_", frozen=True, extra="ignore", env_ignore_empty=True)


class ServerSettings(_Settings):
    """Where PostgreSQL and Valkey are. Unset means: start the bundled ones under `home`.

    `database_url` is the application's role; `database_owner_url`, for migrations, is the same when unset.
    """

    home: Path = Path(".oodaloo")
    database_url: Annotated[str, AfterValidator(_must_be_postgresql)] | None = None
    database_owner_url: Annotated[str, AfterValidator(_must_be_postgresql)] | None = None
    redis_url: Annotated[str, AfterValidator(_must_be_redis)] | None = None
    database_pool_size: int = Field(default=10, ge=1, le=200)


class RailSettings(_Settings):
    """Which rails are switched on: a comma-separated list."""

    rails: Annotated[tuple[Rail, ...], NoDecode, BeforeValidator(_split_rails)] = (Rail.QBO,)


class WebSettings(_Settings):
    """`public_url` is what browsers and Intuit's redirect see."""

    public_url: HttpUrl = HttpUrl("http://127.0.0.1:8000")
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
    log_json: bool = False


class KeyringSettings(_Settings):
    """`keyring_file` holds the AES keys that seal the rails' tokens; unset means `<home>/keyring.json`, made when absent."""

    keyring_file: Path | None = None


class QBOSettings(_Settings):
    """Intuit's app keys and hosts. Hosts of production: qbo API.md section 1; the simulator prints its own."""

    model_config = SettingsConfigDict(env_prefix="QBO_", frozen=True, extra="ignore", env_ignore_empty=True)

    client_id: str
    client_secret: SecretStr
    api_url: HttpUrl = HttpUrl("https://quickbooks.api.intuit.com")
    discovery_url: HttpUrl = HttpUrl("https://developer.api.intuit.com/.well-known/openid_configuration")
    connect_timeout: timedelta = timedelta(seconds=3)
    read_timeout: timedelta = timedelta(seconds=30)
    calls_per_minute: int = Field(default=440, ge=1, le=500)
    calls_per_second: int = Field(default=9, ge=1, le=10)
    calls_in_flight: int = Field(default=8, ge=1, le=10)
    burst: int = Field(default=50, ge=1, le=60)


def load(settings: type[S], **values: Any) -> S:
    """Read one concern from the environment.

    Raises:
        SettingsError: naming each variable that is missing or malformed and what it should be.
    """
    try:
        return settings(**values)
    except ValidationError as error:
        prefix = str(settings.model_config.get("env_prefix", ""))
        lines = [_explain(prefix, item) for item in error.errors()]
        # Not chained: the validation's own text shows passwords.
        raise SettingsError("The settings cannot be used:\n" + "\n".join(lines)) from None


def _explain(prefix: str, item: Any) -> str:
    variable = (prefix + str(item["loc"][0])).upper() if item["loc"] else prefix
    if item["type"] == "missing":
        return f"  {variable} is not set; Oodaloo needs it here."
    return f"  {variable} is {_shown(variable, item['input'])}: {item['msg']}."


def _shown(variable: str, value: Any) -> str:
    return "[hidden]" if any(word in variable for word in ("SECRET", "URL", "KEY")) else repr(value)
