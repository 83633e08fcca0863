import numpy as np
import pytest

from kd_core.errors import ConfigError, DataError
from kd_core.evaluate.metrics import METRICS
from kd_core.evaluate.robustness import CLEAN, robustness
from kd_core.evaluate.scores import score
from tests.helpers_statistics import answers

RNG = np.random.default_rng(0)
KEYS = [CLEAN, *((name, s) for name in ("blur", "noise") for s in (1, 2))]


def model(rates, seeds: int = 1):
    """Answers at each of the keys, right with these rates."""
    return {
        key: [answers(RNG.random(300) < rate) for _ in range(seeds)]
        for key, rate in zip(KEYS, rates, strict=True)
    }


STRONG, WEAK = model([0.95, 0.93, 0.9, 0.92, 0.9]), model([0.94, 0.8, 0.6, 0.85, 0.7])
MODELS = {"teacher": STRONG, "student": WEAK}


def value(predictions, metric: str = "accuracy") -> float:
    return METRICS[metric].fn(predictions.probabilities(), predictions.targets)


def test_curves_start_with_the_images_as_they_are() -> None:
    found = robustness(MODELS, "accuracy", "teacher", repeats=200)
    assert [(c.model, c.corruption) for c in found.curves] == [
        ("teacher", "blur"),
        ("teacher", "noise"),
        ("student", "blur"),
        ("student", "noise"),
    ]
    blur = found.curves[2].levels
    assert [at.severity for at in blur] == [0, 1, 2]
    assert blur[1].value == pytest.approx(value(WEAK["blur", 1][0]))
    assert all(at.low < at.value < at.high for at in blur)
    assert (found.n_images, found.n_patients) == (300, None)


def test_a_level_has_the_interval_of_a_score() -> None:
    level = robustness(MODELS, "accuracy", "teacher", repeats=400).curves[0].levels[0]
    plain = score(STRONG[CLEAN][0], ["accuracy"], repeats=400)["accuracy"]
    assert (level.value, level.low, level.high) == (plain.value, plain.low, plain.high)


def test_means_agree_with_a_calculation_by_hand() -> None:
    teacher, student = robustness(MODELS, "accuracy", "teacher", repeats=200).means
    rates = {name: [value(m[key][0]) for key in KEYS] for name, m in MODELS.items()}
    one, two = (np.array(rates[name]) for name in MODELS)
    assert student.mean.value == pytest.approx(two[1:].mean())
    assert student.drop.value == pytest.approx(two[0] - two[1:].mean())
    assert student.extra_drop.value == pytest.approx(student.drop.value - teacher.drop.value)
    ratio = np.mean([(2 - two[i] - two[i + 1]) / (2 - one[i] - one[i + 1]) for i in (1, 3)])
    assert student.error_ratio.value == pytest.approx(ratio)
    assert student.extra_drop.low > 0
    assert (teacher.error_ratio.value, teacher.error_ratio.high) == pytest.approx((1, 1))
    assert (teacher.extra_drop.low, teacher.extra_drop.high) == (0, 0)


def test_seeds_are_averaged_and_less_may_be_better() -> None:
    models = {"a": model([0.9] * 5, seeds=2), "b": model([0.95] + [0.5] * 4, seeds=2)}
    found = robustness(models, "brier", "a", repeats=50)
    seen = np.mean([value(p, "brier") for p in models["b"]["noise", 2]])
    assert found.curves[3].levels[2].value == pytest.approx(seen)
    assert found.means[1].drop.value > 0
    assert found.means[1].error_ratio.value > 1


def test_patients_are_counted() -> None:
    patients = np.repeat([f"p{i}" for i in range(30)], 10)
    one = {key: [answers(RNG.random(300) < 0.8, patients)] for key in KEYS}
    assert robustness({"a": one}, "accuracy", "a", repeats=20).n_patients == 30


def test_every_model_needs_the_same_severities() -> None:
    with pytest.raises(DataError, match="robustness_levels"):
        robustness({"a": STRONG, "b": {CLEAN: WEAK[CLEAN]}}, "accuracy", "a")
    with pytest.raises(DataError, match="robustness_levels"):
        robustness({"a": {key: STRONG[key] for key in KEYS[1:]}}, "accuracy", "a")
    with pytest.raises(ConfigError, match="robustness_reference"):
        robustness(MODELS, "accuracy", "nobody")
    with pytest.raises(ConfigError, match="metric_per_class"):
        robustness(MODELS, "auc", "teacher")
