import dataclasses
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from kd_core.errors import StoreError
from kd_core.evaluate.predictions import Predictions, write_predictions
from kd_core.study.results import (
    Result,
    arm_of,
    arm_predictions,
    by_arm,
    compare_arms,
    paired_predictions,
    predictions,
    seed_values,
    visible,
)
from kd_core.study.rows import ModelRow, RunRow
from kd_core.study.seal import OPEN, SEALED, Seal


def fake(folder, key: str, seed: int, rate: float, seal: Seal = SEALED) -> Result:
    """A finished model whose predictions are right at a rate, on disk as a run leaves them."""
    rng = np.random.default_rng([seed, int(rate * 100)])
    y = np.arange(200) % 2
    right = rng.random(200) < rate
    logits = np.eye(2, dtype=np.float32)[np.where(right, y, 1 - y)]
    place = folder / key / "predictions"
    place.mkdir(parents=True)
    for part in ("val", "test"):
        found = Predictions(tuple(map(str, range(200))), y, logits, part, seed, ("a", "b"))
        write_predictions(place / f"model-{part}.parquet", found)
    run = SimpleNamespace(id=key, key=key, seed=seed, ended=5.0)
    role = "teacher" if key.startswith("teacher") else "student"
    model = SimpleNamespace(name="model", role=role, scores={})
    return Result(run, model, arm_of(run), (), folder / key, seal)


def test_the_test_part_is_sealed_until_it_is_opened(tmp_path) -> None:
    result = fake(tmp_path, "distilled-s0", 0, 0.9)
    assert len(predictions(result, "val")) == 200
    with pytest.raises(StoreError) as caught:
        predictions(result, "test")
    assert caught.value.code == "test_sealed"
    with pytest.raises(StoreError, match="test_sealed"):  # whatever the page says
        predictions(result, "test", opened=True)
    result = fake(tmp_path, "distilled-s1", 0, 0.9, OPEN)
    with pytest.raises(StoreError, match="test_sealed"):
        predictions(result, "test")
    assert len(predictions(result, "test", opened=True)) == 200


def test_an_arm_that_was_not_chosen_stays_sealed(tmp_path) -> None:
    seal = Seal(at=9.0, chosen=frozenset({"chosen"}), asked={"asked": 10.0})
    made = [fake(tmp_path, f"{arm}-s0", 0, 0.9, seal) for arm in ("chosen", "asked", "other")]
    assert [r.arm for r in visible(made, "test")] == ["chosen", "asked"]
    assert visible(made, "val") == tuple(made)
    assert [r.mark for r in made] == ["chosen", "asked", "sealed"]
    with pytest.raises(StoreError, match="test_not_chosen"):
        predictions(made[2], "test", opened=True)
    late = fake(tmp_path, "late-s0", 0, 0.9, Seal(at=1.0))
    assert late.mark == "later"


def test_missing_predictions_are_named(tmp_path) -> None:
    result = fake(tmp_path, "distilled-s0", 0, 0.9, OPEN)
    with pytest.raises(StoreError) as caught:
        predictions(result, "external-other", opened=True)
    assert caught.value.code == "predictions_missing"


def test_arms_are_keys_without_seeds(tmp_path) -> None:
    made = [fake(tmp_path, f"my-arm-s{seed}", seed, 0.9) for seed in (3, 1)]
    groups = by_arm(made)
    assert [r.run.seed for r in groups["my-arm"]] == [1, 3]


def test_seeds_are_paired_and_one_teacher_stands_for_all(tmp_path) -> None:
    good = [fake(tmp_path, f"good-s{seed}", seed, 0.97) for seed in (0, 1, 2, 3)]
    poor = [fake(tmp_path, f"poor-s{seed}", seed, 0.6) for seed in (0, 1, 2)]
    teacher = [fake(tmp_path, "teacher-s0", 0, 0.99)]
    found = compare_arms(good, poor, "accuracy")
    assert (found.kind, found.n_seeds) == ("better", 3)
    assert compare_arms(poor, teacher, "accuracy").kind == "worse"
    assert compare_arms(good, teacher, "accuracy").n_seeds == 4


def test_folds_of_a_seed_are_one_model_on_validation_data(tmp_path) -> None:
    made = []
    for fold in (1, 2):
        result = fake(tmp_path, f"kd-fold{fold}-s0", 0, 0.5 + fold / 5)
        found = predictions(result, "val")
        half = slice(0, 100) if fold == 1 else slice(100, 200)
        one = dataclasses.replace(
            found,
            ids=found.ids[half],
            targets=found.targets[half],
            logits=found.logits[half],
            threshold=0.3 * fold,
        )
        write_predictions(result.folder / "predictions" / "model-val.parquet", one)
        made.append(result)
    assert [r.arm for r in made] == ["kd", "kd"]
    assert [r.fold for r in made] == [0, 1]
    (joined,) = arm_predictions(made)
    assert len(joined) == 200
    assert joined.threshold[0, 0] == 0.3
    assert joined.threshold[199, 0] == 0.6
    alone = np.concatenate([predictions(r, "val").predicted() for r in made])
    np.testing.assert_array_equal(joined.predicted(), alone)
    assert compare_arms(made, made, "accuracy").n_images == 200
    assert compare_arms(made, made[:1], "accuracy").n_images == 100  # the other fold is to come
    (half, _) = paired_predictions(made, made[1:])
    np.testing.assert_array_equal(half[0].threshold, np.full((100, 2), 0.6))
    opened = [dataclasses.replace(r, seal=OPEN) for r in made]
    first, _ = paired_predictions(opened, opened, "test", opened=True)
    assert [len(p) for p in first] == [200, 200]


