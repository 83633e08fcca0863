"""What a student said of a few images while it learned: its accuracy on them, look by look."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from kd_core.figures.look import PALETTE, Say, faint, figure, ink
from kd_core.text import Msg

HEIGHT_PX = 260


@dataclass(frozen=True)
class ReplayInfo:
    """Looks at a network while it learned.

    Attributes:
        steps: Steps done at each look.
        shares: Share of the images that it had right then.
        at: The look that is shown.
    """

    steps: tuple[int, ...]
    shares: tuple[float, ...]
    at: int


def replay_info(
    steps: NDArray[np.int32], answers: NDArray[np.int64], targets: NDArray[np.int64], at: int
) -> ReplayInfo:
    """The share of right answers at each look.

    Args:
        steps: Steps done, (L,).
        answers: Class said of each image, (L, n).
        targets: Right class of each, (n,).
        at: The look that is shown, from 0.
    """
    shares = (answers == targets).mean(axis=1)
    return ReplayInfo(tuple(map(int, steps)), tuple(map(float, shares)), at)


def replay_figure(info: ReplayInfo, say: Say, dark: bool = False) -> go.Figure:
    """A line over the steps, and a ring where one looks."""
    line = go.Scatter(
        x=info.steps,
        y=info.shares,
        mode="lines+markers",
        line={"color": PALETTE[2], "width": 2},
        marker={"size": 6},
        hovertemplate="%{x}: %{y:.3f}<extra></extra>",
        showlegend=False,
    )
    ring = go.Scatter(
        x=[info.steps[info.at]],
        y=[info.shares[info.at]],
        mode="markers",
        marker={
            "size": 18,
            "symbol": "circle-open",
            "color": PALETTE[1],
            "line": {"width": 4, "color": PALETTE[1]},
        },
        hoverinfo="skip",
        showlegend=False,
    )
    made = figure(
        [line, ring],
        say,
        dark,
        HEIGHT_PX,
        xaxis={"title": say(Msg("figure.replay.steps")), "range": [0, info.steps[-1] * 1.05]},
        yaxis={"title": say(Msg("figure.replay.share")), "range": [0, 1.05]},
    )
    made.add_vline(x=info.steps[info.at], line={"color": faint(dark), "dash": "dot", "width": 1})
    made.update_layout(font={"color": ink(dark)})
    return made
