"""The kinds of tampering. Each picks its target by chance, changes it in the running transaction, and says what it aimed at."""

# ruff: noqa: S608 - statements are put together from the catalog's own names

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from psycopg import Connection, sql

from infra.log_proof import ledger, merkle
from infra.log_proof.canonical import NO_BUSINESS
from infra.log_proof.checkpoint_file import Checkpoint
from infra.log_proof.ledger import Batch, Entry, pack_entries
from infra.log_proof.log_rows import rows_as_texts
from infra.log_proof.log_tables import read_log_tables

Db = Connection[Any]
Chance = random.Random


@dataclass(frozen=True)
class Aim:
    """What a verifier should name; None where there is nothing to name."""

    business_id: UUID | None = None
    table: str | None = None
    row_id: int | None = None
    checkpoint_no: int | None = None


@dataclass(frozen=True)
class Target:
    business_id: UUID
    table: str
    row_id: int

    def aim(self) -> Aim:
        return Aim(self.business_id, self.table, self.row_id)


_EDITS = {
    "uuid": "gen_random_uuid()",
    "text": "{0} || 'x'",
    "integer": "{0} + 1",
    "bigint": "{0} + 1000000",
    "jsonb": "'{{\"TotalAmt\": 0.10}}'",
    "json": "'{{\"TotalAmt\": 0.10}}'",
    "timestamp with time zone": "{0} - interval '1 microsecond'",
    "xid8": "({0}::text::bigint - 1)::text::xid8",
}


def edit_a_value(db: Db, chance: Chance) -> Aim:
    target = _pick(db, chance)
    table = next(table for table in read_log_tables(db) if table.name == target.table)
    name, kind, _ = chance.choice(table.columns)
    form = _EDITS[kind].format(name)
    if name in {"business_id", "user_id"} and kind == "uuid":
        form = "gen_random_uuid()"
    if name == "id":
        _let_ids_change(db, target.table)
    _one(db, f"UPDATE {target.table} SET {name} = {form} WHERE id = %s", [target.row_id])
    return target.aim()


def edit_a_number_unseen(db: Db, chance: Chance) -> Aim:
    """The same amount, written otherwise: 12.10 becomes 12.1."""
    target = _pick(db, chance, books=True)
    statement = f"UPDATE {target.table} SET snapshot = replace(snapshot::text, '.10', '.1')::json WHERE id = %s"
    _one(db, statement, [target.row_id])
    return target.aim()


def delete_a_row(db: Db, chance: Chance) -> Aim:
    target = _pick(db, chance)
    _one(db, f"DELETE FROM {target.table} WHERE id = %s", [target.row_id])
    return target.aim()


def insert_a_row(db: Db, chance: Chance) -> Aim:
    """A copy of a row, with an id of its own, into a transaction that was sealed."""
    target = _pick(db, chance, books=True)
    made = 10**6 + chance.randrange(10**6)
    _insert_copy(db, target, row_id=str(made))
    return Aim(target.business_id, target.table, made)


def insert_a_twin(db: Db, chance: Chance) -> Aim:
    """A copy that has even the id of the row that it is of."""
    target = _pick(db, chance, books=True)
    _insert_copy(db, target, row_id="id")
    return target.aim()


def insert_at_the_edge(db: Db, chance: Chance) -> Aim:
    """Ids and transactions at the ends of their ranges."""
    target = _pick(db, chance, books=True)
    made = chance.choice([-(2**63), 2**63 - 1, 0, -1])
    _insert_copy(
        db, target, row_id=str(made), xid=chance.choice(["'0'::xid8", "'18446744073709551615'::xid8", "tx_xid"])
    )
    return Aim(target.business_id, target.table, made)


def swap_two_rows(db: Db, chance: Chance) -> Aim:
    """What two rows of a log say, or their ids, or their transactions."""
    first = _pick(db, chance, books=True)
    second = _pick(db, chance, books=True, table=first.table, other_than=first.row_id)
    column = chance.choice(["id", "entity_id", "recorded_at", "request_id", "snapshot"])
    if column == "id":
        _let_ids_change(db, first.table)
        _one(db, f"UPDATE {first.table} SET id = -7 WHERE id = %s", [first.row_id])
        _one(db, f"UPDATE {first.table} SET id = %s WHERE id = %s", [first.row_id, second.row_id])
        _one(db, f"UPDATE {first.table} SET id = %s WHERE id = -7", [second.row_id])
        return first.aim()
    swapped = f"(SELECT {column} FROM {first.table} o WHERE o.id = CASE t.id WHEN %s THEN %s ELSE %s END)"
    ids = [first.row_id, second.row_id, first.row_id]
    db.execute(
        f"UPDATE {first.table} t SET {column} = {swapped}, version = t.version + 100 WHERE id IN (%s, %s)",
        [*ids, first.row_id, second.row_id],
    )
    db.execute(f"UPDATE {first.table} SET version = version - 100 WHERE id IN (%s, %s)", [first.row_id, second.row_id])
    return first.aim()


