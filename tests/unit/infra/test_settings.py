import traceback

import pytest

from infra.config import QBOSettings, SecondFactorRule, ServerSettings, SettingsError, SignInSettings, load


def test_a_refused_address_shows_its_password_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in the text, and not in the traceback that a web server prints when it cannot start."""
    monkeypatch.setenv("OODALOO_DATABASE_URL", "postgres://oodaloo:hunter2@db/oodaloo")
    with pytest.raises(SettingsError) as caught:
        load(ServerSettings)
    assert "OODALOO_DATABASE_URL is [hidden]" in str(caught.value)
    assert "postgresql://user:password@host:5432/database" in str(caught.value)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


def test_every_variable_at_fault_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QBO_CLIENT_ID", raising=False)
    monkeypatch.delenv("QBO_CLIENT_SECRET", raising=False)
    monkeypatch.setenv("QBO_BURST", "many")
    with pytest.raises(SettingsError) as caught:
        load(QBOSettings)
    text = str(caught.value)
    assert "QBO_CLIENT_ID is not set" in text
    assert "QBO_CLIENT_SECRET is not set" in text
    assert "QBO_BURST is 'many'" in text


def test_the_second_factor_is_optional_in_a_demonstration_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OODALOO_SECOND_FACTOR", "optional")
    assert load(SignInSettings).second_factor is SecondFactorRule.OPTIONAL
    monkeypatch.setenv("OODALOO_ENVIRONMENT", "production")
    with pytest.raises(SettingsError, match="OODALOO_SECOND_FACTOR"):
        load(SignInSettings)
    monkeypatch.delenv("OODALOO_SECOND_FACTOR")
    assert load(SignInSettings).second_factor is SecondFactorRule.REQUIRED
