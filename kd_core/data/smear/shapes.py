"""Geometry in micrometres: a patch of the plane, soft outlines, spots and bands.

All shapes have soft edges, so that a pixel never sees a jump and no supersampling is needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
HAEMOGLOBIN, CYTOPLASM, CHROMATIN, PIGMENT = range(4)  # what absorbs light, in this order
N_STAINS = 4


@dataclass(frozen=True)
class Plane:
    """Coordinates around one point; ``x`` to the right, ``y`` down, in µm, both (h, w)."""

    x: Array
    y: Array

    def at(self, x: float, y: float) -> Plane:
        """The same pixels seen from another point."""
        return Plane(self.x - x, self.y - y)

    def squeezed(self, ratio: float, angle: float) -> Plane:
        """The same pixels, stretched so that a circle drawn here is an ellipse of that ratio.

        Args:
            ratio: Long axis over short axis; the area is kept.
            angle: Direction of the long axis in radians.
        """
        cos, sin = np.cos(angle), np.sin(angle)
        along, across = self.x * cos + self.y * sin, self.y * cos - self.x * sin
        return Plane(along / np.sqrt(ratio), across * np.sqrt(ratio))

    @cached_property
    def distance(self) -> Array:
        """Distance to the point in µm, (h, w); never 0."""
        return np.sqrt(self.x**2 + self.y**2 + 1e-12)

    @cached_property
    def direction(self) -> NDArray[np.complex128]:
        """exp(iθ) of each pixel, (h, w)."""
        return np.asarray((self.x + 1j * self.y) / self.distance, dtype=np.complex128)


@dataclass(frozen=True)
class Outline:
    """A closed curve r(θ) = R · (1 + Re Σ aₖ exp(ikθ)).

    Attributes:
        radius: Mean radius R in µm.
        waves: (order k, complex amplitude aₖ) pairs.

    >>> circle = Outline(3.0)
    >>> float(circle.at_angle(1.0))
    3.0
    """

    radius: float
    waves: tuple[tuple[int, complex], ...] = ()

    def along(self, direction: NDArray[np.complex128]) -> Array:
        """Radius in µm in each direction exp(iθ)."""
        total = np.ones(direction.shape)
        power, order = np.ones_like(direction), 0
        for k, amplitude in self.waves:
            for _ in range(k - order):
                power = power * direction
            order = k
            total += (amplitude * power).real
        return self.radius * total

    def at_angle(self, theta: float) -> float:
        """Radius in µm at one angle in radians."""
        return float(self.along(np.array(np.exp(1j * theta))))


def soft_step(x: Array, softness: float) -> Array:
    """0 far below 0, 1 far above; ``softness`` in the unit of ``x``.

    >>> float(soft_step(np.array(0.0), 0.1))
    0.5
    """
    return 0.5 * (1.0 + np.tanh(x / softness))


def filled(plane: Plane, outline: Outline, softness: float) -> Array:
    """1 inside a curve, 0 outside, (h, w)."""
    return soft_step(outline.along(plane.direction) - plane.distance, softness)


def spot(plane: Plane, radius: float, softness: float) -> Array:
    """1 inside a disc, 0 outside, (h, w)."""
    return soft_step(radius - plane.distance, softness)


def wobble(
    rng: np.random.Generator, size: float, orders: tuple[int, ...], fall: float = 1.0
) -> tuple[tuple[int, complex], ...]:
    """Random waves for an outline; the amplitude falls with the order k as k⁻ᶠᵃˡˡ.

    Args:
        rng: Source of chance.
        size: Root mean square of the first wave, as a share of the radius.
        orders: Increasing orders k.
        fall: Exponent; larger is smoother.
    """
    first = orders[0]
    values = rng.normal(size=(len(orders), 2)) * size / np.sqrt(2.0)
    return tuple(
        (k, complex(re, im) * (first / k) ** fall)
        for k, (re, im) in zip(orders, values, strict=True)
    )


def between(rng: np.random.Generator, low: float, high: float) -> float:
    """A uniform draw as a Python float."""
    return float(rng.uniform(low, high))


def angle(rng: np.random.Generator) -> float:
    """A direction in radians."""
    return between(rng, 0.0, 2.0 * np.pi)
