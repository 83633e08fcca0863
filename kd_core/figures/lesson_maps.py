"""Feature maps of student and teacher at one stage, side by side, and what is between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from kd_core.figures.confusion import SHADES
from kd_core.figures.look import Say, figure, ink
from kd_core.text import Msg

PANELS = ("own", "projected", "teacher", "difference")
GAP = 0.03
SIGNED = [[0.0, "#0072B2"], [0.5, "#F5F5F5"], [1.0, "#D55E00"]]
SIGNED_DARK = [[0.0, "#56B4E9"], [0.5, "#1B2430"], [1.0, "#E8762D"]]
"""Below, at and above zero; blue and orange are told apart by everybody."""

Map = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class MapPanels:
    """Four maps of one image and one channel of the teacher, each (H, W).

    Attributes:
        own: The student's own channel that weighs most in the projection.
        projected: The student after the projection.
        teacher: The teacher.
        difference: Projected minus teacher.
        marked: Row and column of the place that is reckoned through.
    """

    own: Map
    projected: Map
    teacher: Map
    difference: Map
    marked: tuple[int, int]


def maps_info(
    own: NDArray[np.float64],
    projected: NDArray[np.float64],
    teacher: NDArray[np.float64],
    marked: tuple[int, int],
) -> MapPanels:
    """The maps and their difference.

    >>> one = np.array([[1.0]])
    >>> maps_info(one, 3 * one, one, (0, 0)).difference
    ((2.0,),)
    """
    return MapPanels(
        own=_plain(own),
        projected=_plain(projected),
        teacher=_plain(teacher),
        difference=_plain(projected - teacher),
        marked=marked,
    )


def maps_figure(info: MapPanels, say: Say, dark: bool = False) -> go.Figure:
    """Four squares in a row; projected student and teacher share their colours."""
    shared = [*np.ravel(info.projected), *np.ravel(info.teacher)]
    most = max(1e-12, float(np.abs(info.difference).max()))
    own = np.ravel(info.own)
    ranges = {
        "own": (float(own.min()), float(own.max())),
        "projected": (float(min(shared)), float(max(shared))),
        "teacher": (float(min(shared)), float(max(shared))),
        "difference": (-most, most),
    }
    wide = (1 - GAP * (len(PANELS) - 1)) / len(PANELS)
    traces, titles = [], []
    axes: dict[str, Any] = {}
    for number, name in enumerate(PANELS):
        left = number * (wide + GAP)
        suffix = "" if number == 0 else str(number + 1)
        traces.append(_panel(name, getattr(info, name), ranges[name], suffix, dark))
        axes |= _axes(suffix, [left, left + wide], len(info.teacher), len(info.teacher[0]))
        titles.append(panel_title(say(Msg(f"figure.lesson.map.{name}")), left + wide / 2, dark))
    made = figure(traces, say, dark, 250, margin={"l": 4, "r": 4, "t": 44, "b": 4})
    made.update_layout(annotations=titles, **axes)
    for number in range(len(PANELS)):
        made.add_shape(_frame(info.marked, "" if number == 0 else str(number + 1), dark))
    return made


def _panel(
    name: str, values: Map, limits: tuple[float, float], suffix: str, dark: bool
) -> go.Heatmap:
    signed = name == "difference"
    return go.Heatmap(
        z=values,
        zmin=limits[0],
        zmax=limits[1],
        colorscale=(SIGNED_DARK if dark else SIGNED) if signed else SHADES[True],
        showscale=False,
        xaxis=f"x{suffix}",
        yaxis=f"y{suffix}",
        hovertemplate="%{z:.3f}<extra></extra>",
    )


def _axes(suffix: str, domain: list[float], high: int, wide: int) -> dict[str, Any]:
    hidden = {"visible": False, "constrain": "domain"}
    return {
        f"xaxis{suffix}": {
            **hidden,
            "domain": domain,
            "range": [-0.5, wide - 0.5],
            "anchor": f"y{suffix}",
        },
        f"yaxis{suffix}": {
            **hidden,
            "range": [high - 0.5, -0.5],
            "anchor": f"x{suffix}",
            "scaleanchor": f"x{suffix}",
            "constraintoward": "top",
        },
    }


def panel_title(text: str, x: float, dark: bool) -> dict[str, Any]:
    """The name of a panel whose middle is at ``x`` of the figure, above it."""
    return {
        "text": text,
        "x": x,
        "y": 1.0,
        "yshift": 22,
        "xref": "paper",
        "yref": "paper",
        "xanchor": "center",
        "showarrow": False,
        "font": {"size": 13, "color": ink(dark)},
    }


def _frame(place: tuple[int, int], suffix: str, dark: bool) -> dict[str, Any]:
    row, column = place
    return {
        "type": "rect",
        "x0": column - 0.5,
        "x1": column + 0.5,
        "y0": row - 0.5,
        "y1": row + 0.5,
        "xref": f"x{suffix}",
        "yref": f"y{suffix}",
        "line": {"color": "#FFFFFF" if dark else "#D55E00", "width": 2},
    }


def _plain(values: NDArray[np.float64]) -> Map:
    return tuple(tuple(float(value) for value in row) for row in values)
