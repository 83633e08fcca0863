"""Words on the cells of a heat map, each in the colour that can be read on its own cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.colors import sample_colorscale, unlabel_rgb

INKS = ("#FFFFFF", "#10151C")
LINEAR, DARK_INK = 0.04045, 0.0075
"""Where sRGB turns linear, and the luminance of the dark ink."""


def words_on(
    cells: go.Heatmap, words: Sequence[Sequence[str]], colours: Any, px: int = 14
) -> go.Scatter:
    """A trace of words over a heat map; the browser's own choice is grey on grey in mid tones.

    Args:
        cells: With ``x``, ``y`` and ``z``; the colours run from ``zmin`` to ``zmax`` where it has
            them, else from the least value to the greatest.
        words: As many rows and columns as ``z``; none for an empty text.
        colours: Its colour scale: a name, or pairs of a share and a colour.
        px: Size of the words.
    """
    places, values = [], []
    for y, row, texts in zip(cells.y, cells.z, words, strict=True):
        for x, value, text in zip(cells.x, row, texts, strict=True):
            if value is not None and text:
                places.append((x, y, text))
                values.append(float(value))
    behind = sample_colorscale(colours, _shares(cells, values)) if values else []
    return go.Scatter(
        x=[x for x, _, _ in places],
        y=[y for _, y, _ in places],
        text=[text for _, _, text in places],
        mode="text",
        textfont={"color": [readable_on(colour) for colour in behind], "size": px},
        hoverinfo="skip",
        showlegend=False,
        cliponaxis=False,
    )


def _shares(cells: go.Heatmap, values: Sequence[float]) -> list[float]:
    """How far along the colours each value is, in [0, 1]."""
    low, high = (
        end(values) if fixed is None else fixed
        for end, fixed in ((min, cells.zmin), (max, cells.zmax))
    )
    spread = high - low
    shares = (np.array(values) - low) / spread if spread else np.zeros(len(values))
    return [float(share) for share in shares.clip(0, 1)]


def readable_on(colour: str) -> str:
    """Of white and near black the one with the larger contrast (WCAG 2.2, "contrast ratio").

    Args:
        colour: Such as ``rgb(124, 123, 120)``.

    >>> readable_on("rgb(0, 32, 77)"), readable_on("rgb(124, 123, 120)")
    ('#FFFFFF', '#10151C')
    """
    shares = np.array(unlabel_rgb(colour), float) / 255
    linear = np.where(shares <= LINEAR, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    luminance = float(linear @ (0.2126, 0.7152, 0.0722))
    on_white, on_dark = 1.05 / (luminance + 0.05), (luminance + 0.05) / (DARK_INK + 0.05)
    return INKS[0] if on_white > on_dark else INKS[1]
