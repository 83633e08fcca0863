import numpy as np
import pytest

from kd_core.errors import DataError
from kd_core.evaluate.flips import Harm, flips
from kd_core.evaluate.predictions import Predictions

CLASSES = ("healthy", "ring", "schizont")


def made(answers, truth, sure: float = 2.0) -> Predictions:
    logits = np.eye(3, dtype=np.float32)[answers] * sure
    return Predictions(tuple(map(str, range(len(truth)))), np.array(truth), logits, "val", 0,
                       CLASSES)  # fmt: skip


def test_a_missed_positive_comes_before_a_false_alarm_and_gains_come_last() -> None:
    truth = [0, 1, 1, 2, 0]
    first = made([0, 1, 2, 2, 1], truth)
    second = made([1, 0, 1, 1, 0], truth)
    found = flips(first, second, ["healthy"])
    assert [f.kind for f in found] == ["missed", "confused", "alarm", "gained", "gained"]
    assert [f.row for f in found][:3] == [1, 3, 0]


def test_the_weights_decide_the_order() -> None:
    truth = [0, 1]
    first, second = made([0, 1], truth), made([1, 0], truth)
    usual = flips(first, second, ["healthy"])
    other = flips(first, second, ["healthy"], Harm(missed=1, alarm=10))
    assert [f.kind for f in usual] == ["missed", "alarm"]
    assert [f.kind for f in other] == ["alarm", "missed"]


def test_several_labels_need_no_negative_class() -> None:
    truth = np.array([[1, 0, 0], [0, 0, 0]], np.float32)
    right = np.where(truth == 1, 3, -3).astype(np.float32)
    wrong = right.copy()
    wrong[0, 0], wrong[1, 2] = -3, 3
    a, b = (
        Predictions(("x", "y"), truth, z, "val", 0, CLASSES, task="multilabel")
        for z in (right, wrong)
    )
    assert [f.kind for f in flips(a, b, [])] == ["missed", "alarm"]


def test_equal_answers_are_no_flip_and_other_images_are_refused() -> None:
    one = made([0, 1], [0, 1])
    assert flips(one, one, []) == []
    with pytest.raises(DataError, match="pairs_differ"):
        flips(one, made([0], [0]), [])


def test_only_labels_that_change_and_are_known_make_a_flip() -> None:
    truth = np.array([[1, 0, 0], [np.nan, 0, 0]], np.float32)
    before = np.array([[-3, -3, -3], [-3, -3, -3]], np.float32)
    after = np.array([[-3, 3, -3], [3, -3, -3]], np.float32)
    a, b = (
        Predictions(("x", "y"), truth, z, "val", 0, CLASSES, task="multilabel")
        for z in (before, after)
    )
    (flip,) = flips(a, b, [])  # both miss the first label; of the second image it is unknown
    assert (flip.row, flip.kind, flip.harm) == (0, "alarm", 1.0)
