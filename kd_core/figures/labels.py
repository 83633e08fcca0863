"""Names beside markers, where they cover least."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

# A phone's plot; on anything wider, names lie further apart.
WIDTH_PX, HEIGHT_PX = 270.0, 360.0
CHAR_PX, LINE_PX = 7.2, 18.0
GAP_PX = 16.0
"""From the middle of a marker to its name."""

Box = tuple[float, float, float, float]
Point = tuple[float, float]


@dataclass(frozen=True)
class Label:
    """A name and its marker's place as shares of the plot, from the lower left."""

    text: str
    x: float
    y: float


@dataclass(frozen=True)
class Spot:
    """Where a name stands beside its marker, as plotly's annotations have it."""

    xanchor: Literal["left", "center", "right"]
    yanchor: Literal["bottom", "middle", "top"]
    xshift: float
    yshift: float


SPOTS = (
    Spot("left", "middle", GAP_PX, 0),
    Spot("right", "middle", -GAP_PX, 0),
    Spot("center", "bottom", 0, GAP_PX),
    Spot("center", "top", 0, -GAP_PX),
    Spot("left", "bottom", GAP_PX / 2, GAP_PX / 2),
    Spot("right", "bottom", -GAP_PX / 2, GAP_PX / 2),
    Spot("left", "top", GAP_PX / 2, -GAP_PX / 2),
    Spot("right", "top", -GAP_PX / 2, -GAP_PX / 2),
)


def place_labels(labels: Sequence[Label], markers: Sequence[Point]) -> list[Spot]:
    """One spot a label: each in turn takes the one that covers least of markers and names.

    Args:
        labels: What is to be written.
        markers: Every marker of the plot as shares of it, those of the labels included.

    >>> place_labels([Label("left", 0.0, 0.5), Label("right", 1.0, 0.5)], [(0, 0.5), (1, 0.5)])[1]
    Spot(xanchor='right', yanchor='middle', xshift=-16.0, yshift=0)
    """
    taken: list[Box] = [_marker(x * WIDTH_PX, y * HEIGHT_PX) for x, y in markers]
    chosen = []
    for label in labels:
        boxes = [(_box(label, spot), spot) for spot in SPOTS]
        box, spot = min(boxes, key=lambda pair: _cost(pair[0], taken))
        taken.append(box)
        chosen.append(spot)
    return chosen


def _marker(x: float, y: float) -> Box:
    """A marker with its error bar."""
    return x - 6, y - 22, x + 6, y + 22


def _box(label: Label, spot: Spot) -> Box:
    width = CHAR_PX * len(label.text)
    left = {"left": 0.0, "center": -width / 2, "right": -width}[spot.xanchor]
    bottom = {"bottom": 0.0, "middle": -LINE_PX / 2, "top": -LINE_PX}[spot.yanchor]
    x = label.x * WIDTH_PX + spot.xshift + left
    y = label.y * HEIGHT_PX + spot.yshift + bottom
    return x, y, x + width, y + LINE_PX


def _cost(box: Box, taken: Sequence[Box]) -> float:
    """Covered area, and far more for what would be cut off."""
    outside = max(0.0, -box[0]) + max(0.0, box[2] - WIDTH_PX)
    outside += max(0.0, -box[1]) + max(0.0, box[3] - HEIGHT_PX)
    return 50 * outside + sum(_overlap(box, other) for other in taken)


def _overlap(a: Box, b: Box) -> float:
    wide = min(a[2], b[2]) - max(a[0], b[0])
    high = min(a[3], b[3]) - max(a[1], b[1])
    return max(0.0, wide) * max(0.0, high)
