import numpy as np
import pytest
from scipy import optimize, special
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression

from kd_core.errors import ConfigError
from kd_core.evaluate.platt import fit_line, fit_platt
from kd_core.evaluate.predictions import Predictions
from tests.helpers_statistics import labels, two_classes

RNG = np.random.default_rng(0)


def overconfident(n: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Log-odds that are three times too large and shifted, and the truth."""
    odds = RNG.normal(size=n)
    return 3 * odds + 1, RNG.random(n) < special.expit(odds)


def test_slope_and_shift_agree_with_scikit_learn() -> None:
    z, truth = overconfident()
    a, b = fit_line(z, truth)
    as_is = LogisticRegression()
    as_is.coef_, as_is.intercept_, as_is.classes_ = np.ones((1, 1)), np.zeros(1), np.arange(2)
    theirs = CalibratedClassifierCV(FrozenEstimator(as_is), method="sigmoid", ensemble=False)
    theirs.fit(z[:, None], truth.astype(int))
    own = special.expit(a * z + b)
    np.testing.assert_allclose(own, theirs.predict_proba(z[:, None])[:, 1], atol=1e-4)


def test_the_fit_is_the_least_loss_of_platts_targets() -> None:
    z, truth = overconfident(100)
    n_yes, n_no = truth.sum(), (~truth).sum()
    target = np.where(truth, (n_yes + 1) / (n_yes + 2), 1 / (n_no + 2))

    def loss(ab: np.ndarray) -> float:
        p = special.expit(ab[0] * z + ab[1])
        return -np.mean(target * np.log(p) + (1 - target) * np.log(1 - p))

    least = optimize.minimize(loss, [0.0, 0.0], method="Nelder-Mead", options={"fatol": 1e-14})
    assert fit_line(z, truth) == pytest.approx(tuple(least.x), abs=1e-4)


def test_two_classes_have_one_line_and_labels_one_each() -> None:
    z, truth = overconfident()
    p = special.expit(z)
    found = fit_platt(two_classes(p, truth))
    assert (found["a"], found["b"]) == pytest.approx(fit_line(z, truth), abs=1e-3)
    y = np.column_stack([truth, truth, np.zeros(400)]).astype(float)
    y[:100, 1] = np.nan
    several = fit_platt(labels(np.column_stack([p, p, p]), y))
    assert several["a"][0] == pytest.approx(found["a"], abs=1e-3)
    assert several["a"][1] == pytest.approx(fit_line(z[100:], truth[100:])[0], abs=1e-3)
    assert (several["a"][2], several["b"][2]) == (1.0, 0.0)


def test_labels_without_an_error_have_a_finite_line() -> None:
    truth = np.arange(60) % 2 == 1
    a, b = fit_line(np.where(truth, 4.0, -4.0), truth)
    assert 0 < a < 2
    assert abs(b) < 0.1


def test_few_images_and_many_classes() -> None:
    assert fit_platt(two_classes(np.full(49, 0.5), np.zeros(49))) is None
    three = Predictions(("a",), np.array([0]), np.zeros((1, 3), np.float32), "val", 0, tuple("xyz"))
    with pytest.raises(ConfigError, match="platt_classes"):
        fit_platt(three)
