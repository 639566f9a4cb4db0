"""What a password may be, and how it is kept."""

import asyncio
import time

import pytest
from pydantic import SecretStr

from domains.core.passwords import Passwords, refuse_weak
from domains.core.passwords.known import build, is_known
from domains.core.sign_in_errors import PasswordRefused

EMAIL, NAME = "ada.park@cornerbakery.example", "Ada Park"


@pytest.mark.parametrize(
    ("plain", "because"),
    [
        ("elevenchars", "at least 12"),
        ("x1" * 65, "at most 128"),
        ("aaaaaaaaaaaaaa", "too much of the same"),
        ("ababababababab", "too much of the same"),
        ("password1234", "lists"),
        ("PASSWORD!2024", "lists"),
        ("qwertyuiop123", "lists"),
        ("1234567890123456", "lists"),
        ("letmeinplease", "lists"),
        (EMAIL, "e-mail"),
        ("Ada.Park@CornerBakery.example", "e-mail"),
        ("cornerbakery1!", "e-mail"),
        ("adaparkadapark", "e-mail"),
        ("Park Ada 2024!", "e-mail"),
    ],
)
def test_what_everybody_tries_first_is_refused(plain: str, because: str) -> None:
    with pytest.raises(PasswordRefused, match=because):
        refuse_weak(plain, email=EMAIL, name=NAME)


@pytest.mark.parametrize(
    "plain",
    [
        "seven grey geese went by",
        "twelve chars",
        "пять синих гусей",
        "  spaces  count  too  ",
        "73920175846091827364509",
        "x" + "abcdefgh!" * 14,
    ],
)
def test_any_letters_will_do(plain: str) -> None:
    refuse_weak(plain, email=EMAIL, name=NAME)


def test_the_list_has_what_it_was_built_from_and_little_else() -> None:
    assert is_known("iloveyou")
    assert is_known("CorrectHorseBatteryStaple")
    strangers = [f"{number:x}-{number * 7919:x}-goose" for number in range(20_000)]
    assert sum(map(is_known, strangers)) < 140  # 1 in 300 is expected


def test_a_list_of_ones_own() -> None:
    bits = build(["Geese", "swans"])
    assert len(bits) == 4
    assert build(["geese", "SWANS", "swans"]) == bits


async def test_a_hash_is_argon2id_and_salted_and_knows_its_password() -> None:
    passwords = Passwords()
    one, two = [await passwords.hash_new(SecretStr("seven grey geese"), email=EMAIL, name=NAME) for _ in range(2)]
    assert one.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert one != two
    assert await passwords.is_right(SecretStr("seven grey geese"), hashed=one)
    assert not await passwords.is_right(SecretStr("seven grey goose"), hashed=one)
    assert not await passwords.is_right(SecretStr("seven grey geese"), hashed=None)
    assert not await passwords.is_right(SecretStr(""), hashed=one)


async def test_however_a_keyboard_composes_its_letters() -> None:
    passwords = Passwords()
    hashed = await passwords.hash_new(SecretStr("sieben grüne gänse"), email=EMAIL, name=NAME)
    assert await passwords.is_right(SecretStr("sieben gru\u0308ne ga\u0308nse"), hashed=hashed)


async def test_hashes_wait_for_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    passwords, running, most = Passwords(at_once=2), 0, 0

    def slowly(_self: object, _text: str, _hashed: str) -> bool:
        nonlocal running, most
        running += 1
        most = max(most, running)
        time.sleep(0.02)
        running -= 1
        return False

    monkeypatch.setattr("pwdlib.PasswordHash.verify", slowly)
    await asyncio.gather(*(passwords.is_right(SecretStr("x"), hashed="h") for _ in range(8)))
    assert most == 2
