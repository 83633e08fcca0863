import sqlite3
import threading

import pytest

from kd_core.errors import StoreError
from kd_core.study.database import Database
from kd_core.study.schema import MIGRATIONS, migrate

NEXT = (*MIGRATIONS, ["ALTER TABLE studies ADD COLUMN note TEXT NOT NULL DEFAULT 'none'"])


def version(database):
    return database.rows("PRAGMA user_version")[0][0]


@pytest.fixture
def database(tmp_path):
    made = Database(tmp_path / "store.sqlite")
    yield made
    made.close()


def test_an_empty_file_gets_all_tables(database):
    migrate(database)
    assert version(database) == len(MIGRATIONS)
    names = {row[0] for row in database.rows("SELECT name FROM sqlite_master WHERE type='table'")}
    assert {"studies", "runs", "models", "measurements"} <= names
    assert not list(database.path.parent.glob("*.bak"))  # nothing was there to keep


def test_an_older_store_is_copied_then_migrated_with_its_rows(database):
    migrate(database)
    with database.write() as db:
        db.execute("INSERT INTO studies VALUES ('s123','n','','{}','','',1.0,NULL,NULL,NULL)")
    migrate(database, NEXT)
    assert version(database) == len(NEXT)
    assert database.rows("SELECT id, note FROM studies") == [("s123", "none")]
    copy = sqlite3.connect(database.path.with_suffix(f".v{len(MIGRATIONS)}.bak"))
    assert copy.execute("SELECT COUNT(*) FROM studies").fetchone() == (1,)
    assert copy.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
    copy.close()


def test_a_migration_that_fails_changes_nothing(database):
    migrate(database)
    bad = (*NEXT, ["this is not SQL"])
    with pytest.raises(StoreError, match="store_failed"):
        migrate(database, bad)
    assert version(database) == len(MIGRATIONS)
    assert "note" not in [row[1] for row in database.rows("PRAGMA table_info(studies)")]


def test_a_newer_store_is_refused(database):
    migrate(database, NEXT)
    with pytest.raises(StoreError, match="store_newer") as caught:
        migrate(database)
    assert caught.value.fields["found"] == len(NEXT)


def test_processes_that_open_a_new_store_at_once_migrate_it_once(tmp_path):
    databases = [Database(tmp_path / "store.sqlite") for _ in range(8)]
    problems = []

    def open_one(database):
        try:
            migrate(database)
        except StoreError as error:
            problems.append(error)

    threads = [threading.Thread(target=open_one, args=[database]) for database in databases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert version(databases[0]) == len(MIGRATIONS)
    for database in databases:
        database.close()


def test_lists_of_runs_use_an_index(database):
    migrate(database)
    for where in ("status = 'queued'", "config_hash = 'x' AND status = 'finished'"):
        plan = database.rows(f"EXPLAIN QUERY PLAN SELECT id FROM runs WHERE {where}")
        assert "USING" in plan[0][3], plan
