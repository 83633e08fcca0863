"""What the models saw in a field or slide, piece by piece; kept for the session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kd_core.slides.answers import Answers, disagreement
from kd_core.slides.cells import Cell
from kd_core.slides.tiles import Tile
from kd_core.slides.truth import Known, Match
from kd_core.text import Msg


@dataclass(frozen=True, eq=False)
class Seen:
    """Answers to every piece of one picture.

    Attributes:
        width: Of the whole picture in pixels.
        height: Likewise.
        picture: A view of the whole that may be smaller, uint8 (h, w, C).
        places: Cells or tiles.
        crops: What the networks were fed, uint8 (n, C, S, S).
        answers: By model key, the teacher first.
        known: The true cells of an embedded field.
        matched: Which found cell is which true one; ``None`` without truth.
        problem: Why nothing can be said.
        notes: What should be known about the result.
        find_ms: Finding and cutting out the pieces.
        network_ms: By model key.
    """

    width: int
    height: int
    picture: NDArray[np.uint8]
    places: tuple[Cell | Tile, ...]
    crops: NDArray[np.uint8]
    answers: Mapping[str, Answers]
    known: tuple[Known, ...] = ()
    matched: Match | None = None
    problem: Msg | None = None
    notes: tuple[Msg, ...] = ()
    find_ms: float = 0.0
    network_ms: Mapping[str, float] | None = None

    def __len__(self) -> int:
        return len(self.places)

    @property
    def of_cells(self) -> bool:
        """Whether the pieces are cells."""
        return all(isinstance(place, Cell) for place in self.places)

    @property
    def differs(self) -> NDArray[np.bool_]:
        """Where any model answers otherwise than the teacher, (n,)."""
        return disagreement(self.answers, next(iter(self.answers)))

    def truth(self, i: int) -> Known | None:
        """The true cell of piece ``i``, where there is one."""
        pairs = dict(self.matched.pairs) if self.matched else {}
        return self.known[pairs[i]] if i in pairs else None
