"""What the comparison of methods counts as one run of a method."""

from types import SimpleNamespace

import numpy as np
import pytest

from app import answers, distil_comparison, readings
from app.readings import Reading
from kd_core.evaluate.predictions import Predictions
from kd_core.study.results import Result

TRUTH = np.arange(40) % 2


def seed_answers(seed: int, wrong: int) -> Predictions:
    said = np.where(np.arange(40) < wrong, 1 - TRUTH, TRUTH)
    logits = np.eye(2, dtype=np.float32)[said]
    return Predictions(tuple(map(str, range(40))), TRUTH, logits, "val", seed, ("a", "b"))


def test_folds_of_a_seed_are_one_figure_of_all_their_images(monkeypatch) -> None:
    group = []
    for seed in (0, 1):
        for k in (1, 2):
            run = SimpleNamespace(id=f"r{seed}{k}", key=f"kd-fold{k}-s{seed}", seed=seed)
            score = SimpleNamespace(value=0.5 + k / 10, low=0.1, high=0.9)
            model = SimpleNamespace(name="model", role="student", scores={"accuracy": score})
            group.append(Result(run, model, "kd", (), None))
    made = [seed_answers(0, 4), seed_answers(1, 8)]
    monkeypatch.setattr(answers, "of_arm", lambda *where: made)
    readings._arm_score.clear()
    for folds, expected in ((2, {0: 0.9, 1: 0.8}), (0, {0: 0.7, 1: 0.7})):
        study = SimpleNamespace(id="s", settings=SimpleNamespace(folds=folds), test_opened_at=None)
        reading = Reading(study, tuple(group), "val", "accuracy")
        found = distil_comparison._by_seed(reading, "kd", group)
        assert found == pytest.approx(expected)
