import gzip

import pytest

from kd_core.errors import JobError, StoreError
from kd_core.study.model_files import (
    gzip_bytes,
    last_model,
    link_or_copy,
    model_folder,
    network_file,
    stage,
)
from kd_core.study.records import RECORD, Job, RunRecord, write_json
from kd_core.study.store import Store
from kd_core.study.submit import submit
from tests.helpers_jobs import run_all, study


@pytest.fixture
def record(home) -> RunRecord:
    store = Store(home)
    submit(store, study())
    (first, *_) = run_all(store)
    return store.record(first)


def test_the_last_model_is_that_of_the_record(tmp_path, record):
    assert last_model(tmp_path) == "model"  # not recorded yet
    two = record.models[0].change(name="2-int8")
    write_json(tmp_path / RECORD, record.change(models=(record.models[0], two)).to_json())
    assert last_model(tmp_path) == "2-int8"
    write_json(tmp_path / RECORD, record.change(models=()).to_json())
    with pytest.raises(StoreError) as caught:
        last_model(tmp_path)
    assert caught.value.code == "model_missing"


def test_the_network_behind_a_model_is_its_own_or_its_float_parent(tmp_path):
    folder = model_folder(tmp_path, "m")
    assert network_file(tmp_path, "m") == (None, False)
    folder.mkdir(parents=True)
    (folder / "float.pt").touch()
    assert network_file(tmp_path, "m") == (folder / "float.pt", False)
    (folder / "model.pt").touch()
    assert network_file(tmp_path, "m") == (folder / "model.pt", True)


def test_zipped_bytes_are_those_of_gzip(tmp_path):
    (tmp_path / "f").write_bytes(b"0" * 1000)
    assert gzip_bytes(tmp_path / "f") == len(gzip.compress(b"0" * 1000, 6))


def test_a_file_gets_another_name(tmp_path):
    (tmp_path / "a").write_text("x")
    for _ in range(2):  # an older one is replaced
        link_or_copy(tmp_path / "a", tmp_path / "deep" / "b")
    assert (tmp_path / "deep" / "b").read_text() == "x"
    assert len(list((tmp_path / "deep").iterdir())) == 1


def test_a_stage_is_told_and_not_begun_when_the_run_is_to_stop(tmp_path):
    events: list = []
    job = Job(run_id="r", folder=tmp_path, home=tmp_path, emit=events.append)
    with stage(job, "compress"):
        pass
    assert [(e.stage, e.done) for e in events] == [("compress", 0), ("compress", 1)]
    for asked in ("paused", "cancelled"):
        stopped = Job(run_id="r", folder=tmp_path, home=tmp_path, stop=lambda asked=asked: asked)
        with pytest.raises(JobError, match=asked), stage(stopped, "export"):
            raise AssertionError("it was begun")
