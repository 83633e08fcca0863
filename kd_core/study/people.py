"""The people of a class: who is in, what they are called, what they brought and answered.

One small database beside the store, ``<home>/class.sqlite``, so that it can be wiped on its own and
goes into no backup of results. A person is a random name (see ``signing.py``); a nickname is what
they typed themselves, and nothing else about them is stored.
"""

from __future__ import annotations

import json
import re
import sqlite3
import time
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from kd_core.errors import AccessError
from kd_core.study.database import Database
from kd_core.study.rights import Person, Role
from kd_core.study.schema import migrate

FILE = "class.sqlite"
NICKNAME_CHARS = 24
_NICKNAME = re.compile(r"[^\W_][\w .'-]*")

# people.room is a fingerprint of the code that let them in: a new code asks everybody again.
VERSION_1: tuple[str, ...] = (
    """CREATE TABLE people (
        id TEXT PRIMARY KEY, role TEXT NOT NULL, nickname TEXT NOT NULL, room TEXT NOT NULL,
        since REAL NOT NULL) WITHOUT ROWID""",
    """CREATE TABLE uploads (
        id INTEGER PRIMARY KEY, person TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL,
        size_bytes INTEGER NOT NULL, at REAL NOT NULL)""",
    "CREATE INDEX uploads_by_person ON uploads (person)",
    """CREATE TABLE answers (
        person TEXT NOT NULL, lesson TEXT NOT NULL, question TEXT NOT NULL, answer TEXT NOT NULL,
        is_right INTEGER NOT NULL, at REAL NOT NULL,
        PRIMARY KEY (person, lesson, question)) WITHOUT ROWID""",
    """CREATE TABLE board (
        person TEXT PRIMARY KEY, run TEXT NOT NULL, model TEXT NOT NULL, accuracy REAL NOT NULL,
        size_bytes INTEGER NOT NULL, at REAL NOT NULL) WITHOUT ROWID""",
    "CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
)
MIGRATIONS: tuple[Sequence[str], ...] = (VERSION_1,)


class Upload(NamedTuple):
    """Something that a person brought and that is kept: ``dataset`` or ``file``."""

    person: str
    kind: str
    name: str
    size_bytes: int


class Count(NamedTuple):
    """How a class answered one question."""

    question: str
    answer: str
    n: int
    is_right: bool


