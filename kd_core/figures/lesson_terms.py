"""The two terms of the loss with their weights, for one image and for all."""

from __future__ import annotations

from dataclasses import dataclass

import plotly.graph_objects as go

from kd_core.figures.look import PALETTE, Say, figure
from kd_core.text import Msg

COLOURS = {"label": PALETTE[1], "teacher": PALETTE[0]}
LEAST_PX = 13
"""A figure that would have to be smaller on its bar is left out."""


@dataclass(frozen=True)
class TermRow:
    """Unweighted terms.

    Attributes:
        task: Cross-entropy with the true label, in nats.
        kl: KL of the softened answers, in nats, without T².
    """

    task: float
    kl: float

    def weighted(self, alpha: float, temperature: float) -> tuple[float, float]:
        """``α · CE`` and ``(1 − α) · T² · KL``.

        >>> TermRow(0.6, 0.1).weighted(0.5, 2.0)
        (0.3, 0.2)
        """
        return alpha * self.task, (1 - alpha) * temperature**2 * self.kl


@dataclass(frozen=True)
class Terms:
    """Weighted terms: ``(α · CE, (1 − α) · T² · KL)``.

    Attributes:
        image: Of the chosen image.
        mean: A mean over all images.
        most: The largest sum that any α gives, so that the axis stays while α moves.
    """

    image: tuple[float, float]
    mean: tuple[float, float]
    most: float


def terms_info(image: TermRow, mean: TermRow, alpha: float, temperature: float) -> Terms:
    """Both rows with their weights."""
    ends = [sum(row.weighted(a, temperature)) for row in (image, mean) for a in (0.0, 1.0)]
    return Terms(image.weighted(alpha, temperature), mean.weighted(alpha, temperature), max(ends))


def terms_figure(info: Terms, say: Say, dark: bool = False) -> go.Figure:
    """A stack a row: labels, then teacher."""
    rows = (info.image, info.mean)
    traces = [
        go.Bar(
            x=[row[i] for row in rows],
            y=[0, 1],
            width=0.62,
            orientation="h",
            name=say(Msg(f"figure.lesson.term_{part}")),
            marker={"color": colour, "pattern": {"shape": "/" if i else ""}},
            text=[say(Msg("figure.lesson.term", {"value": row[i]})) for row in rows],
            textposition="inside",
            insidetextanchor="middle",
            textangle=0,
            textfont={"size": 15},
            hovertemplate="%{text}<extra></extra>",
        )
        for i, (part, colour) in enumerate(COLOURS.items())
    ]
    made = figure(
        traces,
        say,
        dark,
        260,
        barmode="stack",
        xaxis={"title": say(Msg("axis.lesson.loss")), "range": [0, 1.04 * info.most or 1.0]},
        yaxis={
            "tickvals": [0, 1],
            "ticktext": [say(Msg(f"figure.lesson.{row}")) for row in ("one_image", "all_images")],
            "range": [1.5, -0.5],
            "showgrid": False,
        },
    )
    made.update_layout(legend_traceorder="normal")  # stacks would turn it round
    made.update_layout(uniformtext={"minsize": LEAST_PX, "mode": "hide"})  # the facts say it too
    return made
