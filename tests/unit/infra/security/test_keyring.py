import threading
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from structlog.testing import capture_logs

from infra.security import keyring
from infra.security.keyring import CannotOpen, Keyring, key_id_of
from infra.security.keyring_file import KeyringUnusable, add_key, drop_keys, read_keys, signature_of

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
CONTEXT = ("business-1", "qbo", "refresh_token")
RING = Keyring({"old": b"1" * 32, "new": b"2" * 32})


@given(st.text(), st.lists(st.text(), max_size=4).map(tuple))
def test_what_is_sealed_opens_in_its_own_context(secret: str, context: tuple[str, ...]) -> None:
    sealed = RING.seal(SecretStr(secret), context=context)
    assert RING.open(sealed, context=context).get_secret_value() == secret


@pytest.mark.parametrize(
    "elsewhere",
    [
        ("business-2", "qbo", "refresh_token"),
        ("business-1", "stripe", "refresh_token"),
        ("business-1", "qbo", "access_token"),
        ("business-1q", "bo", "refresh_token"),
        ("business-1", "qbo"),
    ],
)
def test_a_value_moved_elsewhere_does_not_open(elsewhere: tuple[str, ...]) -> None:
    sealed = RING.seal("topsecret", context=CONTEXT)
    with pytest.raises(CannotOpen) as caught:
        RING.open(sealed, context=elsewhere)
    assert "topsecret" not in str(caught.value)


def test_a_value_does_not_open_under_another_keys_name() -> None:
    same_key_twice = Keyring({"a": b"1" * 32, "b": b"1" * 32})
    sealed = same_key_twice.seal("x", context=CONTEXT)
    with pytest.raises(CannotOpen):
        same_key_twice.open(sealed.replace(".b.", ".a."), context=CONTEXT)


@pytest.mark.parametrize("position", [0, 11, 12, 20, -1])
def test_a_changed_byte_is_noticed(position: int) -> None:
    form, key_id, data = RING.seal("topsecret", context=CONTEXT).split(".")
    raw = bytearray(urlsafe_b64decode(data))
    raw[position] ^= 1
    with pytest.raises(CannotOpen):
        RING.open(f"{form}.{key_id}.{urlsafe_b64encode(raw).decode()}", context=CONTEXT)


@pytest.mark.parametrize("value", ["", "x", "v1.new", "v1.new.AAAA", "v1.gone." + "A" * 40, "v2.new." + "A" * 40])
def test_what_was_never_sealed_here_does_not_open(value: str) -> None:
    with pytest.raises(CannotOpen):
        RING.open(value, context=CONTEXT)


def test_the_same_text_never_seals_to_the_same_value() -> None:
    assert RING.seal("x", context=CONTEXT) != RING.seal("x", context=CONTEXT)


def test_a_new_keyring_is_made_for_its_owner_only_and_loads_again(tmp_path: Path) -> None:
    path = tmp_path / "home" / "keyring.json"
    sealed = Keyring.load(path, create=True).seal("x", context=CONTEXT)
    assert path.stat().st_mode & 0o777 == 0o600
    assert Keyring.load(path).open(sealed, context=CONTEXT).get_secret_value() == "x"
    assert list(path.parent.iterdir()) == [path]


