"""Checks a sealed log, and shares no line with the program that sealed it. Needs Python 3.11, psycopg and cryptography.

    python standalone_verifier.py DATABASE_URL CHECKPOINT_FILE PUBLIC_KEYS_FILE

DATABASE_URL is of a role that may SELECT every business's logs (oodaloo_sealer). Exit 0: as it was sealed; 2: not.
docs/guide/log-proof.md describes the forms that are hashed. What was lost in a declared restore is told and is no problem.
"""

# ruff: noqa: PLR2004, S608, T201  # short on purpose, so that an auditor reads all of it; names are the catalog's
import hashlib
import json
import struct
import sys
from base64 import b64decode
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import psycopg
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

Problem = tuple[str, str | None, int | None]  # what, business, batch
Key = tuple[str, str, int]  # business, table, id
NOBODY, ZERO, WINDOW = "00000000-0000-0000-0000-000000000000", "00" * 32, 20_000
HEAD = (
    "no",
    "epoch",
    "cluster",
    "xid_before",
    "sealed_at",
    "batch_count",
    "row_count",
    "batch_root",
    "opening",
    "previous_hash",
    "key_id",
)
SESSION = "-c timezone=UTC -c datestyle=ISO,MDY -c intervalstyle=postgres -c bytea_output=hex -c extra_float_digits=1"
MICROS = "(extract(epoch FROM {0}) * 1000000)::bigint"
FORMS = {
    "timestamp with time zone": f"CASE WHEN isfinite({{0}}) THEN {MICROS}::text ELSE {{0}}::text END",
    "bytea": "encode({0}, 'hex')",
}
TABLES = """SELECT c.relname::text, array_agg(a.attname::text), array_agg(a.atttypid::regtype::text) FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') GROUP BY c.oid HAVING bool_or(a.attname = 'tx_xid')"""
CHECKPOINTS = f"""SELECT no, epoch, cluster, xid_before::text::bigint, {MICROS.format("sealed_at")}, batch_count, row_count,
encode(batch_root, 'hex'), opening, encode(previous_hash, 'hex'), key_id, encode(hash, 'hex'), encode(signature, 'hex')
FROM log_checkpoint ORDER BY no"""
BATCHES = """SELECT business_id::text, batch_no, checkpoint_no, epoch, xid_from::text::bigint, xid_before::text::bigint, row_count,
encode(root, 'hex'), encode(previous_hash, 'hex'), encode(hash, 'hex'), tables, leaves
FROM log_batch WHERE checkpoint_no > %s AND checkpoint_no <= %s ORDER BY checkpoint_no, business_id"""


def sha(prefix: int, content: bytes) -> bytes:
    return hashlib.sha256(bytes([prefix]) + content).digest()


def netstrings(texts: Iterable[object]) -> bytes:
    return b"".join(b"%d:%b," % (len(octets), octets) for octets in (str(text).encode() for text in texts))


def root(level: list[bytes]) -> str:
    while len(level) > 1:
        pairs = [sha(1, level[place] + level[place + 1]) for place in range(0, len(level) - 1, 2)]
        level = pairs + level[len(level) - len(level) % 2 :]
    return (level[0] if level else hashlib.sha256(b"").digest()).hex()


