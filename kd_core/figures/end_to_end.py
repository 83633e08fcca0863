"""From the image file to the answer: what each part costs, as stacked bars, one a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from kd_core.figures.look import PALETTE, Say, figure, named_ticks
from kd_core.latency.stages import STAGES, Stage, whole
from kd_core.text import Msg, significant

MAX_MODELS = 12
COLOURS = {"decode": PALETTE[4], "resize": PALETTE[1], "network": PALETTE[0], "post": PALETTE[3]}


@dataclass(frozen=True)
class EndToEnd:
    """What the bars show.

    Attributes:
        models: Names of the models, in the order in which they were given.
        bars: Their parts.
        missing: Parts that a bar lacks, because nothing is known of them.
        why: What the parts rest on, each once.
        left_out: Models beyond what is drawn.
    """

    models: tuple[str, ...]
    bars: tuple[tuple[Stage, ...], ...]
    missing: tuple[str, ...] = ()
    why: tuple[Msg, ...] = ()
    left_out: int = 0

    @property
    def longest_ms(self) -> float:
        """The upper end of the longest bar's band."""
        return max((band(bar)[2] for bar in self.bars), default=0.0)


def band(parts: Sequence[Stage]) -> tuple[float, float, float]:
    """The whole and the ends that its estimates can reach; what was measured has its median."""
    known = sum(part.latency_ms for part in parts if part.source == "measured")
    guessed = whole([part for part in parts if part.source != "measured"])
    return known + guessed[0], known + guessed[1], known + guessed[2]


def end_to_end_info(parts: Mapping[str, Sequence[Stage]]) -> EndToEnd:
    """The parts of each model; of more than :data:`MAX_MODELS` the first ones.

    >>> part = Stage("network", 2.0, 2.0, 2.5, "measured", Msg("stages.why.measured"))
    >>> end_to_end_info({"net": [part]}).missing
    ('decode', 'resize', 'post')
    """
    drawn = dict(list(parts.items())[:MAX_MODELS])
    bars = tuple(tuple(found) for found in drawn.values())
    known = [{part.name for part in bar} for bar in bars]
    why = {(part.why.id, str(part.why.params)): part.why for bar in bars for part in bar}
    return EndToEnd(
        tuple(drawn),
        bars,
        tuple(name for name in STAGES if any(name not in names for names in known)),
        tuple(why.values()),
        len(parts) - len(drawn),
    )


def end_to_end_figure(info: EndToEnd, say: Say, dark: bool = False) -> go.Figure:
    """One bar a model; estimated parts are hatched, and a line shows the band of the whole."""
    kinds = [
        (name, source)
        for name in STAGES
        for source in ("measured", "estimated")
        if any((part.name, part.source) == (name, source) for bar in info.bars for part in bar)
    ]
    drawn = figure(
        [*(_trace(info, name, source, say) for name, source in kinds), _sums(info, say)],
        say,
        dark,
        150 + 34 * len(info.models),
        xaxis={"title": say(Msg("cost.latency_ms")), "range": [0, 1.04 * info.longest_ms or 1.0]},
        yaxis={
            **named_ticks(info.models, 26),
            "tickangle": 0,
            "range": [len(info.models) - 0.5, -0.5],
        },
        barmode="stack",
        bargap=0.35,
    )
    return drawn.update_layout(legend_traceorder="normal")  # stacked bars would turn it round


def _trace(info: EndToEnd, name: str, source: str, say: Say) -> go.Bar:
    parts = [
        next((p for p in bar if (p.name, p.source) == (name, source)), None) for bar in info.bars
    ]
    kind = {"step": Msg(f"path.{name}"), "source": Msg(f"source.{source}")}
    return go.Bar(
        x=[part.latency_ms if part else None for part in parts],
        y=list(range(len(parts))),
        orientation="h",
        name=say(Msg("path.kind", kind)),
        marker={
            "color": COLOURS[name],
            "pattern": {"shape": "/" if source == "estimated" else "", "size": 6, "fgopacity": 0.5},
        },
        customdata=[
            _hover(model, p, say) if p else "" for model, p in zip(info.models, parts, strict=True)
        ],
        hovertemplate="%{customdata}<extra></extra>",
    )


def _hover(model: str, part: Stage, say: Say) -> str:
    fields = {"label": model, "step": Msg(f"path.{part.name}"), "ms": _two(part.latency_ms)}
    if part.source == "measured":
        return say(Msg("path.hover", fields))
    ends = {"low": _two(part.low_ms), "high": _two(part.high_ms)}
    return say(Msg("path.hover_band", {**fields, **ends}))


def _sums(info: EndToEnd, say: Say) -> go.Scatter:
    """The band of the whole at the end of each bar."""
    sums = [band(bar) for bar in info.bars]
    return go.Scatter(
        x=[ms for ms, _, _ in sums],
        y=list(range(len(sums))),
        mode="markers",
        marker={"symbol": "line-ns-open", "size": 9, "color": PALETTE[6]},
        error_x={
            "type": "data",
            "array": [high - ms for ms, _, high in sums],
            "arrayminus": [ms - low for ms, low, _ in sums],
            "thickness": 1.4,
            "width": 4,
            "color": PALETTE[6],
        },
        name=say(Msg("path.whole")),
        customdata=[
            say(Msg("path.hover_whole", {
                "label": model, "ms": _two(ms), "low": _two(low), "high": _two(high),
            }))
            for model, (ms, low, high) in zip(info.models, sums, strict=True)
        ],
        hovertemplate="%{customdata}<extra></extra>",
    )  # fmt: skip


def _two(value: float) -> float:
    """Two significant digits: what an estimate can carry."""
    return significant(value, 2)
