"""Virtual patients and their slides.

A patient has red cells of a certain size and shape; a slide of the patient has a certain stain,
focus, light and camera. Both vary between patients far more than within one, as in a clinic, so a
model must be tested on patients that it has not seen.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass

import numpy as np

from kd_core.data.smear.shapes import N_STAINS, Array, between

SLIDES_PER_PATIENT = 2
CLASSES = ("healthy", "ring", "trophozoite", "schizont", "confuser")
# Share of each class among the crops of an average patient. A real smear has far fewer parasites;
# a teaching set is chosen to show them.
CLASS_SHARES = (0.27, 0.23, 0.17, 0.13, 0.20)
SHARE_CONCENTRATION = 60.0  # of the Dirichlet distribution: patients differ by a few points

# Optical density of a fully stained layer in red, green and blue light, by Giemsa's dyes: eosin
# on haemoglobin, methylene blue on cytoplasm, azure B on chromatin; malaria pigment is brown.
_EOSIN = np.array([0.045, 0.270, 0.225])
_GREYISH = np.array([0.150, 0.185, 0.110])  # haemoglobin in an alkaline stain
_BLUE = np.array([0.290, 0.165, 0.030])
_AZURE = np.array([0.340, 0.800, 0.250])
_BROWN = np.array([0.420, 0.560, 0.700])


@dataclass(frozen=True)
class Patient:
    """What all slides of one patient share.

    Attributes:
        name: For example ``p07``.
        cell_radius: Mean radius of the red cells in µm (normal blood: 3.6 to 3.9).
        size_spread: Standard deviation of the radius as a share of it (anisocytosis).
        irregular: Typical departure from a circle, as a share of the radius (poikilocytosis).
        crenated: Share of cells with a wavy rim.
        pallor: Typical depth of the pale centre, 0 to 1.
        stippled: Share of cells with fine dots of stain.
        class_shares: Share of each class among the patient's crops.
    """

    name: str
    cell_radius: float
    size_spread: float
    irregular: float
    crenated: float
    pallor: float
    stippled: float
    class_shares: tuple[float, ...]


@dataclass(frozen=True)
class Slide:
    """Stain, light and camera of one slide.

    Attributes:
        name: Patient and letter, for example ``p07a``.
        spectra: Optical density of each stain in red, green and blue, (4, 3).
        parasite_stain: Strength of the dyes on parasites and platelets, about 1.
        background: Colour of an empty place, three values in [0, 1].
        gradient: Change of the light over one field of view, right and down.
        vignette: Loss of light in the corners of a field of view, as a share.
        focus: Blur of a cell in the middle of the slide's range, standard deviation in µm.
        focus_spread: How much the blur varies between places, in µm.
        becke: Strength of the bright line at edges out of focus; the sign is the side of focus.
        noise: Noise of a bright pixel of the camera, in grey levels.
        crowding: Share of the area that is covered by cells.
        dirt: Grains of stain in 1000 µm².
        platelets: Loose platelets in 1000 µm².
    """

    name: str
    spectra: Array
    parasite_stain: float
    background: Array
    gradient: tuple[float, float]
    vignette: float
    focus: float
    focus_spread: float
    becke: float
    noise: float
    crowding: float
    dirt: float
    platelets: float


def draw_patient(seed: int, index: int) -> tuple[Patient, tuple[Slide, ...]]:
    """Patient number ``index`` of a seed, and the patient's slides; the same every time."""
    rng = np.random.Generator(np.random.PCG64([seed, 1, index]))
    patient = Patient(
        name=f"p{index:02d}",
        cell_radius=between(rng, 3.35, 3.85),
        size_spread=between(rng, 0.03, 0.07),
        irregular=between(rng, 0.025, 0.075),
        crenated=float(rng.choice([0.01, 0.03, 0.25], p=[0.6, 0.3, 0.1])),
        pallor=between(rng, 0.1, 0.55),
        stippled=float(rng.choice([0.02, 0.10, 0.35], p=[0.6, 0.25, 0.15])),
        class_shares=tuple(
            float(share) for share in rng.dirichlet(np.array(CLASS_SHARES) * SHARE_CONCENTRATION)
        ),
    )
    slides = tuple(
        _draw_slide(
            f"{patient.name}{'ab'[k]}",
            # slides of one patient are stained and photographed in one place: the same draws
            rng=deepcopy(rng),
            own=np.random.Generator(np.random.PCG64([seed, 2, index, k])),
        )
        for k in range(SLIDES_PER_PATIENT)
    )
    return patient, slides


def _draw_slide(name: str, rng: np.random.Generator, own: np.random.Generator) -> Slide:
    """A slide from what its patient's slides share (``rng``) and what they do not (``own``)."""
    return Slide(
        name=name,
        spectra=_draw_spectra(rng, own),
        parasite_stain=between(rng, 0.62, 1.15) * between(own, 0.93, 1.07),
        background=_draw_background(rng, own),
        gradient=(between(own, -0.09, 0.09), between(own, -0.09, 0.09)),
        vignette=between(rng, 0.03, 0.16),
        focus=between(rng, 0.16, 0.42) * between(own, 0.9, 1.15),
        focus_spread=between(rng, 0.03, 0.12),
        becke=between(rng, -0.25, 0.6),
        noise=between(rng, 1.2, 4.0),
        crowding=between(rng, 0.22, 0.50),
        dirt=between(rng, 0.0, 1.0) ** 3 * 12.0,
        platelets=between(rng, 0.4, 2.2),
    )


def _draw_spectra(rng: np.random.Generator, own: np.random.Generator) -> Array:
    """Optical densities (4, 3): acid stains are pink, alkaline ones grey-blue."""
    alkaline = float(rng.beta(1.2, 1.6))
    strength = between(rng, 0.65, 1.3) * between(own, 0.92, 1.08)
    hue = 1.0 + rng.normal(size=(N_STAINS, 3)) * 0.06 + own.normal(size=(N_STAINS, 3)) * 0.02
    haemoglobin = ((1.0 - alkaline) * _EOSIN + alkaline * _GREYISH) * strength
    purple = between(rng, 0.0, 0.35)  # eosin that stays on the chromatin makes it redder
    chromatin = (1.0 - purple) * _AZURE + purple * np.array([0.16, 0.78, 0.36])
    return np.stack([haemoglobin, _BLUE, chromatin, _BROWN]) * hue


def _draw_background(rng: np.random.Generator, own: np.random.Generator) -> Array:
    level = between(rng, 0.80, 0.93)
    tint = rng.normal(size=3) * np.array([0.022, 0.012, 0.028]) + own.normal(size=3) * 0.006
    return np.clip(level * (1.0 + tint), 0.6, 0.97)
