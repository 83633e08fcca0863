import json

import pandas as pd

from kd_core.study.models_frame import (
    MODEL_COLUMNS,
    PlaceOf,
    _add,
    _Columns,
    _place,
    frame_version,
    metrics_in,
    model_file,
    read_frame,
    settings_of,
    shape,
)
from kd_core.study.results import results
from tests.helpers_sample import sample_frame, sample_store, sample_study


def test_the_frame_says_what_the_records_say() -> None:
    frame = sample_frame()
    found = results(sample_store(), sample_study())
    assert list(frame["run"]) == [r.run.id for r in found]
    assert list(frame["arm"]) == [r.arm for r in found]
    for (_, row), result in zip(frame.iterrows(), found, strict=True):
        score = result.scores["sensitivity:ring"]
        ends = [row[f"{end}.sensitivity:ring"] for end in ("value", "low", "high")]
        assert ends == [score.value, score.low, score.high]
        assert row["size_bytes"] == result.model.size_bytes


def test_seeds_of_one_network_share_a_shape_and_the_teacher_does_not() -> None:
    frame = sample_frame()
    assert frame["shape"].nunique() == 2
    assert frame.groupby("role")["shape"].nunique().max() == 1


def test_a_step_of_a_chain_and_a_foreign_file_stand_for_themselves() -> None:
    model = {
        "architecture": "net", "params": 5, "macs": 7, "precision": "int8", "step": 0,
        "name": "model", "sha256": "abc",
    }  # fmt: skip
    step = {**model, "step": 2, "name": "2-quantise"}
    assert shape(model, 64) != shape(step, 64)
    assert shape(model, 64) != shape(model, 32)
    assert shape({**model, "params": None}, 64) == "abc"


def test_settings_of_a_distilled_run_and_of_a_teacher() -> None:
    frame = sample_frame().set_index("key")
    assert frame.loc["distilled-s0", "set.T"] == 4.0
    assert frame.loc["distilled-s0", "set.losses"] == "kd"
    assert pd.isna(frame.loc["teacher-s0", "set.alpha"])
    chain = {
        "data": {"size": 32}, "role": "compressed", "distil": None, "train": {"lr": 1},
        "chain": {"steps": [{"method": "prune"}, {"method": "quantise"}]},
    }  # fmt: skip
    assert settings_of(chain)["set.chain"] == "prune+quantise"
    assert settings_of(chain)["set.lr"] is None


def test_no_study_and_an_unknown_one_give_an_empty_frame() -> None:
    store = sample_store()
    assert not len(read_frame(store, []))
    assert not len(read_frame(store, ["nonsense"]))


def test_metrics_and_files() -> None:
    frame = sample_frame()
    assert {"macro_auc", "sensitivity:ring"} <= set(metrics_in(frame))
    assert model_file(sample_store(), frame["run"][0], "model").is_file()


def test_the_version_changes_with_a_measurement_and_when_the_test_part_is_opened(tmp_path) -> None:
    from kd_core.study.collect import collect
    from kd_core.study.store import Store
    from tests.helpers_code import ROOT
    from tests.helpers_jobs import MEASUREMENT

    store = Store(tmp_path / "own")
    before = frame_version(store)
    collect(store, ROOT / "sample_data" / "study")
    between = frame_version(store)
    run = store.runs()[0].id
    store.add_measurement(run, "model", MEASUREMENT)
    measured = frame_version(store)
    store.open_test(store.studies()[0].id)
    assert len({before, between, measured, frame_version(store)}) == 4
    store.close()


def test_what_a_run_leaves_beside_its_own_model_has_an_arm_of_its_own():
    row = {"key": "both-s1", "seed": 1, "step": 0}
    assert _place({**row, "name": "model", "parent": None}) == "both"
    assert _place({**row, "name": "peer-1", "parent": "model"}) == "both/peer-1"
    assert _place({**row, "name": "2-int8", "parent": "1-prune", "step": 2}) == "both"


def test_a_row_of_the_frame_has_that_arm_and_no_fold():
    store = sample_store()
    run = store.runs(study=sample_study())[0]
    config = json.loads(store.db.rows("SELECT config FROM configs WHERE run = ?", [run.id])[0][0])
    columns = _Columns()
    model = dict.fromkeys(MODEL_COLUMNS) | {"name": "peer-1", "parent": "model", "step": 0}
    row = {"run": run.id, "key": "both-fold2-s1", "seed": 1, "dataset": "sample", **model}
    _add(columns, PlaceOf("s", run.id, "peer-1", 1.0, None), row, {}, {run.id: config})
    assert list(columns.frame()["arm"]) == ["both/peer-1"]
