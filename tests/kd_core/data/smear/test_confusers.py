import numpy as np
import pytest

from kd_core.data.smear.cells import CellPatch, paint_cell
from kd_core.data.smear.confusers import debris, paint_confuser, platelet
from kd_core.data.smear.patients import draw_patient
from kd_core.data.smear.scenes import CELL_REACH
from kd_core.data.smear.shapes import CHROMATIN, CYTOPLASM, PIGMENT, Outline, Plane

STEP = 0.1  # µm
RADIUS = 3.6
PATIENT = draw_patient(5, 0)[0]


def plane(reach: float = RADIUS + CELL_REACH) -> Plane:
    ticks = np.arange(-reach, reach, STEP) + STEP / 2.0
    return Plane(*np.meshgrid(ticks, ticks))


@pytest.fixture(scope="module")
def confused() -> list[CellPatch]:
    patches = []
    for k in range(80):
        rng = np.random.default_rng(k)
        patch = paint_cell(rng, PATIENT, Outline(RADIUS), plane())
        patch.stains[CHROMATIN] = 0.0
        paint_confuser(rng, patch, 1.0)
        patches.append(patch)
    return patches


def test_a_confuser_is_seen_and_has_no_pigment(confused):
    for patch in confused:
        assert (patch.stains[CYTOPLASM] + patch.stains[CHROMATIN]).max() > 0.2
        assert patch.stains[PIGMENT].max() == 0.0


def test_a_confuser_touches_its_cell(confused):
    for patch in confused:
        stained = patch.stains[CYTOPLASM] + patch.stains[CHROMATIN] > 0.1
        assert patch.plane.distance[stained].min() < RADIUS + 0.3


def test_some_lie_on_the_cell_and_some_beside_it(confused):
    on = [
        (patch.stains[CHROMATIN] * patch.inside).sum() > 0.5 * patch.stains[CHROMATIN].sum()
        for patch in confused
    ]
    assert 0.5 < np.mean(on) < 0.95


def test_a_patch_is_large_enough_for_what_it_shows(confused):
    edges = [
        patch.stains[:, rows, columns].max()
        for patch in confused
        for rows, columns in ((slice(None), [0, -1]), ([0, -1], slice(None)))
    ]
    assert np.mean(np.array(edges) > 0.05) < 0.03


@pytest.mark.parametrize(("paint", "least", "most"), [(platelet, 1.0, 9.0), (debris, 0.05, 6.0)])
def test_sizes_are_those_of_platelets_and_grains(paint, least, most):
    areas = []
    for k in range(40):
        stains = np.zeros((4, *plane(4.0).x.shape))
        paint(np.random.default_rng(k), stains, plane(4.0), 1.0)
        areas.append(float((stains.sum(axis=0) > 0.2).sum()) * STEP**2)  # µm²
    assert least < np.median(areas) < most
