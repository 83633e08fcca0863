"""Whole fields of view with the place and class of every red cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kd_core.data.smear.crops import WINDOW_UM
from kd_core.data.smear.optics import (
    FIELD_PX_PER_UM,
    blurred,
    illuminated,
    photographed,
    quantised,
    transmission,
)
from kd_core.data.smear.patients import CLASSES, Slide, draw_patient
from kd_core.data.smear.scenes import Canvas, PlacedCell, paint_scene, scatter_cells, scatter_loose
from kd_core.data.smear.shapes import Array, between

WIDTH_PX, HEIGHT_PX = 1600, 1200
# A heavy infection: fewer parasites than in the crops, far more than in most real smears.
FIELD_SHARES = (0.80, 0.075, 0.035, 0.025, 0.065)
FOCUS_LEVELS = 4  # blurs that are rendered; the picture is mixed from them


@dataclass(frozen=True)
class Field:
    """One field of view.

    Attributes:
        image: uint8 (1200, 1600, 3).
        patient: Name of the virtual patient, of the test part.
        slide: Name of the slide.
        cells: All red cells whose middle is in the picture.
    """

    image: NDArray[np.uint8]
    patient: str
    slide: str
    cells: tuple[PlacedCell, ...]

    def truth(self) -> dict[str, Any]:
        """Positions and classes, JSON-safe; lengths in pixels of the picture."""
        height, width = self.image.shape[:2]
        cells = []
        for cell in self.cells:
            x, y = cell.x * FIELD_PX_PER_UM, cell.y * FIELD_PX_PER_UM
            radius = cell.outline.radius * FIELD_PX_PER_UM
            cut = min(x, y, width - x, height - y) < radius
            cells.append(
                {
                    "x": round(x, 1),
                    "y": round(y, 1),
                    "radius": round(radius, 1),
                    "class": CLASSES[cell.label],
                    "cut_by_edge": bool(cut),
                }
            )
        return {
            "synthetic": True,
            "width": width,
            "height": height,
            "px_per_um": FIELD_PX_PER_UM,
            "crop_window_px": round(WINDOW_UM * FIELD_PX_PER_UM),
            "classes": list(CLASSES),
            "patient": self.patient,
            "slide": self.slide,
            "cells": cells,
        }


def render_field(
    seed: int, index: int, patient_index: int, size_px: tuple[int, int] = (WIDTH_PX, HEIGHT_PX)
) -> Field:
    """Field number ``index``, of one patient's first slide.

    Args:
        seed: Of the whole sample.
        index: Gives the field its own chance.
        patient_index: As in :func:`draw_patient`.
        size_px: Width and height.
    """
    rng = np.random.Generator(np.random.PCG64([seed, 4, index]))
    patient, slides = draw_patient(seed, patient_index)
    slide = slides[0]
    width, height = size_px
    size_um = (width / FIELD_PX_PER_UM, height / FIELD_PX_PER_UM)
    cells = scatter_cells(rng, patient, slide.crowding, size_um, FIELD_SHARES)
    canvas = Canvas(width, height)
    paint_scene(rng, canvas, patient, slide, cells, scatter_loose(rng, slide, size_um, cells))
    x, y = np.linspace(-1.0, 1.0, width), np.linspace(-1.0, 1.0, height)
    light = _focused(rng, transmission(canvas.stains, slide), slide, x, y)
    picture = photographed(illuminated(light, slide, x, y), slide, rng)
    return Field(quantised(picture), patient.name, slide.name, tuple(cells))


def _focused(rng: np.random.Generator, light: Array, slide: Slide, x: Array, y: Array) -> Array:
    """A slide that lies a little askew: the blur changes from place to place, (3, h, w)."""
    tilt = rng.normal(size=2)
    wave = np.sin(x[None, :] * between(rng, 1.0, 3.0) + y[:, None] * between(rng, 1.0, 3.0))
    plane = tilt[0] * x[None, :] + tilt[1] * y[:, None] + wave  # about −3 to 3, (h, w)
    blur = np.maximum(0.12, slide.focus + 0.6 * slide.focus_spread * plane)  # µm
    levels = np.linspace(blur.min(), blur.max() + 1e-6, FOCUS_LEVELS)
    gap = levels[1] - levels[0]
    result = np.zeros_like(light)
    for level in levels:
        weight = np.clip(1.0 - np.abs(blur - level) / gap, 0.0, 1.0)  # sums to 1 over the levels
        result += weight * blurred(light, float(level), slide.becke)
    return result
