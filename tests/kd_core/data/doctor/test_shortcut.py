import numpy as np
import pytest

from kd_core.data.doctor import Exam
from kd_core.data.doctor.shortcut import check_ceiling, check_shortcut
from tests.kd_core.data.doctor.conftest import TEXTS, make_data, make_part, readable, smooth_images

CLASSES = ("covid", "normal", "pneumonia")


def exam(images, labels, classes=CLASSES, task="classification"):
    bounds = {"train": slice(0, 150), "val": slice(150, 200), "test": slice(200, 300)}
    parts = {name: make_part(images[rows], labels[rows], name) for name, rows in bounds.items()}
    return Exam(make_data(parts, classes, task))


def sources(strength):
    """Class 0 comes from another place: its frame is darker, more or less clearly."""
    images = smooth_images(300).astype(int)
    labels = np.arange(300) % 3
    shade = np.random.default_rng(1).normal(0, 25, 300) + 50 * strength * (labels == 0)
    inside = images[:, :, 4:-4, 4:-4].copy()
    images -= shade[:, None, None, None].astype(int)
    images[:, :, 4:-4, 4:-4] = inside
    return images.clip(0, 255), labels


def test_a_source_that_shows_in_the_frame_is_an_alarm(one):
    finding = one(check_shortcut(exam(*sources(3))))
    assert (finding.code, finding.severity) == ("shortcut", "alarm")
    assert finding.evidence["class_name"] == "covid"
    assert finding.evidence["auc"] >= 0.90
    assert set(finding.evidence["aucs"]) == set(CLASSES)
    assert "no diagnosis" in TEXTS.render(finding.consequence)


def test_a_weaker_one_is_a_note(one):
    finding = one(check_shortcut(exam(*sources(0.7))))
    assert (finding.code, finding.severity) == ("shortcut_possible", "note")
    assert 0.75 <= finding.evidence["auc"] < 0.90


def test_a_disease_in_the_middle_is_no_shortcut(one):
    images, labels = sources(0)
    images[labels == 0, :, 16:48, 16:48] = 255
    ill = exam(images, labels)
    finding = one(check_shortcut(ill))
    assert (finding.code, finding.severity) == ("shortcut_ok", "ok")
    assert finding.evidence["auc"] < 0.75
    assert ill.whole.auc[0] > 0.95
    assert finding.evidence["width_px"] == 4


def test_a_shortcut_of_one_label_among_several(one):
    images, labels = sources(3)
    rows = np.stack([labels == 0, labels == 1], 1).astype(np.float32)
    rows[::7, 0] = np.nan
    finding = one(check_shortcut(exam(images, rows, ("covid", "normal"), "multilabel")))
    assert (finding.severity, finding.evidence["class_name"]) == ("alarm", "covid")


@pytest.mark.parametrize("check", [check_shortcut, check_ceiling])
def test_too_few_images_are_not_judged(check, one):
    images, labels = sources(3)
    parts = {"train": make_part(images[:50], labels[:50])}
    parts["test"] = make_part(images[50:62], labels[50:62])
    finding = one(check(Exam(make_data(parts, CLASSES))))
    assert finding.code.endswith("_unmeasured")
    assert finding.severity == "note"


@pytest.mark.parametrize("check", [check_shortcut, check_ceiling])
def test_a_set_without_training_images_is_not_probed(check):
    images, labels = sources(0)
    assert check(Exam(make_data({"test": make_part(images, labels)}, CLASSES))) == []


def test_a_task_that_is_too_easy(one):
    images, labels = sources(0)
    images //= 2
    for k in range(3):
        images[labels == k, :, 20 * k : 20 * k + 20, 20:40] += 100
    finding = one(check_ceiling(exam(images, labels)))
    assert (finding.code, finding.severity) == ("ceiling_accuracy", "warning")
    assert finding.evidence["accuracy"] >= 0.99


def test_a_task_with_room(one):
    finding = one(check_ceiling(exam(*sources(1))))
    assert (finding.code, finding.severity) == ("ceiling_ok", "ok")


def test_the_ceiling_of_several_labels_is_that_of_the_auc():
    images, labels = sources(0)
    images //= 2
    images[labels == 0, :, 10:30, 10:30] += 100
    images[labels == 1, :, 40:60, 40:60] += 100
    rows = np.stack([labels == 0, labels == 1], 1).astype(np.float32)
    (finding,) = check_ceiling(exam(images, rows, ("a", "b"), "multilabel"))
    assert readable(finding).code == "ceiling_auc"
    assert finding.evidence["accuracy"] is None
