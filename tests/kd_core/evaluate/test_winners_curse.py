import math

import numpy as np
import pytest
from scipy import integrate, stats

from kd_core.errors import ConfigError
from kd_core.evaluate.winners_curse import winners_curse


def expected(m: int, n: int, p: float) -> float:
    """Mean of the largest of m independent binomial shares, less p."""
    k = np.arange(n)
    return float(1 - (stats.binom.cdf(k, n, p) ** m).sum() / n - p)


@pytest.mark.parametrize(("m", "n", "p"), [(30, 300, 0.9), (5, 100, 0.8)])
def test_independent_models_agree_with_the_exact_distribution(m, n, p) -> None:
    found = winners_curse(m, n, p, correlation=0.0, repeats=1000)
    assert abs(found.optimism - expected(m, n, p)) < 4 * found.error


def test_models_that_err_alike_flatter_less() -> None:
    alone, alike = (winners_curse(30, 300, 0.9, rho, 400) for rho in (0.0, 0.8))
    assert alike.optimism < alone.optimism - 4 * (alike.error + alone.error)


def test_the_largest_of_30_normal_values_is_about_right_for_many_images() -> None:
    # E max of m standard normals, times the part of the sd that models do not share
    top = integrate.quad(lambda x: x * 30 * stats.norm.pdf(x) * stats.norm.cdf(x) ** 29, -8, 8)[0]
    found = winners_curse(30, 1000, 0.85, 0.5, 300)
    near = top * math.sqrt(0.85 * 0.15 * 0.5 / 1000)
    assert found.optimism == pytest.approx(near, rel=0.1)


def test_thirty_equally_good_models_on_300_images() -> None:
    found = winners_curse(30, 300)
    assert found.optimism == pytest.approx(0.024, abs=0.002)
    assert found.high > found.optimism
    assert found is winners_curse(30, 300)


@pytest.mark.parametrize("wrong", [(0, 300), (3, 0), (3, 3, 1.0), (3, 3, 0.5, 1.0)])
def test_impossible_settings_are_refused(wrong) -> None:
    with pytest.raises(ConfigError, match="winners_curse"):
        winners_curse(*wrong)