class People:
    """The people of one home's class.

    Args:
        home: The home's folder.
        most: How many may come in; with the limits of each this bounds what all may do.
    """

    def __init__(self, home: Path, most: int = 60) -> None:
        self.db = Database(home / FILE)
        self.most = most
        migrate(self.db, MIGRATIONS)

    # --- who is in -----------------------------------------------------------------------------

    def enter(
        self, person: str, role: Role, nickname: str, room: str, rooms: Sequence[str] = ()
    ) -> Person:
        """Let somebody in, or give who is in another role or nickname.

        Args:
            person: Their id.
            role: What they are from now on.
            nickname: What they want to be called.
            room: Mark of the word that lets them in.
            rooms: All marks that are good now; a nickname is taken once among them.

        Raises:
            AccessError: ``nickname_form``, ``nickname_taken`` or ``class_full``.
        """
        called = check_nickname(nickname)
        with self.db.write() as db:
            good = (room, *rooms)
            others = db.execute(
                f"SELECT nickname, room FROM people WHERE id != ? AND room IN ({_marks(good)})",
                [person, *good],
            ).fetchall()
            if _fold(called) in {_fold(other) for other, _ in others}:
                raise AccessError("nickname_taken", name=called)
            in_this_room = sum(where == room for _, where in others)
            if role != "teacher" and in_this_room >= self.most:
                raise AccessError("class_full", limit=self.most)
            db.execute(
                "INSERT INTO people VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
                " role = excluded.role, nickname = excluded.nickname, room = excluded.room",
                [person, role, called, room, time.time()],
            )
        return Person(person, role, called)

    def find(self, person: str, rooms: Sequence[str]) -> Person:
        """Who somebody is; a guest unless one of these rooms let them in."""
        rows = self.db.rows("SELECT role, nickname, room FROM people WHERE id = ?", [person])
        if not rows or rows[0][2] not in rooms:
            return Person(person, "guest")
        return Person(person, rows[0][0], rows[0][1])

    def present(self, rooms: Sequence[str]) -> list[Person]:
        """All who are in, in the order in which they came."""
        sql = (
            "SELECT id, role, nickname FROM people"
            f" WHERE room IN ({_marks(rooms)}) ORDER BY since, id"
        )
        return [Person(*row) for row in self.db.rows(sql, rooms)]

    def everybody(self) -> list[Person]:
        """All who are known, whatever let them in, in the order in which they came."""
        rows = self.db.rows("SELECT id, role, nickname FROM people ORDER BY since, id")
        return [Person(*row) for row in rows]

    def remove(self, person: str) -> bool:
        """Let one person out: their place, board entry and answers are free; whether they were in.

        What they made and brought stays until the class is wiped. Who still knows the code may
        come in again.
        """
        with self.db.write() as db:
            db.execute("DELETE FROM board WHERE person = ?", [person])
            db.execute("DELETE FROM answers WHERE person = ?", [person])
            return bool(db.execute("DELETE FROM people WHERE id = ?", [person]).rowcount)

    # --- what they brought ---------------------------------------------------------------------

    def note_upload(
        self, person: str, kind: str, name: str, size_bytes: int, limit_bytes: int = 0
    ) -> None:
        """Count what a person keeps on the server's disk; call it before it is written.

        Args:
            person: Their id.
            kind: ``dataset`` or ``file``.
            name: Name of the data set or of the file among the uploads.
            size_bytes: What it takes.
            limit_bytes: What they may keep in all; 0 is no limit.

        Raises:
            AccessError: ``upload_limit``.
        """
        with self.db.write() as db:
            used = _used(db, person)
            if limit_bytes and used + size_bytes > limit_bytes:
                raise AccessError(
                    "upload_limit", used=used, new=size_bytes, limit_bytes=limit_bytes
                )
            db.execute(
                "INSERT INTO uploads (person, kind, name, size_bytes, at) VALUES (?, ?, ?, ?, ?)",
                [person, kind, name, size_bytes, time.time()],
            )

    def forget_upload(self, kind: str, name: str) -> None:
        """What was brought is gone, and does not count any more."""
        with self.db.write() as db:
            db.execute("DELETE FROM uploads WHERE kind = ? AND name = ?", [kind, name])

    def upload_bytes(self, person: str) -> int:
        """What a person keeps on the server's disk."""
        with self.db.connection() as db:
            return _used(db, person)

    def uploads(self) -> list[Upload]:
        """All that people brought, oldest first."""
        rows = self.db.rows("SELECT person, kind, name, size_bytes FROM uploads ORDER BY id")
        return [Upload(*row) for row in rows]

    def brought(self, kind: str, name: str) -> str:
        """Who brought something; empty where nobody of a class did."""
        sql = "SELECT person FROM uploads WHERE kind = ? AND name = ? ORDER BY id LIMIT 1"
        rows = self.db.rows(sql, [kind, name])
        return str(rows[0][0]) if rows else ""

    # --- what they answered --------------------------------------------------------------------

    def answer(self, person: str, lesson: str, question: str, answer: str, is_right: bool) -> None:
        """Keep an answer; a later one to the same question takes its place."""
        with self.db.write() as db:
            db.execute(
                "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?)",
                [person, lesson, question, answer[:200], int(is_right), time.time()],
            )

    def answers(self, person: str, lesson: str) -> dict[str, str]:
        """A person's answers to the questions of a lesson."""
        sql = "SELECT question, answer FROM answers WHERE person = ? AND lesson = ?"
        return dict(self.db.rows(sql, [person, lesson]))

    def counts(self, lesson: str) -> list[Count]:
        """How often each answer was given, without who gave it."""
        rows = self.db.rows(
            "SELECT question, answer, COUNT(*), MAX(is_right) FROM answers WHERE lesson = ?"
            " GROUP BY question, answer ORDER BY question, COUNT(*) DESC, answer",
            [lesson],
        )
        return [Count(question, answer, n, bool(right)) for question, answer, n, right in rows]

    # --- what the teacher set ------------------------------------------------------------------

    def setting(self, key: str) -> Any:
        """What was set, in JSON's types; ``None`` where nothing was."""
        rows = self.db.rows("SELECT value FROM settings WHERE key = ?", [key])
        return json.loads(rows[0][0]) if rows else None

    def set(self, key: str, value: Any) -> None:
        """Set something for the whole class: the board, the order of lessons."""
        with self.db.write() as db:
            db.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", [key, json.dumps(value)])

    def wipe(self) -> int:
        """Forget everybody with all that was kept about them; how many there were."""
        with self.db.write() as db:
            n = int(db.execute("SELECT COUNT(*) FROM people").fetchone()[0])
            for table in ("people", "uploads", "answers", "board", "settings"):
                db.execute(f"DELETE FROM {table}")
        return n

    def close(self) -> None:
        """Close connections that are not in use."""
        self.db.close()


def check_nickname(text: str) -> str:
    """The nickname with single spaces, when it is one.

    Raises:
        AccessError: ``nickname_form``.

    >>> check_nickname("  João   P. ")
    'João P.'
    """
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not _NICKNAME.fullmatch(name) or len(name) > NICKNAME_CHARS:
        raise AccessError("nickname_form", limit=NICKNAME_CHARS)
    return name


def _fold(name: str) -> str:
    return unicodedata.normalize("NFKD", name).casefold()


def _used(db: sqlite3.Connection, person: str) -> int:
    sql = "SELECT COALESCE(SUM(size_bytes), 0) FROM uploads WHERE person = ?"
    return int(db.execute(sql, [person]).fetchone()[0])


def _marks(values: Sequence[str]) -> str:
    """Question marks for as many values in a statement."""
    return ", ".join("?" * len(values))
