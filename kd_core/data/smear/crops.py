"""Crops: one cell in the middle, its neighbours at the edges, half the resolution of a field."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kd_core.data.loaded import PARTS
from kd_core.data.smear.cells import draw_outline
from kd_core.data.smear.optics import (
    FIELD_PX_PER_UM,
    blurred,
    illuminated,
    photographed,
    quantised,
    transmission,
)
from kd_core.data.smear.patients import CLASSES, Patient, Slide, draw_patient
from kd_core.data.smear.scenes import Canvas, PlacedCell, paint_scene, scatter_cells, scatter_loose

CROP_PX = 40
REDUCTION = 2  # a crop is a window of 80 px of a field, halved
WINDOW_UM = CROP_PX * REDUCTION / FIELD_PX_PER_UM  # 11.1 µm; a red cell has about 7.2
SCENE_UM = WINDOW_UM + 11.0  # neighbours have their middle up to 5.5 µm outside the window
MARGIN_PX = 10  # painted around the window, so that the blur has something to take from
GREY_STEP = 4  # grey levels; see quantised()
OFF_CENTRE = 0.35  # µm, standard deviation: nobody cuts a cell out exactly
# What is in the neighbours has nothing to do with the label of the crop.
NEIGHBOUR_SHARES = (0.76, 0.08, 0.05, 0.04, 0.07)


@dataclass(frozen=True)
class Plan:
    """How many patients and crops a part has."""

    patients: int
    crops_per_patient: int


PLANS = {"train": Plan(40, 75), "val": Plan(10, 60), "test": Plan(24, 60)}


@dataclass(frozen=True)
class CropSet:
    """Crops of all parts in a fixed order.

    Attributes:
        images: uint8 (N, 40, 40, 3).
        labels: Index into ``CLASSES``, (N,).
        part: Index into train, val, test, (N,).
        patient: Names of the virtual patients, (N,).
        slide: Names of the slides, (N,).
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    part: NDArray[np.uint8]
    patient: NDArray[np.str_]
    slide: NDArray[np.str_]


def render_crop(
    rng: np.random.Generator, patient: Patient, slide: Slide, label: int
) -> NDArray[np.uint8]:
    """One crop, uint8 (40, 40, 3)."""
    middle = SCENE_UM / 2.0 + rng.normal(size=2) * OFF_CENTRE
    central = PlacedCell(float(middle[0]), float(middle[1]), draw_outline(rng, patient), label)
    scene = (SCENE_UM, SCENE_UM)
    cells = scatter_cells(rng, patient, slide.crowding, scene, NEIGHBOUR_SHARES, (central,))
    side = CROP_PX * REDUCTION + 2 * MARGIN_PX
    edge = (SCENE_UM - side / FIELD_PX_PER_UM) / 2.0
    canvas = Canvas(side, side, edge, edge)
    paint_scene(rng, canvas, patient, slide, cells, scatter_loose(rng, slide, scene, cells))
    blur = max(0.12, slide.focus + slide.focus_spread * float(rng.normal()))
    light = blurred(transmission(canvas.stains, slide), blur, slide.becke)
    light = light[:, MARGIN_PX:-MARGIN_PX, MARGIN_PX:-MARGIN_PX]
    place = rng.uniform(-1.0, 1.0, size=2)  # of the crop in its field of view
    across = place[:, None] + np.linspace(-0.05, 0.05, CROP_PX * REDUCTION)
    picture = photographed(illuminated(light, slide, across[0], across[1]), slide, rng)
    halves = picture.reshape(CROP_PX, REDUCTION, CROP_PX, REDUCTION, 3)
    return quantised(halves.mean(axis=(1, 3)), GREY_STEP)


def patient_crops(
    seed: int, index: int, n: int
) -> tuple[Patient, list[NDArray[np.uint8]], list[int], list[str]]:
    """The first ``n`` crops of a patient: images, labels, slides."""
    patient, slides = draw_patient(seed, index)
    images, labels, names = [], [], []
    for k in range(n):
        rng = np.random.Generator(np.random.PCG64([seed, 3, index, k]))
        slide = slides[int(rng.integers(len(slides)))]
        label = int(rng.choice(len(CLASSES), p=patient.class_shares))
        images.append(render_crop(rng, patient, slide, label))
        labels.append(label)
        names.append(slide.name)
    return patient, images, labels, names


def make_crops(seed: int, plans: Sequence[tuple[str, Plan]] = tuple(PLANS.items())) -> CropSet:
    """All crops of all parts; no patient is in two parts."""
    images: list[NDArray[np.uint8]] = []
    labels: list[int] = []
    part: list[int] = []
    patients: list[str] = []
    slides: list[str] = []
    index = 0
    for name, plan in plans:
        for _ in range(plan.patients):
            patient, own, own_labels, own_slides = patient_crops(
                seed, index, plan.crops_per_patient
            )
            images += own
            labels += own_labels
            slides += own_slides
            part += [PARTS.index(name)] * len(own)
            patients += [patient.name] * len(own)
            index += 1
    return CropSet(
        images=np.stack(images),
        labels=np.array(labels, dtype=np.uint8),
        part=np.array(part, dtype=np.uint8),
        patient=np.array(patients),
        slide=np.array(slides),
    )
