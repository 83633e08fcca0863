import math

import numpy as np
import pytest
from sklearn.metrics import roc_curve

from kd_core.errors import ConfigError
from kd_core.evaluate.decide import decided
from kd_core.evaluate.operating import (
    OperatingPoint,
    Rule,
    contract_threshold,
    fit_threshold,
    sides,
)
from kd_core.evaluate.predictions import Predictions
from kd_core.text import load_catalogue
from tests.helpers_code import ROOT
from tests.helpers_statistics import labels, two_classes

RNG = np.random.default_rng(0)
TRUTH = RNG.random(300) < 0.3
P = np.round(1 / (1 + np.exp(-(RNG.normal(size=300) + 1.5 * TRUTH - 1))), 2)  # with ties
ONE = two_classes(P, TRUTH)


def rates(p: np.ndarray, t: float) -> tuple[float, float]:
    said = p >= t
    return said[TRUTH].mean(), (~said[~TRUTH]).mean()


def test_youden_is_the_best_point_of_scikit_learns_curve() -> None:
    false, true, _ = roc_curve(TRUTH, P, drop_intermediate=False)
    point = fit_threshold(ONE, Rule("youden"))[0]
    assert point.sensitivity + point.specificity - 1 == pytest.approx((true - false).max())
    assert (point.sensitivity, point.specificity) == pytest.approx(rates(P, point.threshold))
    assert (point.n_positive, point.n_negative) == (TRUTH.sum(), (~TRUTH).sum())


@pytest.mark.parametrize("least", [0.0, 0.5, 0.9, 0.95, 1.0])
def test_a_rule_is_kept_and_no_better_threshold_would_keep_it(least) -> None:
    every = [rates(P, t) for t in np.append(np.unique(P), 1.1)]
    found = fit_threshold(ONE, Rule("sensitivity", least))[0]
    assert found.sensitivity >= least
    assert found.specificity == pytest.approx(max(b for a, b in every if a >= least))
    found = fit_threshold(ONE, Rule("specificity", least))[0]
    assert found.specificity >= least
    assert found.sensitivity == pytest.approx(max(a for a, b in every if b >= least))


def test_a_threshold_lies_between_probabilities_and_survives_rounding() -> None:
    t = fit_threshold(ONE, Rule("sensitivity", 0.9))[0].threshold
    shown = ONE.probabilities()[:, 1]
    assert np.abs(shown - t).min() > 1e-4
    np.testing.assert_array_equal(shown >= t, shown >= float(np.float32(t)))


def test_a_fixed_threshold_needs_no_images_of_both_kinds() -> None:
    point = fit_threshold(two_classes([0.2, 0.8], [0, 0]), Rule("fixed", 0.5))[0]
    assert (point.threshold, point.specificity) == (0.5, 0.5)
    assert math.isnan(point.sensitivity)
    assert point.undefined is None


def test_labels_have_one_each_on_what_is_known() -> None:
    y = np.column_stack([TRUTH, TRUTH, np.zeros(300)]).astype(float)
    y[:200, 1] = np.nan
    first, second, third = fit_threshold(labels(np.column_stack([P, P, P]), y), Rule("youden"))
    assert first.threshold == pytest.approx(fit_threshold(ONE, Rule())[0].threshold, abs=1e-6)
    assert second.n_positive == TRUTH[200:].sum()
    assert third.undefined.params["classes"] == ["c"]
    assert third.to_json()["threshold"] is None


def test_one_of_many_classes_must_be_named() -> None:
    y = np.arange(30) % 3
    logits = (2 * np.eye(3)[y]).astype(np.float32)
    three = Predictions(tuple(map(str, range(30))), y, logits, "val", 0, tuple("abc"))
    with pytest.raises(ConfigError, match="positive_needed"):
        fit_threshold(three, Rule())
    with pytest.raises(ConfigError, match="class_unknown"):
        fit_threshold(three, Rule(), "d")
    point = fit_threshold(three, Rule(), "b")[0]
    assert (point.sensitivity, point.specificity) == (1, 1)
    assert contract_threshold([point], three.classes, three.task) is None
    assert sides(three, "b")[0].column == 1


@pytest.mark.parametrize("positive", ["healthy", "ill"])
@pytest.mark.parametrize("rule", [Rule(), Rule("sensitivity", 0.9), Rule("fixed", 0.3)])
def test_a_file_says_what_the_operating_point_says(positive, rule) -> None:
    point = fit_threshold(ONE, rule, positive)[0]
    threshold = contract_threshold([point], ONE.classes, ONE.task)
    side = sides(ONE, positive)[0]
    said = decided(ONE.probabilities(), ONE.task, threshold) == side.column
    np.testing.assert_array_equal(said, side.scores >= point.threshold)


def test_a_file_of_several_labels_has_one_half_where_there_is_no_threshold() -> None:
    points = [OperatingPoint("b", Rule(), 0.2, 1, 1, 1, 1),
              OperatingPoint("a", Rule(), math.nan, math.nan, math.nan, 0, 9)]  # fmt: skip
    assert contract_threshold(points, "abc", "multilabel") == (0.5, 0.2, 0.5)
    assert contract_threshold(points[1:], "abc", "multilabel") is None


def test_a_calibration_moves_the_threshold_with_the_probabilities() -> None:
    own = two_classes(P, TRUTH, calibration={"method": "platt", "a": 2.0, "b": 1.0})
    raw, moved = (fit_threshold(x, Rule("sensitivity", 0.9))[0] for x in (ONE, own))
    assert (raw.sensitivity, raw.specificity) == (moved.sensitivity, moved.specificity)
    assert raw.threshold != moved.threshold


def test_rules_are_checked_and_kept_as_json() -> None:
    for wrong in (("youden", 0.5), ("sensitivity", None), ("fixed", 1.2)):
        with pytest.raises(ConfigError, match="rule_value"):
            Rule(*wrong)
    with pytest.raises(ConfigError, match="rule_kind"):
        Rule("best")
    rule = Rule("specificity", 0.95)
    assert Rule.from_json(rule.to_json()) == rule
    assert load_catalogue(ROOT / "app" / "locale").render(rule.msg).endswith("95.0 %")
