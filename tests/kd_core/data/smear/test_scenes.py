import numpy as np
import pytest

from kd_core.data.smear.optics import FIELD_PX_PER_UM
from kd_core.data.smear.patients import CLASSES, draw_patient
from kd_core.data.smear.scenes import (
    CLOSEST,
    LOOSE_GAP,
    PAINTERS,
    Canvas,
    PlacedCell,
    paint_scene,
    scatter_cells,
    scatter_loose,
)
from kd_core.data.smear.shapes import HAEMOGLOBIN, Outline

PATIENT, (SLIDE, _) = draw_patient(5, 0)
SHARES = (0.6, 0.1, 0.1, 0.1, 0.1)
SIZE = (60.0, 40.0)  # µm


@pytest.fixture(scope="module")
def cells() -> list[PlacedCell]:
    return scatter_cells(np.random.default_rng(0), PATIENT, 0.4, SIZE, SHARES)


def test_every_class_but_healthy_has_a_painter():
    assert set(PAINTERS) == set(CLASSES) - {"healthy"}


def test_cells_overlap_a_little_at_most(cells):
    for i, a in enumerate(cells):
        for b in cells[:i]:
            room = CLOSEST * (a.outline.radius + b.outline.radius)
            assert np.hypot(a.x - b.x, a.y - b.y) > room


@pytest.mark.parametrize("crowding", [0.2, 0.4])
def test_the_area_is_covered_as_asked(crowding):
    rng = np.random.default_rng(1)
    cells = scatter_cells(rng, PATIENT, crowding, (200.0, 150.0), SHARES)
    covered = sum(np.pi * cell.outline.radius**2 for cell in cells) / (200.0 * 150.0)
    assert covered == pytest.approx(crowding, rel=0.25)


def test_classes_are_drawn_by_their_shares():
    cells = scatter_cells(np.random.default_rng(1), PATIENT, 0.4, (200.0, 200.0), SHARES)
    shares = np.bincount([cell.label for cell in cells], minlength=5) / len(cells)
    assert shares == pytest.approx(SHARES, abs=0.06)


def test_cells_that_are_there_stay_first():
    first = PlacedCell(30.0, 20.0, Outline(3.6), 1)
    cells = scatter_cells(np.random.default_rng(0), PATIENT, 0.3, SIZE, SHARES, (first,))
    assert cells[0] == first
    assert len(cells) > 5


def test_loose_things_keep_away_from_cells(cells):
    loose = scatter_loose(np.random.default_rng(0), SLIDE, SIZE, cells[:10])
    assert len(loose) > 0
    for x, y, _ in loose:
        for cell in cells[:10]:
            assert np.hypot(x - cell.x, y - cell.y) > cell.outline.radius + LOOSE_GAP


def test_a_part_of_a_scene_is_painted_as_in_the_whole(cells):
    whole, part = Canvas(432, 288), Canvas(80, 60, 100 / FIELD_PX_PER_UM, 72 / FIELD_PX_PER_UM)
    loose = np.array([[20.0, 12.0, 1.0], [22.0, 14.0, 0.0]])
    for canvas in (whole, part):
        paint_scene(np.random.default_rng(3), canvas, PATIENT, SLIDE, cells, loose)
    np.testing.assert_allclose(part.stains, whole.stains[:, 72:132, 100:180], atol=1e-9)


def test_stains_of_overlapping_cells_add_up():
    a, b = (PlacedCell(x, 6.0, Outline(3.6), 0) for x in (5.0, 10.0))
    both, first, second = Canvas(110, 90), Canvas(110, 90), Canvas(110, 90)
    nothing = np.zeros((0, 3))
    for canvas, shown in ((both, [a, b]), (first, [a])):
        paint_scene(np.random.default_rng(3), canvas, PATIENT, SLIDE, shown, nothing)
    second.stains = both.stains - first.stains
    overlap = (first.stains[HAEMOGLOBIN] > 0.3) & (second.stains[HAEMOGLOBIN] > 0.3)
    assert overlap.any()
    assert (second.stains >= -1e-12).all()
