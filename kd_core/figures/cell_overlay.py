"""A field or a slide with what a model sees in it: outlines that can be zoomed and clicked."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from PIL import Image

from kd_core.figures.look import PALETTE, Say, figure
from kd_core.text import Msg

MOST_MARKS = 1500
"""Outlines drawn; of more, those where models disagree come first, then the least sure."""

LONGEST_PX = 1600
"""Longest side of the picture that is sent; a larger one is shrunk."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Mark:
    """One cell or tile.

    Attributes:
        number: Its place in the caller's list; a click gives it back.
        outline: A closed polygon in pixels of the whole picture, (x, y).
        label: Class number of the first model.
        agree: Whether all models answer the same.
        sure: Probability of the label.
        lines: What the pop-up says of each model: name and answer.
    """

    number: int
    outline: tuple[Point, ...]
    label: int
    agree: bool
    sure: float
    lines: tuple[tuple[str, str], ...] = ()

    @property
    def middle(self) -> Point:
        """Middle of the bounding box."""
        xs, ys = zip(*self.outline, strict=True)
        return (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2


@dataclass(frozen=True)
class CellOverlay:
    """Outlines over a picture of ``width`` × ``height`` pixels.

    Attributes:
        classes: Class names; a mark's colour follows its class.
        usual: The commonest class, drawn thinner.
        left_out: Number of marks that are not drawn.
    """

    width: int
    height: int
    classes: tuple[str, ...]
    marks: tuple[Mark, ...]
    usual: int = 0
    left_out: int = 0


def cell_overlay_info(
    width: int, height: int, classes: Sequence[str], marks: Sequence[Mark]
) -> CellOverlay:
    """The marks to draw; disagreements first where there are too many."""
    kept = sorted(marks, key=lambda mark: (mark.agree, mark.sure))[:MOST_MARKS]
    counts = np.bincount([mark.label for mark in marks], minlength=len(classes))
    return CellOverlay(
        width,
        height,
        tuple(classes),
        tuple(sorted(kept, key=lambda mark: mark.number)),
        int(counts.argmax()) if len(marks) else 0,
        len(marks) - len(kept),
    )


def class_colour(label: int) -> str:
    """Colour of a class, the same in every figure of the demo.

    >>> class_colour(0) == class_colour(len(PALETTE))
    True
    """
    return PALETTE[label % len(PALETTE)]


def cell_overlay_figure(
    info: CellOverlay, picture: NDArray[np.uint8], say: Say, dark: bool = False, height: int = 560
) -> go.Figure:
    """The picture with one line trace a class, solid or dashed, and one invisible dot a mark.

    Args:
        info: What to draw.
        picture: uint8 (h, w, 1 or 3) of the whole, which may be smaller than ``info`` says.
        say: Renders messages.
        dark: The page's theme.
        height: Pixels on the screen.
    """
    traces = []
    for label in range(len(info.classes)):
        for agree in (True, False):
            some = [m for m in info.marks if (m.label, m.agree) == (label, agree)]
            if some:
                traces.append(_outlines(info, some, label, agree, say))
    traces.append(_dots(info, say))
    place = {"xref": "x", "yref": "y", "x": 0, "y": 0, "sizex": info.width, "sizey": info.height}
    source = {"source": _encoded(picture), "sizing": "stretch", "layer": "below"}
    plain = {"showgrid": False, "showticklabels": False, "ticks": ""}
    return figure(
        traces,
        say,
        dark,
        height,
        images=[place | source],
        xaxis={**plain, "range": [0, info.width], "constrain": "domain"},
        yaxis={
            **plain,
            "range": [info.height, 0],
            "scaleanchor": "x",
            "constrain": "domain",
        },
        margin={"l": 4, "r": 4, "t": 8, "b": 4},
        dragmode="pan",
        hovermode="closest",
        clickmode="event+select",
    )


def _outlines(
    info: CellOverlay, marks: Sequence[Mark], label: int, agree: bool, say: Say
) -> go.Scatter:
    x: list[float | None] = []
    y: list[float | None] = []
    for mark in marks:
        x += [*(point[0] for point in mark.outline), None]
        y += [*(point[1] for point in mark.outline), None]
    name = Msg(
        "figure.mark_agree" if agree else "figure.mark_differ",
        {"class": info.classes[label], "n": len(marks)},
    )
    thin = label == info.usual and agree
    dash = "solid" if agree else "4px,3px"
    return go.Scatter(
        x=x,
        y=y,
        mode="lines",
        name=say(name),
        line={"color": class_colour(label), "width": 1.3 if thin else 2.6, "dash": dash},
        hoverinfo="skip",
    )


def _dots(info: CellOverlay, say: Say) -> go.Scatter:
    """What is clicked and pointed at; nearly invisible, since plotly skips what is not there."""
    middles = [mark.middle for mark in info.marks]
    text = [
        "<br>".join(
            [
                f"<b>{say(Msg('figure.mark', {'number': mark.number + 1}))}</b>",
                *(f"{name}: {answer}" for name, answer in mark.lines),
            ]
        )
        for mark in info.marks
    ]
    return go.Scatter(
        x=[x for x, _ in middles],
        y=[y for _, y in middles],
        customdata=[mark.number for mark in info.marks],
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
