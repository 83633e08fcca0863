from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from kd_core.errors import StoreError
from kd_core.evaluate import compare, score
from kd_core.evaluate.predictions import read_predictions, write_predictions
from kd_core.study.collect import collect
from kd_core.study.predictions_out import collected, read, write
from kd_core.study.results import by_arm, compare_arms, results
from kd_core.study.seal import ask, open_chosen
from kd_core.study.store import Store
from tests.helpers_code import ROOT
from tests.helpers_sample import sample_facts


@pytest.fixture
def sample(home):
    store = Store(home)
    collect(store, ROOT / "sample_data" / "study")
    return store, store.studies()[0].id


@pytest.mark.parametrize("name", ["out.parquet", "out.csv"])
def test_anyone_can_redo_the_verdict_from_the_file(sample, tmp_path, name) -> None:
    store, study = sample
    rows = write(store, study, tmp_path / name)
    answers = read(tmp_path / name)
    assert len(answers.frame) == rows
    assert set(answers.frame["part"]) == {"val"}
    arms = by_arm(results(store, study))
    assert set(answers.arms) == set(arms)
    ours = compare_arms(arms["distilled"], arms["baseline"], "balanced_accuracy")
    pairs = [answers.predictions(arm) for arm in ("distilled", "baseline")]
    assert compare(*pairs, "balanced_accuracy") == ours
    for result, again in zip(arms["distilled"], pairs[0], strict=True):
        assert score(again)["macro_auc"].value == pytest.approx(
            result.scores["macro_auc"].value, abs=1e-6
        )


def test_a_plain_pandas_user_needs_nothing_of_ours(sample, tmp_path) -> None:
    store, study = sample
    write(store, study, tmp_path / "out.csv")
    frame = pd.read_csv(tmp_path / "out.csv", comment="#")
    arms = by_arm(results(store, study))
    here = frame[(frame.arm == "baseline") & (frame.seed == 0)]
    logits = here[[name for name in here if name.startswith("logit:")]].to_numpy()
    right = (logits.argmax(1) == here["label"]).mean()
    assert right == pytest.approx(arms["baseline"][0].scores["accuracy"].value)


def test_sealed_parts_are_in_it_only_once_they_are_open_and_only_of_the_chosen(sample) -> None:
    store, study = sample
    with pytest.raises(StoreError, match="test_sealed"):
        collected(store, study, ["test"])
    open_chosen(store, study, ["teacher"])
    frame, _ = collected(store, study, ["test"])
    assert set(frame["arm"]) == {"teacher"}
    ask(store, study, ["baseline"])
    frame, _ = collected(store, study)
    marks = frame.groupby(["part", "arm"])["mark"].first()
    assert marks["test", "baseline"] == "asked"
    assert marks["test", "teacher"] == "chosen"
    assert ("test", "distilled") not in marks


def test_operating_points_come_along(sample, tmp_path) -> None:
    store, study = sample
    result = by_arm(results(store, study))["baseline"][0]
    path = result.folder / "predictions" / "model-val.parquet"
    one = read_predictions(path)
    two = replace(one, calibration={"method": "temperature", "T": 2.0})
    write_predictions(path, two)
    write(store, study, tmp_path / "out.parquet")
    again = read(tmp_path / "out.parquet").predictions("baseline")[0]
    np.testing.assert_allclose(again.probabilities(), two.probabilities())


def test_on_the_test_part_each_fold_answers_for_itself(sample, tmp_path) -> None:
    store, study = sample
    open_chosen(store, study, ["baseline"])
    write(store, study, tmp_path / "out.parquet")
    once = read(tmp_path / "out.parquet")
    folds = pd.concat([once.frame.assign(fold=fold) for fold in (0, 1)])
    answers = replace(once, frame=folds)
    alone, both = (a.predictions("baseline", "test") for a in (once, answers))
    assert [one.fold for one in alone] == [None] * len(alone)
    assert [(one.seed, one.fold) for one in both] == [(a.seed, k) for a in alone for k in (0, 1)]
    assert {one.ids for one in both} == {alone[0].ids}
    assert compare(both, both, "accuracy").n_seeds == len(alone)


def test_what_is_no_such_file_says_so(tmp_path) -> None:
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    with pytest.raises(StoreError, match="predictions_unreadable"):
        read(tmp_path / "x.csv")
    with pytest.raises(StoreError, match="predictions_unreadable"):
        read(tmp_path / "none.parquet")


def test_the_example_in_the_readme_gives_the_figures_of_the_page(sample, tmp_path, monkeypatch):
    store, study = sample
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (block,) = (b.partition("```")[0] for b in text.split("```python\n") if "score_of_arm" in b)
    monkeypatch.chdir(tmp_path)
    write(store, study, tmp_path / "predictions.parquet")
    names: dict = {}
    exec(block, names)
    table = names["table"].set_index("arm")
    page = {arm.arm: arm for arm in sample_facts().arms}  # what Results and the paragraph show
    assert set(table.index) == set(page)
    for name, row in table.iterrows():
        ours = page[name].score
        assert (row["value"], row["low"], row["high"]) == pytest.approx(
            (ours.value, ours.low, ours.high), abs=1e-12
        )
    assert table.loc["distilled", "verdict"] == page["distilled"].verdict.kind


def test_a_study_without_any_predictions_says_so(sample) -> None:
    store, study = sample
    for result in results(store, study):
        for path in (result.folder / "predictions").glob("*.parquet"):
            path.unlink()
    with pytest.raises(StoreError, match="predictions_missing"):
        collected(store, study)
