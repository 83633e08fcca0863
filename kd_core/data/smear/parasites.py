"""Malaria parasites inside a red cell, from the young ring to the schizont.

What tells the stages apart, as in a textbook of parasitology: a *ring* is a thin band of blue
cytoplasm around a pale vacuole, with a dot of chromatin on it; a *trophozoite* has a body that
has filled up, one larger nucleus and grains of brown pigment; a *schizont* has two or more nuclei
and its pigment in one clump. Neighbouring stages share their sizes, so in a blurred image they are
hard to tell apart, while the label is always the true stage.
"""

from __future__ import annotations

import numpy as np

from kd_core.data.smear.cells import CellPatch
from kd_core.data.smear.shapes import (
    CHROMATIN,
    CYTOPLASM,
    HAEMOGLOBIN,
    PIGMENT,
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


def _place(rng: np.random.Generator, patch: CellPatch, radius: float) -> Plane:
    """A place for a body of that radius inside the cell, often near the rim."""
    room = max(patch.outline.radius - radius - 0.25, 0.0)
    reach, where = room * np.sqrt(between(rng, 0.0, 1.0)), angle(rng)
    return patch.plane.at(reach * np.cos(where), reach * np.sin(where))


def _add(patch: CellPatch, stain: int, amount: Array) -> None:
    # a parasite at the very rim bulges out a little, hence the square root
    patch.stains[stain] += amount * np.sqrt(patch.inside)


def _clear(patch: CellPatch, amount: Array) -> None:
    patch.stains[HAEMOGLOBIN] *= 1.0 - amount


def paint_ring(rng: np.random.Generator, patch: CellPatch, strength: float) -> None:
    """One ring, or now and then two in one cell."""
    for _ in range(2 if rng.random() < 0.10 else 1):
        _one_ring(rng, patch, strength)


def _one_ring(rng: np.random.Generator, patch: CellPatch, strength: float) -> None:
    radius = between(rng, 0.55, 1.35)  # µm to the middle of the band
    band = between(rng, 0.16, 0.26) + 0.10 * radius * between(rng, 0.0, 1.6)
    body = _place(rng, patch, radius).squeezed(between(rng, 1.0, 1.45), angle(rng))
    ring = np.exp(-(((body.distance - radius) / band) ** 2))
    dot = angle(rng)
    facing = (body.direction * np.exp(-1j * dot)).real  # 1 at the dot, −1 opposite
    ring *= 1.0 + between(rng, 0.0, 0.7) * -facing  # a signet ring is thickest opposite its stone
    if rng.random() < 0.25:  # an open ring
        gap = (body.direction * np.exp(-1j * angle(rng))).real
        ring *= 1.0 - 0.9 * soft_step(gap - between(rng, 0.6, 0.85), 0.2)
    _clear(patch, between(rng, 0.2, 0.6) * soft_step(radius - body.distance, 0.2))
    _add(patch, CYTOPLASM, ring * strength * between(rng, 0.45, 0.95))
    for _ in range(2 if rng.random() < 0.15 else 1):
        stone = body.at(radius * np.cos(dot), radius * np.sin(dot))
        stone = stone.squeezed(between(rng, 1.0, 1.6), dot + np.pi / 2.0)
        nucleus = spot(stone, between(rng, 0.26, 0.42), 0.12)
        _add(patch, CHROMATIN, nucleus * strength * between(rng, 0.6, 1.1))
        dot += between(rng, 0.8, 2.6)


def paint_trophozoite(rng: np.random.Generator, patch: CellPatch, strength: float) -> None:
    """A body that has filled up, one nucleus, scattered pigment."""
    radius = between(rng, 1.05, 2.45)
    waves = wobble(rng, between(rng, 0.10, 0.24), (2, 3, 4, 5, 6), fall=0.8)
    body = _place(rng, patch, radius).squeezed(between(rng, 1.0, 1.5), angle(rng))
    shape = filled(body, Outline(radius, waves), 0.22)
    where = angle(rng)
    if rng.random() < 0.6:  # what is left of the ring's vacuole
        reach = radius * between(rng, 0.1, 0.5)
        hole = body.at(reach * np.cos(where + 2.5), reach * np.sin(where + 2.5))
        shape = shape * (1.0 - 0.8 * spot(hole, radius * between(rng, 0.2, 0.42), 0.2))
    _clear(patch, 0.55 * shape)
    _add(patch, CYTOPLASM, shape * strength * between(rng, 0.55, 1.0))
    reach = radius * between(rng, 0.35, 0.9)
    core = body.at(reach * np.cos(where), reach * np.sin(where))
    core_radius = between(rng, 0.38, 0.78)
    nucleus = filled(core, Outline(core_radius, wobble(rng, 0.16, (2, 3, 4))), 0.15)
    _add(patch, CHROMATIN, nucleus * strength * between(rng, 0.6, 1.0))
    for _ in range(int(rng.integers(0, 9))):
        turn, reach = angle(rng), radius * 0.85 * np.sqrt(rng.random())
        grain = spot(body.at(reach * np.cos(turn), reach * np.sin(turn)), 0.12, 0.08)
        _add(patch, PIGMENT, grain * shape * between(rng, 0.3, 0.9))


def paint_schizont(rng: np.random.Generator, patch: CellPatch, strength: float) -> None:
    """A large body with several nuclei, its pigment in one clump."""
    nuclei = int(rng.integers(2, 6) if rng.random() < 0.4 else rng.integers(6, 17))
    radius = between(rng, 1.5, 2.4) if nuclei < 6 else between(rng, 1.9, 2.9)
    waves = wobble(rng, between(rng, 0.05, 0.14), (2, 3, 4, 5))
    body = _place(rng, patch, radius).squeezed(between(rng, 1.0, 1.25), angle(rng))
    shape = filled(body, Outline(radius, waves), 0.22)
    _clear(patch, 0.55 * shape)
    _add(patch, CYTOPLASM, shape * strength * between(rng, 0.35, 0.9))
    size = between(rng, 0.85, 1.1) * (0.62 if nuclei < 6 else 0.42)
    chromatin, turn = np.zeros_like(shape), angle(rng)
    for k in range(nuclei):  # a sunflower's spiral spreads them evenly
        reach = radius * 0.84 * np.sqrt((k + 0.6) / nuclei) + 0.12 * float(rng.normal())
        turn += 2.4 + 0.2 * float(rng.normal())  # golden angle, radians
        core = body.at(reach * np.cos(turn), reach * np.sin(turn))
        core_radius = size * between(rng, 0.8, 1.15)
        nucleus = filled(core, Outline(core_radius, wobble(rng, 0.1, (2, 3))), 0.12)
        chromatin = np.maximum(chromatin, nucleus * between(rng, 0.65, 1.0))
    _add(patch, CHROMATIN, chromatin * strength)
    reach, turn = radius * between(rng, 0.0, 0.5), angle(rng)
    clump = Outline(between(rng, 0.25, 0.55), wobble(rng, 0.2, (2, 3, 4)))
    place = body.at(reach * np.cos(turn), reach * np.sin(turn))
    _add(patch, PIGMENT, filled(place, clump, 0.14) * between(rng, 0.4, 1.1))
