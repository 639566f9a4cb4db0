"""What a production start refuses: settings that are fine on a developer's machine and a hole anywhere else."""

import ipaddress
from collections.abc import Iterator
from pathlib import Path
from stat import S_IRWXG, S_IRWXO
from urllib.parse import parse_qs, urlsplit

from infra.config import (
    EdgeSettings,
    KeyringSettings,
    MailSettings,
    QBOSettings,
    ServerSettings,
    SettingsError,
    WebSettings,
)

_ENCRYPTED = frozenset({"require", "verify-ca", "verify-full"})
_SHORTEST_SECRET = 16
_EXAMPLES = ("change", "example", "secret", "password", "test", "xxxx", "todo")


def refuse_unsafe(
    servers: ServerSettings,
    web: WebSettings,
    *,
    keyring: KeyringSettings,
    edge: EdgeSettings,
    mail: MailSettings,
    qbo: QBOSettings | None,
) -> None:
    """Let production start only where nothing is obviously unsafe.

    Raises:
        SettingsError: every variable at fault, with what it should be; never its value.
    """
    found = [*_servers(servers), *_web(web, edge), *_keyring(keyring), *_mail(mail), *_qbo(qbo)]
    if found:
        lines = "\n".join(f"  {variable} {should}" for variable, should in found)
        raise SettingsError(f"With OODALOO_ENVIRONMENT=production these settings are refused:\n{lines}")


def is_loopback(host: str | None) -> bool:
    if not host or host == "localhost":
        return host == "localhost"
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _servers(servers: ServerSettings) -> Iterator[tuple[str, str]]:
    urls = {
        "OODALOO_DATABASE_URL": servers.database_url,
        "OODALOO_DATABASE_OWNER_URL": servers.database_owner_url,
        "OODALOO_DATABASE_ACCESS_URL": servers.database_access_url,
        "OODALOO_DATABASE_JOBS_URL": servers.database_jobs_url,
        "OODALOO_DATABASE_SEALER_URL": servers.database_sealer_url,
    }
    if servers.database_url is None:
        yield "OODALOO_DATABASE_URL", "should name a database of your own: the bundled one is for development."
    if servers.redis_url is None:
        yield "OODALOO_REDIS_URL", "should name a server of your own: the bundled one is for development."
    for variable, url in urls.items():
        if url is not None and _is_bare_postgresql(url):
            yield variable, "should end in sslmode=verify-full: the database is on another machine."
    if servers.redis_url is not None:
        parts = urlsplit(servers.redis_url)
        if parts.scheme == "redis" and not is_loopback(parts.hostname):
            yield "OODALOO_REDIS_URL", "should begin with rediss://: the server is on another machine."


def _is_bare_postgresql(url: str) -> bool:
    """Whether it goes over a network without TLS; a path is a Unix socket's directory."""
    parts = urlsplit(url)
    asked = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    hosts = (asked.get("host") or parts.netloc.rpartition("@")[2]).split(",")
    names = [urlsplit(f"//{host}").hostname if not host.startswith("/") else None for host in hosts]
    is_remote = any(name is not None and not is_loopback(name) for name in names)
    return is_remote and asked.get("sslmode") not in _ENCRYPTED


def _web(web: WebSettings, edge: EdgeSettings) -> Iterator[tuple[str, str]]:
    public = urlsplit(str(web.public_url))
    if public.scheme != "https" and not is_loopback(public.hostname):
        yield "OODALOO_PUBLIC_URL", "should begin with https://: sessions and tokens would travel in the clear."
    if web.log_level == "DEBUG":
        yield "OODALOO_LOG_LEVEL", "should be INFO or higher."
    if "*" in edge.allowed_hosts:
        yield "OODALOO_ALLOWED_HOSTS", "should name hosts, not all there are."
    if any(network.prefixlen == 0 for network in edge.trusted_proxies):
        yield "OODALOO_TRUSTED_PROXIES", "should name your proxies' networks: anybody could claim any address."


def _keyring(keyring: KeyringSettings) -> Iterator[tuple[str, str]]:
    if keyring.keyring_file is None:
        yield (
            "OODALOO_KEYRING_FILE",
            "should name a file of your own that is backed up: what it seals cannot be read without it.",
        )
    elif _is_open_to_others(keyring.keyring_file):
        yield "OODALOO_KEYRING_FILE", "should be readable by this user alone (chmod 600)."


def _is_open_to_others(path: Path) -> bool:
    """One that is not there is the keyring's own error."""
    return path.exists() and bool(path.stat().st_mode & (S_IRWXG | S_IRWXO))


def _mail(mail: MailSettings) -> Iterator[tuple[str, str]]:
    if mail.smtp_url is None:
        yield (
            "OODALOO_SMTP_URL",
            "should name who takes our letters, smtps://user:password@host:465: they would lie in files that nobody reads.",
        )


def _qbo(qbo: QBOSettings | None) -> Iterator[tuple[str, str]]:
    if qbo is None:
        return
    for variable, url in (("QBO_API_URL", qbo.api_url), ("QBO_DISCOVERY_URL", qbo.discovery_url)):
        parts = urlsplit(str(url))
        if parts.scheme != "https" and not is_loopback(parts.hostname):
            yield variable, "should begin with https://: the rail's tokens would travel in the clear."
    secret = qbo.client_secret.get_secret_value()
    if len(secret) < _SHORTEST_SECRET or any(secret.lower().startswith(word) for word in _EXAMPLES):
        yield "QBO_CLIENT_SECRET", "should be the one of your app at Intuit; this is an example's, or too short."
