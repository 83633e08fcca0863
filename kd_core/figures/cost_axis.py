"""The axis of a cost: linear or logarithmic, and how models of one cost stand side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kd_core.figures.look import padded

WIDE = 8.0
"""Ratio of the dearest to the cheapest model from which the axis is logarithmic."""

SAME_PLACE, STEP, MOST = 0.012, 0.012, 0.08
"""Shares of the axis: models closer than this are drawn side by side, this far apart, and no
group is wider than this."""


@dataclass(frozen=True)
class CostAxis:
    """An axis from ``low`` to ``high``; as powers of ten where it is logarithmic."""

    log: bool
    low: float
    high: float

    @classmethod
    def of(cls, costs: Sequence[float]) -> CostAxis:
        """The axis on which these costs have room.

        >>> CostAxis.of([1.0, 100.0]).log
        True
        """
        if not costs:
            return cls(False, 0.0, 1.0)
        smallest, largest = min(costs), max(costs)
        if smallest > 0 and largest / smallest > WIDE:
            return cls(True, *padded(math.log10(smallest), math.log10(largest), 0.1))
        low, high = padded(smallest, largest, 0.12)
        return cls(False, max(0.0, low), high)

    def position(self, cost: float) -> float:
        """A cost in the axis's own unit: itself, or its power of ten."""
        return math.log10(cost) if self.log else cost

    def cost(self, position: float) -> float:
        """The inverse of :meth:`position`."""
        return 10**position if self.log else position

    def share(self, cost: float) -> float:
        """How far along the axis a cost is, from 0 to 1."""
        return (self.position(cost) - self.low) / (self.high - self.low)

    def side_by_side(self, costs: Sequence[float], rank: Sequence[Any]) -> list[float]:
        """Costs at which to draw: those that are as good as equal stand side by side.

        Args:
            costs: True costs.
            rank: Sorts those that stand together, from left to right.

        >>> axis = CostAxis(False, 0.0, 10.0)
        >>> [round(x, 2) for x in axis.side_by_side([5, 5, 9], [1, 0, 2])]
        [5.06, 4.94, 9.0]
        """
        span = self.high - self.low
        groups: list[list[int]] = []
        for i in sorted(range(len(costs)), key=lambda i: costs[i]):
            first = groups[-1][0] if groups else i
            near = self.position(costs[i]) - self.position(costs[first]) < SAME_PLACE * span
            if groups and near:
                groups[-1].append(i)
            else:
                groups.append([i])
        drawn = [float(cost) for cost in costs]
        for group in (g for g in groups if len(g) > 1):
            centre = sum(self.position(costs[i]) for i in group) / len(group)
            step = min(STEP, MOST / len(group)) * span
            for place, i in enumerate(sorted(group, key=lambda i: rank[i])):
                drawn[i] = self.cost(centre + (place - (len(group) - 1) / 2) * step)
        return drawn
