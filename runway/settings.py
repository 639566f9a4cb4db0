"""Every concern's settings of one process, read and checked once at its start."""

from dataclasses import dataclass, field
from pathlib import Path

from infra.config import (
    EdgeSettings,
    KeyringSettings,
    MailSettings,
    QBOSettings,
    Rail,
    RailSettings,
    ServerSettings,
    SignInSettings,
    SyncSettings,
    WebSettings,
    WorkerSettings,
    load,
)
from infra.production import refuse_unsafe
from infra.security.keyring import Keyring


@dataclass(frozen=True)
class Settings:
    """Every concern of one process, read and checked at its start."""

    servers: ServerSettings
    rails: RailSettings
    web: WebSettings
    keyring: KeyringSettings
    qbo: QBOSettings | None
    edge: EdgeSettings = field(default_factory=EdgeSettings)
    sign_in: SignInSettings = field(default_factory=SignInSettings)
    mail: MailSettings = field(default_factory=MailSettings)
    sync: SyncSettings = field(default_factory=SyncSettings)
    worker: WorkerSettings = field(default_factory=WorkerSettings)

    @classmethod
    def from_environment(cls) -> "Settings":
        """Read all settings; a rail's own only where the rail is enabled.

        Raises:
            SettingsError: naming what is missing, malformed, or unsafe in production.
        """
        rails = load(RailSettings)
        settings = cls(
            servers=load(ServerSettings),
            rails=rails,
            web=load(WebSettings),
            keyring=load(KeyringSettings),
            qbo=load(QBOSettings) if Rail.QBO in rails.rails else None,
            edge=load(EdgeSettings),
            sign_in=load(SignInSettings),
            mail=load(MailSettings),
            sync=load(SyncSettings),
            worker=load(WorkerSettings),
        )
        if settings.edge.is_production:
            refuse_unsafe(
                settings.servers,
                settings.web,
                keyring=settings.keyring,
                edge=settings.edge,
                mail=settings.mail,
                qbo=settings.qbo,
            )
        return settings


def keyring_path(keyring: KeyringSettings, servers: ServerSettings) -> Path:
    return keyring.keyring_file or servers.home / "keyring.json"


def open_keyring(keyring: KeyringSettings, servers: ServerSettings) -> Keyring:
    """One that was named must be there: a new key in its place would seal what nothing opens once the right file is back."""
    return Keyring.load(keyring_path(keyring, servers), create=keyring.keyring_file is None)
