"""The class board as a picture: accuracy against the size of the file, within the budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from kd_core.figures.look import PALETTE, Say, faint, figure, finite_range, ink, shorten
from kd_core.text import Msg

HEIGHT_PX = 380
MB = 1e6
MOST_NAMES = 14
"""Nicknames that stand beside their marks, the best first; the others are in the pop-up."""

SIDES = ("middle left", "middle right")
"""Of a mark, where its name stands: in turns, since live runs all have files of one size."""


@dataclass(frozen=True)
class Entry:
    """One mark of the board.

    Attributes:
        nickname: Whose it is.
        size_bytes: Of the exported file.
        accuracy: On validation data.
        rank: 1 is best; 0 is over the budget.
        mine: Whether the reader made it.
    """

    nickname: str
    size_bytes: int
    accuracy: float
    rank: int
    mine: bool


@dataclass(frozen=True)
class BoardInfo:
    """Marks, best first, and the largest file that counts (0: any)."""

    entries: tuple[Entry, ...]
    budget_bytes: int

    @property
    def leader(self) -> Entry | None:
        """The best within the budget."""
        return next((entry for entry in self.entries if entry.rank == 1), None)


def board_info(entries: Sequence[Entry], budget_bytes: int = 0) -> BoardInfo:
    """What is true of a board."""
    ranked = sorted(entries, key=lambda entry: (entry.rank == 0, entry.rank))
    return BoardInfo(tuple(ranked), budget_bytes)


def board_words(info: BoardInfo) -> Msg:
    """The picture in words."""
    best = info.leader
    if best is None:
        return Msg("figure.board.words_none", {"n": len(info.entries)})
    params = {
        "n": len(info.entries),
        "name": best.nickname,
        "accuracy": best.accuracy,
        "size": best.size_bytes,
    }
    mine = next((entry for entry in info.entries if entry.mine), None)
    if mine is None:
        return Msg("figure.board.words", params)
    return Msg("figure.board.words_mine", {**params, "mine": mine.accuracy, "rank": mine.rank})


def board_figure(info: BoardInfo, say: Say, dark: bool = False) -> go.Figure:
    """One mark a person: a star is the reader's own, a cross is over the budget."""
    groups = (
        ("within", [e for e in info.entries if e.rank and not e.mine], "circle", PALETTE[0], 11),
        ("over", [e for e in info.entries if not e.rank and not e.mine], "x", PALETTE[6], 10),
        ("mine", [e for e in info.entries if e.mine], "star", PALETTE[1], 18),
    )
    traces = [
        _marks(say(Msg(f"figure.board.{name}")), some, symbol, colour, px, say, dark)
        for name, some, symbol, colour, px in groups
        if some
    ]
    sizes = [entry.size_bytes / MB for entry in info.entries]
    if info.budget_bytes:
        sizes.append(info.budget_bytes / MB)
    x_range = finite_range([0.0, *sizes], 0.14)
    made = figure(
        traces,
        say,
        dark,
        HEIGHT_PX,
        xaxis={
            "title": say(Msg("figure.board.size")),
            "range": [0, x_range[1]] if x_range else None,
        },
        yaxis={
            "title": say(Msg("figure.board.accuracy")),
            "range": finite_range([entry.accuracy for entry in info.entries], 0.2),
        },
    )
    if info.budget_bytes:
        made.add_vline(
            x=info.budget_bytes / MB,
            line={"color": faint(dark), "dash": "dash", "width": 2},
            annotation={
                "text": say(Msg("figure.board.budget", {"budget": info.budget_bytes})),
                "font": {"color": ink(dark), "size": 13},
            },
            annotation_position="top left",
        )
    return made


def _marks(
    name: str,
    entries: Sequence[Entry],
    symbol: str,
    colour: str,
    px: int,
    say: Say,
    dark: bool,
) -> go.Scatter:
    named = [shorten(e.nickname, 14) if 0 < e.rank <= MOST_NAMES or e.mine else "" for e in entries]
    return go.Scatter(
        x=[entry.size_bytes / MB for entry in entries],
        y=[entry.accuracy for entry in entries],
        mode="markers+text",
        name=name,
        text=named,
        textposition=[SIDES[entry.rank % 2] for entry in entries],
        textfont={"size": 13, "color": ink(dark)},
        marker={
            "symbol": symbol,
            "color": colour,
            "size": px,
            "line": {"width": 1, "color": ink(dark)},
        },
        customdata=[
            [entry.nickname, entry.rank or say(Msg("class.board.outside"))] for entry in entries
        ],
        hovertemplate="%{customdata[0]} · %{customdata[1]}<br>%{y:.3f} · %{x:.3~g}<extra></extra>",
        cliponaxis=False,
    )
