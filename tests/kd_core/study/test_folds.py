"""Cross-validation with operating points, really trained on tiny images of two classes."""

import numpy as np
import pytest

from kd_core.compress import COMPRESSORS
from kd_core.config import (
    AnalysisSettings,
    Chain,
    CompressStep,
    ComputeSettings,
    DataSettings,
    LatencySettings,
    ModelSettings,
    OperatingSettings,
    StudySettings,
    TeacherSettings,
    TrainSettings,
    WeightSettings,
)
from kd_core.data.draft import draft
from kd_core.data.library import Library
from kd_core.errors import ConfigError
from kd_core.export import OnnxModel
from kd_core.study.graph import expand
from kd_core.study.pipeline import execute
from kd_core.study.results import arm_predictions, by_arm, compare_arms, results
from kd_core.study.robustness import plan_robustness
from kd_core.study.robustness_look import read_look
from kd_core.study.seal import open_chosen
from kd_core.study.store import Store
from kd_core.study.submit import extend, submit
from tests.helpers_chain import test_methods
from tests.helpers_data import tiny_images, write_folder
from tests.helpers_jobs import run_here

TINY = ModelSettings(name="tiny_cnn", params={"width": 4, "depth": 1})
RECIPE = TrainSettings(epochs=1, batch_size=16)


def settings(data: DataSettings, **changes: object) -> StudySettings:
    return StudySettings(
        data=data,
        teacher=TeacherSettings(model=TINY, train=RECIPE),
        student=TINY,
        train=RECIPE,
        chains=(
            Chain(name="small", origin="baseline", steps=(CompressStep(method="test_same_file"),)),
        ),
        operating=OperatingSettings(rule="sensitivity", value=0.9),
        folds=2,
        compute=ComputeSettings(device="cpu", threads=1),
        latency=LatencySettings(warmup=1, repeats=5, batch=2),
    ).change(**changes)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    root = tmp_path_factory.mktemp("folds")
    images, labels = tiny_images(60, classes=2, size=32)
    write_folder(root / "images", images, labels)
    dataset = Library(root).add(draft(root / "images"), "cells")
    store = Store(root)
    with test_methods():
        assert "test_same_file" in COMPRESSORS
        data = DataSettings(dataset="cells", data_hash=dataset.hash, size=32)
        study = submit(store, settings(data))
        while run_here(store, execute) is not None:
            pass
    assert {run.status for run in store.runs(study=study)} == {"finished"}
    return store, study


def test_every_run_is_there_once_a_fold_and_needs_its_own_fold() -> None:
    study = settings(DataSettings(dataset="sample"), seeds=(0, 1), chains=())
    runs = {run.key: run for run in expand(study)}
    assert len(runs) == 2 * 5
    assert runs["distilled-fold2-s1"].needs == {"teacher": "teacher-fold2-s0"}
    assert (runs["distilled-fold2-s1"].data.fold, runs["distilled-fold2-s1"].data.folds) == (1, 2)


@pytest.mark.parametrize(
    "leak",
    [
        {"teacher": TeacherSettings(run="r1")},
        {"student": TINY.change(weights=WeightSettings(kind="run", source="r1"))},
        {"chains": (Chain(name="c", origin="run:r1", steps=(CompressStep(method="finetune"),)),)},
    ],
)
def test_what_has_seen_a_fold_is_refused(leak) -> None:
    with pytest.raises(ConfigError, match="folds_leak"):
        expand(settings(DataSettings(dataset="sample"), **leak))


def test_out_of_fold_predictions_cover_the_pool_once(finished) -> None:
    store, study = finished
    arms = by_arm(results(store, study))
    assert set(arms) == {"teacher", "baseline", "distilled", "small/1-test-same-file"}
    (pooled,) = arm_predictions(arms["distilled"])
    counts = store.record(arms["distilled"][0].run.id).data.counts
    assert len(pooled) == len(set(pooled.ids)) == counts["train"] + counts["val"]
    assert compare_arms(arms["distilled"], arms["baseline"], "accuracy").n_images == len(pooled)


def test_the_test_part_is_in_no_fold(finished) -> None:
    store, study = finished
    group = by_arm(results(store, study))["baseline"]
    parts = [{path.stem for path in r.folder.glob("predictions/*.parquet")} for r in group]
    assert parts == [{"model-val", "model-test"}] * 2


def test_every_model_has_its_own_operating_point_in_record_and_file(finished) -> None:
    store, study = finished
    seen = set()
    for result in results(store, study):
        record = next(m for m in store.record(result.run.id).models if m.name == result.model.name)
        contract = OnnxModel(result.file).contract
        assert contract.threshold == record.operating.threshold
        (own,) = arm_predictions([result])
        assert own.threshold == contract.threshold
        said, truth = own.predicted(), own.targets
        assert np.mean(said[truth == 1]) >= 0.9
        assert record.scores[f"sensitivity:{own.classes[1]}"].value == np.mean(said[truth == 1])
        seen.add(contract.threshold)
    assert len(seen) > 2


def test_on_corrupted_test_images_each_fold_answers_all_of_them_once(finished) -> None:
    store, study = finished
    open_chosen(store, study, by_arm(results(store, study)))
    wanted = AnalysisSettings(part="test", corruptions=("blur",), severities=(5,))
    found = [r for r in results(store, study) if r.arm in ("teacher", "baseline")]
    (run,) = extend(store, study, [plan_robustness(store, study, found, wanted)])
    assert run_here(store, execute) is not None
    look = read_look(store.folder(run)).metrics["accuracy"]
    assert look.n_images == store.record(found[0].run.id).data.counts["test"]
    folds = arm_predictions(by_arm(found)["baseline"], "test", opened=True)
    rates = [np.mean(one.predicted() == one.targets) for one in folds]
    clean = next(c for c in look.curves if c.model == "baseline").levels[0].value
    assert (len(rates), clean) == (2, pytest.approx(np.mean(rates)))
