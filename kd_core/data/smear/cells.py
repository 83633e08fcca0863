"""The look of one red cell: outline, thickness, pale centre, and small faults of the smear."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kd_core.data.smear.patients import Patient
from kd_core.data.smear.shapes import (
    CHROMATIN,
    HAEMOGLOBIN,
    N_STAINS,
    Array,
    Outline,
    Plane,
    angle,
    between,
    filled,
    soft_step,
    spot,
    wobble,
)

RIM_SOFTNESS = 0.16  # µm over which a cell's rim rises


@dataclass(frozen=True)
class CellPatch:
    """One red cell and what lies on it, as amounts of stain on the pixels around it.

    Attributes:
        plane: Coordinates from the middle of the cell in µm.
        stains: Amounts of the four stains, (4, h, w); changed in place while it is painted.
        outline: The cell's rim.
        inside: 1 within the cell, 0 outside, (h, w).
    """

    plane: Plane
    stains: Array
    outline: Outline
    inside: Array


def draw_outline(rng: np.random.Generator, patient: Patient) -> Outline:
    """The rim of a red cell of this patient."""
    radius = patient.cell_radius * (1.0 + patient.size_spread * float(rng.normal()))
    radius = float(np.clip(radius, 2.7, 4.5))
    waves = wobble(rng, patient.irregular, (2, 3, 4, 5), fall=1.5)
    if rng.random() < patient.crenated:
        lobes = int(rng.integers(9, 15))
        waves += ((lobes, complex(between(rng, 0.02, 0.05))),)
    elif rng.random() < 0.05:  # ovalocyte
        waves = ((2, waves[0][1] + 0.14 * np.exp(1j * angle(rng))), *waves[1:])
    return Outline(radius, waves)


def paint_cell(
    rng: np.random.Generator, patient: Patient, outline: Outline, plane: Plane
) -> CellPatch:
    """A red cell alone; parasites and confusers are painted on it afterwards."""
    inside = filled(plane, outline, RIM_SOFTNESS)
    share = plane.distance / outline.along(plane.direction)  # 0 in the middle, 1 at the rim
    stains = np.zeros((N_STAINS, *plane.x.shape))
    stains[HAEMOGLOBIN] = inside * _thickness(rng, patient, plane, outline.radius, share)
    patch = CellPatch(plane, stains, outline, inside)
    if rng.random() < patient.stippled:
        _stipple(rng, patch)
    if rng.random() < 0.06:
        _refractile(rng, patch)
    return patch


def _thickness(
    rng: np.random.Generator, patient: Patient, plane: Plane, radius: float, share: Array
) -> Array:
    """Relative thickness of a biconcave disc, (h, w): thin in the middle, thickest near the rim."""
    depth = float(np.clip(patient.pallor + 0.14 * rng.normal(), 0.0, 0.8))
    middle = plane.at(*(rng.normal(size=2) * 0.09 * radius))
    middle = middle.squeezed(between(rng, 1.0, 1.5), angle(rng))
    width = between(rng, 0.34, 0.56) * radius
    profile = 1.0 - depth * np.exp(-((middle.distance / width) ** 2.6))
    profile += between(rng, 0.0, 0.16) * np.exp(-(((share - 0.86) / 0.11) ** 2))
    if rng.random() < 0.03:  # target cell: stained again in the middle
        profile += 0.4 * np.exp(-((middle.distance / (0.2 * radius)) ** 2))
    tilt = rng.normal(size=2) * 0.035 / radius  # a smear is thicker on one side
    return (profile + tilt[0] * plane.x + tilt[1] * plane.y) * between(rng, 0.88, 1.12)


def _stipple(rng: np.random.Generator, patch: CellPatch) -> None:
    """Fine dots of stain all over the cell."""
    strength = between(rng, 0.08, 0.22)
    for _ in range(int(rng.integers(8, 30))):
        place, reach = angle(rng), 0.9 * patch.outline.radius * np.sqrt(rng.random())
        dot = patch.plane.at(reach * np.cos(place), reach * np.sin(place))
        patch.stains[CHROMATIN] += strength * spot(dot, between(rng, 0.08, 0.16), 0.08)


def _refractile(rng: np.random.Generator, patch: CellPatch) -> None:
    """A bright drying fault with a dark rim."""
    place, reach = angle(rng), patch.outline.radius * between(rng, 0.0, 0.8)
    fault = patch.plane.at(reach * np.cos(place), reach * np.sin(place))
    radius = between(rng, 0.2, 0.6)
    rim = np.exp(-(((fault.distance - radius) / 0.14) ** 2))
    patch.stains[HAEMOGLOBIN] *= 1.0 - 0.85 * soft_step(radius - fault.distance, 0.12)
    patch.stains[HAEMOGLOBIN] += between(rng, 0.2, 0.6) * rim * patch.inside
