import sqlite3
import threading

import pytest

from kd_core.errors import StoreError
from kd_core.study.database import Database


@pytest.fixture
def database(tmp_path):
    made = Database(tmp_path / "a.sqlite", busy_s=0.05)
    with made.write() as db:
        db.execute("CREATE TABLE t (x)")
    yield made
    made.close()


def test_a_transaction_is_all_or_nothing(database):

    def half():
        with database.write() as db:
            db.execute("INSERT INTO t VALUES (1)")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
    assert database.rows("SELECT * FROM t") == []
    with database.write() as db:
        db.execute("INSERT INTO t VALUES (2)")
    assert database.rows("SELECT * FROM t") == [(2,)]


def test_a_locked_file_is_named_and_readers_go_on(database):
    with database.write() as db:
        db.execute("INSERT INTO t VALUES (1)")
        with pytest.raises(StoreError, match="store_locked"), database.write():
            pass
        assert database.rows("SELECT * FROM t") == []  # a reader never waits for a writer


def test_a_corrupt_file_is_named(tmp_path):
    path = tmp_path / "a.sqlite"
    path.write_bytes(b"this is no database, and long enough to look at" * 100)
    with pytest.raises(StoreError, match="store_corrupt"):
        Database(path).rows("SELECT 1 FROM sqlite_master")


def test_check_finds_a_damaged_page(database):
    with database.write() as db:
        db.executemany("INSERT INTO t VALUES (?)", [("x" * 500,) for _ in range(200)])
    database.check()
    with sqlite3.connect(database.path) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    database.close()
    with database.path.open("r+b") as file:
        file.seek(4096 * 3)
        file.write(b"\xff" * 4096)
    with pytest.raises(StoreError, match="store_corrupt"):
        database.check()


def test_a_full_disk_is_named_and_changes_nothing(database):
    with database.connection() as db:
        pages = db.execute("PRAGMA page_count").fetchone()[0]
        db.execute(f"PRAGMA max_page_count = {pages + 2}")

    def fill():
        with database.write() as db:
            db.executemany("INSERT INTO t VALUES (?)", [("x" * 4000,)] * 100)

    with pytest.raises(StoreError, match="disk_full") as caught:
        fill()
    assert caught.value.fields["free_bytes"] > 0
    assert database.rows("SELECT COUNT(*) FROM t") == [(0,)]


def test_threads_write_side_by_side(tmp_path):
    database = Database(tmp_path / "b.sqlite")
    with database.write() as db:
        db.execute("CREATE TABLE t (x)")

    def add():
        for _ in range(20):
            with database.write() as db:
                count = db.execute("SELECT COUNT(*) FROM t").fetchone()[0]
                db.execute("INSERT INTO t VALUES (?)", [count])

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # A count that was read stays true until the transaction ends: no two are equal.
    assert sorted(database.rows("SELECT x FROM t")) == [(i,) for i in range(80)]
    database.close()


def test_a_file_that_was_replaced_is_opened_anew(database, tmp_path):
    other = Database(tmp_path / "other.sqlite", wal=False)
    with other.write() as db:
        db.execute("CREATE TABLE t (x)")
        db.execute("INSERT INTO t VALUES (42)")
    other.close()
    assert database.rows("SELECT * FROM t") == []
    for sidecar in ("-wal", "-shm"):
        database.path.with_name(database.path.name + sidecar).unlink()
    other.path.rename(database.path)
    assert database.rows("SELECT * FROM t") == [(42,)]


def test_backup_is_a_database_of_its_own(database, tmp_path):
    with database.write() as db:
        db.execute("INSERT INTO t VALUES (7)")
    database.backup(tmp_path / "copy.sqlite")
    copy = Database(tmp_path / "copy.sqlite")
    assert copy.rows("SELECT * FROM t") == [(7,)]
    copy.close()