def cut_the_tail_of_rows(db: Db, chance: Chance) -> Aim:
    """The newest rows of every log, batches and checkpoints left as they are."""
    no = _tail(db, chance)
    xid = _one_row(db, "SELECT xid_before::text FROM log_checkpoint WHERE no = %s", [no - 1])[0]
    _delete_rows_from(db, xid)
    return Aim()


def cut_the_tail_with_its_seals(db: Db, chance: Chance) -> Aim:
    no = _tail(db, chance)
    xid = _one_row(db, "SELECT xid_before::text FROM log_checkpoint WHERE no = %s", [no - 1])[0]
    _delete_rows_from(db, xid)
    db.execute("DELETE FROM log_batch WHERE checkpoint_no >= %s", [no])
    db.execute("DELETE FROM log_checkpoint WHERE no >= %s", [no])
    return Aim(checkpoint_no=no)


def wipe_the_seals(db: Db, _chance: Chance) -> Aim:
    db.execute("DELETE FROM log_batch")
    db.execute("DELETE FROM log_checkpoint")
    return Aim(checkpoint_no=1)


def wipe_a_business(db: Db, chance: Chance) -> Aim:
    target = _pick(db, chance)
    business = None if target.business_id == NO_BUSINESS else target.business_id
    for table in read_log_tables(db):
        db.execute(f"DELETE FROM {table.name} WHERE business_id IS NOT DISTINCT FROM %s", [business])
    db.execute("DELETE FROM log_batch WHERE business_id = %s", [target.business_id])
    return Aim(target.business_id)


def delete_a_batch(db: Db, chance: Chance) -> Aim:
    batch = chance.choice(_batches(db))
    _one(db, "DELETE FROM log_batch WHERE business_id = %s AND batch_no = %s", batch.head[:2])
    return Aim(batch.head.business_id, checkpoint_no=batch.head.checkpoint_no)


def swap_two_batches(db: Db, chance: Chance) -> Aim:
    batch = chance.choice([batch for batch in _batches(db) if batch.head.batch_no > 1])
    business, no = batch.head[:2]
    for before, after in ((no, -1), (no - 1, no), (-1, no - 1)):
        _one(
            db, "UPDATE log_batch SET batch_no = %s WHERE business_id = %s AND batch_no = %s", [after, business, before]
        )
    return Aim(business)


def edit_a_leaf_list(db: Db, chance: Chance) -> Aim:
    batch = chance.choice(_batches(db))
    place = chance.randrange(len(batch.leaves))
    leaves = bytearray(batch.leaves)
    leaves[place] ^= 1 << chance.randrange(8)
    _set_batch(db, batch, leaves=bytes(leaves))
    return Aim(batch.head.business_id)


def edit_a_batch(db: Db, chance: Chance) -> Aim:
    batch = chance.choice(_batches(db))
    column, value = chance.choice([
        ("row_count", "row_count + 1"), ("epoch", "epoch + 1"), ("root", "sha256(root)"), ("hash", "sha256(hash)"),
        ("previous_hash", "sha256(previous_hash)"), ("checkpoint_no", "checkpoint_no + 1"), ("xid_before", "'99999999'::xid8"),
        ("tables", "array_append(tables[2:], 'bill')"),
    ])  # fmt: skip
    _one(db, f"UPDATE log_batch SET {column} = {value} WHERE business_id = %s AND batch_no = %s", batch.head[:2])
    return Aim(batch.head.business_id)


def edit_a_checkpoint(db: Db, chance: Chance) -> Aim:
    no = _one_row(db, "SELECT no FROM log_checkpoint ORDER BY no OFFSET %s LIMIT 1", [chance.randrange(8)])[0]
    column, value = chance.choice([
        ("sealed_at", "sealed_at - interval '1 day'"), ("xid_before", "'5'::xid8"), ("batch_root", "sha256(batch_root)"),
        ("hash", "sha256(hash)"), ("signature", "signature || '\\x00'::bytea"), ("row_count", "row_count - 1"), ("cluster", "'1'"),
    ])  # fmt: skip
    _one(db, f"UPDATE log_checkpoint SET {column} = {value} WHERE no = %s", [no])
    return Aim(checkpoint_no=no)


def delete_a_checkpoint(db: Db, chance: Chance) -> Aim:
    no = _one_row(db, "SELECT no FROM log_checkpoint ORDER BY no OFFSET %s LIMIT 1", [chance.randrange(8)])[0]
    _one(db, "DELETE FROM log_checkpoint WHERE no = %s", [no])
    return Aim(checkpoint_no=no)


def edit_and_recompute_the_batch(db: Db, chance: Chance) -> Aim:
    """The row's new leaf, the batch's root and hash: everything in the batch fits again."""
    batch = _edit_a_row_of(db, chance)
    _set_batch(db, batch, leaves=batch.leaves)
    return Aim(batch.head.business_id)


