from types import SimpleNamespace

import numpy as np
import pytest

from app import answers, results_points
from app.readings import Reading
from kd_core.evaluate.predictions import Predictions
from kd_core.study.results import Result

TRUTH = np.arange(40) % 2


def fold(key: str, seed: int, recorded: float) -> Result:
    run = SimpleNamespace(id=key, key=key, seed=seed, role="student")
    model = SimpleNamespace(
        name="model", role="student", parent=None, size_bytes=5, macs=None, params=7,
        scores={"accuracy": SimpleNamespace(value=recorded, low=0.1, high=0.9)},
    )  # fmt: skip
    return Result(run, model, key.partition("-")[0], (), None)


def seed_answers(seed: int, wrong: int) -> Predictions:
    said = np.where(np.arange(40) < wrong, 1 - TRUTH, TRUTH)
    logits = np.eye(2, dtype=np.float32)[said]
    return Predictions(tuple(map(str, range(40))), TRUTH, logits, "val", seed, ("a", "b"))


def reading_of(part: str) -> Reading:
    group = tuple(fold(f"kd-fold{k}-s{s}", s, 0.5 + k / 10) for s in (0, 1) for k in (1, 2))
    study = SimpleNamespace(id="s", settings=SimpleNamespace(folds=2), test_opened_at=1.0)
    return Reading(study, group, part, "accuracy")


def test_folds_of_a_seed_are_one_point_of_all_their_images(monkeypatch) -> None:
    made = [seed_answers(0, 4), seed_answers(1, 8)]
    monkeypatch.setattr(answers, "of_arm", lambda *where: made)
    results_points._of_seeds.clear()
    found = results_points.points(reading_of("val"))
    assert [(p.label, p.seed) for p in found] == [("kd-s0", 0), ("kd-s1", 1)]
    assert [p.value for p in found] == pytest.approx([0.9, 0.8])
    assert all(p.low < p.value < p.high for p in found)


def test_on_the_test_part_each_model_is_a_point(monkeypatch) -> None:
    seen = []
    monkeypatch.setattr(
        Reading, "score", lambda self, one: seen.append(one) or one.scores["accuracy"]
    )
    found = results_points.points(reading_of("test"))
    assert [p.label for p in found] == [one.run.key for one in seen]
    assert len(found) == 4
