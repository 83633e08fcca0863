import pytest

from kd_core.config import DataSettings, ModelSettings, RunSettings
from kd_core.errors import StoreError
from kd_core.study.records import (
    RECORD,
    DataRecord,
    ModelRecord,
    RunRecord,
    ScoreRecord,
    write_json,
    write_text,
)


def make_record(run_id: str = "r1") -> RunRecord:
    settings = RunSettings(
        key="teacher-s0",
        role="teacher",
        data=DataSettings(dataset="sample", data_hash="abc"),
        model=ModelSettings(name="resnet18"),
    )
    score = ScoreRecord(value=0.9, low=0.8, high=0.95, n=10)
    model = ModelRecord(
        name="model",
        role="teacher",
        architecture="resnet18",
        params=1,
        state_dict_bytes=4,
        macs=1,
        size_bytes=5,
        sha256="0" * 64,
        scores={"accuracy": score},
    )
    data = DataRecord(
        name="sample",
        hash="abc",
        task="classification",
        classes=("a", "b"),
        size=32,
        channels=3,
        counts={"train": 1},
    )
    return RunRecord(
        run_id=run_id,
        settings=settings,
        config_hash="h",
        data=data,
        models=(model,),
        environment={},
        started=1.0,
        seconds=2.0,
    )


def test_a_record_is_read_as_it_was_written(tmp_path) -> None:
    record = make_record()
    write_json(tmp_path / RECORD, record.to_json())
    assert RunRecord.read(tmp_path) == record


@pytest.mark.parametrize(("text", "code"), [(None, "record_missing"), ("{", "record_unreadable")])
def test_a_missing_or_broken_record_is_named(tmp_path, text, code) -> None:
    if text is not None:
        write_text(tmp_path / RECORD, text)
    with pytest.raises(StoreError) as caught:
        RunRecord.read(tmp_path)
    assert caught.value.code == code


def test_writing_leaves_nothing_aside(tmp_path) -> None:
    write_text(tmp_path / "a" / "b.txt", "one")
    write_text(tmp_path / "a" / "b.txt", "two")
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["b.txt"]
    assert (tmp_path / "a" / "b.txt").read_text() == "two"
