"""Settings that are fine on a developer's machine do not start in production, and the text says what to do."""

from pathlib import Path

import pytest

from infra.config import SettingsError
from runway.settings import Settings

SAFE = {
    "OODALOO_ENVIRONMENT": "production",
    "OODALOO_PUBLIC_URL": "https://oodaloo.example.com",
    "OODALOO_DATABASE_URL": "postgresql://app:hunter2@db.example.com/books?sslmode=verify-full",
    "OODALOO_REDIS_URL": "rediss://:hunter2@cache.example.com/0",
    "OODALOO_SMTP_URL": "smtps://oodaloo:hunter2@mail.example.com:465",
    "QBO_CLIENT_ID": "id",
    "QBO_CLIENT_SECRET": "hunter2-9f8e7d6c5b4a3f2e1d0c",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    keyring = tmp_path / "keyring.json"
    keyring.write_text("{}")
    keyring.chmod(0o600)
    for name, value in {**SAFE, "OODALOO_KEYRING_FILE": str(keyring)}.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_safe_settings_start(environment: pytest.MonkeyPatch) -> None:
    settings = Settings.from_environment()
    assert settings.edge.is_production
    assert not settings.edge.shows_api_docs
    environment.setenv("OODALOO_API_DOCS", "true")
    assert Settings.from_environment().edge.shows_api_docs


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OODALOO_PUBLIC_URL", "http://127.0.0.1:8000"),
        ("OODALOO_DATABASE_URL", "postgresql://app@/books?host=/run/postgresql"),
        ("OODALOO_DATABASE_URL", "postgresql://app@127.0.0.1/books"),
        ("OODALOO_DATABASE_URL", "postgresql://app@[::1]:5432/books"),
        ("OODALOO_REDIS_URL", "redis://localhost:6379/0"),
        ("OODALOO_REDIS_URL", "unix:///run/valkey.sock"),
        ("QBO_API_URL", "http://127.0.0.1:8200"),
    ],
)
def test_what_stays_on_the_machine_may_be_plain(environment: pytest.MonkeyPatch, name: str, value: str) -> None:
    environment.setenv(name, value)
    Settings.from_environment()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OODALOO_PUBLIC_URL", "http://oodaloo.example.com"),
        ("OODALOO_PUBLIC_URL", "http://localhost.example.com"),
        ("OODALOO_DATABASE_URL", ""),
        ("OODALOO_DATABASE_URL", "postgresql://app:hunter2@db.example.com/books"),
        ("OODALOO_DATABASE_URL", "postgresql://app:hunter2@db.example.com/books?sslmode=prefer"),
        ("OODALOO_DATABASE_URL", "postgresql://app:hunter2@127.0.0.1/books?host=db.example.com"),
        ("OODALOO_DATABASE_OWNER_URL", "postgresql://owner:hunter2@10.0.0.1/books?sslmode=disable"),
        ("OODALOO_REDIS_URL", ""),
        ("OODALOO_REDIS_URL", "redis://:hunter2@cache.example.com/0"),
        ("OODALOO_KEYRING_FILE", ""),
        ("OODALOO_LOG_LEVEL", "DEBUG"),
        ("OODALOO_SMTP_URL", ""),
        ("OODALOO_ALLOWED_HOSTS", "*"),
        ("OODALOO_TRUSTED_PROXIES", "10.0.0.0/8,0.0.0.0/0"),
        ("QBO_API_URL", "http://quickbooks.example.com"),
        ("QBO_DISCOVERY_URL", "http://quickbooks.example.com/d"),
        ("QBO_CLIENT_SECRET", "hunter2"),
        ("QBO_CLIENT_SECRET", "changeme-changeme-changeme"),
    ],
)
def test_what_is_unsafe_does_not_start(environment: pytest.MonkeyPatch, name: str, value: str) -> None:
    environment.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment()
    (line,) = str(caught.value).splitlines()[1:]
    assert line.startswith(f"  {name} should ")
    assert "hunter2" not in str(caught.value)
    environment.setenv("OODALOO_ENVIRONMENT", "development")
    Settings.from_environment()


def test_a_keyring_that_others_can_read_does_not_start(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "keyring.json").chmod(0o640)
    with pytest.raises(SettingsError, match="chmod 600"):
        Settings.from_environment()
    environment.setenv("OODALOO_ENVIRONMENT", "development")
    Settings.from_environment()


def test_all_that_is_unsafe_is_told_at_once(environment: pytest.MonkeyPatch) -> None:
    for name in ("OODALOO_DATABASE_URL", "OODALOO_REDIS_URL", "OODALOO_KEYRING_FILE"):
        environment.delenv(name)
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment()
    assert len(str(caught.value).splitlines()) == 4


def test_an_environment_that_is_neither_is_refused(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("OODALOO_ENVIRONMENT", "prod")
    with pytest.raises(SettingsError, match="OODALOO_ENVIRONMENT"):
        Settings.from_environment()
