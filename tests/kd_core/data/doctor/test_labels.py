import numpy as np
import pytest

from kd_core.data.doctor import Exam
from kd_core.data.doctor.labels import check_imbalance, check_labels
from tests.kd_core.data.doctor.conftest import labelled, make_data, make_part, readable

EVEN = [0, 1] * 10


def multi(rows, classes=("a", "b", "c")):
    rows = np.array(rows, np.float32)
    return Exam(labelled(rows, rows, rows, classes, "multilabel"))


def test_one_class_only(one):
    finding = one(check_labels(Exam(labelled([1] * 20, EVEN, EVEN))))
    assert (finding.code, finding.severity) == ("labels_constant", "alarm")
    assert finding.evidence["names"] == ["dog"]


def test_labels_that_are_names(one):
    classes = tuple(f"image{i}" for i in range(20))
    finding = one(check_labels(Exam(labelled(list(range(20)), EVEN, EVEN, classes))))
    assert (finding.code, finding.severity) == ("labels_like_ids", "alarm")


def test_sound_labels(one):
    assert one(check_labels(Exam(labelled(EVEN, EVEN, EVEN)))).code == "labels_ok"


def test_constant_labels_of_several():
    nan = np.nan
    findings = check_labels(multi([[1, 0, nan], [0, 0, nan], [1, nan, nan], [0, 0, nan]]))
    assert [readable(f).code for f in findings] == ["labels_constant"]
    assert findings[0].evidence["names"] == ["b", "c"]
    assert findings[0].severity == "warning"
    (finding,) = check_labels(multi([[1, 0, 0]] * 4))
    assert finding.severity == "alarm"


def test_equal_labels():
    findings = check_labels(multi([[1, 1, 0], [0, 0, 1], [1, 1, 1], [0, 0, 0]]))
    assert [readable(f).code for f in findings] == ["labels_same"]
    assert findings[0].evidence["names"] == ["a = b"]


def test_sound_labels_of_several(one):
    assert one(check_labels(multi([[1, 0, 0], [0, 1, 0], [0, 0, 1]]))).code == "labels_ok"


@pytest.mark.parametrize(
    ("dogs", "code", "severity"),
    [(2, "imbalance", "warning"), (5, "imbalance", "note"), (15, "imbalance_ok", "ok")],
)
def test_imbalance(dogs, code, severity, one):
    finding = one(check_imbalance(Exam(labelled([0] * 20 + [1] * dogs, EVEN, EVEN))))
    assert (finding.code, finding.severity) == (code, severity)
    assert finding.evidence["ratio"] == round(20 / dogs, 1)
    assert finding.evidence["majority"] == pytest.approx(20 / (20 + dogs))
    assert (finding.evidence["smallest"], finding.evidence["largest"]) == ("dog", "cat")


def test_a_class_without_images_is_not_the_smallest(one):
    data = labelled([0] * 20 + [1] * 15, EVEN, EVEN, ("cat", "dog", "cow"))
    assert one(check_imbalance(Exam(data))).evidence["smallest"] == "dog"


def test_a_rare_label(one):
    rows = [[1, 1, 0]] * 1 + [[0, 1, 0]] * 9 + [[0, 0, 1]] * 10 + [[np.nan, 0, 0]] * 2
    finding = one(check_imbalance(multi(rows)))
    assert (finding.code, finding.severity) == ("imbalance_label", "warning")
    assert (finding.evidence["smallest"], finding.evidence["ratio"]) == ("a", 19.0)
    assert finding.evidence["majority"] == pytest.approx(0.95)


def test_no_training_part():
    exam = Exam(make_data({"test": make_part(np.zeros((4, 1, 8, 8)), [0, 1, 0, 1])}))
    assert check_labels(exam) == check_imbalance(exam) == []
