"""Who teaches whom, and when: the boxes, arrows and curves of one mode, without a picture.

The time axis is in phases: what is taught first learns from 0 to 1, whoever learns from it from 1
to 2. In a mode where all learn at once there is one phase.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

FRAMES = 40
"""Pictures of one phase when the diagram plays."""

BOX_W, BOX_H = 2.6, 0.9
LAPS = 4
"""How often a dot runs along an arrow during a phase."""

LABELS = "labels"


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


def moments(info: ModeRun) -> list[float]:
    """The moments that are played, in phases."""
    n = FRAMES * info.phases
    return [info.phases * i / n for i in range(n + 1)]


# --- at one moment ------------------------------------------------------------------------------


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
        tuple((arrow.source, *along(info, arrow, share)) for arrow in used)
        if moment < info.phases
        else (),
    )


def ends(info: ModeRun, arrow: Arrow) -> tuple[tuple[float, float], tuple[float, float]]:
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


def along(info: ModeRun, arrow: Arrow, share: float) -> tuple[float, float]:
    """A place on an arrow, at a share of its length."""
    (x0, y0), (x1, y1) = ends(info, arrow)
    return x0 + share * (x1 - x0), y0 + share * (y1 - y0)
