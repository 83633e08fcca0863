import numpy as np
import pytest

from kd_core.evaluate.predictions import Predictions
from kd_core.evaluate.temperature import fit_temperature, scaled, temperature_of


def drawn(temperature: float, task: str = "classification") -> Predictions:
    """Targets drawn from the probabilities at T = 1; the model's logits are T times as large."""
    random = np.random.default_rng(0)
    logits = random.normal(0, 1.5, (4000, 3))
    p = scaled(logits, task)
    if task == "multilabel":
        targets = (random.random(p.shape) < p).astype(np.float32)
        targets[0, 0] = np.nan
    else:
        targets = np.array([random.choice(3, p=row) for row in p])
    ids = tuple(map(str, range(len(p))))
    sure = (logits * temperature).astype(np.float32)
    return Predictions(ids, targets, sure, "val", 0, ("a", "b", "c"), task)


@pytest.mark.parametrize("task", ["classification", "multilabel"])
@pytest.mark.parametrize("truth", [0.5, 1.0, 2.5])
def test_the_temperature_that_made_the_logits_is_found(task, truth) -> None:
    assert fit_temperature(drawn(truth, task)) == pytest.approx(truth, rel=0.08)


def test_scaling_changes_no_answer_and_softens() -> None:
    logits = np.array([[4.0, 1.0, 0.0]], np.float32)
    plain, soft = scaled(logits, "classification"), scaled(logits, "classification", 3.0)
    assert plain.argmax() == soft.argmax()
    assert soft.max() < plain.max()
    assert soft.sum() == pytest.approx(1)


def test_a_calibration_of_another_method_is_not_taken_for_a_temperature() -> None:
    assert temperature_of({"method": "isotonic", "T": 2.0}) is None
