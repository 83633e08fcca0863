import dataclasses

import numpy as np
import pytest
import torch
from scipy import special
from sklearn.metrics import log_loss as reference
from torchmetrics.functional import classification as tm

from kd_core.errors import ConfigError, ExportError
from kd_core.evaluate.calibrators import (
    apply_calibration,
    calibration_effect,
    calibration_scores,
    fit_calibration,
    log_loss,
)
from kd_core.evaluate.temperature import scaled
from tests.helpers_statistics import labels, two_classes

RNG = np.random.default_rng(1)
ODDS = RNG.normal(size=2000)
TRUTH = RNG.random(2000) < special.expit(ODDS)
SHARP = two_classes(special.expit(3 * ODDS + 1), TRUTH)
"""Three times too sure, and leaning to one side."""


@pytest.mark.parametrize("method", ["temperature", "platt"])
def test_calibration_makes_probabilities_fit(method) -> None:
    effect = calibration_effect(SHARP, fit_calibration(SHARP, method))
    assert effect.after.nll < effect.before.nll
    assert effect.after.brier < effect.before.brier
    assert effect.after.ece < effect.before.ece


def test_only_a_shift_mends_what_leans_to_one_side() -> None:
    platt = fit_calibration(SHARP, "platt")
    assert platt["a"] == pytest.approx(1 / 3, abs=0.06)
    assert platt["b"] == pytest.approx(-1 / 3, abs=0.15)
    t = fit_calibration(SHARP)
    after = [calibration_effect(SHARP, found).after.nll for found in (platt, t)]
    assert after[0] < after[1]


def test_one_function_gives_what_predictions_give() -> None:
    for values in ({"method": "temperature", "T": 2.5}, {"method": "platt", "a": 0.5, "b": -1.0}):
        own = dataclasses.replace(SHARP, calibration=values)
        found = apply_calibration(SHARP.logits, values, "classification")
        np.testing.assert_array_equal(found, own.probabilities())
    t = {"method": "temperature", "T": 2.5}
    theirs = scaled(SHARP.logits, "classification", 2.5)
    np.testing.assert_allclose(apply_calibration(SHARP.logits, t, "classification"), theirs)
    np.testing.assert_allclose(
        apply_calibration(SHARP.logits, None, "classification"), SHARP.probabilities()
    )


def test_log_loss_agrees_with_scikit_learn() -> None:
    assert log_loss(SHARP.probabilities(), SHARP.targets) == pytest.approx(
        reference(TRUTH, SHARP.probabilities()), abs=1e-9
    )
    y = (RNG.random((90, 2)) < 0.5).astype(float)
    y[:10] = np.nan
    one = labels(RNG.random((90, 2)), y)
    known = ~np.isnan(one.targets)
    theirs = reference(one.targets[known], one.probabilities()[known])
    assert log_loss(one.probabilities(), one.targets) == pytest.approx(theirs, abs=1e-9)
    assert np.isnan(log_loss(np.zeros((0, 2)), np.zeros(0)))


def test_scores_agree_with_torchmetrics() -> None:
    found = calibration_scores(SHARP)
    p, y = (torch.from_numpy(x) for x in (SHARP.probabilities(), SHARP.targets))
    theirs = tm.multiclass_calibration_error(p, y, 2, n_bins=15).item()
    assert found.ece == pytest.approx(theirs, abs=1e-6)


def test_none_few_and_unknown() -> None:
    assert fit_calibration(SHARP, "none") is None
    assert fit_calibration(two_classes([0.5] * 9, [0] * 9)) is None
    with pytest.raises(ConfigError, match="calibration_method"):
        fit_calibration(SHARP, "isotonic")
    with pytest.raises(ExportError, match="calibration_unknown"):
        apply_calibration(SHARP.logits, {"method": "isotonic"}, "classification")
