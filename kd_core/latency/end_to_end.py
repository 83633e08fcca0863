"""From the image file to the answer: what was measured beside the network, or is estimated.

:func:`preparation` sums up measurements of one device; :func:`stages` estimates what was not
measured, for any device.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kd_core.latency.stages import Stage, stages, whole

__all__ = ["Preparation", "Row", "Stage", "preparation", "stages", "whole"]

Row = tuple[float | None, float | None, float | None, int | None]
"""Decode and resize together, decode alone, the answer (ms), and the side of the source image."""


@dataclass(frozen=True)
class Preparation:
    """Medians of what was measured before and after the network.

    Attributes:
        whole_ms: Decode, resize and normalise; NaN where nobody timed it.
        decode_ms: The decoding alone; NaN where it was not timed apart.
        answer_ms: From the network's outputs to the answer; NaN where nobody timed it.
        source_px: Side of the image that was decoded; 0 where none was.
        n: Measurements of such an image.
    """

    whole_ms: float = math.nan
    decode_ms: float = math.nan
    answer_ms: float = math.nan
    source_px: int = 0
    n: int = 0


def preparation(rows: Sequence[Row]) -> Preparation:
    """Medians over the measurements with the commonest source image.

    Where some of them timed the decoding apart, these count alone, so that the part and the whole
    belong together.
    """
    answer_ms = _median([row[2] for row in rows])
    sides = Counter(row[3] for row in rows if row[0] is not None and row[3])
    if not sides:
        return Preparation(answer_ms=answer_ms)
    side = max(sides, key=lambda each: (sides[each], each or 0))
    mine = [row for row in rows if row[3] == side and row[0] is not None]
    apart = [row for row in mine if row[1] is not None] or mine
    whole_ms, decode_ms = (_median([row[place] for row in apart]) for place in (0, 1))
    return Preparation(whole_ms, decode_ms, answer_ms, side or 0, len(apart))


def _median(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None]
    return float(np.median(known)) if known else math.nan