def test_all_who_start_at_once_get_the_same_key(tmp_path: Path) -> None:
    path = tmp_path / "keyring.json"
    rings: list[Keyring] = []
    start = threading.Barrier(8)

    def load() -> None:
        start.wait()
        rings.append(Keyring.load(path, create=True))

    threads = [threading.Thread(target=load) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sealed = rings[0].seal("x", context=CONTEXT)
    assert [ring.open(sealed, context=CONTEXT).get_secret_value() for ring in rings] == ["x"] * 8


def test_after_a_rotation_the_new_key_seals_and_the_old_one_opens_in_every_process(tmp_path: Path) -> None:
    path = tmp_path / "keyring.json"
    ring, another_process = Keyring.load(path, create=True), Keyring.load(path)
    sealed = ring.seal("x", context=CONTEXT)
    assert ring.is_newest(sealed)
    added = add_key(path, at=NOW)
    assert ring.newest_id == another_process.newest_id == added.id
    assert not another_process.is_newest(sealed)
    assert another_process.open(sealed, context=CONTEXT).get_secret_value() == "x"
    resealed = ring.seal("x", context=CONTEXT)
    assert key_id_of(resealed) == added.id
    assert another_process.open(resealed, context=CONTEXT).get_secret_value() == "x"


def test_a_dropped_key_is_gone_for_running_processes_and_the_newest_cannot_be_dropped(tmp_path: Path) -> None:
    path = tmp_path / "keyring.json"
    ring = Keyring.load(path, create=True)
    sealed = ring.seal("x", context=CONTEXT)
    added = add_key(path, at=NOW)
    drop_keys(path, [key_id_of(sealed), added.id])
    assert ring.key_ids() == (added.id,)
    with pytest.raises(CannotOpen, match="does not have"):
        ring.open(sealed, context=CONTEXT)


def test_a_key_that_came_behind_an_unchanged_stat_is_found_when_it_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "keyring.json"
    reader, writer = Keyring.load(path, create=True), Keyring.load(path)
    before = signature_of(path)
    add_key(path, at=NOW)
    sealed = writer.seal("x", context=CONTEXT)
    monkeypatch.setattr(keyring, "signature_of", lambda _path: before)
    assert reader.open(sealed, context=CONTEXT).get_secret_value() == "x"


@pytest.mark.parametrize("harm", [Path.unlink, lambda path: path.write_text("{"), lambda path: path.chmod(0o644)])
def test_a_keyring_whose_file_is_harmed_meanwhile_goes_on_and_says_so_once(
    tmp_path: Path, harm: Callable[[Path], object]
) -> None:
    path = tmp_path / "keyring.json"
    ring = Keyring.load(path, create=True)
    sealed = ring.seal("x", context=CONTEXT)
    text = path.read_text()
    harm(path)
    with capture_logs() as events:
        for _ in range(3):
            assert ring.open(sealed, context=CONTEXT).get_secret_value() == "x"
            assert ring.is_newest(ring.seal("y", context=CONTEXT))
    assert [event["event"] for event in events] == ["security.keyring.not_read"]
    path.unlink(missing_ok=True)
    path.touch(0o600)
    path.write_text(text)
    added = add_key(path, at=NOW)
    assert ring.newest_id == added.id


def test_a_writer_that_was_killed_leaves_no_keys_lying_about(tmp_path: Path) -> None:
    path = tmp_path / "keyring.json"
    Keyring.load(path, create=True)
    (tmp_path / ".keyring.json.new-dead").write_text("keys")
    add_key(path, at=NOW)
    assert {found.name for found in tmp_path.iterdir()} == {"keyring.json", ".keyring.json.lock"}
    assert path.stat().st_mode & 0o777 == 0o600


def test_keys_added_at_once_are_all_kept(tmp_path: Path) -> None:
    path = tmp_path / "keyring.json"
    Keyring.load(path, create=True)
    threads = [threading.Thread(target=lambda: add_key(path, at=NOW)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(read_keys(path)) == 9
    assert [entry.added_at for entry in read_keys(path)] == [None] + [NOW] * 8
    assert read_keys(path)[0].key.hex() not in repr(read_keys(path))


def test_a_keyring_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "keyring.json"
    Keyring.load(path, create=True)
    path.chmod(0o640)
    with pytest.raises(KeyringUnusable, match="chmod 600"):
        Keyring.load(path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        '{"keys": []}',
        '{"keys": [{"id": "a"}]}',
        '{"keys": [{"id": "a", "key": "c2VjcmV0"}]}',
        '{"keys": [{"id": "a", "key": "sécret"}]}',
        '{"keys": [{"id": "a", "key": "' + "c2VjcmV0" * 6 + '", "added_at": "yesterday"}]}',
    ],
)
def test_a_malformed_keyring_is_refused_without_showing_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "keyring.json"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(KeyringUnusable) as caught:
        Keyring.load(path)
    assert "c2VjcmV0" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_an_absent_keyring_is_not_made_unasked(tmp_path: Path) -> None:
    with pytest.raises(KeyringUnusable, match="cannot be read"):
        Keyring.load(tmp_path / "keyring.json")


def test_a_keyring_never_shows_its_keys() -> None:
    assert repr(RING) == "Keyring(2 keys, newest 'new')"
