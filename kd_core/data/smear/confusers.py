"""What is mistaken for a parasite: platelets and grains of precipitated stain."""

from __future__ import annotations

import numpy as np

from kd_core.data.smear.cells import CellPatch
from kd_core.data.smear.shapes import (
    CHROMATIN,
    CYTOPLASM,
    HAEMOGLOBIN,
    Array,
    Outline,
    Plane,
    angle,
    between,
    filled,
    spot,
    wobble,
)


def paint_confuser(rng: np.random.Generator, patch: CellPatch, strength: float) -> None:
    """A platelet on the cell or touching it, or debris on the cell."""
    kind = rng.random()
    if kind < 0.50:
        reach = patch.outline.radius * 0.8 * np.sqrt(rng.random())
        place = _polar(patch.plane, reach, angle(rng))
        _halo(rng, patch, place)
        platelet(rng, patch.stains, place, strength)
    elif kind < 0.68:
        where = angle(rng)
        reach = patch.outline.at_angle(where) + between(rng, 0.0, 0.7)
        platelet(rng, patch.stains, _polar(patch.plane, reach, where), strength)
    else:
        reach = patch.outline.radius * 0.85 * np.sqrt(rng.random())
        debris(rng, patch.stains, _polar(patch.plane, reach, angle(rng)), strength)


def platelet(rng: np.random.Generator, stains: Array, plane: Plane, strength: float) -> None:
    """A pale blue disc of 1.5 to 3 µm with purple granules, at the middle of a plane.

    The granules sit in the middle or, in a spread-out platelet, in a ring.
    """
    radius = between(rng, 0.7, 1.45)
    body = plane.squeezed(between(rng, 1.0, 1.5), angle(rng))
    shape = filled(body, Outline(radius, wobble(rng, 0.13, (2, 3, 4, 5, 6), 0.7)), 0.24)
    stains[CYTOPLASM] += shape * strength * between(rng, 0.25, 0.6)
    spread = rng.random() < 0.45
    granules = np.zeros_like(shape)
    for _ in range(int(rng.integers(5, 15))):
        reach = radius * (between(rng, 0.5, 0.85) if spread else 0.65 * np.sqrt(rng.random()))
        grain = spot(_polar(body, reach, angle(rng)), between(rng, 0.14, 0.34), 0.14)
        granules = np.maximum(granules, grain * between(rng, 0.4, 1.0))
    stains[CHROMATIN] += granules * strength * between(rng, 0.35, 0.85)


def debris(rng: np.random.Generator, stains: Array, plane: Plane, strength: float) -> None:
    """One to five dark grains close together, sharp or lying above the plane of focus."""
    softness = between(rng, 0.08, 0.35)
    for _ in range(int(rng.choice([1, 1, 2, 3, 5]))):
        grain = plane.at(*(rng.normal(size=2) * 0.75)).squeezed(between(rng, 1.0, 2.2), angle(rng))
        size = Outline(between(rng, 0.2, 0.6), wobble(rng, 0.2, (2, 3, 4, 5), 0.5))
        amount = filled(grain, size, softness) * between(rng, 0.6, 1.3)
        blue = between(rng, 0.0, 0.8)
        stains[CHROMATIN] += amount * (1.0 - 0.6 * blue) * strength
        stains[CYTOPLASM] += amount * blue * strength


def _halo(rng: np.random.Generator, patch: CellPatch, place: Plane) -> None:
    """A platelet presses a pale court into the cell below it."""
    court = between(rng, 0.0, 0.45) * spot(place, between(rng, 1.3, 2.0), 0.35)
    patch.stains[HAEMOGLOBIN] *= 1.0 - court


def _polar(plane: Plane, reach: float, where: float) -> Plane:
    return plane.at(reach * float(np.cos(where)), reach * float(np.sin(where)))
