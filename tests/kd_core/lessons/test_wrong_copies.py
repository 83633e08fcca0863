from dataclasses import replace

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from kd_core.data.doctor import examine
from kd_core.data.doctor.probe import frame_width
from kd_core.data.loaded import LoadedData, Part
from kd_core.lessons import wrong_copies
from kd_core.lessons.wrong_copies import Mistake

RNG = np.random.default_rng(0)
CLASSES = ("a", "b", "c")


def part(n, name):
    images = RNG.integers(0, 200, (n, 3, 32, 32)).astype(np.uint8)
    targets = np.arange(n) % len(CLASSES)
    return Part(images, targets, tuple(f"{name}{i}" for i in range(n)))


@pytest.fixture
def data():
    parts = {"train": part(60, "t"), "val": part(30, "v")}
    return LoadedData("x", "hash", "classification", CLASSES, 32, (0.5,) * 3, (0.2,) * 3, parts)


def test_marks_lie_in_the_frame_at_another_place_for_each_class(data):
    before, after = data.parts["val"], wrong_copies.with_marks(data, 1.0).parts["val"]
    places = {}
    for k in range(len(CLASSES)):
        changed = (after.images != before.images).any(1)[before.targets == k]  # (n, S, S)
        assert changed.any((1, 2)).all()
        rows, columns = np.nonzero(changed.any(0))
        assert rows.max() < frame_width(32)
        places[k] = (columns.min(), columns.max())
        assert columns.max() - columns.min() == wrong_copies.MARK_PX - 1
    assert len(set(places.values())) == len(CLASSES)


@pytest.mark.parametrize(("share", "expected"), [(0.0, 0), (0.5, 15), (1.0, 30)])
def test_as_many_images_are_marked_as_asked(data, share, expected):
    before, after = data.parts["val"], wrong_copies.with_marks(data, share).parts["val"]
    assert (after.images != before.images).any((1, 2, 3)).sum() == expected
    assert (after.targets == before.targets).all()


def test_the_doctor_finds_exactly_the_copies(data):
    copy = wrong_copies.with_copies(data, 0.4)
    (finding,) = examine(copy, only=["duplicates"])
    assert (finding.evidence["n"], finding.evidence["exact"]) == (12, 6)
    assert len(copy.parts["train"]) == len(data.parts["train"])
    (clean,) = examine(wrong_copies.with_copies(data, 0.0), only=["duplicates"])
    assert clean.code == "duplicates_ok"


def test_copies_are_right_on_by_heart_as_scikit_learn_says(data):
    copy = wrong_copies.with_copies(data, 0.4)
    train, val = copy.parts["train"], copy.parts["val"]
    reference = KNeighborsClassifier(1).fit(
        train.images.reshape(len(train), -1).astype(float), train.targets
    )
    answers = train.targets[wrong_copies.nearest(copy)]
    flat = val.images.reshape(len(val), -1).astype(float)
    assert (answers == reference.predict(flat)).all()
    copied = wrong_copies.copied(data, 0.4)
    assert (answers[copied] == val.targets[copied]).all()


def test_wrong_names_are_given_to_so_many_images_of_one_class(data):
    wrong = wrong_copies.mislabelled(data, Mistake(of=1, named=2))
    before, after = data.parts["train"].targets, wrong.parts["train"].targets
    changed = before != after
    assert changed.sum() == round(0.7 * 20)
    assert (before[changed] == 1).all()
    assert (after[changed] == 2).all()
    assert (wrong.parts["val"].targets == data.parts["val"].targets).all()


def test_classes_are_left_out_until_the_easiest_two_remain():
    # 0 and 2 are told apart always; 1 is mixed up with both
    targets = np.array([0, 0, 1, 1, 2, 2])
    logits = np.array(
        [[9, 0, 0], [2, 3, 0], [3, 2, 0], [0, 9, 0], [0, 3, 2], [0, 0, 9]], dtype=float
    )
    order = wrong_copies.easier_order(targets, logits)
    assert order == (1, 0, 2)
    assert wrong_copies.kept_classes(order, 1.0) == (0, 2)


def test_the_images_that_are_hard_are_left_out_first():
    targets = np.array([0, 1, 0, 1, 0])
    logits = np.array([[5, 0], [0, 1], [0, 5], [0, 3], [2, 0]], dtype=float)
    # margins 5, 1, -5, 3, 2
    assert wrong_copies.easy_rows(targets, logits, 0.5).tolist() == [0, 3, 4]
    assert wrong_copies.easy_rows(targets, logits, 0.0).tolist() == [0, 1, 2, 3, 4]


def test_only_some_classes_are_numbered_anew(data):
    reduced = wrong_copies.only(data, (0, 2))
    assert reduced.classes == ("a", "c")
    assert set(reduced.parts["val"].targets) == {0, 1}
    assert len(reduced.parts["val"]) == 20


def test_few_images_are_drawn_by_seed_in_order(data, monkeypatch):
    monkeypatch.setattr(wrong_copies, "TRAIN", 10)
    monkeypatch.setattr(wrong_copies, "VAL", 7)
    some = wrong_copies.few(data)
    rows = wrong_copies.val_rows(data)
    assert some.parts["val"].ids == tuple(data.parts["val"].ids[row] for row in rows)
    assert len(some.parts["train"]) == 10
    assert rows.tolist() == sorted(rows)
    left = wrong_copies.without(some, np.array([0, 2]))
    assert left.parts["val"].ids == (some.parts["val"].ids[0], some.parts["val"].ids[2])
    assert replace(left, parts={}) == replace(some, parts={})
