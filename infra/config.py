"""Settings come from the environment alone, one frozen class a concern, read once in wiring and passed in.

A missing or malformed variable raises `SettingsError`, which names the variable and says what it should be.
"""

from datetime import timedelta
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    HttpUrl,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
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


class Environment(StrEnum):
    """`production` refuses what is unsafe there: `infra/production.py`."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


def _split_list(value: Any) -> Any:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _read_seconds(value: Any) -> Any:
    """The environment has text, and a plain number there is seconds."""
    try:
        return timedelta(seconds=float(value)) if isinstance(value, str) else value
    except (ValueError, OverflowError):
        return value


def _must_be_postgresql(value: str) -> str:
    if not value.startswith(("postgresql://", "postgresql+psycopg://")):
        raise ValueError("should look like postgresql://user:password@host:5432/database")
    return value


def _must_be_redis(value: str) -> str:
    if not value.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("should look like redis://host:6379/0")
    return value


Seconds = Annotated[timedelta, BeforeValidator(_read_seconds), Field(gt=timedelta(0), le=timedelta(hours=1))]
ShortWhile = Annotated[timedelta, BeforeValidator(_read_seconds), Field(ge=timedelta(0), le=timedelta(minutes=1))]
Hours = Annotated[timedelta, BeforeValidator(_read_seconds), Field(gt=timedelta(0), le=timedelta(days=1))]


class _Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="OODALOO_", frozen=True, extra="ignore", env_ignore_empty=True)


class ServerSettings(_Settings):
    """Where PostgreSQL and Valkey are. Unset means: start the bundled ones under `home`.

    `database_url` is the application's role; `database_owner_url`, for migrations, is the same when unset. The URLs of the roles
    oodaloo_access, oodaloo_jobs and oodaloo_sealer are the application's with that role in it, unless they are given.
    """

    home: Path = Path(".oodaloo")
    database_url: Annotated[str, AfterValidator(_must_be_postgresql)] | None = None
    database_owner_url: Annotated[str, AfterValidator(_must_be_postgresql)] | None = None
    database_access_url: Annotated[str, AfterValidator(_must_be_postgresql)] | None = None
    database_jobs_url: Annotated[str, AfterValidator(_must_be_postgresql)] | None = None
    database_sealer_url: Annotated[str, AfterValidator(_must_be_postgresql)] | None = None
    redis_url: Annotated[str, AfterValidator(_must_be_redis)] | None = None
    database_pool_size: int = Field(default=10, ge=1, le=200)


class WorkerSettings(_Settings):
    """`worker_niceness`: how far worker and scheduler stand behind whoever answers people, where cores are short; zero: not at all."""

    worker_niceness: int = Field(default=10, ge=0, le=19)

    @property
    def prompt_niceness(self) -> int:
        """Of the actions' queue: somebody waits for it all the same."""
        return self.worker_niceness // 2


class RailSettings(_Settings):
    """Which rails are switched on: a comma-separated list."""

    rails: Annotated[tuple[Rail, ...], NoDecode, BeforeValidator(_split_list)] = (Rail.QBO,)


class WebSettings(_Settings):
    """`public_url` is what browsers and Intuit's redirect see.

    `undo_window`: how long what a person asks for on a page waits before it leaves, so that they can take it back; zero: not at all.
    """

    public_url: HttpUrl = HttpUrl("http://127.0.0.1:8000")
    undo_window: ShortWhile = timedelta(seconds=8)
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
    log_json: bool = False


class EdgeSettings(_Settings):
    """What is decided about a request before any route sees it. Lists are comma-separated.

    Attributes:
        allowed_hosts: names that a request's Host may have, `*.example.com` for all under one; unset means the public URL's
            and this machine's own.
        trusted_proxies: networks whose X-Forwarded-For and X-Forwarded-Proto are believed.
        api_docs: whether the API's pages are shown; unset means everywhere but in production.
        request_timeout: until the answer begins; longer than a live read's budget for the rail.
        body_timeout: until the request's body is here.
        address_per_minute, credential_per_minute: requests of one address, and with one token or session.
        burst_percent: how much of a minute's requests may come at once.
        money_per_minute: requests that move money, of one business.
        health_per_minute: looks at one business's connection that ask the rail itself.
        metrics_token: opens `/metrics` as a bearer token; unset means that there is nothing at that path.
        web_processes: how many share the limits; while Redis is down each keeps to its part.
    """

    environment: Environment = Environment.DEVELOPMENT
    allowed_hosts: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_list)] = ()
    trusted_proxies: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(_split_list)] = ()
    api_docs: bool | None = None
    request_timeout: Seconds = timedelta(seconds=60)
    body_timeout: Seconds = timedelta(seconds=15)
    body_bytes: int = Field(default=1024 * 1024, ge=1024, le=64 * 1024 * 1024)
    json_depth: int = Field(default=32, ge=4, le=200)
    address_per_minute: int = Field(default=1200, ge=1)
    credential_per_minute: int = Field(default=600, ge=1)
    burst_percent: int = Field(default=50, ge=1, le=100)
    money_per_minute: int = Field(default=30, ge=1)
    health_per_minute: int = Field(default=6, ge=1)
    metrics_token: SecretStr | None = Field(default=None, min_length=16)
    web_processes: int = Field(default=2, ge=1, le=256)

    @property
    def is_production(self) -> bool:
        return self.environment is Environment.PRODUCTION

    @property
    def shows_api_docs(self) -> bool:
        return not self.is_production if self.api_docs is None else self.api_docs


