"""The tables, and how an older store becomes a current one.

``PRAGMA user_version`` counts the migrations that a store has had; a migration is a list of
statements, runs once, inside one transaction, after a copy of the store was laid beside it.
A migration is never changed after it was released: add another.
"""

from __future__ import annotations

from collections.abc import Sequence

import filelock

from kd_core.errors import StoreError
from kd_core.study.database import Database

# runs.study is where a run was made; members says which studies show it (a finished run may be
# reused). configs has what is long, so that lists of runs read few pages; its parents are
# {name: {run, config_hash}}, kept when a parent is deleted or elsewhere, and needs links to those
# that are here.
VERSION_1: tuple[str, ...] = (
    """CREATE TABLE studies (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, owner TEXT NOT NULL, settings TEXT NOT NULL,
        data_hash TEXT NOT NULL, metric TEXT NOT NULL, created REAL NOT NULL,
        test_opened_at REAL, test_opened_runs INTEGER, test_opened_by TEXT)""",
    """CREATE TABLE runs (
        id TEXT PRIMARY KEY, study TEXT NOT NULL, key TEXT NOT NULL, role TEXT NOT NULL,
        seed INTEGER NOT NULL, status TEXT NOT NULL, owner TEXT NOT NULL, dataset TEXT NOT NULL,
        model TEXT NOT NULL, device TEXT NOT NULL, threads INTEGER NOT NULL,
        config_hash TEXT NOT NULL, position INTEGER NOT NULL, expected_s REAL,
        created REAL NOT NULL, claimed REAL, started REAL, ended REAL, place TEXT,
        stage TEXT, done INTEGER, total INTEGER, left_s REAL,
        error TEXT, request TEXT, requested REAL,
        attempt INTEGER NOT NULL DEFAULT 0, holder TEXT, lease_until REAL)""",
    """CREATE TABLE configs (
        run TEXT PRIMARY KEY REFERENCES runs ON DELETE CASCADE, config TEXT NOT NULL,
        parents TEXT NOT NULL, plugins TEXT NOT NULL)""",
    "CREATE INDEX runs_by_status ON runs (status, position)",
    "CREATE INDEX runs_by_hash ON runs (config_hash, status)",
    "CREATE INDEX runs_by_owner ON runs (owner, status)",
    "CREATE INDEX runs_by_position ON runs (position)",
    "CREATE INDEX runs_by_dataset ON runs (dataset)",
    """CREATE TABLE members (
        study TEXT NOT NULL REFERENCES studies ON DELETE CASCADE,
        run TEXT NOT NULL REFERENCES runs ON DELETE CASCADE,
        key TEXT NOT NULL, PRIMARY KEY (study, key)) WITHOUT ROWID""",
    "CREATE INDEX members_by_run ON members (run)",
    """CREATE TABLE needs (
        run TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, name TEXT NOT NULL,
        parent TEXT NOT NULL REFERENCES runs ON DELETE CASCADE,
        PRIMARY KEY (run, name)) WITHOUT ROWID""",
    "CREATE INDEX needs_by_parent ON needs (parent)",
    """CREATE TABLE models (
        run TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, name TEXT NOT NULL,
        role TEXT NOT NULL, architecture TEXT NOT NULL, parent TEXT, step INTEGER NOT NULL,
        params INTEGER, state_dict_bytes INTEGER, macs INTEGER, size_bytes INTEGER NOT NULL,
        precision TEXT NOT NULL, sha256 TEXT NOT NULL, network_sha256 TEXT NOT NULL,
        scores TEXT NOT NULL,
        PRIMARY KEY (run, name)) WITHOUT ROWID""",
    """CREATE TABLE measurements (
        id INTEGER PRIMARY KEY, run TEXT NOT NULL, model TEXT NOT NULL, at REAL NOT NULL,
        body TEXT NOT NULL,
        FOREIGN KEY (run, model) REFERENCES models (run, name) ON DELETE CASCADE)""",
    "CREATE INDEX measurements_by_model ON measurements (run, model)",
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
)

# Chains of compression: which method made a model, and two more sizes.
VERSION_2: tuple[str, ...] = (
    "ALTER TABLE models ADD COLUMN method TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE models ADD COLUMN nonzero INTEGER",
    "ALTER TABLE models ADD COLUMN gzip_bytes INTEGER",
)

MIGRATIONS: tuple[Sequence[str], ...] = (VERSION_1, VERSION_2)


def migrate(database: Database, migrations: Sequence[Sequence[str]] = MIGRATIONS) -> None:
    """Bring a store to the current version; a current one is left alone.

    Raises:
        StoreError: ``store_newer`` when the store was written by a later KD Lab.
    """
    # Two processes may open a new home at once; switching to WAL does not wait for a busy file.
    with _opening(database):
        version = _version(database)
        if version > len(migrations):
            raise StoreError(
                "store_newer", path=str(database.path), found=version, known=len(migrations)
            )
        if version == len(migrations):
            return
        if version > 0:
            database.backup(database.path.with_suffix(f".v{version}.bak"))
        with database.write() as db:
            for statements in migrations[version:]:
                for statement in statements:
                    db.execute(statement)
            db.execute(f"PRAGMA user_version = {len(migrations)}")


def _version(database: Database) -> int:
    return int(database.rows("PRAGMA user_version")[0][0])


def _opening(database: Database) -> filelock.BaseFileLock:
    lock = filelock.FileLock(database.path.with_name("store.lock"), timeout=database.busy_s)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise StoreError("store_locked", path=str(database.path)) from None
    return lock
