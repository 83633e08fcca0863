import numpy as np
import pytest

from kd_core.data.smear.patients import CLASS_SHARES, CLASSES, draw_patient


@pytest.fixture(scope="module")
def drawn():
    return [draw_patient(5, index) for index in range(60)]


def test_a_patient_is_the_same_every_time():
    (patient, slides), (again, slides_again) = draw_patient(5, 3), draw_patient(5, 3)
    assert patient == again
    for slide, other in zip(slides, slides_again, strict=True):
        np.testing.assert_array_equal(slide.spectra, other.spectra)
        assert (slide.name, slide.focus, slide.noise) == (other.name, other.focus, other.noise)


def test_another_seed_is_another_patient():
    assert draw_patient(5, 3)[0] != draw_patient(6, 3)[0]


def test_slides_of_a_patient_are_alike_but_not_equal(drawn):
    stains = np.array([[slide.spectra.ravel() for slide in slides] for _, slides in drawn])
    within = np.abs(stains[:, 0] - stains[:, 1]).mean()
    between = np.abs(stains[1:, 0] - stains[:-1, 0]).mean()
    assert 0.0 < within < 0.6 * between


def test_stains_absorb_light_and_backgrounds_are_bright(drawn):
    for _, slides in drawn:
        for slide in slides:
            assert (slide.spectra > 0.0).all()
            assert ((slide.background > 0.5) & (slide.background < 1.0)).all()
            assert slide.focus > 0.0


def test_class_shares_differ_by_a_few_points_only(drawn):
    shares = np.array([patient.class_shares for patient, _ in drawn])
    assert shares.shape[1] == len(CLASSES)
    assert shares.sum(axis=1) == pytest.approx(1.0)
    assert shares.mean(axis=0) == pytest.approx(CLASS_SHARES, abs=0.03)
    assert shares.std(axis=0).max() < 0.1


def test_names_are_unique(drawn):
    names = [slide.name for _, slides in drawn for slide in slides]
    assert len(set(names)) == len(names)
    assert all(slide.name.startswith(patient.name) for patient, slides in drawn for slide in slides)
