"""Who teaches whom, and when: boxes and arrows that move along the curves of a real training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from kd_core.figures.look import DASHES, PALETTE, Say, faint, figure, finite_range, ink
from kd_core.text import Msg

FRAMES = 40
"""Pictures of one phase when the diagram plays."""

FRAME_MS = 100
BOX_W, BOX_H = 2.6, 0.9
SIGNS = (("▶", "play"), ("■", "stop"))
LAPS = 4
"""How often a dot runs along an arrow during a phase."""

LABELS = "labels"
COLOURS = {
    "student": PALETTE[2],
    "teacher": PALETTE[0],
    "earlier": PALETTE[0],
    "peer-1": PALETTE[3],
    "exit-1": PALETTE[4],
    "exit-2": PALETTE[5],
    LABELS: PALETTE[6],
}


@dataclass(frozen=True)
class Box:
    """One network, or the true labels, at a place in the diagram."""

    name: str
    x: float
    y: float


@dataclass(frozen=True)
class Arrow:
    """From what is taught to who learns it, in one phase."""

    source: str
    target: str
    phase: int = 0


@dataclass(frozen=True)
class Curve:
    """Validation metric of a network after each epoch of the phase in which it learns."""

    name: str
    phase: int
    values: tuple[float | None, ...]

    def points(self) -> list[tuple[float, float]]:
        """Moment, in phases, and value; without epochs where it is not defined."""
        n = len(self.values)
        return [(self.phase + (i + 1) / n, v) for i, v in enumerate(self.values) if v is not None]

    def until(self, moment: float) -> list[tuple[float, float]]:
        """The points that are past."""
        return [point for point in self.points() if point[0] <= moment + 1e-9]


@dataclass(frozen=True)
class ModeRun:
    """One mode of training, as it went.

    Attributes:
        mode: Entry of ``MODES``.
        boxes: What stands in the diagram.
        arrows: Who learns from whom in which phase.
        curves: One a network that learns.
        alone: The student's curve without any teacher, in the phase in which it learns.
        moment: Where it stands, in phases from 0.
        metric: Entry of ``METRICS``.
    """

    mode: str
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    curves: tuple[Curve, ...]
    alone: Curve
    moment: float
    metric: str

    @property
    def phases(self) -> int:
        """How many phases there are."""
        return 1 + max(arrow.phase for arrow in self.arrows)

    @property
    def heights(self) -> list[float]:
        """All values of all curves."""
        return [v for curve in (*self.curves, self.alone) for _, v in curve.points()]

    def phase(self, moment: float) -> int:
        """The phase at a moment."""
        return min(int(moment), self.phases - 1)


DIAGRAMS: dict[str, tuple[tuple[Box, ...], tuple[Arrow, ...]]] = {
    "offline": (
        (Box(LABELS, 1.4, 2.0), Box("teacher", 5.0, 3.2), Box("student", 8.6, 1.2)),
        (
            Arrow(LABELS, "teacher", 0),
            Arrow("teacher", "student", 1),
            Arrow(LABELS, "student", 1),
        ),
    ),
    "mutual": (
        (Box(LABELS, 1.4, 2.0), Box("student", 7.6, 3.3), Box("peer-1", 7.6, 0.7)),
        (
            Arrow(LABELS, "student"),
            Arrow(LABELS, "peer-1"),
            Arrow("student", "peer-1"),
            Arrow("peer-1", "student"),
        ),
    ),
    "exits": (
        (
            Box(LABELS, 1.4, 3.3),
            Box("student", 8.2, 3.3),
            Box("exit-2", 5.6, 0.8),
            Box("exit-1", 2.2, 0.8),
        ),
        (
            Arrow(LABELS, "student"),
            Arrow(LABELS, "exit-2"),
            Arrow(LABELS, "exit-1"),
            Arrow("student", "exit-2"),
            Arrow("student", "exit-1"),
        ),
    ),
}
DIAGRAMS["born_again"] = (
    tuple(
        Box("earlier" if b.name == "teacher" else b.name, b.x, b.y) for b in DIAGRAMS["offline"][0]
    ),
    (Arrow(LABELS, "earlier", 0), Arrow("earlier", "student", 1), Arrow(LABELS, "student", 1)),
)


def modes_info(
    mode: str,
    curves: Mapping[str, Sequence[float | None]],
    alone: Sequence[float | None],
    share: float,
    metric: str,
) -> ModeRun:
    """The diagram and the curves of a mode.

    Args:
        mode: A key of ``DIAGRAMS``.
        curves: Validation metric after each epoch by network.
        alone: That of the student without any teacher.
        share: How much of the whole training is over, in [0, 1].
        metric: Entry of ``METRICS``.
    """
    boxes, arrows = DIAGRAMS[mode]
    known = {box.name for box in boxes if box.name == LABELS or box.name in curves}
    if mode == "offline":
        known.add("teacher")  # it is there, even where nobody saw how it learnt
    boxes = tuple(box for box in boxes if box.name in known)
    arrows = tuple(a for a in arrows if a.source in known and a.target in known)
    last = {arrow.target: arrow.phase for arrow in arrows}
    found = tuple(Curve(name, last[name], tuple(v)) for name, v in curves.items() if name in last)
    phases = 1 + max(arrow.phase for arrow in arrows)
    reference = Curve("alone", phases - 1, tuple(alone))
    return ModeRun(mode, boxes, arrows, found, reference, share * phases, metric)


def modes_figure(info: ModeRun, say: Say, dark: bool = False) -> go.Figure:
    """The diagram above the curves, and a button that plays it from beginning to end."""
    still = [*_curves(info, say, dark), *(_arrow(info, arrow) for arrow in info.arrows)]
    drawn = figure(
        [*still, *_moving(info, say, dark)],
        say,
        dark,
        600,
        xaxis={"domain": [0, 1], "anchor": "y", "range": [0, info.phases + 0.02]}
        | _phase_ticks(info, say),
        yaxis={
            "domain": [0, 0.42],
            "title": say(Msg(f"metric.{info.metric}.title")),
            "range": finite_range(info.heights),
        },
    )
    bare = {"visible": False, "fixedrange": True}
    drawn.update_layout(
        xaxis2={"range": [0, 10], "anchor": "y2", **bare},
        yaxis2={"range": [0, 4], "domain": [0.5, 1], "anchor": "x2", **bare},
        showlegend=False,
        shapes=[*(_shape(box, dark) for box in info.boxes), *_borders(info, dark)],
        annotations=[*(_name(box, say, dark) for box in info.boxes), *_alone_name(info, say, dark)],
        updatemenus=[_buttons(info, say, len(still))],
    )
    return drawn


def moments(info: ModeRun) -> list[float]:
    """The moments that are played, in phases."""
    n = FRAMES * info.phases
    return [info.phases * i / n for i in range(n + 1)]


# --- what stands still --------------------------------------------------------------------------


def _curves(info: ModeRun, say: Say, dark: bool) -> list[dict[str, Any]]:
    """One line a network, and a grey one of the student alone."""
    traces = []
    for i, curve in enumerate((*info.curves, info.alone)):
        alone = curve is info.alone
        xs, ys = _columns(curve.points())
        traces.append(
            {
                "type": "scatter",
                "x": xs,
                "y": ys,
                "mode": "lines",
                "line": {
                    "color": faint(dark) if alone else COLOURS[curve.name],
                    "width": 1.5 if alone else 2.5,
                    "dash": "dot" if alone else DASHES[i % len(DASHES)],
                },
                "hovertemplate": f"{_called(curve.name, say)}: %{{y:.3f}}<extra></extra>",
            }
        )
    return traces


def _phase_ticks(info: ModeRun, say: Say) -> dict[str, Any]:
    names = [say(Msg(f"figure.lesson.phase.{info.mode}.{i}")) for i in range(info.phases)]
    if info.mode == "offline" and info.phases == 2 and len(info.curves) == 1:
        names[0] = say(Msg("figure.lesson.phase.unseen"))
    return {
        "tickvals": [i + 0.5 for i in range(info.phases)],
        "ticktext": [_two_lines(name) for name in names],
        "tickangle": 0,
        "showgrid": False,
    }


def _two_lines(text: str) -> str:
    """A text broken near its middle, so that two of them fit side by side on a phone."""
    words = text.split()
    half = max(1, len(words) // 2)
    return "<br>".join(" ".join(part) for part in (words[:-half], words[-half:]) if part)


def _borders(info: ModeRun, dark: bool) -> list[dict[str, Any]]:
    """A line between two phases."""
    line = {"color": faint(dark), "width": 1, "dash": "dot"}
    return [
        {"type": "line", "x0": at, "x1": at, "yref": "y domain", "y0": 0, "y1": 1, "line": line}
        for at in range(1, info.phases)
    ]


def _shape(box: Box, dark: bool) -> dict[str, Any]:
    return {
        "type": "rect",
        "xref": "x2",
        "yref": "y2",
        "x0": box.x - BOX_W / 2,
        "x1": box.x + BOX_W / 2,
        "y0": box.y - BOX_H / 2,
        "y1": box.y + BOX_H / 2,
        "line": {"color": COLOURS[box.name], "width": 2},
        "fillcolor": "rgba(16,21,28,1)" if dark else "rgba(255,255,255,1)",
    }


def _name(box: Box, say: Say, dark: bool) -> dict[str, Any]:
    return {
        "xref": "x2",
        "yref": "y2",
        "x": box.x,
        "y": box.y,
        "text": _called(box.name, say),
        "showarrow": False,
        "font": {"size": 13, "color": ink(dark)},
    }


def _alone_name(info: ModeRun, say: Say, dark: bool) -> list[dict[str, Any]]:
    """What the grey line is, at its beginning."""
    points = info.alone.points()
    if not points:
        return []
    return [
        {
            "x": points[0][0],
            "y": points[0][1],
            "text": _called("alone", say),
            "showarrow": False,
            "xanchor": "left",
            "yanchor": "top",
            "font": {"size": 12, "color": faint(dark)},
        }
    ]


def _called(name: str, say: Say) -> str:
    return say(Msg(f"figure.lesson.box.{name}"))


# --- what moves ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Now:
    """What moves, at one moment.

    Attributes:
        heads: Where each network stands on its curve: name, moment, value.
        dots: Where the dots are on the arrows that are in use: name of who teaches, x, y.
    """

    heads: tuple[tuple[str, float, float], ...]
    dots: tuple[tuple[str, float, float], ...]


def now(info: ModeRun, moment: float) -> Now:
    """Who stands where and what is on its way; nothing is once all is over."""
    past = [(curve.name, curve.until(moment)) for curve in info.curves]
    used = [arrow for arrow in info.arrows if arrow.phase == info.phase(moment)]
    share = moment * LAPS % 1
    return Now(
        tuple((name, *points[-1]) for name, points in past if points),
        tuple((arrow.source, *_along(info, arrow, share)) for arrow in used)
        if moment < info.phases
        else (),
    )


def _moving(info: ModeRun, say: Say, dark: bool) -> list[dict[str, Any]]:
    """The two traces that move: heads on the curves, dots on the arrows."""
    heads, dots = _places(info, info.moment)
    line = {"color": ink(dark), "width": 2}
    called = [_called(name, say) for name, _, _ in now(info, info.moment).heads]
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "hovertemplate": "%{text}: %{y:.3f}<extra></extra>",
            "text": called,
            **heads,
            "marker": {**heads["marker"], "size": 15, "line": line},
        },
        {
            "type": "scatter",
            "mode": "markers",
            "xaxis": "x2",
            "yaxis": "y2",
            "hoverinfo": "skip",
            **dots,
            "marker": {**dots["marker"], "size": 17, "line": line},
        },
    ]


def _places(info: ModeRun, moment: float) -> tuple[dict[str, Any], dict[str, Any]]:
    """Places and colours of heads and of dots."""
    at = now(info, moment)
    heads, dots = (
        {
            "x": [round(x, 4) for _, x, _ in group],
            "y": [round(y, 4) for _, _, y in group],
            "marker": {"color": [COLOURS[name] for name, _, _ in group]},
        }
        for group in (at.heads, at.dots)
    )
    return heads, dots


def _columns(points: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [x for x, _ in points], [y for _, y in points]


def _ends(info: ModeRun, arrow: Arrow) -> tuple[tuple[float, float], tuple[float, float]]:
    """Where an arrow begins and ends: at the borders of its boxes, aside where one comes back."""
    at = {box.name: (box.x, box.y) for box in info.boxes}
    (x0, y0), (x1, y1) = at[arrow.source], at[arrow.target]
    if Arrow(arrow.target, arrow.source, arrow.phase) in info.arrows:
        aside = 0.45 if y1 < y0 else -0.45
        x0, x1 = x0 + aside, x1 + aside
    dx, dy = x1 - x0, y1 - y0
    reach = min(
        BOX_W / 2 / abs(dx) if dx else 1.0,
        BOX_H / 2 / abs(dy) if dy else 1.0,
    )
    first, last = reach * 1.08, 1 - reach * 1.12
    return (x0 + first * dx, y0 + first * dy), (x0 + last * dx, y0 + last * dy)


def _along(info: ModeRun, arrow: Arrow, share: float) -> tuple[float, float]:
    (x0, y0), (x1, y1) = _ends(info, arrow)
    return x0 + share * (x1 - x0), y0 + share * (y1 - y0)


def _arrow(info: ModeRun, arrow: Arrow) -> dict[str, Any]:
    (x0, y0), (x1, y1) = _ends(info, arrow)
    colour = COLOURS[arrow.source]
    return {
        "type": "scatter",
        "x": [x0, x1],
        "y": [y0, y1],
        "xaxis": "x2",
        "yaxis": "y2",
        "mode": "lines+markers",
        "line": {"color": colour, "width": 2.5, "dash": "solid" if arrow.phase else "dash"}
        if info.phases > 1
        else {"color": colour, "width": 2.5},
        "marker": {
            "opacity": 1,
            "symbol": "arrow",
            "angleref": "previous",
            "size": [0, 15],
            "color": colour,
        },
        "hoverinfo": "skip",
    }


def _buttons(info: ModeRun, say: Say, first: int) -> dict[str, Any]:
    """Play from the beginning, and stop; pictures are given as they are, which is quick."""
    traces = [first, first + 1]
    pictures = [{"data": list(_places(info, at)), "traces": traces} for at in moments(info)]
    play = {"frame": {"duration": FRAME_MS, "redraw": False}, "transition": {"duration": 0}}
    stop = {"mode": "immediate", "frame": {"duration": 0, "redraw": False}}
    texts = [f"{sign} " + say(Msg(f"figure.lesson.{what}")) for sign, what in SIGNS]
    return {
        "type": "buttons",
        "direction": "left",
        "x": 0,
        "y": 0.46,
        "xanchor": "left",
        "yanchor": "middle",
        "showactive": False,
        "bgcolor": "rgba(128,128,128,0.25)",
        "buttons": [
            {"label": texts[0], "method": "animate", "args": [pictures, play]},
            {"label": texts[1], "method": "animate", "args": [[None], stop]},
        ],
    }
