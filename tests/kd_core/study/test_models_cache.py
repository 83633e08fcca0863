import shutil

import numpy as np
import pandas as pd
import pytest

from kd_core.study import models_cache
from kd_core.study.models_cache import ModelsCache, joined
from kd_core.study.models_frame import places, read_frame
from kd_core.study.store import Store
from tests.helpers_sample import sample_store, sample_study


@pytest.fixture
def store(tmp_path):
    """A copy of the sample store, which a test may change."""
    home = tmp_path / "home"
    shutil.copytree(sample_store().home.root, home)
    store = Store(home)
    yield store
    store.close()


def counted(monkeypatch) -> list[int]:
    """How many models each reading of records had to read."""
    found: list[int] = []
    read = models_cache.read_rows

    def reading(store, wanted):
        found.append(len(wanted))
        return read(store, wanted)

    monkeypatch.setattr(models_cache, "read_rows", reading)
    return found


def test_what_was_read_is_not_read_again_and_is_what_the_records_say(store, monkeypatch) -> None:
    read = counted(monkeypatch)
    cache, plain = ModelsCache(store), read_frame(store, [sample_study()])
    for _ in range(2):
        pd.testing.assert_frame_equal(cache.frame([sample_study()]), plain)
    assert read == [len(plain)]


def test_only_what_is_new_is_read_and_what_was_deleted_is_gone(store, monkeypatch) -> None:
    run = places(store, [sample_study()])[-1].run
    with store.db.write() as db:
        db.execute("UPDATE runs SET status = 'running' WHERE id = ?", [run])
    cache = ModelsCache(store)
    before = cache.frame([sample_study()])
    with store.db.write() as db:
        db.execute("UPDATE runs SET status = 'finished' WHERE id = ?", [run])
    read = counted(monkeypatch)
    plain = read_frame(store, [sample_study()])
    pd.testing.assert_frame_equal(cache.frame([sample_study()]), plain)
    assert read == [len(plain) - len(before)]
    with store.db.write() as db:
        db.execute("DELETE FROM runs WHERE id = ?", [run])
    assert run not in set(cache.frame([sample_study()])["run"])


def test_the_next_start_reads_the_file_and_a_broken_one_is_ignored(store, monkeypatch) -> None:
    monkeypatch.setattr(models_cache, "WORTH_WRITING", 1)
    plain = ModelsCache(store).frame([sample_study()])
    read = counted(monkeypatch)
    again = ModelsCache(store)
    pd.testing.assert_frame_equal(again.frame([sample_study()]), plain)
    assert read == []
    again.path.write_bytes(b"ARROW1 and then nothing")
    pd.testing.assert_frame_equal(ModelsCache(store).frame([sample_study()]), plain)
    assert read == [len(plain)]
    assert [p.name for p in again.path.parent.glob("models*")] == [again.path.name]


def test_a_cache_that_cannot_be_written_only_costs_time(store, monkeypatch) -> None:
    monkeypatch.setattr(models_cache, "WORTH_WRITING", 1)
    cache = ModelsCache(store)
    cache.path = store.home.root / "store.sqlite" / "models.feather"  # below a file
    assert len(cache.frame([sample_study()])) == len(read_frame(store, [sample_study()]))


def test_columns_that_only_one_part_has_are_empty_in_the_other() -> None:
    first = pd.DataFrame({"n": [1, 2], "value.f1": [0.5, 0.6], "set.chain": [None, None]})
    second = pd.DataFrame({"n": [3], "value.dice": [0.7], "set.chain": ["prune"]})
    both = joined(first, second)
    assert both["n"].dtype == np.int64
    assert np.isnan(both["value.f1"][2])
    assert np.isnan(both["value.dice"][0])
    assert list(both["set.chain"].isna()) == [True, True, False]
