import numpy as np
import pytest

from kd_core.errors import DataError
from kd_core.evaluate.agreement import agreement
from kd_core.evaluate.predictions import Predictions


def model(answers: list[int], sure: list[float], truth: list[int]) -> Predictions:
    """Answers of a three-class model with this much confidence (as a logit)."""
    logits = np.zeros((len(answers), 3), np.float32)
    logits[np.arange(len(answers)), answers] = sure
    ids = tuple(map(str, range(len(answers))))
    return Predictions(ids, np.array(truth), logits, "val", 0, ("a", "b", "c"))


TRUTH = [0, 0, 0, 1, 1, 2]
TEACHER = model([0, 0, 0, 2, 0, 2], [3.0] * 6, TRUTH)
STUDENT = model([0, 1, 2, 1, 2, 2], [1.0, 2.0, 5.0, 1.0, 1.0, 1.0], TRUTH)


def test_flips_are_told_apart_and_the_surest_mistake_comes_first() -> None:
    found = agreement(TEACHER, STUDENT)
    assert found.share == pytest.approx(2 / 6)
    assert found.lost.tolist() == [2, 1]
    assert found.gained.tolist() == [3]
    assert found.both_wrong.tolist() == [4]


def test_a_model_agrees_with_itself() -> None:
    found = agreement(TEACHER, TEACHER)
    assert found.share == 1
    assert len(found.lost) == len(found.gained) == len(found.both_wrong) == 0


def test_several_labels_are_right_when_every_known_one_is() -> None:
    truth = np.array([[1, 0], [1, np.nan], [0, 1]], np.float32)
    fields = ("val", 0, ("a", "b"), "multilabel")
    first = np.array([[1, -1], [1, 1], [-1, 1]], np.float32)
    second = np.array([[1, 1], [1, -1], [-1, 1]], np.float32)
    a, b = (Predictions(("x", "y", "z"), truth, logits, *fields) for logits in (first, second))
    found = agreement(a, b)
    assert found.share == pytest.approx(1 / 3)
    assert found.lost.tolist() == [0]
    assert len(found.both_wrong) == 0  # the second image differs where nothing is known


def test_other_images_cannot_be_compared() -> None:
    with pytest.raises(DataError, match="pairs_differ"):
        agreement(TEACHER, model([0], [1.0], [0]))
