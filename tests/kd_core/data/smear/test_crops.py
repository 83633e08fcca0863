import numpy as np
import pytest

from kd_core.data.smear.crops import CROP_PX, GREY_STEP, PLANS, Plan, make_crops, render_crop
from kd_core.data.smear.patients import CLASSES, draw_patient

TINY = (("train", Plan(3, 4)), ("val", Plan(1, 4)), ("test", Plan(2, 4)))


@pytest.fixture(scope="module")
def tiny():
    return make_crops(5, TINY)


def test_crops_are_the_same_every_time(tiny):
    again = make_crops(5, TINY)
    np.testing.assert_array_equal(tiny.images, again.images)
    np.testing.assert_array_equal(tiny.labels, again.labels)


def test_shapes_and_parts(tiny):
    assert tiny.images.shape == (24, CROP_PX, CROP_PX, 3)
    assert tiny.images.dtype == np.uint8
    assert (tiny.images % GREY_STEP == 0).all()
    assert np.bincount(tiny.part).tolist() == [12, 4, 8]
    assert tiny.labels.max() < len(CLASSES)


def test_no_patient_is_in_two_parts(tiny):
    for name in np.unique(tiny.patient):
        assert len(np.unique(tiny.part[tiny.patient == name])) == 1
    assert all(
        slide.startswith(patient) for slide, patient in zip(tiny.slide, tiny.patient, strict=True)
    )


def test_a_patients_crops_do_not_depend_on_how_many_are_made(tiny):
    fewer = make_crops(5, (("train", Plan(1, 2)),))
    np.testing.assert_array_equal(fewer.images, tiny.images[:2])


@pytest.mark.parametrize("label", range(1, len(CLASSES)))
def test_the_label_shows_in_the_middle_and_hardly_in_the_frame(label):
    """Everything else of a crop is drawn alike whatever its label is."""
    changed_middle, changed_frame = [], []
    frame = np.ones((CROP_PX, CROP_PX), dtype=bool)
    frame[4:-4, 4:-4] = False
    for k in range(12):
        patient, (slide, _) = draw_patient(5, k)
        pair = [
            render_crop(np.random.default_rng(k), patient, slide, which).astype(int)
            for which in (0, label)
        ]
        changed = (np.abs(pair[0] - pair[1]) > 2 * GREY_STEP).any(axis=2)
        changed_middle.append(changed[~frame].mean())
        changed_frame.append(changed[frame].mean())
    assert min(changed_middle) > 0.002
    assert np.mean(changed_frame) < 0.02


def test_the_plan_is_that_of_the_embedded_sample():
    assert {name: p.patients * p.crops_per_patient for name, p in PLANS.items()} == {
        "train": 3000,
        "val": 600,
        "test": 1440,
    }
