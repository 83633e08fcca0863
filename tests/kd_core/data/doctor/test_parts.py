import numpy as np
import pytest
from scipy.stats import binomtest

from kd_core.data.doctor import Exam, SourceFacts
from kd_core.data.doctor.parts import (
    check_classes,
    check_patients,
    check_test_size,
    check_unreadable,
    wilson,
)
from tests.kd_core.data.doctor.conftest import labelled, make_data, make_part, readable

BLANK = np.zeros((4, 1, 8, 8))


def with_patients(train, val, test):
    parts = {
        name: make_part(BLANK[: len(patients)], [0] * len(patients), name, list(patients))
        for name, patients in (("train", train), ("val", val), ("test", test))
    }
    return Exam(make_data(parts))


def test_a_patient_in_two_parts(one):
    finding = one(check_patients(with_patients("aabb", "bbc", "da")))
    assert (finding.code, finding.severity) == ("patients_shared", "alarm")
    assert finding.evidence == {"n": 2, "images": 3, "patients": ["a", "b"]}


def test_patients_in_one_part_each(one):
    finding = one(check_patients(with_patients("aabb", "cc", "de")))
    assert (finding.code, finding.severity) == ("patients_ok", "ok")
    assert finding.evidence["parts"] == {"train": 2, "val": 1, "test": 2}


def test_images_without_a_patient_are_not_one_person():
    found = check_patients(with_patients(["a", "", ""], ["", "b"], ["c"]))
    assert [finding.code for finding in found] == ["patients_ok", "patients_partly"]


def test_images_without_a_patient_are_named():
    # as the cache gives them: an unknown patient is called as the image
    _, finding = check_patients(with_patients(["a", "train1", ""], ["b"], ["test0"]))
    assert (readable(finding).code, finding.severity) == ("patients_partly", "warning")
    assert finding.evidence == {"n": 3, "images": 5, "names": ["train1", "train2"]}


def test_unknown_patients(one):
    parts = {name: make_part(BLANK, [0, 1, 0, 1], name) for name in ("train", "test")}
    assert one(check_patients(Exam(make_data(parts)))).code == "patients_unknown"
    blank = with_patients([""], [""], [""])
    assert one(check_patients(blank)).code == "patients_unknown"


def test_a_class_that_a_part_does_not_have(one):
    even = [0, 1] * 20
    finding = one(check_classes(Exam(labelled(even, [0] * 20, even))))
    assert (finding.code, finding.severity) == ("class_missing", "warning")
    assert finding.evidence["places"] == [{"class": "dog", "part": "val"}]
    finding = one(check_classes(Exam(labelled([1] * 20, even, even))))
    assert (finding.code, finding.severity) == ("class_missing", "alarm")


def test_a_class_of_few_images(one):
    even = [0, 1] * 20
    finding = one(check_classes(Exam(labelled(even, even, [0] * 20 + [1] * 9))))
    assert (finding.code, finding.severity) == ("class_few", "note")
    assert finding.evidence["names"] == ["dog (test)"]


def test_all_classes_everywhere(one):
    even = [0, 1] * 20
    assert one(check_classes(Exam(labelled(even, even, even)))).code == "classes_ok"


def test_a_label_that_nobody_has():
    has = np.array([[1, 0], [np.nan, np.nan]] * 10, np.float32)
    both = np.array([[1, 0], [0, 1]] * 10, np.float32)
    findings = check_classes(Exam(labelled(has, both, both, task="multilabel")))
    assert [readable(f).code for f in findings] == ["class_missing"]
    assert findings[0].evidence["places"] == [{"class": "dog", "part": "train"}]


@pytest.mark.parametrize("n", [1, 10, 111, 1000])
def test_wilson_agrees_with_scipy(n):
    hits = round(0.9 * n)
    ours = wilson(hits / n, n)
    theirs = binomtest(hits, n).proportion_ci(method="wilson")
    assert ours == pytest.approx((theirs.low, theirs.high), abs=1e-6)


@pytest.mark.parametrize(
    ("n", "code", "severity"),
    [
        (30, "test_small", "warning"),
        (138, "test_small", "warning"),
        (145, "test_limited", "note"),
        (350, "test_limited", "note"),
        (420, "test_size_ok", "ok"),
    ],
)
def test_size_of_the_test_part(n, code, severity, one):
    part = make_part(np.zeros((n, 1, 2, 2)), np.zeros(n, int), patients=["a"] * n)
    finding = one(check_test_size(Exam(make_data({"test": part}))))
    assert (finding.code, finding.severity) == (code, severity)
    assert finding.evidence["patients"] == 1
    assert finding.evidence["width"] == pytest.approx(
        finding.evidence["high"] - finding.evidence["low"]
    )


def test_no_test_part(one):
    data = make_data({"train": make_part(BLANK, [0, 1, 0, 1])})
    assert one(check_test_size(Exam(data))).code == "test_missing"


def test_unreadable_files_are_listed(one):
    data = labelled([0, 1] * 20, [0, 1], [0, 1])
    facts = SourceFacts({f"{i}.png": "image_broken" for i in range(2)})
    finding = one(check_unreadable(Exam(data, facts)))
    assert (finding.code, finding.severity) == ("unreadable", "warning")
    assert finding.evidence["files"][0] == {"name": "0.png", "error": "image_broken"}
    assert finding.evidence["share"] == 2 / 46
    many = SourceFacts({f"{i}.png": "image_broken" for i in range(20)})
    assert one(check_unreadable(Exam(data, many))).severity == "alarm"


def test_all_files_are_readable(one):
    finding = one(check_unreadable(Exam(labelled([0, 1] * 20, [0, 1], [0, 1]))))
    assert (finding.code, finding.evidence["n"]) == ("unreadable_ok", 44)
