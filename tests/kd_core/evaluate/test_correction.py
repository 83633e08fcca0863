import math

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from kd_core.evaluate.correction import compare_all, holm
from kd_core.evaluate.verdict import compare
from tests.helpers_statistics import answers


@pytest.mark.parametrize("n", [1, 2, 7, 30])
def test_holm_agrees_with_statsmodels(n) -> None:
    p = np.random.default_rng(n).random(n) ** 3
    np.testing.assert_allclose(holm(p), multipletests(p, method="holm")[1], atol=1e-12)


def test_what_is_undefined_does_not_count() -> None:
    corrected = holm([0.01, math.nan, 0.04])
    assert corrected[0] == pytest.approx(0.02)
    assert math.isnan(corrected[1])
    assert holm([]) == []


def test_a_list_of_methods_asks_more_of_each() -> None:
    rng = np.random.default_rng(0)
    base = [answers(rng.random(400) < 0.8, seed=s) for s in range(5)]
    arms = {
        name: [answers(rng.random(400) < rate, seed=s) for s in range(5)]
        for name, rate in (("same", 0.8), ("good", 0.97), ("other", 0.82))
    }
    found = compare_all(arms, base, "accuracy")
    assert found["good"].verdict == compare(arms["good"], base, "accuracy")
    assert found["good"].holds
    assert not found["same"].holds
    assert all(one.p_holm >= one.p for one in found.values())
    assert found["good"].p_holm == pytest.approx(3 * found["good"].p)


def test_p_and_interval_say_the_same() -> None:
    for rate in np.linspace(0.78, 0.92, 8):
        a, b = ([answers(np.random.default_rng(k).random(300) < r)]
                for k, r in ((1, rate), (2, 0.85)))  # fmt: skip
        verdict = compare(a, b, "accuracy")
        inside = verdict.low <= 0 <= verdict.high
        assert inside == (verdict.p > 0.05) or 0.04 < verdict.p < 0.06
