import numpy as np
import pytest

from kd_core.data.draft import draft
from kd_core.data.sources import SOURCES
from kd_core.data.sources.sample import PARASITES, SAMPLE_FILE, detects, read
from kd_core.errors import DataError
from tests.helpers_data import tiny_images

CLASSES = ["healthy", "ring", "trophozoite", "schizont", "confuser"]


@pytest.fixture
def smear(tmp_path):
    """A small file with the sample's arrays."""
    images, labels = tiny_images(30, classes=5)
    arrays = {
        "images": images,
        "labels": labels,
        "part": np.repeat(["train", "val", "test"], 10),
        "patient": np.repeat(["p0", "p1", "p2"], 10),
        "classes": np.array(CLASSES),
    }
    np.savez(tmp_path / "smear.npz", **arrays)
    return tmp_path / "smear.npz"


def test_five_classes(smear):
    found = read(smear, SOURCES["sample"].check({}))
    assert detects(smear)
    assert found.classes == tuple(CLASSES)
    assert found.synthetic
    data = draft(smear).dataset
    assert data.info.source == "sample"
    assert data.augment == "cells"
    assert data.part_sizes == {"train": 10, "val": 10, "test": 10}


def test_two_classes(smear):
    found = read(smear, SOURCES["sample"].check({"sample_classes": "two"}))
    assert found.classes == ("no_parasite", "parasite")
    assert found.targets[:5].tolist() == [0, 1, 1, 1, 0]


def test_parts_as_numbers(smear):
    arrays = dict(np.load(smear))
    arrays["part"] = np.repeat(np.arange(3, dtype=np.uint8), 10)
    np.savez(smear, **arrays)
    assert set(read(smear, SOURCES["sample"].check({})).parts) == {"train", "val", "test"}


def test_arrays_that_are_missing_or_wrong(smear):
    arrays = dict(np.load(smear))
    np.savez(smear, **{**arrays, "labels": arrays["labels"] + 1})
    with pytest.raises(DataError, match="npz_label_range"):
        read(smear, SOURCES["sample"].check({}))
    del arrays["patient"]
    np.savez(smear, **arrays)
    assert not detects(smear)
    with pytest.raises(DataError, match="npz_keys"):
        read(smear, SOURCES["sample"].check({}))


@pytest.mark.skipif(not SAMPLE_FILE.is_file(), reason="the sample is not built")
def test_the_sample_that_comes_with_the_program():
    found = read(SAMPLE_FILE, SOURCES["sample"].check({}))
    assert len(found.classes) == 5
    assert set(PARASITES) < set(found.classes)
    assert set(found.parts) == {"train", "val", "test"}
