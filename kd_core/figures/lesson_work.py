"""What ways of training cost beside the student alone, part by part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import plotly.graph_objects as go

from kd_core.figures.look import PALETTE, Say, figure, ink
from kd_core.text import Msg

PARTS = ("student", "beside", "answers", "before")
COLOURS = dict(zip(PARTS, (PALETTE[2], PALETTE[3], PALETTE[4], PALETTE[0]), strict=True))
PATTERNS = dict(zip(PARTS, ("", "/", ".", "x"), strict=True))


@dataclass(frozen=True)
class Bar:
    """One mode: its work by part, over that of the student alone."""

    mode: str
    parts: tuple[float, ...]

    @property
    def total(self) -> float:
        """The sum of the parts."""
        return sum(self.parts)


@dataclass(frozen=True)
class Work:
    """All modes, and the chosen one."""

    bars: tuple[Bar, ...]
    chosen: str


def work_info(works: Mapping[str, Mapping[str, float]], chosen: str) -> Work:
    """Bars in the order of the modes.

    >>> work_info({"alone": {"student": 1.0}}, "alone").bars[0].parts
    (1.0, 0.0, 0.0, 0.0)
    """
    bars = (Bar(n, tuple(float(w.get(part, 0.0)) for part in PARTS)) for n, w in works.items())
    return Work(tuple(bars), chosen)


def work_figure(info: Work, say: Say, dark: bool = False) -> go.Figure:
    """Stacked bars, the total behind each; the chosen mode stands out."""
    bars = info.bars[::-1]
    names = [say(Msg(f"lesson.modes.mode.{bar.mode}")) for bar in bars]
    names = [
        f"<b>{n}</b>" if b.mode == info.chosen else n for n, b in zip(names, bars, strict=True)
    ]
    traces = [
        go.Bar(
            x=[bar.parts[i] for bar in bars],
            y=names,
            orientation="h",
            name=say(Msg(f"figure.lesson.work.{part}")),
            marker={
                "color": COLOURS[part],
                "opacity": [1.0 if bar.mode == info.chosen else 0.55 for bar in bars],
                "pattern": {"shape": PATTERNS[part], "size": 6},
            },
            hovertemplate="%{y}: %{x:.2f}×<extra></extra>",
        )
        for i, part in enumerate(PARTS)
    ]
    most = max(bar.total for bar in bars)
    drawn = figure(
        traces,
        say,
        dark,
        110 + 46 * len(bars),
        barmode="stack",
        xaxis={"title": say(Msg("axis.lesson.work")), "range": [0, most * 1.18]},
        yaxis={"showgrid": False},
    )
    drawn.update_layout(legend={"traceorder": "normal"})
    for name, bar in zip(names, bars, strict=True):
        drawn.add_annotation(
            x=bar.total,
            y=name,
            text=say(Msg("figure.lesson.times", {"times": round(bar.total, 1)})),
            showarrow=False,
            xanchor="left",
            xshift=4,
            font={"size": 13, "color": ink(dark)},
        )
    return drawn