class SecondFactorRule(StrEnum):
    """`optional` is for demonstrations: production refuses it."""

    REQUIRED = "required"
    OPTIONAL = "optional"


class SignInSettings(_Settings):
    """`second_factor`: whether those who may pay or let others in need one for that."""

    environment: Environment = Environment.DEVELOPMENT
    second_factor: SecondFactorRule = SecondFactorRule.REQUIRED

    @field_validator("second_factor")
    @classmethod
    def _must_be_safe(cls, value: SecondFactorRule, info: ValidationInfo) -> SecondFactorRule:
        if value is SecondFactorRule.OPTIONAL and info.data.get("environment") is Environment.PRODUCTION:
            raise ValueError("should be required, or unset: with OODALOO_ENVIRONMENT=production it is not optional")
        return value


def _must_be_smtp(value: SecretStr) -> SecretStr:
    parts = urlsplit(value.get_secret_value())
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
        raise ValueError("should look like smtps://user:password@host:465, or smtp:// for STARTTLS")
    return value


class MailSettings(_Settings):
    """`smtp_url` is who takes our letters; unset means: files under `<home>/mail`, one a letter, for nobody but the operator."""

    smtp_url: Annotated[SecretStr, AfterValidator(_must_be_smtp)] | None = None
    mail_from: str = Field(default="Oodaloo <oodaloo@localhost>", pattern=r"^[^\r\n]*@[^\r\n]+$")


class KeyringSettings(_Settings):
    """`keyring_file` holds the AES keys that seal the rails' tokens; unset means `<home>/keyring.json`, made when absent."""

    keyring_file: Path | None = None


class SyncSettings(_Settings):
    """How often a company's mirror is brought up to date without being asked.

    Attributes:
        sync_active_every: while somebody has used the business within `sync_active_for`.
        sync_every: otherwise.
        sync_idle_every, sync_sleeping_every: nobody has for three days, for two weeks.
        sync_at_once: businesses that one worker syncs side by side.
    """

    sync_active_for: Seconds = timedelta(minutes=15)
    sync_active_every: Seconds = timedelta(minutes=5)
    sync_every: Seconds = timedelta(minutes=15)
    sync_idle_every: Hours = timedelta(hours=1)
    sync_sleeping_every: Hours = timedelta(hours=6)
    sync_at_once: int = Field(default=16, ge=1, le=100)


class QBOSettings(_Settings):
    """Intuit's app keys and hosts. Hosts of production: qbo API.md section 1; the simulator prints its own.

    `webhook_verifier_tokens` sign Intuit's webhooks, comma-separated: the current one and, while it is exchanged, the one before.
    Without one every webhook is refused.

    Attributes:
        calls_per_minute, burst: of one company; never more than both together in any minute.
        calls_per_second, calls_in_flight: of one company. Calls are let in evenly and arrive unevenly: ten a second let in are more there.
        batches_per_minute, reports_per_minute: the most of these kinds of call in any minute; 0: as many as calls.
        processes: how many call QuickBooks at most, web processes and workers; while Redis is down each keeps to its part.
        monthly_calls: metered calls that Intuit lets the app make in a calendar month, all businesses together.
    """

    model_config = SettingsConfigDict(env_prefix="QBO_", frozen=True, extra="ignore", env_ignore_empty=True)

    client_id: str
    client_secret: SecretStr
    api_url: HttpUrl = HttpUrl("https://quickbooks.api.intuit.com")
    discovery_url: HttpUrl = HttpUrl("https://developer.api.intuit.com/.well-known/openid_configuration")
    connect_timeout: timedelta = timedelta(seconds=3)
    read_timeout: timedelta = timedelta(seconds=30)
    calls_per_minute: int = Field(default=440, ge=1, le=500)
    calls_per_second: int = Field(default=8, ge=1, le=10)
    calls_in_flight: int = Field(default=8, ge=1, le=10)
    burst: int = Field(default=50, ge=1, le=60)
    batches_per_minute: int = Field(default=35, ge=0, le=120)
    reports_per_minute: int = Field(default=180, ge=0, le=500)
    processes: int = Field(default=4, ge=1, le=256)
    monthly_calls: int = Field(default=500_000, ge=1)
    webhook_verifier_tokens: Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_split_list)] = ()


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
    return "[hidden]" if any(word in variable for word in ("SECRET", "URL", "KEY", "TOKEN")) else repr(value)
