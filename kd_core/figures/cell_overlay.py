"""A field or a slide with what a model sees in it: outlines that can be zoomed and clicked."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from PIL import Image

from kd_core.figures.look import PALETTE, Say, figure
from kd_core.slides.overlay import Overlay, Shape
from kd_core.text import Msg

MOST_SHAPES = 1500
"""Outlines drawn; of more, those where models disagree come first, then the least sure."""

LONGEST_PX = 1600
"""Longest side of the picture that is sent; a larger one is shrunk."""


@dataclass(frozen=True)
class CellOverlay:
    """The shapes to draw over a picture.

    Attributes:
        overlay: The picture's size, its classes, and the shapes that are drawn.
        usual: The commonest class, drawn thinner.
        left_out: Number of shapes that are not drawn.
    """

    overlay: Overlay
    usual: int = 0
    left_out: int = 0


def cell_overlay_info(found: Overlay) -> CellOverlay:
    """The shapes to draw; disagreements first, then the least sure, where there are too many."""
    ranked = sorted(found.shapes, key=lambda s: (not s.dashed, s.sure[found.shown]))
    kept = sorted(ranked[:MOST_SHAPES], key=lambda shape: shape.index)
    counts = np.bincount([s.colour for s in found.shapes if s.colour >= 0], minlength=1)
    return CellOverlay(
        replace(found, shapes=tuple(kept)), int(counts.argmax()), len(ranked) - len(kept)
    )


def class_colour(label: int) -> str:
    """Colour of a class, the same in every figure of the demo; grey for none.

    >>> class_colour(0) == class_colour(len(PALETTE) - 1)
    True
    """
    return PALETTE[label % (len(PALETTE) - 1)] if label >= 0 else PALETTE[-1]


def cell_overlay_figure(
    info: CellOverlay, picture: NDArray[np.uint8], say: Say, dark: bool = False, height: int = 560
) -> go.Figure:
    """The picture with one line trace a class, solid or dashed, and one invisible dot a shape.

    Args:
        info: What to draw.
        picture: uint8 (h, w, 1 or 3) of the whole, which may be smaller than ``info`` says.
        say: Renders messages.
        dark: The page's theme.
        height: Pixels on the screen.
    """
    over = info.overlay
    traces = []
    for label in range(-1, len(over.classes)):
        for dashed in (False, True):
            some = [s for s in over.shapes if (s.colour, s.dashed) == (label, dashed)]
            if some:
                traces.append(_outlines(info, some, label, dashed, say))
    traces.append(_dots(over, say))
    place = {"xref": "x", "yref": "y", "x": 0, "y": 0, "sizex": over.width, "sizey": over.height}
    source = {"source": _encoded(picture), "sizing": "stretch", "layer": "below"}
    plain = {"showgrid": False, "showticklabels": False, "ticks": "", "constrain": "domain"}
    return figure(
        traces,
        say,
        dark,
        height,
        images=[place | source],
        xaxis={**plain, "range": [0, over.width]},
        yaxis={**plain, "range": [over.height, 0], "scaleanchor": "x"},
        margin={"l": 4, "r": 4, "t": 8, "b": 4},
        dragmode="pan",
        hovermode="closest",
        clickmode="event+select",
    )


def _outlines(
    info: CellOverlay, shapes: Sequence[Shape], label: int, dashed: bool, say: Say
) -> go.Scatter:
    x: list[float | None] = []
    y: list[float | None] = []
    for shape in shapes:
        x += [*(point[0] for point in shape.points), None]
        y += [*(point[1] for point in shape.points), None]
    kind = info.overlay.classes[label] if label >= 0 else say(Msg("figure.no_label"))
    text_id = "figure.mark_differ" if dashed else "figure.mark_agree"
    thin = label == info.usual and not dashed
    return go.Scatter(
        x=x,
        y=y,
        mode="lines",
        name=say(Msg(text_id, {"class": kind, "n": len(shapes)})),
        line={
            "color": class_colour(label),
            "width": 1.3 if thin else 2.6,
            "dash": "4px,3px" if dashed else "solid",
        },
        hoverinfo="skip",
    )


def _dots(over: Overlay, say: Say) -> go.Scatter:
    """What is clicked and pointed at; nearly invisible, since plotly skips what is not there."""
    text = [
        "<br>".join(
            [
                f"<b>{say(Msg('figure.mark', {'number': shape.index + 1}))}</b>",
                *(
                    say(Msg("figure.mark_line", {"name": n, "said": said, "sure": shape.sure[n]}))
                    for n, said in shape.chosen.items()
                ),
            ]
        )
        for shape in over.shapes
    ]
    return go.Scatter(
        x=[(shape.box[0] + shape.box[2]) / 2 for shape in over.shapes],
        y=[(shape.box[1] + shape.box[3]) / 2 for shape in over.shapes],
        customdata=[shape.index for shape in over.shapes],
        mode="markers",
        marker={"size": 20, "color": "#000000", "opacity": 0.01},
        selected={"marker": {"opacity": 0.25}},
        unselected={"marker": {"opacity": 0.01}},
        text=text,
        hovertemplate="%{text}<extra></extra>",
        showlegend=False,
    )


def _encoded(picture: NDArray[np.uint8]) -> str:
    """The picture as a data address; JPEG, without any metadata."""
    flat = picture[..., 0] if picture.ndim == 3 and picture.shape[2] == 1 else picture
    image: Any = Image.fromarray(flat).convert("RGB")
    image.thumbnail((LONGEST_PX, LONGEST_PX))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=88)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode()
