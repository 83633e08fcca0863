"""Teacher and student side by side in what each costs and how right it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from kd_core.figures.look import ROLE_COLOURS, STUDENT_COLOURS, Say, layout
from kd_core.text import Msg, significant

HEIGHT_PX, COLUMNS = 380, 2
COLOURS = (ROLE_COLOURS["teacher"], STUDENT_COLOURS[0])
ROOM = 1.9
"""An axis is so much longer than its longest bar, for the figure behind it."""


@dataclass(frozen=True)
class Side:
    """One quantity of teacher and student.

    Attributes:
        name: ``score``, ``size``, ``work`` or ``time``; says the unit.
        teacher: Of the teacher.
        student: Of the student.
        teacher_ends: Ends of its 95 % interval; empty where it has none.
        student_ends: Likewise.
    """

    name: str
    teacher: float
    student: float
    teacher_ends: tuple[float, ...] = ()
    student_ends: tuple[float, ...] = ()


@dataclass(frozen=True)
class Sides:
    """Quantities in the order in which they are drawn."""

    sides: tuple[Side, ...]


def sides_info(sides: Sequence[Side]) -> Sides:
    """The quantities that both have.

    >>> sides_info([Side("size", 4.0, 1.0), Side("time", 4.0, math.nan)]).sides[-1].name
    'size'
    """
    return Sides(tuple(s for s in sides if math.isfinite(s.teacher) and math.isfinite(s.student)))


def sides_figure(info: Sides, say: Say, dark: bool = False) -> go.Figure:
    """One small plot a quantity, each with an axis of its own from 0; whiskers are intervals."""
    rows = max(1, math.ceil(len(info.sides) / COLUMNS))
    made = make_subplots(
        rows,
        COLUMNS,
        subplot_titles=[say(Msg(f"figure.lesson.small.{side.name}")) for side in info.sides],
        horizontal_spacing=0.06,
        vertical_spacing=0.2,
    )
    names = [say(Msg("role.teacher")), say(Msg("role.student"))]
    for at, side in enumerate(info.sides):
        where = {"row": at // COLUMNS + 1, "col": at % COLUMNS + 1}
        made.add_trace(_bars(side, names), **where)
        made.add_trace(_figures(side, names, say), **where)
        longest = max(side.teacher, side.student, *side.teacher_ends, *side.student_ends)
        made.update_xaxes(range=[0, longest * ROOM], showticklabels=False, **where)
        first = where["col"] == 1
        made.update_yaxes(range=[1.55, -0.55], showticklabels=first, **where)
    shared = layout(dark, HEIGHT_PX if rows > 1 else HEIGHT_PX // 2 + 30)
    shared.pop("xaxis"), shared.pop("yaxis")
    shared["margin"] = {**shared["margin"], "t": 34, "b": 8}
    made.update_layout(**shared, showlegend=False, separators=say(Msg("figure.separators")))
    made.update_xaxes(showgrid=False, zeroline=False)
    made.update_yaxes(showgrid=False, automargin=True)
    return made


def _bars(side: Side, names: list[str]) -> go.Bar:
    values = (side.teacher, side.student)
    ends = (side.teacher_ends, side.student_ends)
    up = [max(0.0, end[1] - v) if end else 0.0 for end, v in zip(ends, values, strict=True)]
    down = [max(0.0, v - end[0]) if end else 0.0 for end, v in zip(ends, values, strict=True)]
    return go.Bar(
        x=values,
        y=names,
        orientation="h",
        width=0.62,
        marker={"color": COLOURS},
        error_x={"type": "data", "array": up, "arrayminus": down, "visible": any(up)},
        hoverinfo="skip",
    )


def _figures(side: Side, names: list[str], say: Say) -> go.Scatter:
    """The figures behind the bars, past the whiskers where there are any."""
    values = (side.teacher, side.student)
    rounded = side.name in ("work", "time")  # bytes and scores round themselves
    text_id = f"figure.lesson.small.{side.name}.value"
    told = [say(Msg(text_id, {"value": significant(v, 3) if rounded else v})) for v in values]
    ends = (side.teacher_ends, side.student_ends)
    return go.Scatter(
        x=[max((v, *end)) for v, end in zip(values, ends, strict=True)],
        y=names,
        mode="text",
        text=[f"\u2002{one}" for one in told],
        textposition="middle right",
        textfont={"size": 15},
        cliponaxis=False,
        hovertemplate="%{y}: %{text}<extra></extra>",
    )