def edit_and_recompute_all(db: Db, chance: Chance) -> Aim:
    """The batches after it and every checkpoint as well, signed with a key of the forger's own."""
    forged = _edit_a_row_of(db, chance)
    _set_batch(db, forged, leaves=forged.leaves)
    heads: dict[UUID, bytes] = {}
    for batch in _batches(db):
        previous = heads.get(batch.head.business_id, bytes(32))
        head = batch.head._replace(previous_hash=previous)
        _set_batch(db, Batch(head, head.digest(), batch.tables, batch.leaves), leaves=batch.leaves)
        heads[head.business_id] = head.digest()
    _sign_anew(db)
    return Aim(forged.head.business_id)


def _sign_anew(db: Db) -> None:
    key, before = Ed25519PrivateKey.generate(), bytes(32)
    for old in ledger.checkpoints_after(db, 0, limit=10_000):
        held = ledger.batch_hashes_between(db, old.head.no - 1, through=old.head.no).get(old.head.no, {})
        root = merkle.root_of([merkle.leaf_hash(held[business][1]) for business in sorted(held)])
        head = old.head._replace(batch_root=root, previous_hash=before)
        new = Checkpoint(head, head.digest(), key.sign(head.digest()))
        db.execute(
            "UPDATE log_checkpoint SET batch_root = %s, previous_hash = %s, hash = %s, signature = %s WHERE no = %s",
            [root, before, new.hash, new.signature, head.no],
        )
        before = new.hash


def _edit_a_row_of(db: Db, chance: Chance) -> Batch:
    """Edit a row, and give its batch as it would have to be."""
    batch = chance.choice([batch for batch in _batches(db) if batch.head.business_id != NO_BUSINESS])
    entries = batch.entries()
    place = chance.randrange(len(entries))
    entry = entries[place]
    _one(db, f"UPDATE {entry.table} SET actor = 'user:forger' WHERE id = %s", [entry.row_id])
    table = next(table for table in read_log_tables(db) if table.name == entry.table)
    (row,) = rows_as_texts(db, table, sql.SQL("id = {}").format(sql.Literal(entry.row_id)))
    entries[place] = Entry(entry.table, entry.row_id, row.leaf())
    head = batch.head._replace(root=merkle.root_of([entry.leaf for entry in entries]))
    return Batch(head, head.digest(), batch.tables, pack_entries(batch.tables, entries))


def _set_batch(db: Db, batch: Batch, *, leaves: bytes) -> None:
    _one(
        db,
        "UPDATE log_batch SET leaves = %s, root = %s, hash = %s, previous_hash = %s WHERE business_id = %s AND batch_no = %s",
        [leaves, batch.head.root, batch.hash, batch.head.previous_hash, *batch.head[:2]],
    )


def _batches(db: Db) -> list[Batch]:
    return ledger.batches_between(db, 0, through=2**62)


def _pick(db: Db, chance: Chance, *, books: bool = False, table: str | None = None, other_than: int = 0) -> Target:
    rows = [
        Target(batch.head.business_id, entry.table, entry.row_id)
        for batch in _batches(db)
        for entry in batch.entries()
        if (not books or entry.table != "access_log") and table in {None, entry.table} and entry.row_id != other_than
    ]
    return chance.choice(rows)


def _insert_copy(db: Db, target: Target, *, row_id: str, xid: str = "tx_xid") -> None:
    _one(
        db,
        f"""
        INSERT INTO {target.table} (id, business_id, entity_id, version, transaction_type, source, actor, request_id,
          snapshot, changes, recorded_at, tx_xid) OVERRIDING SYSTEM VALUE
        SELECT {row_id}, business_id, gen_random_uuid(), version, transaction_type, source, actor, request_id, snapshot,
          changes, recorded_at, {xid} FROM {target.table} WHERE id = %s
        """,
        [target.row_id],
    )


def _let_ids_change(db: Db, table: str) -> None:
    db.execute(f"ALTER TABLE {table} ALTER COLUMN id SET GENERATED BY DEFAULT")


def _tail(db: Db, chance: Chance) -> int:
    newest = int(_one_row(db, "SELECT max(no) FROM log_checkpoint WHERE row_count > 0", [])[0])
    return newest - chance.randrange(3)


def _delete_rows_from(db: Db, xid: str) -> None:
    for table in read_log_tables(db):
        db.execute(f"DELETE FROM {table.name} WHERE tx_xid >= %s::text::xid8", [xid])


def _one(db: Db, statement: str, values: Any) -> None:
    changed = db.execute(statement, values).rowcount
    assert changed == 1, f"{statement} changed {changed} rows"


def _one_row(db: Db, query: str, values: list[Any]) -> tuple[Any, ...]:
    row = db.execute(query, values).fetchone()
    assert row is not None
    return tuple(row)


ACTS: dict[str, Callable[[Db, Chance], Aim]] = {
    act.__name__.replace("_", " "): act
    for act in (
        edit_a_value, edit_a_number_unseen, delete_a_row, insert_a_row, insert_a_twin, insert_at_the_edge, swap_two_rows,
        cut_the_tail_of_rows, cut_the_tail_with_its_seals, wipe_the_seals, wipe_a_business, delete_a_batch, swap_two_batches,
        edit_a_leaf_list, edit_a_batch, edit_a_checkpoint, delete_a_checkpoint, edit_and_recompute_the_batch,
        edit_and_recompute_all,
    )
}  # fmt: skip
