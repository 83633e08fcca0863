"""SQLite with the manners that many threads and processes need.

Connections are kept in a small pool (a page's thread lives for milliseconds, so one connection a
thread would be opened anew on every click), writes are ``BEGIN IMMEDIATE`` transactions (a
transaction that starts as a reader and then writes can fail at once, whatever the timeout), and
SQLite's errors become errors with a code that says what to do.
"""

from __future__ import annotations

import contextlib
import queue
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from kd_core.data.disk import free_bytes
from kd_core.errors import StoreError

BUSY_S = 10.0  # how long a writer waits for another before the store counts as locked


class Database:
    """One SQLite file.

    Args:
        path: The file; it is created by the first connection.
        wal: Write-ahead log (readers never wait for a writer); not on a network file system.
        busy_s: Seconds to wait for another writer.
    """

    def __init__(self, path: Path, wal: bool = True, busy_s: float = BUSY_S) -> None:
        self.path = path
        self.wal = wal
        self.busy_s = busy_s
        self._idle: queue.LifoQueue[tuple[sqlite3.Connection, int]] = queue.LifoQueue()

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(
            self.path, timeout=self.busy_s, isolation_level=None, check_same_thread=False
        )
        try:
            db.execute("PRAGMA foreign_keys = ON")
            db.execute(f"PRAGMA journal_mode = {'WAL' if self.wal else 'DELETE'}")
            # With a WAL, NORMAL cannot corrupt; a power cut may lose the last transactions.
            db.execute("PRAGMA synchronous = NORMAL" if self.wal else "PRAGMA synchronous = FULL")
        except BaseException:
            db.close()
            raise
        return db

    def _take(self) -> tuple[sqlite3.Connection, int]:
        while True:
            try:
                db, inode = self._idle.get_nowait()
            except queue.Empty:
                db = self._connect()
                return db, self._inode()
            if inode == self._inode():
                return db, inode
            db.close()  # the file was replaced by a rebuild; this one reads the old copy

    def _inode(self) -> int:
        return self.path.stat().st_ino if self.path.exists() else 0

    @contextlib.contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """A connection for a moment; SQLite's errors leave as :class:`StoreError`.

        Raises:
            StoreError: ``store_locked``, ``store_corrupt``, ``disk_full``, ``home_not_writable``,
                ``store_failed``.
        """
        try:
            db, inode = self._take()
            try:
                yield db
            except BaseException:
                db.close()  # whatever state it is in, nobody inherits it
                raise
            self._idle.put((db, inode))
        except sqlite3.Error as error:
            raise store_error(error, self.path) from error

    @contextlib.contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it, or nothing when the block raises."""
        with self.connection() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
            except BaseException:
                if db.in_transaction:  # a full disk makes SQLite roll back by itself
                    db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")

    def rows(self, sql: str, args: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of one query."""
        with self.connection() as db:
            return db.execute(sql, args).fetchall()

    def backup(self, to: Path) -> None:
        """A consistent copy while others read and write (SQLite's online backup)."""
        with self.connection() as db, contextlib.closing(sqlite3.connect(to)) as copy:
            db.backup(copy)

    def check(self) -> None:
        """Read every page.

        Raises:
            StoreError: ``store_corrupt``.
        """
        found = self.rows("PRAGMA quick_check(1)")
        if found != [("ok",)]:
            raise StoreError("store_corrupt", path=str(self.path))

    def close(self) -> None:
        """Close the idle connections; the object opens new ones when it is used again."""
        while True:
            try:
                self._idle.get_nowait()[0].close()
            except queue.Empty:
                return


def store_error(error: sqlite3.Error, path: Path) -> StoreError:
    """The error with a code for one of SQLite's, by its primary result code."""
    primary = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreError("store_locked", path=str(path))
    if primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return StoreError("store_corrupt", path=str(path))
    if primary == sqlite3.SQLITE_FULL:
        return StoreError("disk_full", path=str(path), free_bytes=free_bytes(path))
    if primary in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return StoreError("home_not_writable", path=str(path))
    return StoreError("store_failed", path=str(path), detail=str(error)[:200])
