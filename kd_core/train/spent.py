"""Energy and memory of a training run, over all its sittings.

How a machine is read is not this package's business: whoever starts a run hands over the gauges.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kd_core.train.state import TrainState


def _unread() -> None:
    return None


@dataclass(frozen=True)
class Gauges:
    """Readings that a run is charged by; ``None`` where the machine does not tell.

    Attributes:
        joules: Energy that the machine has used since some moment that does not change.
        peak_bytes: Largest memory of this process so far, or of its GPU where it trains on one.
    """

    joules: Callable[[], float | None] = _unread
    peak_bytes: Callable[[], int | None] = _unread


class Spending:
    """Charges a run with what was used since the last reading."""

    def __init__(self, gauges: Gauges) -> None:
        self._gauges = gauges
        self._last = gauges.joules()

    def charge(self, state: TrainState) -> None:
        """Add what was used; an energy that could not be read once is not known at all.

        >>> readings = iter([10.0, 12.5, 13.0])
        >>> state, spending = TrainState(""), Spending(Gauges(joules=lambda: next(readings)))
        >>> spending.charge(state), spending.charge(state), state.energy_j
        (None, None, 3.0)
        """
        now, last = self._gauges.joules(), self._last
        self._last = now
        known = now is not None and last is not None and state.energy_j is not None
        state.energy_j = state.energy_j + now - last if known else None  # type: ignore[operator]
        peak = self._gauges.peak_bytes()
        if peak is not None:
            state.peak_memory_bytes = max(peak, state.peak_memory_bytes or 0)
