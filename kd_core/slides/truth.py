"""Where the truth of a field is known: what was found, what was missed, and what it would cost.

The embedded fields come with the place, radius and class of every red cell.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.optimize import linear_sum_assignment

from kd_core.errors import DataError
from kd_core.slides.answers import Answers
from kd_core.slides.cells import Cell
from kd_core.slides.counts import Role, default_roles

NEAR = 0.6
"""Largest distance of a found middle from a known one, over the known radius: the middle of what
is visible of a cell that the edge cuts in half lies 0.42 radii from the cell's own."""

Harm = Literal["parasite_missed", "cell_missed", "false_alarm", "wrong_kind", "cell_invented"]
HARMS: tuple[Harm, ...] = (
    "parasite_missed",  # an infected cell is called uninfected or no cell: a sick person goes home
    "cell_missed",  # an infected cell was not found at all, so no model was asked
    "false_alarm",  # an uninfected cell is called infected
    "wrong_kind",  # infected either way, or not, but of another class
    "cell_invented",  # something that is no red cell was taken for one
)


@dataclass(frozen=True)
class Known:
    """A red cell whose place and class are known, in pixels of the field."""

    x: float
    y: float
    radius: float
    label: str
    cut: bool = False


@dataclass(frozen=True)
class Match:
    """Found cells against known ones.

    Attributes:
        pairs: Index of the found and of the known cell.
        missed: Indices of known cells that were not found.
        invented: Indices of found cells that are none.
    """

    pairs: tuple[tuple[int, int], ...]
    missed: tuple[int, ...]
    invented: tuple[int, ...]

    @property
    def recall(self) -> float:
        """Share of the known cells that was found; NaN if there are none."""
        known = len(self.pairs) + len(self.missed)
        return len(self.pairs) / known if known else float("nan")

    @property
    def precision(self) -> float:
        """Share of the found cells that is there; NaN if there are none."""
        found = len(self.pairs) + len(self.invented)
        return len(self.pairs) / found if found else float("nan")


@dataclass(frozen=True)
class Mistake:
    """One error of one model.

    Attributes:
        harm: What kind of error.
        truth: Class that is known; empty for what is no cell.
        said: Class that the model chose; empty for a cell that was not found.
        sure: Probability of what was said; 1 for a cell that was not found.
        cell: Index of the found cell, or −1.
        known: Index of the known cell, or −1.
        x: Middle in pixels of the field.
        y: Middle in pixels of the field.
    """

    harm: Harm
    truth: str
    said: str
    sure: float
    cell: int
    known: int
    x: float
    y: float


def read_truth(text: str | bytes, name: str = "truth") -> tuple[Known, ...]:
    """The known cells of a field's JSON.

    Raises:
        DataError: ``truth_unreadable``.
    """
    try:
        return tuple(
            Known(
                float(cell["x"]),
                float(cell["y"]),
                float(cell["radius"]),
                str(cell["class"]),
                bool(cell.get("cut_by_edge", False)),
            )
            for cell in json.loads(text)["cells"]
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError("truth_unreadable", name=name, detail=str(error)[:80]) from None


def match(cells: Sequence[Cell], known: Sequence[Known]) -> Match:
    """Pairs of found and known cells, each used once, with the least distance in all.

    >>> found, there = Cell(0, 0, 9, 9, 4.5, 4.5, 4.5), Known(5, 4, 5, "ring")
    >>> match([found], [there]).pairs
    ((0, 0),)
    """
    if not cells or not known:
        return Match((), tuple(range(len(known))), tuple(range(len(cells))))
    places = np.array([(cell.x, cell.y) for cell in cells])  # (n, 2)
    truth = np.array([(cell.x, cell.y) for cell in known])  # (m, 2)
    radius = np.array([cell.radius for cell in known])  # (m,)
    distance = np.linalg.norm(places[:, None] - truth[None], axis=2) / radius  # (n, m), in radii
    # a forbidden pair costs more than all allowed ones together
    cost = np.where(distance <= NEAR, distance, len(cells) + len(known))
    rows, columns = linear_sum_assignment(cost)
    pairs = tuple(
        (int(i), int(j)) for i, j in zip(rows, columns, strict=True) if distance[i, j] <= NEAR
    )
    found, seen = {i for i, _ in pairs}, {j for _, j in pairs}
    return Match(
        pairs,
        tuple(j for j in range(len(known)) if j not in seen),
        tuple(i for i in range(len(cells)) if i not in found),
    )


def mistakes(
    answers: Answers,
    cells: Sequence[Cell],
    known: Sequence[Known],
    matched: Match,
    roles: Mapping[str, Role] | None = None,
) -> list[Mistake]:
    """All errors of one model in a field, worst harm first, then the surest.

    Args:
        answers: One for each cell, of a single-label model.
        cells: As they were found.
        known: As they are.
        matched: From :func:`match`.
        roles: What each class means; judged by the names when ``None``. Classes that the truth
            has and the model has not (a model of two classes) are compared by their role.
    """
    truth_roles = default_roles(tuple({cell.label for cell in known}))
    mine = {**default_roles(answers.classes), **(roles or {})}
    theirs = {**truth_roles, **{k: v for k, v in (roles or {}).items() if k in truth_roles}}
    names, sure = answers.names(), answers.confidence
    found = []
    for i, j in matched.pairs:
        harm = _harm(known[j].label, names[i], answers.classes, theirs, mine)
        if harm is not None:
            spot = (cells[i].x, cells[i].y)
            found.append(Mistake(harm, known[j].label, names[i], float(sure[i]), i, j, *spot))
    for j in matched.missed:
        if theirs[known[j].label] == "infected":
            cell = known[j]
            found.append(Mistake("cell_missed", cell.label, "", 1.0, -1, j, cell.x, cell.y))
    for i in matched.invented:
        if mine[names[i]] != "no_red_cell":
            harm = "false_alarm" if mine[names[i]] == "infected" else "cell_invented"
            spot = (cells[i].x, cells[i].y)
            found.append(Mistake(harm, "", names[i], float(sure[i]), i, -1, *spot))
    return sorted(found, key=lambda m: (HARMS.index(m.harm), -m.sure, m.cell, m.known))


def _harm(
    truth: str,
    said: str,
    classes: tuple[str, ...],
    theirs: Mapping[str, Role],
    mine: Mapping[str, Role],
) -> Harm | None:
    """What an answer does; ``None`` for a right one."""
    was, called = theirs[truth], mine[said]
    if was == "infected" and called != "infected":
        return "parasite_missed"
    if was != "infected" and called == "infected":
        return "false_alarm"
    comparable = truth in classes
    return "wrong_kind" if comparable and truth != said else None
