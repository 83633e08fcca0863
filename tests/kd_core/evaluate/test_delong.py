import math

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from kd_core.evaluate.delong import auc_components, auc_covariance, delong
from kd_core.text import load_catalogue
from tests.helpers_code import ROOT
from tests.helpers_statistics import labels, two_classes

RNG = np.random.default_rng(0)
say = load_catalogue(ROOT / "app" / "locale").render

# DeLong et al. 1988, the 43 complete patients as listed in the SAS/STAT user's guide (PROC
# LOGISTIC, "Comparing Receiver Operating Characteristic Curves"): albumin, total protein, K-G
# score, and whether surgery would help.
TABLE = """
    3.0 5.8 10 0  3.2 6.3 5 1  3.9 6.8 3 1  2.8 4.8 6 0  3.2 5.8 3 1  0.9 4.0 5 0  2.5 5.7 8 0
    1.6 5.6 5 1  3.8 5.7 5 1  3.7 6.7 6 1  3.2 5.4 4 1  3.8 6.6 6 1  4.1 6.6 5 1  3.6 5.7 5 1
    4.3 7.0 4 1  3.6 6.7 4 0  2.3 4.4 6 1  4.2 7.6 4 0  4.0 6.6 6 0  3.5 5.8 6 1  3.8 6.8 7 1
    3.0 4.7 8 0  4.5 7.4 5 1  3.7 7.4 5 1  3.1 6.6 6 1  4.1 8.2 6 1  4.3 7.0 5 1  4.3 6.5 4 1
    3.2 5.1 5 1  2.6 4.7 6 1  3.3 6.8 6 0  1.7 4.0 7 0  3.7 6.1 5 1  3.3 6.3 7 1  4.2 7.7 6 1
    3.5 6.2 5 1  2.9 5.7 9 0  2.1 4.8 7 1  2.8 6.2 8 0  4.0 7.0 7 1  3.3 5.7 6 1  3.7 6.9 5 1
    3.6 6.6 5 1
    """
OVARIAN = np.array(TABLE.split(), float).reshape(-1, 4)
HELPED = OVARIAN[:, 3] == 1
SCORES = np.stack([OVARIAN[:, 0], 10 - OVARIAN[:, 2], OVARIAN[:, 1]])  # albumin, K-G, protein


def test_the_published_example_has_the_published_figures() -> None:
    areas, s = auc_covariance(SCORES, HELPED)
    np.testing.assert_allclose(areas, [0.7366, 0.7258, 0.6478], atol=5e-5)
    np.testing.assert_allclose(np.sqrt(np.diag(s)), [0.0927, 0.1028, 0.1000], atol=5e-5)
    contrast = np.array([[1, -1, 0], [0, -1, 1]])  # albumin and protein against the K-G score
    gap, spread = contrast @ areas, contrast @ s @ contrast.T
    np.testing.assert_allclose(gap, [0.0108, -0.0780], atol=5e-5)
    np.testing.assert_allclose(np.sqrt(np.diag(spread)), [0.0953, 0.1046], atol=5e-5)
    np.testing.assert_allclose(gap**2 / np.diag(spread), [0.0127, 0.5554], atol=5e-5)
    both = gap @ np.linalg.solve(spread, gap)
    assert (both, stats.chi2.sf(both, 2)) == pytest.approx((2.5340, 0.2817), abs=5e-5)


def test_the_test_of_the_published_example_has_its_p_and_interval() -> None:
    ranks = stats.rankdata(SCORES, axis=1) / 44  # only the order counts
    albumin, kg, protein = (two_classes(row, HELPED) for row in ranks)
    found = delong(albumin, kg)[0]
    assert found.p == pytest.approx(0.9102, abs=5e-5)
    assert (found.low, found.high) == pytest.approx((-0.1761, 0.1976), abs=5e-5)
    assert delong(protein, kg)[0].p == pytest.approx(0.4561, abs=5e-5)


def plain_covariance(scores: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The published formula, pair by pair of images."""
    of_yes, of_no = [], []
    for row in scores:
        psi = np.array(
            [[1.0 if x > y else 0.5 if x == y else 0.0 for y in row[~positive]]
             for x in row[positive]]
        )  # fmt: skip
        of_yes.append(psi.mean(1))
        of_no.append(psi.mean(0))
    m, n = positive.sum(), (~positive).sum()
    s = np.array(
        [
            [
                sum((a[i] - a[i].mean()) @ (a[j] - a[j].mean()) / (k - 1) / k
                    for a, k in ((of_yes, m), (of_no, n)))
                for j in range(len(scores))
            ]
            for i in range(len(scores))
        ]
    )  # fmt: skip
    return np.array([row.mean() for row in of_yes]), s


@pytest.mark.parametrize("ties", [1, 6])
def test_mid_ranks_agree_with_the_formula_pair_by_pair(ties) -> None:
    positive = RNG.random(60) < 0.4
    scores = np.round(RNG.normal(size=(3, 60)) + positive, 3 if ties == 1 else 0)
    areas, s = auc_covariance(scores, positive)
    plain, plain_s = plain_covariance(scores, positive)
    np.testing.assert_allclose(areas, plain, atol=1e-12)
    np.testing.assert_allclose(s, plain_s, atol=1e-12)
    theirs = [roc_auc_score(positive, row) for row in scores]
    np.testing.assert_allclose(areas, theirs, atol=1e-12)
    assert auc_components(scores, positive)[1].mean(1) == pytest.approx(areas)


def test_labels_are_tested_one_by_one_on_what_is_known() -> None:
    truth = (RNG.random((90, 2)) < 0.5).astype(float)
    truth[:30, 1] = np.nan
    a, b = (labels(RNG.random((90, 2)), truth) for _ in range(2))
    first, second = delong(a, b)
    assert (first.label, first.n, second.n) == ("a", 90, 60)
    known = truth[30:, 1] == 1
    pair = np.stack([p.probabilities()[30:, 1] for p in (a, b)])
    areas, s = auc_covariance(pair, known)
    z = (areas[0] - areas[1]) / math.sqrt(s[0, 0] + s[1, 1] - 2 * s[0, 1])
    assert (second.statistic, second.p) == pytest.approx((z, 2 * stats.norm.sf(abs(z))))


def test_the_same_order_is_no_difference_and_one_side_has_no_test() -> None:
    truth = np.arange(40) % 2
    one = two_classes(RNG.random(40), truth)
    assert delong(one, one)[0].p == 1.0
    alone = two_classes(RNG.random(40), np.zeros(40))
    found = delong(alone, alone)[0]
    assert math.isnan(found.p)
    assert "fewer than two images" in say(found.msg)


def test_images_of_the_same_patient_are_named() -> None:
    patients = np.repeat(list("pqrs"), 10)
    truth = np.arange(40) % 2
    a, b = (two_classes(RNG.random(40), truth, patients=patients) for _ in range(2))
    assert delong(a, b)[0].caution.params == {"images": 40, "patients": 4}


def test_p_is_uniform_where_models_are_equal() -> None:
    rng, p = np.random.default_rng(5), []
    for _ in range(200):
        truth = np.arange(100) % 2
        shared = rng.normal(size=100) + truth
        scores = (stats.norm.cdf(shared + rng.normal(size=100)) for _ in range(2))
        a, b = (two_classes(s, truth) for s in scores)
        p.append(delong(a, b)[0].p)
    assert np.mean(np.array(p) < 0.05) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 200)
    assert 0.3 < np.mean(np.array(p) < 0.5) < 0.7
