"""What must survive a restart, in SQLite: written before the answer leaves, read when the simulator starts again."""

import sqlite3
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from infra import exact_json
from infra.errors import InvalidInput
from infra.qbo.simulator.api.limits import Admitted
from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.ledger import Key
from infra.qbo.simulator.books.store import Record, Tombstone
from infra.qbo.simulator.oracle.journal import Changes

_FORMAT: Final = "oodaloo-simulator-state/1"
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS company (realm_id TEXT PRIMARY KEY, zone TEXT NOT NULL, facts BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS object (
    nth INTEGER PRIMARY KEY, realm_id TEXT NOT NULL, entity TEXT NOT NULL, id TEXT NOT NULL,
    created INTEGER NOT NULL, updated INTEGER NOT NULL, body BLOB NOT NULL, UNIQUE (realm_id, entity, id));
CREATE TABLE IF NOT EXISTS deletion (
    realm_id TEXT NOT NULL, entity TEXT NOT NULL, id TEXT NOT NULL, deleted INTEGER NOT NULL,
    PRIMARY KEY (realm_id, entity, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS posting (
    nth INTEGER PRIMARY KEY, realm_id TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, entry BLOB NOT NULL,
    UNIQUE (realm_id, kind, id));
CREATE TABLE IF NOT EXISTS reply (
    realm_id TEXT NOT NULL, request_id TEXT NOT NULL, at REAL NOT NULL, status INTEGER NOT NULL, digest TEXT NOT NULL,
    answer BLOB NOT NULL, PRIMARY KEY (realm_id, request_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS admitted (kind TEXT NOT NULL, realm_id TEXT NOT NULL, subject TEXT NOT NULL, at REAL NOT NULL);
"""
_PUT_OBJECT: Final = """
INSERT INTO object (realm_id, entity, id, created, updated, body) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (realm_id, entity, id) DO UPDATE SET updated = excluded.updated, body = excluded.body
"""
_PUT_ENTRY: Final = """
INSERT INTO posting (realm_id, kind, id, entry) VALUES (?, ?, ?, ?)
ON CONFLICT (realm_id, kind, id) DO UPDATE SET entry = excluded.entry
"""


class StateUnusable(InvalidInput):
    """The file is no state of a simulator, of another format, or in use."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path}: {problem}")


class StoredObject(NamedTuple):
    entity: str
    id: str
    created: int
    updated: int
    body: bytes


class StateFile:
    """One simulator's at a time. Changes gather in a transaction until `flush`.

    The write-ahead log without a sync a commit outlives the process by any death, the machine's power cut not.
    """

    def __init__(self, path: Path) -> None:
        """Raises:
        StateUnusable: see there.
        """
        self._path = path
        try:
            if not path.exists():
                path.touch(mode=0o600)  # it holds tokens
            self._db = sqlite3.connect(path, timeout=1)
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.executescript(_TABLES)
        except sqlite3.Error as error:
            problem = (
                "another simulator has it open" if "locked" in str(error) else f"no state of a simulator ({error})"
            )
            raise StateUnusable(path, problem) from error
        found = self.find_fact("format")
        if found is None:
            self.put_fact("format", _FORMAT)
            self.flush()
        elif found != _FORMAT:
            raise StateUnusable(path, f"is of format {found}, this simulator reads {_FORMAT}")

    def close(self) -> None:
        self._db.commit()
        self._db.close()

    def flush(self) -> None:
        self._db.commit()

    def realm_ids(self) -> list[str]:
        return [row[0] for row in self._db.execute("SELECT realm_id FROM company ORDER BY rowid")]

    def put_fact(self, name: str, value: Any) -> None:
        self._db.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", (name, exact_json.dumps(value)))

    def find_fact(self, name: str) -> Any:
        row = self._db.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
        return None if row is None else exact_json.loads(row[0])

    def put_clock(self, anchor: tuple[datetime, datetime, float]) -> None:
        real, simulated, scale = anchor
        self.put_fact("clock", [real.isoformat(), simulated.isoformat(), scale])

    def find_clock(self) -> tuple[datetime, datetime, float] | None:
        kept = self.find_fact("clock")
        if kept is None:
            return None
        return datetime.fromisoformat(kept[0]), datetime.fromisoformat(kept[1]), float(kept[2])

    def put_company(self, company: Company) -> None:
        """The whole of it, once; from then on `keep`."""
        self._put_facts(company)
        for entity, store in company.stores.items():
            self._put_objects(company.realm_id, ((entity, record) for record in store.records.values()))
            self._put_deletions(company.realm_id, ((entity, tombstone) for tombstone in store.tombstones))
        self._put_entries(company, company.ledger.entries)
        self.flush()

    def keep(self, company: Company, changes: Changes) -> None:
        """What one commit moved; `flush` makes it last."""
        realm_id = company.realm_id
        self._put_facts(company)
        self._put_objects(realm_id, changes.records)
        gone = [(realm_id, entity, tombstone.id) for entity, tombstone in changes.removed]
        self._db.executemany("DELETE FROM object WHERE realm_id = ? AND entity = ? AND id = ?", gone)
        self._put_deletions(realm_id, changes.removed)
        without = [(realm_id, *key) for key in changes.entries if key not in company.ledger.entries]
        self._db.executemany("DELETE FROM posting WHERE realm_id = ? AND kind = ? AND id = ?", without)
        self._put_entries(company, [key for key in changes.entries if key in company.ledger.entries])

    def put_reply(self, key: tuple[str, str], *, at: float, status: int, digest: str, answer: bytes) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO reply (realm_id, request_id, at, status, digest, answer) VALUES (?, ?, ?, ?, ?, ?)",
            (*key, at, status, digest, answer),
        )

    def put_admitted(self, admitted: Iterable[Admitted]) -> None:
        self._db.executemany("INSERT INTO admitted VALUES (?, ?, ?, ?)", admitted)

    def admitted(self, now: float) -> list[Admitted]:
        """What still counts against a limit, oldest first; the rest is forgotten."""
        self._db.execute("DELETE FROM admitted WHERE at < ?1 - CASE kind WHEN 'mail' THEN 172800 ELSE 60 END", (now,))
        rows = self._db.execute("SELECT kind, realm_id, subject, at FROM admitted ORDER BY at")
        return [Admitted(*row) for row in rows]

    def forget_before(self, instant: float) -> None:
        """Replies and deletions that nobody can ask for any more."""
        self._db.execute("DELETE FROM reply WHERE at < ?", (instant,))
        self._db.execute("DELETE FROM deletion WHERE deleted < ?", (instant,))

    def replies(self) -> Iterator[tuple[str, str, int, bytes, str, float]]:
        """(realm, requestid, status, answer, digest, at), oldest first."""
        yield from self._db.execute("SELECT realm_id, request_id, status, answer, digest, at FROM reply ORDER BY at")

    def company(self, realm_id: str) -> tuple[str, Any]:
        """Its zone's name and its facts."""
        row = self._db.execute("SELECT zone, facts FROM company WHERE realm_id = ?", (realm_id,)).fetchone()
        return row[0], exact_json.loads(row[1])

    def objects(self, realm_id: str) -> Iterator[StoredObject]:
        """In the order in which they came to be."""
        rows = self._db.execute(
            "SELECT entity, id, created, updated, body FROM object WHERE realm_id = ? ORDER BY nth", (realm_id,)
        )
        return (StoredObject(*row) for row in rows)

    def deletions(self, realm_id: str) -> list[tuple[str, str, int]]:
        """(entity, Id, when), oldest first."""
        return self._db.execute(
            "SELECT entity, id, deleted FROM deletion WHERE realm_id = ? ORDER BY deleted", (realm_id,)
        ).fetchall()

    def entries(self, realm_id: str) -> Iterator[tuple[Key, bytes]]:
        rows = self._db.execute("SELECT kind, id, entry FROM posting WHERE realm_id = ? ORDER BY nth", (realm_id,))
        return (((kind, identifier), entry) for kind, identifier, entry in rows)

    def _put_facts(self, company: Company) -> None:
        facts = {"numbering": company.numbering(), "tax_accounts": company.chart.tax_accounts}
        self._db.execute(
            "INSERT INTO company VALUES (?, ?, ?) ON CONFLICT (realm_id) DO UPDATE SET facts = excluded.facts",
            (company.realm_id, company.zone.key, exact_json.dumps(facts)),
        )

    def _put_objects(self, realm_id: str, records: Iterable[tuple[str, Record]]) -> None:
        rows = (
            (realm_id, entity, record.id, record.created, record.updated, record.encoded())
            for entity, record in records
        )
        self._db.executemany(_PUT_OBJECT, rows)

    def _put_deletions(self, realm_id: str, tombstones: Iterable[tuple[str, Tombstone]]) -> None:
        rows = ((realm_id, entity, tombstone.id, tombstone.deleted) for entity, tombstone in tombstones)
        self._db.executemany("INSERT OR REPLACE INTO deletion VALUES (?, ?, ?, ?)", rows)

    def _put_entries(self, company: Company, keys: Iterable[Key]) -> None:
        entries = company.ledger.entries
        rows = ((company.realm_id, *key, exact_json.dumps(entries[key])) for key in keys)
        self._db.executemany(_PUT_ENTRY, rows)
