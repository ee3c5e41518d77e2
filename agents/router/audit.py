"""The log of a router: every state that was decided on, every decision, and what happened to the router itself.

One SQLite file in WAL mode; triggers refuse to change or remove a row. Decisions are committed in groups by one thread,
each group with one fsync, and whoever asked is answered after that. One attempt of one job has one row, for ever.
"""

import json
import sqlite3
import threading
import time
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from ...fastsim.errors import InputError

SCHEMA = """
CREATE TABLE IF NOT EXISTS states (
  number INTEGER PRIMARY KEY,   -- of the state
  at REAL NOT NULL,             -- s since 1970
  digest TEXT NOT NULL,         -- SHA-256 of the snapshot, in short
  snapshot BLOB NOT NULL,       -- its JSON, deflated
  again TEXT NOT NULL           -- JSON: numbers of earlier decisions that were carried out in it first
);
CREATE TABLE IF NOT EXISTS decisions (
  number INTEGER PRIMARY KEY,
  at REAL NOT NULL,
  cluster TEXT NOT NULL,
  job TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  state INTEGER NOT NULL REFERENCES states (number),
  question INTEGER NOT NULL,    -- number of the first decision of the same question
  request TEXT NOT NULL,        -- JSON
  action TEXT NOT NULL,
  by TEXT NOT NULL,
  why TEXT NOT NULL,
  policy TEXT NOT NULL,
  baseline TEXT NOT NULL,
  observation TEXT NOT NULL,
  share REAL NOT NULL,
  bundle TEXT NOT NULL,         -- digest of its manifest
  UNIQUE (cluster, job, attempt)
);
CREATE TABLE IF NOT EXISTS events (
  number INTEGER PRIMARY KEY,
  at REAL NOT NULL,
  kind TEXT NOT NULL,
  detail TEXT NOT NULL          -- JSON
);
"""
TABLES = ("states", "decisions", "events")
GUARD = """
CREATE TRIGGER IF NOT EXISTS {table}_{verb} BEFORE {verb} ON {table}
BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END;
"""
COLUMNS = (
    *("number", "at", "cluster", "job", "attempt", "state", "question", "request", "action", "by", "why", "policy"),
    *("baseline", "observation", "share", "bundle"),
)
VERSION = 1  # PRAGMA user_version
MOST_TOGETHER = 100  # decisions in one statement
MOVED_ROWS = 300  # are committed before the WAL is moved to the database, which takes a millisecond
Row = tuple[str, Sequence[Any]]  # a statement and its values
Done = Callable[[Exception | None], None]
PLACES = f"({', '.join('?' * len(COLUMNS))})"
INSERT = f"INSERT INTO decisions ({', '.join(COLUMNS)}) VALUES {PLACES}"


class Entry(NamedTuple):
    """A row of decisions."""

    number: int
    at: float
    cluster: str
    job: str
    attempt: int
    state: int
    question: int
    request: str
    action: str
    by: str
    why: str
    policy: str
    baseline: str
    observation: str
    share: float
    bundle: str


class StateEntry(NamedTuple):
    """A row of states."""

    number: int
    at: float
    digest: str
    snapshot: bytes  # JSON
    again: tuple[int, ...]


