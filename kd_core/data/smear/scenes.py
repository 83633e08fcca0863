"""A piece of a slide: which cells lie where, what is in them, and how they are painted.

Crops and whole fields of view are the same thing at two sizes, so a model that learnt on crops
meets the same pixels when cells are cut out of a field.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from kd_core.data.smear.cells import CellPatch, draw_outline, paint_cell
from kd_core.data.smear.confusers import debris, paint_confuser, platelet
from kd_core.data.smear.optics import FIELD_PX_PER_UM
from kd_core.data.smear.parasites import paint_ring, paint_schizont, paint_trophozoite
from kd_core.data.smear.patients import CLASSES, Patient, Slide
from kd_core.data.smear.shapes import N_STAINS, Array, Outline, Plane, between

HEALTHY = CLASSES.index("healthy")
CLOSEST = 0.80  # two cells overlap at most so far: distance over the sum of their radii
LOOSE_GAP = 2.1  # µm from a cell's rim to the middle of a platelet that is not the cell's
CELL_REACH = 2.6  # µm that a cell's patch goes beyond its mean radius: bulges and platelets
LOOSE_REACH = 3.0  # µm

Painter = Callable[[np.random.Generator, CellPatch, float], None]
PAINTERS: dict[str, Painter] = {
    "ring": paint_ring,
    "trophozoite": paint_trophozoite,
    "schizont": paint_schizont,
    "confuser": paint_confuser,
}


@dataclass(frozen=True)
class PlacedCell:
    """A red cell in a scene.

    Attributes:
        x: Middle from the left of the scene in µm.
        y: Middle from the top of the scene in µm.
        outline: The cell's rim.
        label: Index into ``CLASSES``.
    """

    x: float
    y: float
    outline: Outline
    label: int


class Canvas:
    """Amounts of stain on the pixels of a rectangle.

    Args:
        width: Pixels.
        height: Pixels.
        left: µm of the left edge in the scene.
        top: µm of the upper edge in the scene.
    """

    def __init__(self, width: int, height: int, left: float = 0.0, top: float = 0.0) -> None:
        self.stains: Array = np.zeros((N_STAINS, height, width))
        self._x = left + (np.arange(width) + 0.5) / FIELD_PX_PER_UM  # µm, (width,)
        self._y = top + (np.arange(height) + 0.5) / FIELD_PX_PER_UM  # µm, (height,)

    def around(self, x: float, y: float, reach: float) -> tuple[Plane, Array] | None:
        """Coordinates and stains within ``reach`` µm of a point; None when out of sight."""
        columns = slice(*np.searchsorted(self._x, (x - reach, x + reach)))
        rows = slice(*np.searchsorted(self._y, (y - reach, y + reach)))
        stains = self.stains[:, rows, columns]
        if stains.size == 0:
            return None
        px, py = np.meshgrid(self._x[columns] - x, self._y[rows] - y)
        return Plane(px, py), stains


def paint_scene(
    rng: np.random.Generator,
    canvas: Canvas,
    patient: Patient,
    slide: Slide,
    cells: list[PlacedCell],
    loose: Array,
) -> None:
    """Put cells and loose platelets or dirt on a canvas; where things overlap, stains add up.

    Args:
        rng: Source of chance for the look of each thing.
        canvas: Changed in place.
        patient: Whose cells they are.
        slide: Gives the strength of the stain.
        cells: With their contents.
        loose: Places of loose things, (n, 3): x and y in µm, 1 for a platelet or 0 for dirt.
    """
    for cell, own in zip(cells, rng.spawn(len(cells)), strict=True):
        window = canvas.around(cell.x, cell.y, cell.outline.radius + CELL_REACH)
        if window is None:
            continue
        plane, stains = window
        patch = paint_cell(own, patient, cell.outline, plane)
        if cell.label != HEALTHY:
            strength = slide.parasite_stain * between(own, 0.8, 1.15)
            PAINTERS[CLASSES[cell.label]](own, patch, strength)
        stains += patch.stains
    for (x, y, is_platelet), own in zip(loose, rng.spawn(len(loose)), strict=True):
        window = canvas.around(float(x), float(y), LOOSE_REACH)
        if window is not None:
            paint = platelet if is_platelet else debris
            paint(own, window[1], window[0], slide.parasite_stain)


def scatter_cells(
    rng: np.random.Generator,
    patient: Patient,
    crowding: float,
    size_um: tuple[float, float],
    shares: tuple[float, ...],
    first: tuple[PlacedCell, ...] = (),
) -> list[PlacedCell]:
    """Cells at random places that overlap a little at most.

    Args:
        rng: Source of chance.
        patient: Whose cells they are.
        crowding: Share of the area to cover.
        size_um: Width and height of the scene.
        shares: Probability of each class.
        first: Cells that are there already.

    Returns:
        ``first``, then the new cells.
    """
    width, height = size_um
    wanted = crowding * width * height / (np.pi * patient.cell_radius**2)
    cells = list(first)
    for _ in range(int(rng.poisson(1.35 * wanted))):  # about a quarter finds no room
        outline = draw_outline(rng, patient)
        x, y = between(rng, 0.0, width), between(rng, 0.0, height)
        label = int(rng.choice(len(CLASSES), p=shares))
        room = all(
            np.hypot(x - c.x, y - c.y) > CLOSEST * (outline.radius + c.outline.radius)
            for c in cells
        )
        if room:
            cells.append(PlacedCell(x, y, outline, label))
    return cells


def scatter_loose(
    rng: np.random.Generator, slide: Slide, size_um: tuple[float, float], cells: list[PlacedCell]
) -> Array:
    """Loose platelets and dirt in the gaps between cells, (n, 3), as ``paint_scene`` takes them."""
    width, height = size_um
    area = width * height / 1000.0  # in 1000 µm²
    n_platelets, n_dirt = rng.poisson((slide.platelets * area, slide.dirt * area))
    n = int(n_platelets + n_dirt)
    places = np.column_stack(
        [rng.uniform(0.0, width, n), rng.uniform(0.0, height, n), np.arange(n) < n_platelets]
    )
    free = np.ones(n, dtype=bool)
    for cell in cells:
        distance = np.hypot(places[:, 0] - cell.x, places[:, 1] - cell.y)
        free &= distance > cell.outline.radius + LOOSE_GAP
    kept: Array = places[free]
    return kept
