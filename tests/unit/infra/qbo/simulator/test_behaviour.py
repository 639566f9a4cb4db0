from dataclasses import fields, replace
from pathlib import Path

import pytest

from infra.qbo.simulator.behaviour import DEFAULT, Behaviour, UnknownBehaviour, read_settings, table


def test_switches_are_read_from_words() -> None:
    switches = read_settings(["void_everything=true", "query_lag_seconds=3", "inactive_reference=2500"])
    assert switches == replace(DEFAULT, void_everything=True, query_lag_seconds=3, inactive_reference="2500")


@pytest.mark.parametrize("word", ["void_all=true", "void_everything=maybe", "query_lag_seconds=-1", "auth_body"])
def test_an_unknown_switch_or_value_is_told(word: str) -> None:
    with pytest.raises(UnknownBehaviour, match=word.partition("=")[0]):
        read_settings([word])


def test_the_table_names_every_switch_and_its_evidence() -> None:
    rows = table().splitlines()[2:]
    assert [row.split("`")[1] for row in rows] == [switch.name for switch in fields(Behaviour)]
    assert all(row.split("|")[4].strip() in {"sure", "likely", "unverified"} for row in rows)


def test_the_guide_shows_the_table_as_it_is() -> None:
    guide = Path(__file__).parents[5] / "docs" / "guide" / "simulator-behaviour.md"
    assert table() in guide.read_text()