class Verifier:
    def __init__(self, db: psycopg.Connection[Any], lines: list[Any], keys: dict[str, Ed25519PublicKey]) -> None:
        self.db, self.lines, self.keys = db, lines, keys
        self.problems: list[Problem] = []
        self.tables = {name: sorted(zip(*columns, strict=True)) for name, *columns in db.execute(TABLES).fetchall()}
        self.heads: dict[str, tuple[int, str]] = {}

    def tell(self, text: str, business: str | None = None, batch: int | None = None) -> None:
        self.problems.append((text, business, batch))

    def run(self) -> list[Problem]:
        points = self.checkpoints()
        highest = [json.loads(point["opening"])["through_ids"] for point in points if point["opening"]]
        bounds = list(zip([{}, *highest], [*highest, None], strict=True))  # by epoch: ids above these, up to those
        openings = [self.batches(p["no"] - 1, [p]) for p in points if p["opening"]]
        adopted = {(b[0], table, row_id) for batches in openings for b in batches for table, row_id, _ in b[-1]}
        after, xid, epoch, window, count = 0, 0, 1, list[Any](), 0
        for place, point in enumerate(points):
            window.append(point)
            count += point["row_count"]
            following = points[place + 1] if place + 1 < len(points) else None
            if not (point["opening"] or following is None or following["opening"] or count >= WINDOW):
                continue
            if point["opening"]:  # what the closed epoch left in no batch must be adopted here
                self.match({}, self.rows(bounds[epoch - 1], xid), adopted)
                xid, epoch = 0, point["epoch"]
            expected = self.expected(self.batches(after, window), window, xid)
            found = self.rows(bounds[epoch - 1], xid, before=point["xid_before"])
            if point["opening"]:
                found = (
                    row for row in self.rows(({}, None), 0, ids=[key[2] for key in expected]) if row[0] in expected
                )
            self.match(expected, found, adopted)
            after, xid, window, count = point["no"], point["xid_before"], [], 0
        self.match({}, self.rows(bounds[epoch - 1], xid, is_future=True), adopted)
        return self.problems

    def checkpoints(self) -> list[Any]:
        held = {
            row[0]: dict(zip((*HEAD, "hash", "signature"), row, strict=True)) for row in self.db.execute(CHECKPOINTS)
        }
        filed = {line["no"]: line for line in self.lines}
        self.gone = filed.keys() - held.keys()
        points = [filed.get(no) or held[no] | {"batches": None} for no in sorted(held | filed)]
        lost = [(json.loads(p["opening"])["restored_from"], p["no"]) for p in points if p["opening"]]
        for before, point in zip([None, *points], points, strict=False):
            no, digest = point["no"], sha(3, netstrings(["1", *(point[name] for name in HEAD)]))
            try:
                self.keys[point["key_id"]].verify(bytes.fromhex(point["signature"]), digest)
            except (KeyError, InvalidSignature):
                self.tell(f"checkpoint {no}: the signature does not fit")
            if (point["previous_hash"], no) != (
                (before["hash"], before["no"] + 1) if before else (ZERO, 1)
            ) or digest.hex() != point["hash"]:
                self.tell(f"checkpoint {no} does not follow the one before it")
            if no in filed and no in held and any(held[no][name] != filed[no][name] for name in held[no]):
                self.tell(f"checkpoint {no} in the database is not the one in the file")
            if no not in held and not any(restored < no < opened for restored, opened in lost):
                for business, batch, _ in [(None, None, None), *point["batches"]]:
                    self.tell(f"checkpoint {no} is not in the database", business, batch)
        return points

    def batches(self, after: int, points: list[Any]) -> list[Any]:
        """Those of these checkpoints, each with its list of rows in the end: (table, id, leaf)."""
        rows = self.db.execute(BATCHES, (after, points[-1]["no"])).fetchall()
        for place, row in enumerate(rows):
            try:
                rows[place] = (
                    *row[:10],
                    [(row[10][table], row_id, leaf) for table, row_id, leaf in struct.iter_unpack(">Hq32s", row[11])],
                )
            except (struct.error, IndexError):
                rows[place] = (*row[:10], [])
        return rows

    def expected(self, batches: list[Any], points: list[Any], xid: int) -> dict[Key, tuple[bytes, int]]:
        """The rows that the batches list; checks the batches against their checkpoints and against one another."""
        listed: dict[Key, tuple[bytes, int]] = {}
        for point in points:
            mine = [batch for batch in batches if batch[2] == point["no"]]
            here = {batch[0]: (batch[1], batch[9]) for batch in mine}
            named = [(batch[0], batch[1], batch[9]) for batch in mine] if point["batches"] is None else point["batches"]
            signed = {business: (no, digest) for business, no, digest in named}
            if root([sha(0, bytes.fromhex(signed[business][1])) for business in sorted(signed)]) != point["batch_root"]:
                self.tell(f"checkpoint {point['no']}: its batches are not those it was signed for")
            for business in sorted({*signed, *here}) if mine or point["no"] not in self.gone else ():
                if here.get(business) != signed.get(business):
                    no = (signed.get(business) or here.get(business) or (0,))[0]
                    self.tell(f"a batch is not as checkpoint {point['no']} was signed for", business, no)
            for business, no, checkpoint, epoch, start, before, count, top, previous, digest, entries in mine:
                form = netstrings(["1", business, no, checkpoint, epoch, start, before, count, top, previous])
                follows = (no - 1, previous) == self.heads.get(business, (0, ZERO))
                is_listed = count == len(entries) and root([leaf for _, _, leaf in entries]) == top
                self.heads[business] = (no, digest)
                if (
                    sha(2, form).hex() != digest
                    or not follows
                    or not is_listed
                    or (epoch, start, before) != (point["epoch"], xid, point["xid_before"])
                ):
                    self.tell("the batch was changed or does not follow the one before it", business, no)
                listed |= {(business, table, row_id): (leaf, no) for table, row_id, leaf in entries}
            xid = point["xid_before"]
        return listed

    def rows(
        self,
        ids_of_epoch: Any,
        xid: int,
        *,
        before: int | None = None,
        ids: list[int] | None = None,
        is_future: bool = False,
    ) -> Iterator[Any]:
        """Each row as (its key, its leaf)."""
        above, up_to = ids_of_epoch
        for table, columns in self.tables.items():
            limits = [f"tx_xid >= '{xid}'::xid8", f"id > {above[table]}" if table in above else "true"]
            limits += [f"tx_xid < '{before}'::xid8"] if before is not None else []
            limits += [f"id <= {up_to.get(table, -(2**63))}"] if up_to is not None else []
            limits += ["tx_xid >= pg_snapshot_xmax(pg_current_snapshot())"] if is_future else []
            where, values = (" AND ".join(limits), None) if ids is None else ("id = ANY (%s)", (ids,))
            forms = ", ".join(FORMS.get(kind, "{0}::text").format(f'"{name}"') for name, kind in columns)
            for row in self.db.execute(f'SELECT {forms} FROM public."{table}" WHERE {where}', values):
                given = {name: text for (name, _), text in zip(columns, row, strict=True) if text is not None}
                leaf = sha(0, netstrings(["1", table, *(text for pair in given.items() for text in pair)]))
                yield (given.get("business_id", NOBODY), table, int(given["id"])), leaf

    def match(self, expected: dict[Key, tuple[bytes, int]], rows: Iterable[Any], adopted: set[Key]) -> None:
        for key, leaf in rows:
            sealed = expected.pop(key, None)
            if sealed is None and key not in adopted:
                self.tell(f"{key[1]} row {key[2]} is in no batch", key[0])
            elif sealed is not None and sealed[0] != leaf:
                self.tell(f"{key[1]} row {key[2]} is not as it was sealed", key[0], sealed[1])
        for key, (_, batch) in expected.items():
            self.tell(f"{key[1]} row {key[2]} is gone", key[0], batch)


def read_lines(path: Path) -> list[Any]:
    text = path.read_bytes()
    return [json.loads(line) for line in text[: text.rfind(b"\n") + 1].splitlines()]  # a torn last line is none


def read_keys(path: Path) -> dict[str, Ed25519PublicKey]:
    raw = [b64decode(entry["public"]) for entry in json.loads(path.read_bytes())["keys"]]
    return {hashlib.sha256(key).hexdigest()[:16]: Ed25519PublicKey.from_public_bytes(key) for key in raw}


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    with psycopg.connect(sys.argv[1], autocommit=True, options=SESSION) as connection:
        found = Verifier(connection, read_lines(Path(sys.argv[2])), read_keys(Path(sys.argv[3]))).run()
    for what, *where in found:
        print(what, *(f"({name} {value})" for name, value in zip(("business", "batch"), where, strict=True) if value))
    print(f"{len(found)} problems." if found else "The log is as it was sealed.")
    sys.exit(2 if found else 0)
