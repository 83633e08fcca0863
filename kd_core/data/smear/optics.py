"""From stain to photograph: absorption, focus, light, and the camera's noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from kd_core.data.smear.patients import Slide
from kd_core.data.smear.shapes import Array

FIELD_PX_PER_UM = 7.2  # a 100x objective on a small camera
COLOUR_FOCUS = np.array([1.04, 0.96, 1.06])  # blur of red, green, blue: a lens is best for green
BECKE_WIDTH = 2.2  # width of the line at edges, in units of the blur
GRAIN = 0.55  # correlation of neighbouring pixels by the colour filter, px


def transmission(stains: Array, slide: Slide) -> Array:
    """Share of the light that passes, (3, h, w), by Beer and Lambert: 10^−Σ amount · density.

    Args:
        stains: Amounts of the four stains, (4, h, w).
        slide: Gives the density of each stain in red, green and blue.
    """
    density = (slide.spectra[:, :, None, None] * stains[:, None]).sum(axis=0)  # (3, h, w)
    return np.power(10.0, -density)


def blurred(light: Array, blur_um: float, becke: float) -> Array:
    """The image (3, h, w) at one focus, with the bright line that edges have out of focus."""
    result = np.empty_like(light)
    for channel in range(3):
        sigma = blur_um * FIELD_PX_PER_UM * COLOUR_FOCUS[channel]
        sharp = gaussian_filter(light[channel], sigma, mode="nearest", truncate=3.0)
        wide = gaussian_filter(sharp, sigma * BECKE_WIDTH, mode="nearest", truncate=3.0)
        result[channel] = sharp + becke * (sharp - wide)
    return result


def illuminated(light: Array, slide: Slide, x: Array, y: Array) -> Array:
    """Lamp and lens: the background's colour, a gradient, darker corners.

    Args:
        light: Share of the light that passes, (3, h, w).
        slide: Gives colour, gradient and vignette.
        x: Place in the field of view from −1 (left) to 1 (right), (w,).
        y: Place in the field of view from −1 (top) to 1 (bottom), (h,).
    """
    right, down = slide.gradient
    lamp = 1.0 + right * x[None, :] + down * y[:, None]
    lamp = lamp * (1.0 - slide.vignette * 0.5 * (x[None, :] ** 2 + y[:, None] ** 2))
    return light * lamp * slide.background[:, None, None]


def photographed(light: Array, slide: Slide, rng: np.random.Generator) -> Array:
    """The camera's picture (h, w, 3) in grey levels, not yet rounded.

    The noise grows with the root of the light (shot noise) above a small constant part.
    """
    noise = rng.standard_normal(light.shape) * slide.noise * np.sqrt(0.15 + 0.85 * light.clip(0, 1))
    for channel in range(3):
        noise[channel] = gaussian_filter(noise[channel], GRAIN, mode="nearest")
    return np.moveaxis(255.0 * light + noise, 0, -1)


def quantised(picture: Array, step: int = 1) -> NDArray[np.uint8]:
    """Grey levels as uint8, rounded to multiples of ``step``.

    A coarse step makes noise pack well: with 4, as from a camera of 6 bits, crops take half the
    room, and the noise hides the steps.

    >>> quantised(np.array([-3.0, 12.4, 300.0])).tolist()
    [0, 12, 255]
    >>> quantised(np.array([13.0, 15.0, 300.0]), step=4).tolist()
    [12, 16, 252]
    """
    highest = 255 // step * step
    return np.clip(np.rint(picture / step) * step, 0, highest).astype(np.uint8)
