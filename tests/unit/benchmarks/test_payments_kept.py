"""A long proof that is cut off goes on where it stopped, and only with the code that it began with."""

from pathlib import Path

from benchmarks.proofs.payments.child import outcome_from_raw, outcome_to_raw
from benchmarks.proofs.payments.kept import Chunk, Kept, chunks_of, digest_of_code, unfinished
from benchmarks.proofs.payments.proof import Outcome

_RIGHT = Outcome(histories=100, seconds=[1.5])


def test_every_seed_is_in_one_chunk() -> None:
    seeds = [seed for chunk in chunks_of(7, 250) for seed in chunk.seeds]
    assert seeds == list(range(7, 257))


def test_what_was_kept_is_not_played_again(tmp_path: Path) -> None:
    Kept.open(tmp_path, first=7, histories=250, digest="a").keep(Chunk(107, 100), outcome_to_raw(_RIGHT))
    again = Kept.open(tmp_path, first=7, histories=250, digest="a")
    assert again.left == [Chunk(7, 100), Chunk(207, 50)]
    assert [outcome_from_raw(raw) for raw in again.outcomes.values()] == [_RIGHT]


def test_other_code_begins_anew(tmp_path: Path) -> None:
    Kept.open(tmp_path, first=7, histories=100, digest="a").keep(Chunk(7, 100), outcome_to_raw(_RIGHT))
    assert Kept.open(tmp_path, first=7, histories=100, digest="b").left == [Chunk(7, 100)]
    assert unfinished(tmp_path, histories=100, digest="b") is None


def test_a_line_that_was_cut_off_is_played_again_and_spoils_none_after_it(tmp_path: Path) -> None:
    kept = Kept.open(tmp_path, first=7, histories=200, digest="a")
    kept.keep(Chunk(7, 100), outcome_to_raw(_RIGHT))
    kept.path.write_text(kept.path.read_text(encoding="utf-8")[:-20], encoding="utf-8")
    again = Kept.open(tmp_path, first=7, histories=200, digest="a")
    assert again.left == chunks_of(7, 200)
    again.keep(Chunk(107, 100), outcome_to_raw(_RIGHT))
    assert Kept.open(tmp_path, first=7, histories=200, digest="a").left == [Chunk(7, 100)]


def test_only_what_is_not_ended_is_gone_on_with(tmp_path: Path) -> None:
    for first in (7, 1007):
        Kept.open(tmp_path, first=first, histories=200, digest="a").keep(Chunk(first, 100), outcome_to_raw(_RIGHT))
    assert unfinished(tmp_path, histories=200, digest="a") in {7, 1007}
    for first in (7, 1007):
        Kept.open(tmp_path, first=first, histories=200, digest="a").keep(
            Chunk(first + 100, 100), outcome_to_raw(_RIGHT)
        )
    assert unfinished(tmp_path, histories=200, digest="a") is None


def test_the_code_is_told_apart_by_what_is_in_it(tmp_path: Path) -> None:
    for name in ("infra/a.py", "benchmarks/companies.py", "benchmarks/rig.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("1")
    before = digest_of_code(tmp_path)
    (tmp_path / "infra/a.css").write_text("nobody's matter")
    assert digest_of_code(tmp_path) == before
    (tmp_path / "infra/a.py").write_text("2")
    assert digest_of_code(tmp_path) != before
