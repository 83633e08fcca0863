"""How alike a batch of images is to two models, and where they disagree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from kd_core.figures.confusion import SHADES
from kd_core.figures.lesson_maps import SIGNED, SIGNED_DARK, panel_title
from kd_core.figures.look import Say, figure, shorten
from kd_core.text import Msg

PANELS = ("teacher", "student", "difference")
GAP = 0.03

Matrix = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Alike:
    """Similarities of n images.

    Attributes:
        labels: Class of each image, in groups.
        teacher: (n, n).
        student: (n, n).
        marked: Places of the images that are looked at more closely.
    """

    labels: tuple[str, ...]
    teacher: Matrix
    student: Matrix
    marked: tuple[int, ...]


def alike_info(
    labels: Sequence[str],
    teacher: NDArray[np.float64],
    student: NDArray[np.float64],
    marked: Sequence[int],
) -> Alike:
    """Both matrices, to twelve digits."""
    return Alike(tuple(labels), _plain(teacher), _plain(student), tuple(marked))


def alike_figure(info: Alike, say: Say, dark: bool = False) -> go.Figure:
    """Three squares: teacher, student, and student minus teacher."""
    matrices = {"teacher": np.array(info.teacher), "student": np.array(info.student)}
    matrices["difference"] = matrices["student"] - matrices["teacher"]
    low = float(min(matrices["teacher"].min(), matrices["student"].min()))
    most = max(1e-12, float(np.abs(matrices["difference"]).max()))
    wide = (1 - GAP * (len(PANELS) - 1)) / len(PANELS)
    traces, titles = [], []
    axes: dict[str, Any] = {}
    for number, name in enumerate(PANELS):
        suffix = "" if number == 0 else str(number + 1)
        left = number * (wide + GAP)
        signed = name == "difference"
        traces.append(
            go.Heatmap(
                z=matrices[name],
                zmin=-most if signed else low,
                zmax=most if signed else 1.0,
                colorscale=(SIGNED_DARK if dark else SIGNED) if signed else SHADES[True],
                showscale=False,
                xaxis=f"x{suffix}",
                yaxis=f"y{suffix}",
                customdata=_hover(info.labels, say),
                hovertemplate="%{customdata}<br>%{z:.3f}<extra></extra>",
            )
        )
        axes |= _axes(suffix, [left, left + wide], info, first=number == 0)
        titles.append(panel_title(say(Msg(f"figure.lesson.alike.{name}")), left + wide / 2, dark))
    made = figure(traces, say, dark, 256, margin={"l": 4, "r": 4, "t": 44, "b": 4})
    made.update_layout(annotations=titles, shapes=_borders(info.labels, dark), **axes)
    return made


def _hover(labels: tuple[str, ...], say: Say) -> list[list[str]]:
    return [
        [say(Msg("figure.lesson.alike_hover", {"first": a, "second": b})) for b in labels]
        for a in labels
    ]


def _axes(suffix: str, domain: list[float], info: Alike, *, first: bool) -> dict[str, Any]:
    """Letters at the chosen images below each square; names of the classes at the first."""
    n = len(info.labels)
    look = {"showgrid": False, "zeroline": False, "constrain": "domain", "title": {"text": ""}}
    groups = _groups(info.labels)
    return {
        f"xaxis{suffix}": {
            **look,
            "domain": domain,
            "range": [-0.5, n - 0.5],
            "anchor": f"y{suffix}",
            "tickvals": list(info.marked),
            "ticktext": list("ABC"[: len(info.marked)]),
            "tickangle": 0,
            "tickfont": {"size": 13},
        },
        f"yaxis{suffix}": {
            **look,
            "range": [n - 0.5, -0.5],
            "anchor": f"x{suffix}",
            "scaleanchor": f"x{suffix}",
            "constraintoward": "top",
            "tickvals": [(start + end - 1) / 2 for _, start, end in groups],
            "ticktext": [shorten(name, 9) for name, _, _ in groups],
            "showticklabels": first,
            "tickfont": {"size": 11},
            "automargin": True,
        },
    }


def _groups(labels: tuple[str, ...]) -> list[tuple[str, int, int]]:
    """Name, first place and the place after the last of each run of equal labels.

    >>> _groups(("a", "a", "b"))
    [('a', 0, 2), ('b', 2, 3)]
    """
    found: list[tuple[str, int, int]] = []
    for place, label in enumerate(labels):
        if found and found[-1][0] == label:
            found[-1] = (label, found[-1][1], place + 1)
        else:
            found.append((label, place, place + 1))
    return found


def _borders(labels: tuple[str, ...], dark: bool) -> list[dict[str, Any]]:
    """A frame around the images of each class, in every square."""
    return [
        {
            "type": "rect",
            "x0": start - 0.5,
            "x1": end - 0.5,
            "y0": start - 0.5,
            "y1": end - 0.5,
            "xref": f"x{suffix}",
            "yref": f"y{suffix}",
            "line": {"color": "#FFFFFF" if dark else "#1B2430", "width": 1.2},
        }
        for suffix in ("", "2", "3")
        for _, start, end in _groups(labels)
    ]


def _plain(values: NDArray[np.float64]) -> Matrix:
    return tuple(tuple(round(float(value), 12) for value in row) for row in values)
