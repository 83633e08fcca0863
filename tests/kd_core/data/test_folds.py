import dataclasses

import numpy as np
import pytest

from kd_core.data.folds import fold_of, with_fold
from kd_core.errors import DataError
from tests.helpers_data import tiny_data


def test_patients_stay_together_and_classes_are_spread() -> None:
    rng = np.random.default_rng(0)
    patients = rng.integers(0, 60, 400).astype(str)
    targets = rng.choice(3, 400, p=[0.6, 0.3, 0.1])
    found = fold_of(targets, patients, 5)
    assert all(len(set(found[patients == name])) == 1 for name in set(patients))
    shares = [np.mean(targets[found == fold] == 2) for fold in range(5)]
    assert max(shares) - min(shares) < 0.06
    assert max(np.bincount(found)) <= 1.25 * min(np.bincount(found))


def test_the_same_data_gives_the_same_folds() -> None:
    targets, names = np.arange(40) % 2, np.arange(40).astype(str)
    np.testing.assert_array_equal(fold_of(targets, names, 4), fold_of(targets, names, 4))


def test_more_folds_than_patients_are_refused() -> None:
    with pytest.raises(DataError, match="folds_too_many"):
        fold_of(np.array([0, 1, 0, 1]), np.array(["a", "a", "b", "b"]), 3)


@pytest.mark.parametrize("task", ["classification", "multilabel"])
def test_each_image_is_validated_once_and_the_test_part_stays(task) -> None:
    data = tiny_data(task)
    pool = {*data.parts["train"].ids, *data.parts["val"].ids}
    seen: list[str] = []
    for fold in range(3):
        made = with_fold(data, fold, 3)
        train, val = made.parts["train"], made.parts["val"]
        assert not set(train.ids) & set(val.ids)
        assert not set(train.patients) & set(val.patients)
        assert {*train.ids, *val.ids} == pool
        assert made.parts["test"] is data.parts["test"]
        assert set(val.groups) == set(data.parts["val"].groups)
        seen += val.ids
    assert sorted(seen) == sorted(pool)


def test_images_keep_their_targets_and_the_mean_is_that_of_the_training_part() -> None:
    data = tiny_data()
    made = with_fold(data, 1, 3)
    whole = {}
    for name in ("train", "val"):
        part = data.parts[name]
        whole |= dict(zip(part.ids, zip(part.images, part.targets, strict=True), strict=True))
    for image, target, name in zip(
        made.parts["val"].images, made.parts["val"].targets, made.parts["val"].ids, strict=True
    ):
        np.testing.assert_array_equal(image, whole[name][0])
        assert target == whole[name][1]
    pixels = made.parts["train"].images / 255
    np.testing.assert_allclose(made.mean, pixels.mean((0, 2, 3)), atol=1e-9)


def test_what_is_stored_for_a_fold_is_no_other_folds() -> None:
    data = tiny_data()
    names = {data.identity, *(with_fold(data, fold, 3).identity for fold in range(3))}
    assert len(names) == 4
    assert data.identity == data.hash
    assert with_fold(data, 0, 3).hash == data.hash


def test_without_patients_images_are_divided() -> None:
    data = tiny_data()
    bare = {name: dataclasses.replace(part, patients=None) for name, part in data.parts.items()}
    made = with_fold(dataclasses.replace(data, parts=bare), 0, 3)
    assert made.parts["val"].patients is None
