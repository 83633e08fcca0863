import numpy as np
import pytest

from kd_core.data.sources import SOURCES
from kd_core.data.sources.npz import detects, keys, read
from kd_core.errors import DataError
from tests.helpers_data import write_npz

COLUMN = np.array([[0], [1], [2], [0]])
PARTS = {"train": COLUMN, "val": COLUMN[:3], "test": COLUMN[:2]}


def options(**values):
    return SOURCES["npz"].check(values)


@pytest.mark.parametrize("channels", [1, 3])
def test_single_label(tmp_path, channels):
    path = write_npz(tmp_path / "set.npz", PARTS, channels)
    found = read(path, options())
    assert detects(path)
    assert found.task == "classification"
    assert found.classes == ("0", "1", "2")
    assert found.targets.tolist() == [0, 1, 2, 0, 0, 1, 2, 0, 1]
    assert found.parts.tolist() == ["train"] * 4 + ["val"] * 3 + ["test"] * 2
    assert found.ids[:5] == (*(f"train-00000{i}" for i in range(4)), "val-000000")
    original = np.load(path)["val_images"][1]
    assert (found.images.open(5)[1].values.squeeze() == original).all()


def test_multi_label_and_names(tmp_path):
    labels = np.eye(3, dtype=np.uint8)
    path = write_npz(tmp_path / "set.npz", {"train": labels, "test": labels})
    found = read(path, options(class_names="a; b, c; d"))
    assert found.task == "multilabel"
    assert found.classes == ("a", "b, c", "d")
    assert found.targets.dtype == np.float32


@pytest.mark.parametrize(
    ("code", "labels", "names"),
    [
        ("npz_label_range", np.array([0, -1]), ""),
        ("npz_label_range", np.array([0, 2]), "a;b"),
        ("npz_label_range", np.array([0.5, 1]), ""),
        ("npz_label_range", np.array([[0, 1], [0, 2]]), ""),
        ("npz_label_range", np.array([0, 5000]), ""),
        ("npz_class_names", np.eye(2), "a;b;c"),
        ("npz_labels", np.array(["a", "b"]), ""),
        ("npz_labels", np.zeros((2, 2, 2)), ""),
    ],
)
def test_bad_labels(tmp_path, code, labels, names):
    path = write_npz(tmp_path / "bad.npz", {"train": labels})
    with pytest.raises(DataError, match=code):
        read(path, options(class_names=names))


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("npz_keys", {"test_labels": None}),
        ("npz_labels", {"test_labels": COLUMN}),
        ("npz_images", {"train_images": np.zeros((4, 8, 8, 8)), "val_images": None}),
        ("npz_parts_differ", {"train_images": np.zeros((4, 8, 8, 3), np.uint8)}),
        ("npz_images", {f"{p}_images": np.full((n, 4, 4), "x") for p, n in
                        (("train", 4), ("val", 3), ("test", 2))}),
    ],
)  # fmt: skip
def test_bad_arrays(tmp_path, code, change):
    path = write_npz(tmp_path / "bad.npz", PARTS)
    arrays = {**np.load(path), **change}
    if code == "npz_images" and "val_images" in change:
        arrays = {k: v for k, v in arrays.items() if k.startswith("train")}
    np.savez(path, **{key: value for key, value in arrays.items() if value is not None})
    with pytest.raises(DataError, match=code):
        read(path, options())


def test_no_arrays_of_this_layout(tmp_path):
    np.savez(tmp_path / "x.npz", x=np.zeros(3))
    with pytest.raises(DataError, match="npz_keys") as caught:
        read(tmp_path / "x.npz", options())
    assert "train_images" in caught.value.fields["missing"]
    assert keys(tmp_path / "x.npz") == {"x"}


def test_pickled_objects_are_refused(tmp_path):
    np.savez(tmp_path / "x.npz", train_images=np.array([{}], dtype=object))
    with pytest.raises(DataError, match="npz_pickle"):
        read(tmp_path / "x.npz", options())
    assert keys(tmp_path / "x.npz") == set()
