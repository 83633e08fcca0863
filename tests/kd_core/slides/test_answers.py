import math

import numpy as np
import pytest

from kd_core.errors import ExportError
from kd_core.export import FileContract
from kd_core.slides.answers import Answers, agreement, answers_of, disagreement, read_answers

LOGITS = np.array([[2.0, 0.0, -1.0], [0.0, 1.0, 3.0]])


def contract(**changes):
    values = {
        "classes": ("a", "b", "c"),
        "mean": (0.5,),
        "std": (0.2,),
        "size": 8,
        "channels": 1,
        **changes,
    }
    return FileContract(**values)


def test_softmax_and_the_likeliest_class():
    found = answers_of(LOGITS, contract())
    e = np.exp(LOGITS)
    assert np.allclose(found.raw, e / e.sum(1, keepdims=True))
    assert found.chosen.tolist() == [0, 2]
    assert found.names() == ["a", "c"]
    assert np.allclose(found.confidence, found.raw.max(1))
    assert (found.calibrated, found.threshold) == (False, None)
    assert found.probabilities is found.raw


def test_a_temperature_makes_a_model_less_sure_and_changes_no_choice():
    found = answers_of(LOGITS, contract(calibration={"method": "temperature", "T": 2.0}))
    e = np.exp(LOGITS / 2)
    assert np.allclose(found.probabilities, e / e.sum(1, keepdims=True))
    assert found.calibrated
    assert found.probabilities.max() < found.raw.max()
    assert (found.chosen == LOGITS.argmax(1)).all()


def test_platt_shifts_a_sigmoid():
    two = contract(
        task="multilabel",
        classes=("x", "y"),
        calibration={"method": "platt", "a": 2.0, "b": -1.0},
    )
    found = answers_of(np.array([[0.5, 0.0]]), two)
    assert found.probabilities[0].tolist() == pytest.approx([0.5, 1 / (1 + math.e)])
    assert found.raw[0, 1] == 0.5


@pytest.mark.parametrize(
    "calibration",
    [{"method": "isotonic"}, {"method": "temperature"}, {"method": "temperature", "T": 0.0}],
)
def test_a_calibration_that_is_not_known(calibration):
    with pytest.raises(ExportError, match="calibration_unknown"):
        answers_of(LOGITS, contract(calibration=calibration))


def test_labels_with_thresholds_of_their_own():
    labels = contract(task="multilabel", threshold=(0.9, 0.2, 0.5))
    found = answers_of(np.array([[1.0, -1.0, -9.0]]), labels)
    assert found.chosen.tolist() == [[False, True, False]]
    assert found.names() == ["b"]
    assert found.confidence[0] == pytest.approx(1 / (1 + math.e))  # of b, the least certain
    assert answers_of(LOGITS, contract(task="multilabel")).threshold == (0.5, 0.5, 0.5)


def test_two_classes_with_an_operating_threshold():
    two = contract(classes=("no", "yes"), threshold=0.2)
    found = answers_of(np.array([[1.0, 0.0], [3.0, 0.0]]), two)
    assert found.raw[0, 1] == pytest.approx(0.2689, abs=1e-4)
    assert found.names() == ["yes", "no"]


def test_outputs_by_name():
    outputs = {"logits": LOGITS.astype(np.float32)}
    assert read_answers(outputs, contract()).names() == ["a", "c"]
    with pytest.raises(ExportError, match="outputs_missing"):
        read_answers({"scores": LOGITS}, contract())


def test_parts_joined():
    parts = [answers_of(LOGITS[:1], contract()), answers_of(LOGITS[1:], contract())]
    assert Answers.joined(parts, contract()).names() == ["a", "c"]
    assert len(Answers.joined([], contract())) == 0


def test_agreement():
    answers = {
        "t": answers_of(LOGITS, contract()),
        "s": answers_of(LOGITS[:, [1, 0, 2]], contract()),
        "u": answers_of(LOGITS, contract()),
    }
    assert disagreement(answers, "t").tolist() == [True, False]
    assert agreement(answers, "t") == {"s": 0.5, "u": 1.0}
    several = contract(task="multilabel")
    labels = {"t": answers_of(LOGITS, several), "s": answers_of(-LOGITS, several)}
    assert disagreement(labels, "t").tolist() == [True, True]
