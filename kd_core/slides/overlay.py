"""What is drawn over a field or slide: one shape a cell or tile, as data; a figure draws it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kd_core.slides.answers import Answers, disagreement
from kd_core.slides.cells import Cell
from kd_core.slides.tiles import Tile

Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Shape:
    """One cell or tile.

    Attributes:
        index: Of the cell or tile, as it was classified.
        points: A closed polygon in pixels of the finest level.
        box: Left, upper, right and lower edge.
        chosen: What each model chose, by its name.
        sure: Probability of that, by model.
        colour: Index of the class of the model that is shown; −1 for no label (``multilabel``).
        dashed: True where the models do not all agree.
    """

    index: int
    points: Points
    box: tuple[float, float, float, float]
    chosen: Mapping[str, str]
    sure: Mapping[str, float]
    colour: int
    dashed: bool


@dataclass(frozen=True)
class Overlay:
    """All shapes over one picture.

    Attributes:
        width: Pixels of the finest level.
        height: Pixels of the finest level.
        classes: Names, in the order of ``Shape.colour``.
        shown: Name of the model whose classes give the colours.
        shapes: In the order in which they were classified.
    """

    width: int
    height: int
    classes: tuple[str, ...]
    shown: str
    shapes: tuple[Shape, ...]

    @property
    def n_disagree(self) -> int:
        """Shapes on which the models differ."""
        return sum(shape.dashed for shape in self.shapes)


def overlay(
    places: Sequence[Cell | Tile],
    answers: Mapping[str, Answers],
    size: tuple[int, int],
    shown: str = "",
) -> Overlay:
    """The shapes of classified cells or tiles.

    Args:
        places: One for each answer.
        answers: By the models' names; the first is the reference of agreement.
        size: Width and height of the picture.
        shown: Name of the model that gives the colours; the first when empty.
    """
    shown = shown or next(iter(answers))
    differs = disagreement(answers, next(iter(answers)))
    names = {name: answer.names() for name, answer in answers.items()}
    sure = {name: answer.confidence for name, answer in answers.items()}
    shapes = []
    for i, place in enumerate(places):
        points, box = _geometry(place)
        shapes.append(
            Shape(
                index=i,
                points=points,
                box=box,
                chosen={name: said[i] for name, said in names.items()},
                sure={name: float(values[i]) for name, values in sure.items()},
                colour=_colour(answers[shown], i),
                dashed=bool(differs[i]),
            )
        )
    return Overlay(size[0], size[1], answers[shown].classes, shown, tuple(shapes))


def _geometry(place: Cell | Tile) -> tuple[Points, tuple[float, float, float, float]]:
    if isinstance(place, Cell):
        return place.outline(), (place.x0, place.y0, place.x1, place.y1)
    left, top = place.x, place.y
    right, bottom = left + place.side, top + place.side
    corners = ((left, top), (right, top), (right, bottom), (left, bottom), (left, top))
    return corners, (left, top, right, bottom)


def _colour(answers: Answers, index: int) -> int:
    """The chosen class; for several labels the surest one that is present."""
    if answers.task != "multilabel":
        return int(answers.chosen[index])
    present = answers.chosen[index]
    if not present.any():
        return -1
    return int((answers.probabilities[index] * present).argmax())
