"""The forms that are hashed, by vectors that never change: a change here makes every sealed log unverifiable."""

import os
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.log_proof import merkle
from infra.log_proof.canonical import NO_BUSINESS, BatchHead, CheckpointHead, canonical_row, netstrings
from infra.log_proof.checkpoint_file import Checkpoint, CheckpointFile, CheckpointFileUnusable, Line
from infra.log_proof.merkle import leaf_hash, levels_of, path_in, root_by_path, root_of
from infra.log_proof.signing import LogKey, LogKeyUnusable, PublicKeys, public_file

ROW = [("actor", "user:käthe"), ("business_id", "018f0000-0000-7000-8000-000000000001"), ("changes", None), ("id", "7")]
LEAVES = [leaf_hash(bytes([number])) for number in range(5)]


def test_a_row() -> None:
    text = "1:1,20:bill_transaction_log,5:actor,11:user:käthe,11:business_id,36:018f0000-0000-7000-8000-000000000001,2:id,1:7,"
    assert canonical_row("bill_transaction_log", ROW) == text.encode()
    assert leaf_hash(text.encode()).hex() == sha256(b"\x00" + text.encode()).hexdigest()
    assert leaf_hash(text.encode()).hex() == "d9abd565071ddc954e1ee4246ca8725dfca6602a38fe9b41bd9336c0310a43b1"


def test_a_batch() -> None:
    head = BatchHead(NO_BUSINESS, 3, 12, 1, 700, 790, 2, root_of(LEAVES[:2]), bytes(32))
    assert head.digest().hex() == "1ef9d1bf879d8a2e6bd20012620bcf8f10feaf8f66d9e16ed46de5300e217933"


def test_a_checkpoint() -> None:
    assert _checkpoint().digest().hex() == "069d646a1082ff60e020680158a0dbcb32a0634df4fa38c0f79b0063d7c79e92"


def test_roots() -> None:
    """Those of RFC 6962: of nothing the hash of nothing, a lone leaf its own root, three leaves as ((0 1) 2)."""
    assert root_of([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert leaf_hash(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert root_of(LEAVES[:1]) == LEAVES[0]
    pair = sha256(b"\x01" + LEAVES[0] + LEAVES[1]).digest()
    assert root_of(LEAVES[:3]) == sha256(b"\x01" + pair + LEAVES[2]).digest()
    assert root_of(LEAVES).hex() == "b855b42d6c30f5b087e05266783fbd6e394f7b926013ccaa67700a8b0c5a596f"


@given(st.lists(st.text()), st.lists(st.text()))
def test_different_texts_have_different_bytes(first: list[str], second: list[str]) -> None:
    assert (netstrings(first) == netstrings(second)) is (first == second)


@given(st.integers(1, 70), st.data())
def test_a_path_leads_to_the_root_from_its_own_place_alone(count: int, data: st.DataObject) -> None:
    leaves = [merkle.leaf_hash(number.to_bytes(2, "big")) for number in range(count)]
    place = data.draw(st.integers(0, count - 1))
    path, root = path_in(levels_of(leaves), place), root_of(leaves)
    assert root_by_path(leaves[place], path, place=place, count=count) == root
    for other in range(count):
        assert other == place or root_by_path(leaves[other], path, place=place, count=count) != root
    assert root_by_path(leaves[place], [*path, bytes(32)], place=place, count=count) is None


def test_a_key_is_made_once_closed_to_others_and_rotated(tmp_path: Path) -> None:
    path = tmp_path / "log-key.json"
    with pytest.raises(LogKeyUnusable, match="cannot be read"):
        LogKey.load(path)
    first = LogKey.load(path, create=True)
    assert path.stat().st_mode & 0o777 == 0o600
    assert LogKey.load(path, create=True).key_id == first.key_id
    digest = bytes(32)
    old = first.sign(digest)
    second = first.with_new_key(path)
    public = PublicKeys.load(public_file(path))
    assert public.verify(first.key_id, digest, signature=old)
    assert public.verify(second.key_id, digest, signature=second.sign(digest))
    assert not public.verify(second.key_id, digest, signature=old)
    assert not public.verify("unknown", digest, signature=old)
    assert LogKey.load(path).key_id == second.key_id
    path.chmod(0o640)
    with pytest.raises(LogKeyUnusable, match="chmod 600"):
        LogKey.load(path)


def test_the_public_file_holds_no_private_key(tmp_path: Path) -> None:
    path = tmp_path / "log-key.json"
    LogKey.load(path, create=True)
    assert b"private" in path.read_bytes()
    assert b"private" not in public_file(path).read_bytes()


@pytest.mark.parametrize("torn", [1, 10, 200, 300])
def test_a_torn_last_line_is_cut_off_and_the_others_stay(tmp_path: Path, torn: int) -> None:
    file = CheckpointFile(tmp_path / "checkpoints.jsonl")
    lines = [_line(no) for no in (1, 2, 3)]
    with file.appending() as appender:
        appender.append(lines)
    whole = file.path.read_bytes()
    os.truncate(file.path, len(whole) - torn)
    assert [line.no for line in file.lines()] == [1, 2]
    assert file.newest() == lines[1]
    with file.appending() as appender:
        appender.append(lines[2:])
    assert file.path.read_bytes() == whole


def test_a_line_that_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    file = CheckpointFile(tmp_path / "checkpoints.jsonl")
    file.path.write_bytes(_line(1).to_json() + b"\n{}\n")
    with pytest.raises(CheckpointFileUnusable, match="line 2"):
        list(file.lines())
    with pytest.raises(CheckpointFileUnusable, match="the last line"):
        file.newest()


def _checkpoint(no: int = 12) -> CheckpointHead:
    return CheckpointHead(
        no=no, epoch=1, cluster="7302345678901234567", xid_before=790, sealed_at=1_788_500_000_123_456, batch_count=1, row_count=2,
        batch_root=root_of(LEAVES[:1]), opening="", previous_hash=bytes(32), key_id="0011223344556677",
    )  # fmt: skip


def _line(no: int) -> Line:
    head = _checkpoint(no)
    return Line(Checkpoint(head, head.digest(), bytes(64)), {UUID(int=5): (no, bytes(32))})
