from dataclasses import replace

import numpy as np
import pytest

from kd_core.data.smear.cells import draw_outline, paint_cell
from kd_core.data.smear.patients import draw_patient
from kd_core.data.smear.shapes import CHROMATIN, HAEMOGLOBIN, Outline, Plane

STEP = 0.1  # µm
TICKS = np.arange(-6.0, 6.0, STEP) + STEP / 2.0
PLAIN = replace(draw_patient(5, 0)[0], stippled=0.0, crenated=0.0)


def plane() -> Plane:
    return Plane(*np.meshgrid(TICKS, TICKS))


def test_outlines_have_the_patients_size_and_spread():
    rng = np.random.default_rng(0)
    radii = np.array([draw_outline(rng, PLAIN).radius for _ in range(800)])
    assert radii.mean() == pytest.approx(PLAIN.cell_radius, rel=0.01)
    assert radii.std() == pytest.approx(PLAIN.size_spread * PLAIN.cell_radius, rel=0.1)


def test_crenated_cells_have_many_lobes():
    rng = np.random.default_rng(0)
    wavy = draw_outline(rng, replace(PLAIN, crenated=1.0))
    assert max(order for order, _ in wavy.waves) >= 9
    assert max(order for order, _ in draw_outline(rng, PLAIN).waves) == 5


def test_a_cell_covers_its_outline():
    patch = paint_cell(np.random.default_rng(0), PLAIN, Outline(3.5), plane())
    assert patch.inside.sum() * STEP**2 == pytest.approx(np.pi * 3.5**2, rel=0.01)
    outside = patch.plane.distance > 4.2
    assert patch.stains[:, outside].max() < 1e-3


def test_a_cell_without_faults_is_haemoglobin_only():
    patch = paint_cell(np.random.default_rng(0), PLAIN, Outline(3.5), plane())
    others = [k for k in range(4) if k != HAEMOGLOBIN]
    assert (patch.stains[others] == 0.0).all()
    assert patch.stains[HAEMOGLOBIN].max() > 0.8


def test_pallor_thins_the_middle():
    def middle(pallor: float) -> float:
        person = replace(PLAIN, pallor=pallor)
        cells = [
            paint_cell(np.random.default_rng(k), person, Outline(3.5), plane()) for k in range(20)
        ]
        return float(np.mean([c.stains[HAEMOGLOBIN][c.plane.distance < 0.5] for c in cells]))

    assert middle(0.6) < middle(0.1) - 0.3


def test_stippling_lies_within_the_cell():
    dotted = replace(PLAIN, stippled=1.0)
    patch = paint_cell(np.random.default_rng(1), dotted, Outline(3.5), plane())
    dots = patch.stains[CHROMATIN]
    assert dots.sum() > 0.0
    assert dots[patch.plane.distance > 3.8].max() < 1e-3
