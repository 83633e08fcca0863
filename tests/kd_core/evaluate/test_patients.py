import dataclasses

import numpy as np
import pytest

from kd_core.errors import ConfigError, DataError
from kd_core.evaluate.patients import by_patient
from kd_core.evaluate.predictions import Predictions
from kd_core.evaluate.scores import score
from tests.helpers_statistics import labels, two_classes

PATIENTS = np.array(["q", "p", "p", "q", "r"])
P = np.array([0.2, 0.9, 0.5, 0.4, 0.7])


def test_mean_and_largest_probability_of_each_patient() -> None:
    one = two_classes(P, [0, 1, 1, 0, 1], patients=PATIENTS)
    mean, largest = by_patient(one), by_patient(one, "max")
    assert mean.ids == ("p", "q", "r")
    np.testing.assert_allclose(mean.probabilities()[:, 1], [0.7, 0.3, 0.7], atol=1e-6)
    np.testing.assert_allclose(largest.probabilities()[:, 1], [0.9, 0.4, 0.7], atol=1e-6)
    assert mean.targets.tolist() == [1, 0, 1]
    assert by_patient(mean).ids == mean.ids
    assert score(mean, ["accuracy"], repeats=20)["accuracy"].n == 3


def test_the_positive_class_may_be_the_first() -> None:
    one = two_classes(P, [1, 0, 0, 1, 0], patients=PATIENTS)
    found = by_patient(one, "max", "healthy").probabilities()
    np.testing.assert_allclose(found[:, 0], [0.5, 0.8, 0.3], atol=1e-6)


def test_one_positive_image_is_enough_only_where_somebody_says_so() -> None:
    mixed = two_classes(P, [0, 0, 1, 0, 1], patients=PATIENTS)
    with pytest.raises(DataError, match="patients_mixed"):
        by_patient(mixed)
    assert by_patient(mixed, positive="ill").targets.tolist() == [1, 0, 1]
    assert by_patient(mixed, positive="healthy").targets.tolist() == [0, 0, 1]


def test_labels_are_present_if_in_any_image_and_unknown_if_in_none() -> None:
    nan = np.nan
    truth = np.array([[0, nan], [nan, 1], [1, 0], [0, nan], [0, 0]])
    one = labels(np.column_stack([P, 1 - P]), truth, patients=PATIENTS)
    found = by_patient(one, "max")
    np.testing.assert_array_equal(found.targets, np.array([[1, 1], [0, nan], [0, 0]], np.float32))
    np.testing.assert_allclose(found.probabilities()[:, 0], [0.9, 0.4, 0.7], atol=1e-6)
    np.testing.assert_allclose(by_patient(one).probabilities()[:, 0], [0.7, 0.3, 0.7], atol=1e-6)


def test_calibrated_probabilities_are_averaged_and_subgroups_of_patients_kept() -> None:
    one = two_classes(
        P,
        [0, 1, 1, 0, 1],
        patients=PATIENTS,
        calibration={"method": "temperature", "T": 2.0},
        groups={"sex": np.array(["f", "m", "m", "f", "f"]), "site": np.array(list("abcde"))},
    )
    found = by_patient(one)
    own = one.probabilities()[PATIENTS == "p", 1].mean()
    assert found.probabilities()[0, 1] == pytest.approx(own, abs=1e-6)
    assert {k: list(v) for k, v in found.groups.items()} == {"sex": ["m", "f", "f"]}


def test_what_has_no_meaning_is_refused() -> None:
    one = two_classes(P, [0, 1, 1, 0, 1])
    with pytest.raises(DataError, match="patients_unknown"):
        by_patient(one)
    known = dataclasses.replace(one, patients=PATIENTS)
    with pytest.raises(ConfigError, match="class_unknown"):
        by_patient(known, positive="dead")
    y = np.array([0, 1, 1, 0, 2])
    three = Predictions(known.ids, y, np.zeros((5, 3), np.float32), "val", 0, tuple("abc"),
                        patients=PATIENTS)  # fmt: skip
    with pytest.raises(DataError, match="patients_max"):
        by_patient(three, "max")
    assert by_patient(three).targets.tolist() == [1, 0, 2]
