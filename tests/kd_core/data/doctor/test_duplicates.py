import io
import sys

import numpy as np
import pytest
from PIL import Image

from kd_core.data.doctor import Exam
from kd_core.data.doctor.duplicates import check_duplicates, near_copies
from tests.kd_core.data.doctor.conftest import make_data, make_part, smooth_images


def split(images, labels=None):
    """Thirty training, fifteen validation and fifteen test images."""
    labels = np.arange(len(images)) % 2 if labels is None else labels
    bounds = {"train": slice(0, 30), "val": slice(30, 45), "test": slice(45, 60)}
    parts = {name: make_part(images[rows], labels[rows], name) for name, rows in bounds.items()}
    return Exam(make_data(parts))


def jpeg(image, quality):
    file = io.BytesIO()
    Image.fromarray(image.transpose(1, 2, 0)).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file)).transpose(2, 0, 1)


def halved(image):
    small = Image.fromarray(image.transpose(1, 2, 0)).resize((64, 64), Image.Resampling.BICUBIC)
    return np.asarray(small.resize((128, 128), Image.Resampling.BICUBIC)).transpose(2, 0, 1)


def brighter(image):
    return (image * 0.8 + 30).astype(np.uint8)


def noisy(image):
    noise = np.random.default_rng(0).normal(0, 5, image.shape)
    return (image + noise).clip(0, 255).astype(np.uint8)


def cells(n, size=128, seed=0):
    """Round cells on black: alike in shape, different in texture, stain and noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    texture = smooth_images(n, size, seed=seed)[:, 0] / 255.0
    images = np.zeros((n, 3, size, size), np.uint8)
    for image, grain in zip(images, texture, strict=True):
        a, b = rng.uniform(0.42, 0.48, 2) * size
        body = (x / a) ** 2 + (y / b) ** 2 < 1
        stain = rng.uniform(120, 200, (3, 1, 1)) * (0.8 + 0.4 * grain)
        image[:] = body * (stain + rng.normal(0, 6, image.shape)).clip(0, 255)
    return images


def test_different_images_have_no_copies(one):
    finding = one(check_duplicates(split(smooth_images(60, channels=3))))
    assert (finding.code, finding.severity) == ("duplicates_ok", "ok")
    assert finding.evidence["n"] == 30


def decoded(images, size):
    """What is left of originals of 128 px at another size."""
    n, c, side, _ = images.shape
    step = side // size
    return images.reshape(n, c, size, step, size, step).mean((3, 5)).round().astype(np.uint8)


@pytest.mark.parametrize("size", [32, 64, 128])
def test_cells_of_the_same_shape_are_no_copies(size, one):
    images = decoded(cells(60), size)
    assert one(check_duplicates(split(images))).code == "duplicates_ok"


def test_exact_copies(one):
    images = smooth_images(60, channels=3)
    images[50] = images[3]
    images[31] = images[3]
    finding = one(check_duplicates(split(images)))
    assert (finding.code, finding.severity) == ("duplicates", "alarm")
    assert (finding.evidence["n"], finding.evidence["exact"], finding.evidence["near"]) == (2, 2, 0)
    assert finding.evidence["share"] == 2 / 30
    places = {tuple(pair["ids"]) for pair in finding.evidence["examples"]}
    assert places == {("train3", "val1"), ("train3", "test5"), ("val1", "test5")}


@pytest.mark.parametrize(
    "change", [lambda i: jpeg(i, 50), lambda i: jpeg(i, 20), halved, brighter, noisy]
)
@pytest.mark.parametrize("make", [cells, lambda n: smooth_images(n, 128, channels=3)])
def test_near_copies(change, make, one):
    originals = make(60)
    originals[50] = change(originals[3])
    finding = one(check_duplicates(split(decoded(originals, 64))))
    assert (finding.evidence["n"], finding.evidence["exact"], finding.evidence["near"]) == (1, 0, 1)
    (pair,) = finding.evidence["examples"]
    assert pair == {"parts": ["train", "test"], "ids": ["train3", "test5"], "exact": False}


def test_copies_with_another_label(one):
    images = smooth_images(60)
    images[51] = images[3]
    images[52] = images[4]
    labels = np.zeros(60, int)
    labels[51] = 1
    assert one(check_duplicates(split(images, labels))).evidence["other_label"] == 1


def test_copies_inside_one_part_are_not_counted(one):
    images = smooth_images(60)
    images[1] = images[0]
    assert one(check_duplicates(split(images))).code == "duplicates_ok"


def test_flat_images_are_not_copies_of_each_other(one):
    images = smooth_images(60)
    images[[2, 3, 33, 50]] = 0
    images[[4, 34]] = 255
    assert one(check_duplicates(split(images))).code == "duplicates_ok"


def test_one_copy_among_many_is_a_warning(one):
    images = smooth_images(260, 16)
    images[200] = images[0]
    parts = {"train": make_part(images[:50], np.zeros(50, int), "train")}
    parts["test"] = make_part(images[50:], np.zeros(210, int), "test")
    finding = one(check_duplicates(Exam(make_data(parts))))
    assert (finding.severity, finding.evidence["n"]) == ("warning", 1)


def test_exact_copies_are_found_in_parts_that_are_sampled(one, monkeypatch):
    monkeypatch.setattr(sys.modules["kd_core.data.doctor.duplicates"], "_IMAGES", 4)
    images = smooth_images(60)
    images[50] = images[3]
    assert one(check_duplicates(split(images))).evidence["exact"] == 1


def test_one_part_has_nothing_to_compare():
    exam = Exam(make_data({"test": make_part(smooth_images(4), [0, 1, 0, 1])}))
    assert check_duplicates(exam) == []


def test_images_that_another_part_has_almost_the_same_are_found():
    images = cells(20)
    known = make_part(images[:10], np.zeros(10, int), "test")
    pool = np.stack([brighter(images[3]), *images[10:], jpeg(images[7], 60)])
    part = make_part(pool, np.zeros(len(pool), int), "train")
    rows = np.array([0, 1, 5, 11])
    assert near_copies(part, rows, [known]).tolist() == [True, False, False, True]
    assert near_copies(part, rows[:0], [known]).tolist() == []
