"""The index of stored rollouts: a SQLite file, who may write to it, and how it is opened."""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from monitorbench.errors import UsageError, first_line

FORMAT = 2
"""Version of what is on disk."""
INDEX, LOCK = "index.sqlite", "lock"
PATIENCE = 120.0
"""Seconds to wait for another process that is writing to the index."""
_APPLICATION = 0x6D6F6E69
_TABLES = (
    "CREATE TABLE arms (digest TEXT PRIMARY KEY, facts TEXT NOT NULL)",
    "CREATE TABLE rollouts (key TEXT PRIMARY KEY, arm TEXT NOT NULL REFERENCES arms, problem TEXT NOT NULL, "
    "repeat INTEGER NOT NULL, found TEXT NOT NULL, shard TEXT NOT NULL, row INTEGER NOT NULL, blocks INTEGER NOT NULL)",
    "CREATE INDEX rollouts_by_shard ON rollouts (shard)",
    "CREATE TABLE labels (arm TEXT NOT NULL REFERENCES arms, label TEXT NOT NULL, PRIMARY KEY (arm, label))",
    "CREATE TABLE words (tokenizer TEXT NOT NULL, id INTEGER NOT NULL, text TEXT NOT NULL, "
    "PRIMARY KEY (tokenizer, id)) WITHOUT ROWID",
    f"PRAGMA application_id = {_APPLICATION}",
    f"PRAGMA user_version = {FORMAT}",
)
_FURTHER = (
    "CREATE TABLE IF NOT EXISTS halved (model TEXT NOT NULL, declared INTEGER NOT NULL, rows INTEGER NOT NULL, "
    "PRIMARY KEY (model, declared)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS models (digest TEXT PRIMARY KEY, facts TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS prompts (model TEXT NOT NULL, prompt TEXT NOT NULL, tokens TEXT NOT NULL, "
    "PRIMARY KEY (model, prompt)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS texts (model TEXT NOT NULL, tokens TEXT NOT NULL, text TEXT NOT NULL, "
    "PRIMARY KEY (model, tokens)) WITHOUT ROWID",
)
"""Tables that an index of the same version may lack: who does not know them reads all the rest."""
_STRANGE = (ValueError, TypeError, KeyError, AttributeError, RecursionError)
"""What comes of reading values that are not what they should be: SQLite keeps any value in any column."""
_FIX = "run with --fresh while no other process uses it, or delete the folder"


def locked(path: Path) -> tuple[IO[bytes], bool]:
    """A lock that ends with the process, and whether no other process holds one; a sole user may tidy up."""
    file = path.open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        # Waits for one that tidies up, and for none that records.
        fcntl.flock(file, fcntl.LOCK_SH)
        return file, False
    except BaseException:
        file.close()
        raise
    return file, True


def remove(folder: Path) -> None:
    """Remove the index of a folder, of whatever version or kind. No other process may be using it."""
    for suffix in ("", "-wal", "-shm"):
        (folder / f"{INDEX}{suffix}").unlink(missing_ok=True)


def opened(folder: Path) -> sqlite3.Connection:
    """The index of a folder, made where there is none.

    Raises:
        UsageError: it is none that this monitorbench reads.
        sqlite3.Error: it cannot be written, or is damaged.
    """
    index = sqlite3.connect(folder / INDEX, timeout=PATIENCE, isolation_level=None)
    try:
        _prepare(index, folder)
    except BaseException:
        index.close()
        raise
    return index


def opened_to_read(folder: Path) -> sqlite3.Connection:
    """The index of a folder, which is left as it is, also where nothing may be written.

    Raises:
        UsageError: it is none that this monitorbench reads.
        sqlite3.Error: it is not there, or is damaged.
    """
    place = (folder / INDEX).absolute().as_uri()
    try:
        index = sqlite3.connect(f"{place}?mode=ro", timeout=PATIENCE, uri=True)
        _require_readable(index, folder)
    except sqlite3.OperationalError:
        # Reading a log needs a file beside it; without one there is no log to be read.
        index = sqlite3.connect(f"{place}?immutable=1", uri=True)
        _require_readable(index, folder)
    return index


def _prepare(index: sqlite3.Connection, folder: Path) -> None:
    with writing(index):
        empty = not index.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if empty:
            for statement in _TABLES:
                index.execute(statement)
    _require_readable(index, folder)
    with writing(index):
        for statement in _FURTHER:
            index.execute(statement)
    index.execute("PRAGMA journal_mode = WAL")
    index.execute("PRAGMA synchronous = FULL")


def _require_readable(index: sqlite3.Connection, folder: Path) -> None:
    application, version = (
        index.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")
    )
    if application != _APPLICATION:
        raise _unreadable(folder, f"{INDEX} in it is no index of rollouts")
    if version != FORMAT:
        raise _unreadable(folder, f"holds rollouts in version {version}; this monitorbench reads version {FORMAT}")


def _unreadable(folder: Path, what: str) -> UsageError:
    return UsageError(what, where=str(folder), fix=_FIX)


@contextmanager
def usable(folder: Path, *, reading: bool = False) -> Iterator[None]:
    """What the file system or the index refuses is said in one sentence."""
    done, kind = ("read", "readable") if reading else ("kept", "writable")
    try:
        yield
    except _STRANGE as error:
        if not reading:
            raise
        raise _unreadable(folder, "its index holds what no run wrote") from error
    except (OSError, sqlite3.Error) as error:
        if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
            raise _unreadable(folder, f"its index cannot be read ({first_line(error)})") from error
        why = error.strerror if isinstance(error, OSError) and error.strerror else first_line(error)
        raise UsageError(
            f"rollouts cannot be {done} there ({why.lower()})", where=str(folder), fix=f"make it a {kind} folder"
        ) from error


@contextmanager
def writing(index: sqlite3.Connection) -> Iterator[None]:
    """One transaction, all of it or nothing, with no other process writing."""
    index.execute("BEGIN IMMEDIATE")
    try:
        yield
        index.execute("COMMIT")
    except BaseException:
        if index.in_transaction:
            index.execute("ROLLBACK")
        raise