def opened(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """The log at `path`. Raises InputError where it is none, or of another version."""
    where = "audit log"
    try:
        if read_only and not path.is_file():
            raise InputError(where, "file", path, "is not there", "name the log of a router")
        mode = "ro" if read_only else "rwc"
        found = sqlite3.connect(f"file:{path}?mode={mode}", uri=True, isolation_level=None, check_same_thread=False)
        version = found.execute("PRAGMA user_version").fetchone()[0]
        tables = {name for (name,) in found.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if (version, tables >= set(TABLES)) != (VERSION, True) and (tables or read_only):
            raise InputError(where, "file", path, f"is not a log of version {VERSION}", "name the log of a router")
        if not read_only:
            _prepare(found)
    except sqlite3.Error as error:
        raise InputError(where, "file", path, f"cannot be used: {error}", "name another file") from error
    return found


def _prepare(log: sqlite3.Connection) -> None:
    log.execute("PRAGMA journal_mode = WAL")
    log.execute("PRAGMA synchronous = FULL")
    log.execute("PRAGMA busy_timeout = 2000")
    log.execute("PRAGMA wal_autocheckpoint = 0")  # it would keep a commit waiting: `Log` does it between two
    log.executescript(SCHEMA)
    for table in TABLES:
        for verb in ("UPDATE", "DELETE"):
            log.executescript(GUARD.format(table=table, verb=verb))
    log.execute(f"PRAGMA user_version = {VERSION}")


class Log:
    """A log that one router writes to.

    `add` takes rows at any time; one thread commits all that have come, and then calls what came with them: with
    nothing, or with the error that kept them out. Numbers are given when rows come.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._log, self._reader = opened(path), opened(path, read_only=True)
        self._lock = threading.Condition()
        self._waiting: list[tuple[list[Row], Done]] = []
        self._is_over, self._unmoved = False, 0
        self.last_state = self._last("states")
        self.last_decision = self._last("decisions")
        self._thread = threading.Thread(target=self._write, name="audit", daemon=True)
        self._thread.start()

    def found(self, cluster: str, job: str, attempt: int) -> Entry | None:
        """What was decided of an attempt, if it is committed."""
        query = f"SELECT {', '.join(COLUMNS)} FROM decisions WHERE cluster = ? AND job = ? AND attempt = ?"
        row = self._reader.execute(query, (cluster, job, attempt)).fetchone()
        return None if row is None else Entry(*row)

    def add(self, rows: list[Row], done: Done) -> None:
        """Commit these statements with their values, together; `done` is called by the log's thread."""
        with self._lock:
            self._waiting.append((rows, done))
            self._lock.notify()

    def events(self, *kinds: str) -> list[tuple[str, dict[str, Any]]]:
        """All events of some kinds with their details, the latest last."""
        return events(self._reader, *kinds)

    def close(self) -> None:
        """Commit what has come, and close."""
        with self._lock:
            self._is_over = True
            self._lock.notify()
        self._thread.join()
        self._log.close()
        self._reader.close()

    def _last(self, table: str) -> int:
        return self._reader.execute(f"SELECT coalesce(max(number), 0) FROM {table}").fetchone()[0]

    def _write(self) -> None:
        while True:
            with self._lock:
                while not self._waiting and not self._is_over:
                    self._lock.wait()
                group, self._waiting = self._waiting, []
            if not group:
                return
            committed = [row for rows, _ in group for row in rows]
            error = self._commit(committed)
            for _, done in group:
                done(error)
            self._unmoved += len(committed)
            if self._unmoved >= MOVED_ROWS:
                self._move()

    def _commit(self, rows: Sequence[Row]) -> Exception | None:
        try:
            if all(statement is INSERT for statement, _ in rows) and len(rows) <= MOST_TOGETHER:
                # Each statement gives the interpreter away twice, and then waits for the loop to let it go on.
                values = [value for _, row in rows for value in row]
                self._log.execute(", ".join([INSERT, *[PLACES] * (len(rows) - 1)]), values)
                return None
            self._log.execute("BEGIN IMMEDIATE")
            for statement, values in rows:
                self._log.execute(statement, values)
            self._log.execute("COMMIT")
        except sqlite3.Error as error:
            if self._log.in_transaction:
                self._log.execute("ROLLBACK")
            return error
        return None

    def _move(self) -> None:
        """Move what is committed to the database, after it has been told: the WAL begins anew, and stays small."""
        with suppress(sqlite3.Error):  # the WAL has it, and grows until it can be moved
            self._log.execute("PRAGMA wal_checkpoint(PASSIVE)")
        self._unmoved = 0


def state_row(number: int, digest: str, deflated: bytes, again: Sequence[int]) -> Row:
    """A statement that adds a state, if it is not there yet."""
    values = (number, time.time(), digest, deflated, json.dumps(list(again)))
    return "INSERT OR IGNORE INTO states VALUES (?, ?, ?, ?, ?)", values


def decision_row(entry: Entry) -> Row:
    """A statement that adds a decision."""
    return INSERT, entry


def event_row(kind: str, detail: dict[str, Any]) -> Row:
    """A statement that adds an event."""
    return "INSERT INTO events (at, kind, detail) VALUES (?, ?, ?)", (time.time(), kind, json.dumps(detail))


def entries(log: sqlite3.Connection) -> list[Entry]:
    """All decisions, in their order."""
    return [Entry(*row) for row in decisions_after(log, 0, -1, COLUMNS)]


def decisions_after(log: sqlite3.Connection, number: int, most: int, columns: Sequence[str]) -> list[tuple[Any, ...]]:
    """Some columns of the first decisions after one, in their order; of all where `most` is below 0."""
    query = f"SELECT {', '.join(columns)} FROM decisions WHERE number > ? ORDER BY number LIMIT ?"
    return log.execute(query, (number, most)).fetchall()


def state(log: sqlite3.Connection, number: int) -> StateEntry | None:
    """One state."""
    query = "SELECT number, at, digest, snapshot, again FROM states WHERE number = ?"
    row = log.execute(query, (number,)).fetchone()
    if row is None:
        return None
    number, at, digest, deflated, again = row
    return StateEntry(number, at, digest, zlib.decompress(deflated), tuple(json.loads(again)))


def events(log: sqlite3.Connection, *kinds: str) -> list[tuple[str, dict[str, Any]]]:
    """All events of some kinds with their details, the latest last."""
    query = f"SELECT kind, detail FROM events WHERE kind IN ({', '.join('?' * len(kinds))}) ORDER BY number"
    return [(kind, json.loads(detail)) for kind, detail in log.execute(query, kinds)]
