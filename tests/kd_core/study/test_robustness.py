"""A robustness job on the finished tiny study of the page tests."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from kd_core.config import AnalysisSettings
from kd_core.data.corruptions import corrupt
from kd_core.data.loaded import Part
from kd_core.errors import ConfigError, StoreError
from kd_core.export import OnnxModel
from kd_core.study.collect import collect
from kd_core.study.pipeline import execute, load_data
from kd_core.study.results import by_arm, results
from kd_core.study.robustness import plan_robustness, some_rows
from kd_core.study.robustness_look import FOLDER, read_look
from kd_core.study.seal import open_chosen
from kd_core.study.store import Store
from kd_core.study.submit import extend
from tests.helpers_app import finished_study
from tests.helpers_jobs import run_here

__all__ = ["finished_study"]
SMALL = AnalysisSettings(corruptions=("blur", "noise"), severities=(1, 5))


@pytest.fixture
def sample(home, finished_study):

    shutil.copytree(finished_study / "datasets", home / "datasets")
    store = Store(home)
    collect(store, finished_study)
    return store, store.studies()[0].id


def test_the_job_belongs_to_the_study_and_leaves_curves_and_answers(sample) -> None:
    store, study = sample
    before = store.study(study).runs
    run = plan_robustness(store, study, results(store, study), SMALL)
    (run_id,) = extend(store, study, [run])
    assert run_here(store, execute) is not None
    assert store.run(run_id).status == "finished", store.run(run_id).error
    assert store.study(study).runs == before + 1
    assert len(results(store, study)) == before  # it makes no model
    folder = store.folder(run_id)
    look = read_look(folder)
    assert (look.part, look.corruptions) == ("val", ("blur", "noise"))
    found = look.metrics["accuracy"]
    assert (found.reference, {c.model for c in found.curves}) == (
        "teacher",
        {"teacher", "baseline", "distilled"},
    )
    assert [level.severity for level in found.curves[0].levels] == [0, 1, 5]
    clean = by_arm(results(store, study))["baseline"][0].scores["accuracy"].value
    curve = next(c for c in found.curves if (c.model, c.corruption) == ("baseline", "blur"))
    assert curve.levels[0].value == pytest.approx(clean)
    _check_answers(store, study, pd.read_parquet(folder / FOLDER / "answers.parquet"), curve)


def _check_answers(store, study, answers, curve) -> None:
    """One level, computed here once more from pixels to the figure."""
    result = by_arm(results(store, study))["baseline"][0]
    data = load_data(store.study(study).settings.data, store.home.root)
    spoilt = corrupt(np.ascontiguousarray(data.parts["val"].images), "blur", 5)
    logits = OnnxModel(result.file).predict_uint8(spoilt)["logits"]
    here = answers[
        (answers.run == result.run.id) & (answers.corruption == "blur") & (answers.severity == 5)
    ]
    columns = [name for name in here if name.startswith("logit:")]
    np.testing.assert_allclose(here[columns].to_numpy(), logits, atol=1e-5)
    right = float((logits.argmax(1) == data.parts["val"].targets).mean())
    assert curve.levels[-1].value == pytest.approx(right)


def test_the_test_part_is_looked_at_only_once_it_is_open(sample) -> None:
    store, study = sample
    wanted = SMALL.change(part="test")
    with pytest.raises(StoreError, match="test_sealed"):
        plan_robustness(store, study, results(store, study), wanted)
    open_chosen(store, study, ["teacher", "distilled"])
    with pytest.raises(StoreError, match="test_not_chosen"):
        plan_robustness(store, study, results(store, study), wanted)
    chosen = [r for r in results(store, study) if r.arm == "teacher"]
    assert plan_robustness(store, study, chosen, wanted).analysis.part == "test"


def test_unknown_corruptions_and_empty_studies_are_refused(sample) -> None:
    store, study = sample
    bad = SMALL.change(corruptions=("rain",))
    with pytest.raises(ConfigError, match="entry_unknown"):
        plan_robustness(store, study, results(store, study), bad)
    with pytest.raises(StoreError, match="study_empty"):
        plan_robustness(store, study, [], SMALL)


def test_a_second_look_has_a_key_of_its_own_and_survives_in_the_file(sample) -> None:
    store, study = sample
    for n in (1, 2):
        run = plan_robustness(store, study, results(store, study), SMALL)
        assert run.key == f"robustness-val-{n}"
        extend(store, study, [run])
    graph = json.loads(store.home.study(study).read_text())["graph"]
    assert {"robustness-val-1", "robustness-val-2"} <= set(graph)
    first = next(run for run in store.runs(study=study) if run.key == "robustness-val-1")
    with store.db.write() as db:
        db.execute("DELETE FROM runs WHERE id = ?", [first.id])
    again = plan_robustness(store, study, results(store, study), SMALL)
    extend(store, study, [again])
    assert "robustness-val-2" in {run.key for run in store.runs(study=study)}


def test_images_are_drawn_by_whole_patients() -> None:
    patients = np.repeat([f"p{i}" for i in range(20)], 5)
    part = Part(np.zeros((100, 1, 4, 4), np.uint8), np.zeros(100, int), tuple(map(str, range(100))),
                patients)  # fmt: skip
    rows = some_rows(part, 30, seed=0)
    assert len(rows) == 30
    assert all((patients == name).sum() == 5 for name in set(patients[rows]))
    assert len(some_rows(part, 500, seed=0)) == 100
