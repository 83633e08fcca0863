import itertools
import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as reference

from kd_core.errors import ConfigError, DataError
from kd_core.evaluate.metrics import METRICS
from kd_core.evaluate.paired import independent, mcnemar, p_msg, sign_flip
from kd_core.text import load_catalogue
from tests.helpers_code import ROOT
from tests.helpers_statistics import answers, labels, two_classes

RNG = np.random.default_rng(0)
say = load_catalogue(ROOT / "app" / "locale").render


@pytest.mark.parametrize(("rate", "test"), [(0.98, "mcnemar_exact"), (0.7, "mcnemar")])
def test_mcnemar_agrees_with_statsmodels(rate, test) -> None:
    one, two = RNG.random(300) < rate, RNG.random(300) < rate - 0.02
    found = mcnemar(answers(one), answers(two))[0]
    table = [[(one & two).sum(), (one & ~two).sum()], [(~one & two).sum(), (~one & ~two).sum()]]
    theirs = reference(table, exact=test == "mcnemar_exact", correction=True)
    assert found.test == test
    assert found.p == pytest.approx(theirs.pvalue, abs=1e-6)
    assert found.statistic == pytest.approx(theirs.statistic, abs=1e-6)
    assert found.difference == pytest.approx(one.mean() - two.mean())
    assert found.caution is None


def test_mcnemar_of_several_labels_is_one_test_a_label_on_what_is_known() -> None:
    truth = (RNG.random((80, 2)) < 0.5).astype(float)
    truth[:20, 0] = np.nan
    good = np.where(np.nan_to_num(truth) == 1, 0.9, 0.1)
    a, b = labels(good, truth), labels(RNG.random((80, 2)), truth)
    first, second = mcnemar(a, b)
    assert (first.label, first.n, second.n) == ("a", 60, 80)
    assert first.p < 0.001
    nobody = truth.copy()
    nobody[:, 0] = np.nan
    assert mcnemar(labels(good, nobody), labels(good, nobody))[0].undefined is not None


def test_a_test_of_images_warns_where_patients_have_several() -> None:
    patients = np.repeat(["p", "q", "r"], 20)
    a, b = (answers(RNG.random(60) < rate, patients) for rate in (0.9, 0.6))
    found = mcnemar(a, b)[0]
    assert not independent(a)
    assert "60 images are of 3 patients" in say(found.caution)
    assert independent(answers(RNG.random(3) < 1, np.array(["p", "q", "r"])))


def test_all_sign_flips_agree_with_counting_them() -> None:
    patients = np.repeat(list("pqrstu"), 4)
    one, two = RNG.random(24) < 0.9, RNG.random(24) < 0.5
    found = sign_flip([answers(one, patients)], [answers(two, patients)])
    gap = np.array([(one[patients == p] * 1.0 - two[patients == p]).sum() for p in "pqrstu"])
    sums = [abs(np.dot(signs, gap)) for signs in itertools.product((1, -1), repeat=6)]
    assert found.test == "sign_flip_exact"
    assert found.p == pytest.approx(np.mean(np.array(sums) >= abs(gap.sum()) - 1e-9))
    assert (found.n, found.unit) == (6, "patient")


def test_random_sign_flips_agree_with_scipy() -> None:
    one, two = RNG.random(200) < 0.85, RNG.random(200) < 0.78
    found = sign_flip([answers(one)], [answers(two)], repeats=4000)
    theirs = stats.permutation_test(
        (one * 1.0, two * 1.0),
        lambda x, y: x.mean() - y.mean(),
        permutation_type="samples",
        n_resamples=4000,
        vectorized=False,
        rng=np.random.default_rng(1),
    )
    # both are counts of 4000: sd at most 0.008 each
    assert found.p == pytest.approx(theirs.pvalue, abs=0.035)
    assert found.test == "sign_flip"
    assert found.p == sign_flip([answers(one)], [answers(two)], repeats=4000).p


def test_any_metric_can_be_flipped() -> None:
    truth = np.arange(120) % 2
    good, poor = (
        two_classes(1 / (1 + np.exp(-(gain * (truth - 0.5) + RNG.normal(size=120)))), truth)
        for gain in (4, 0.5)
    )
    auc = [METRICS["macro_auc"].fn(p.probabilities(), p.targets) for p in (good, poor)]
    found = sign_flip([good], [poor], "macro_auc", repeats=500)
    assert found.difference == pytest.approx(auc[0] - auc[1])
    assert found.p < 0.01
    assert sign_flip([good], [poor], "brier", repeats=500).difference > 0
    with pytest.raises(ConfigError, match="metric_per_class"):
        sign_flip([good], [poor], "auc")


def test_equal_models_differ_in_nothing() -> None:
    one = answers(RNG.random(50) < 0.8)
    assert sign_flip([one], [one]).p == 1.0
    assert mcnemar(one, one)[0].p == 1.0


def test_what_is_undefined_says_so() -> None:
    one = two_classes(RNG.random(30), np.zeros(30))
    found = sign_flip([one], [two_classes(RNG.random(30), np.zeros(30))], "macro_auc")
    assert math.isnan(found.p)
    assert found.msg.id == "paired.undefined"


def test_other_images_are_refused() -> None:
    for test in (lambda a, b: mcnemar(a, b), lambda a, b: sign_flip([a], [b])):
        with pytest.raises(DataError, match="pairs_differ"):
            test(answers(np.ones(4, bool)), answers(np.ones(5, bool)))


TRIALS = 200
MOST_ALARMS = 0.05 + 3 * math.sqrt(0.05 * 0.95 / TRIALS)
"""5 % plus three sd of the simulation: 0.096."""


def test_only_tests_of_patients_keep_five_per_cent_where_their_images_are_alike() -> None:
    rng, patients = np.random.default_rng(4), np.repeat([f"p{i}" for i in range(40)], 8)
    alarms = {"patients": 0, "images": 0, "mcnemar": 0}
    for _ in range(TRIALS):  # two equally good models; each finds the same patients hard throughout
        hard = rng.beta(2, 0.5, (2, 40))
        right = [rng.random(320) < np.repeat(h, 8) for h in hard]
        a, b = (answers(r, patients) for r in right)
        alarms["patients"] += sign_flip([a], [b], repeats=199).p <= 0.05
        a, b = (answers(r) for r in right)
        alarms["images"] += sign_flip([a], [b], repeats=199).p <= 0.05
        alarms["mcnemar"] += mcnemar(a, b)[0].p <= 0.05
    assert alarms["patients"] / TRIALS <= MOST_ALARMS
    assert alarms["images"] / TRIALS > 0.2
    assert alarms["mcnemar"] / TRIALS > 0.2


def test_sentences_have_the_numbers() -> None:
    a, b = answers(RNG.random(300) < 0.95), answers(RNG.random(300) < 0.6)
    assert "p < 0.001" in say(mcnemar(a, b)[0].msg)
    assert "300 images" in say(sign_flip([a], [b], repeats=99).msg)
    assert say(p_msg(0.0123)) == "p = 0.012"
