"""Several comparisons at once: the more one looks, the more chance finds.

Holm's step-down correction keeps the chance of any false alarm in a list at 5 %, whatever the
tests have in common (Holm 1979).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kd_core.evaluate.predictions import Predictions
from kd_core.evaluate.verdict import Verdict, compare


def holm(p_values: Sequence[float]) -> list[float]:
    """Corrected p, in the order given; an undefined one stays NaN and does not count.

    Formula: the i-th smallest of m becomes ``maxⱼ≤ᵢ min(1, (m − j + 1) · p₍ⱼ₎)``.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    defined = [i for i, p in enumerate(p_values) if not math.isnan(p)]
    corrected = [math.nan] * len(p_values)
    largest = 0.0
    for rank, i in enumerate(sorted(defined, key=lambda i: p_values[i])):
        largest = max(largest, min(1.0, (len(defined) - rank) * p_values[i]))
        corrected[i] = largest
    return corrected


@dataclass(frozen=True)
class Compared:
    """One of several comparisons.

    Attributes:
        verdict: On its own, without correction.
        p: Two-sided, of the verdict's repeats.
        p_holm: Corrected for the number of comparisons.
    """

    verdict: Verdict
    p: float
    p_holm: float

    @property
    def holds(self) -> bool:
        """Whether the difference still stands after the correction."""
        return self.p_holm < 0.05


def compare_all(
    arms: Mapping[str, Sequence[Predictions]],
    against: Sequence[Predictions],
    metric: str,
    margin: float = 0.01,
    repeats: int = 2000,
    seed: int = 0,
) -> dict[str, Compared]:
    """The verdict on each of several methods against one, with Holm's correction over the list.

    Args:
        arms: One model a seed, by method.
        against: What all are compared with, in the same order of seeds.
        metric: Entry of ``METRICS`` with one value.
        margin: As in :func:`kd_core.evaluate.verdict.compare`.
        repeats: Bootstrap repeats; no p is below ``2 / (repeats + 1)``.
        seed: Of the draws.

    Raises:
        ConfigError: ``entry_unknown``, ``metric_per_class``.
        DataError: As :func:`kd_core.evaluate.verdict.compare`.
    """
    found = {
        name: compare(arm, against, metric, margin, repeats, seed) for name, arm in arms.items()
    }
    corrected = holm([verdict.p for verdict in found.values()])
    return {
        name: Compared(verdict, verdict.p, p)
        for (name, verdict), p in zip(found.items(), corrected, strict=True)
    }