def test_on_the_test_part_folds_are_no_seeds(tmp_path) -> None:
    def arm(name: str, seeds: tuple[int, ...], rate: float) -> list[Result]:
        places = [(seed, fold) for seed in seeds for fold in (1, 2, 3)]
        return [fake(tmp_path, f"{name}-fold{k}-s{s}", s, rate + k / 100, OPEN) for s, k in places]

    where = {"part": "test", "opened": True}
    kd, alone = arm("kd", (0, 1), 0.9), arm("alone", (0, 1), 0.7)
    found = compare_arms(kd, alone, "accuracy", **where)
    assert (found.n_seeds, found.n_folds, found.n_images) == (2, 3, 200)
    teacher = arm("teacher", (0,), 0.95)  # each fold has its own, and both seeds learnt from it
    first, second = paired_predictions(kd, teacher, **where)
    assert [(p.seed, p.fold) for p in first] == [(s, f) for s in (0, 1) for f in (0, 1, 2)]
    assert [(p.seed, p.fold) for p in second] == [(0, f) for _ in (0, 1) for f in (0, 1, 2)]
    for one, other in ((kd, teacher), (teacher, kd)):
        assert compare_arms(one, other, "accuracy", **where).n_seeds == 2
    assert compare_arms(kd[:4], teacher, "accuracy", **where).n_folds == 3  # some are to come


def test_folds_are_averaged_before_seeds_are_counted(tmp_path) -> None:
    made = []
    for key, seed, value in (("kd-fold1-s0", 0, 0.5), ("kd-fold2-s0", 0, 0.7), ("kd-s1", 1, None)):
        one = fake(tmp_path, key, seed, 0.5)
        one.model.scores["accuracy"] = SimpleNamespace(value=value)
        made.append(one)
    found = seed_values(made, "accuracy")
    assert found[0] == pytest.approx(0.6)
    assert np.isnan(found[1])
    assert seed_values(made, "f1") == {}


def test_a_verdict_on_patients_counts_no_images(tmp_path) -> None:
    one, two = fake(tmp_path, "kd-s0", 0, 0.9), fake(tmp_path, "baseline-s0", 0, 0.6)
    patients = np.char.add("p", (np.arange(200) // 4 * 2 + np.arange(200) % 2).astype(str))
    for result in (one, two):
        path = result.folder / "predictions" / "model-val.parquet"
        write_predictions(path, dataclasses.replace(predictions(result, "val"), patients=patients))
    found = compare_arms([one], [two], "accuracy", level="mean")
    assert (found.n_images, found.n_patients) == (None, len(set(patients)))
    assert [msg.id for msg in found.msg.params["basis"]] == [
        "verdict.n_patients",
        "verdict.n_seeds",
    ]
    assert compare_arms([one], [two], "accuracy").n_images == 200


def test_what_a_run_leaves_beside_its_own_model_is_an_arm_of_its_own():
    def model(name: str, parent: str | None) -> ModelRow:
        empty = dict.fromkeys(ModelRow._fields)
        return ModelRow(**{**empty, "name": name, "parent": parent, "step": 0})

    run = RunRow(
        **{**dict.fromkeys(RunRow._fields), "key": "both-s1", "seed": 1, "role": "student"}
    )
    own, peer = model("model", None), model("peer-1", "model")
    assert [arm_of(run, own), arm_of(run, peer)] == ["both", "both/peer-1"]
    assert Result(run, own, "both", (), Path()).label == "both-s1"
    assert Result(run, peer, "both/peer-1", (), Path()).label == "both-s1/peer-1"


def test_a_student_with_one_finished_seed_is_paired_with_that_seed_only(tmp_path) -> None:
    early = [fake(tmp_path, "early-s1", 1, 0.9)]
    other = [fake(tmp_path, f"other-s{seed}", seed, 0.8) for seed in (0, 1, 2)]
    assert compare_arms(early, other, "accuracy").n_seeds == 1
    first, second = paired_predictions(other, early)
    assert [p.seed for p in (*first, *second)] == [1, 1]


@pytest.mark.parametrize("level", ["mean", "max"])
def test_the_class_to_be_found_makes_a_patient_positive(tmp_path, level) -> None:
    result = fake(tmp_path, "kd-s0", 0, 0.9)
    p = np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0.4, 0.6]])
    found = Predictions(
        tuple("abcd"), np.array([0, 1, 1, 1]), np.log(p).astype(np.float32), "val", 0,
        ("Parasitized", "Uninfected"), patients=np.array(["one", "one", "two", "two"]),
    )  # fmt: skip
    write_predictions(result.folder / "predictions" / "model-val.parquet", found)
    (by,) = arm_predictions([result], level=level)
    assert by.targets.tolist() == [0, 1]
    said = {"mean": [0.55, 0.35], "max": [0.9, 0.4]}[level]
    assert by.probabilities()[:, 0] == pytest.approx(said, abs=1e-6)
