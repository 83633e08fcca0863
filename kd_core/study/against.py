"""Every model of a study against one of them: size, speed and what it lost, in one table."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from kd_core.compress.spec import COMPRESSORS
from kd_core.config import Chain
from kd_core.evaluate.verdict import Verdict
from kd_core.study.chain import kept
from kd_core.study.results import Result, compare_arms

Way = Literal["reference", "alone", "distilled", "pruned", "quantised", "combined", "other"]


@dataclass(frozen=True)
class Row:
    """One arm against the reference.

    Attributes:
        arm: Its name.
        ways: How it came to be smaller, in order.
        size_bytes: The file.
        size_ratio: Bytes of the reference over its own.
        latency_ms: Median over its seeds, one image.
        speed_up: Times as fast as the reference. Of a chain, what was measured one after the
            other counts; see :func:`speed_up`.
        seeds: Models.
        verdict: On the metric, against the reference; ``None`` for the reference itself.
    """

    arm: str
    ways: tuple[Way, ...]
    size_bytes: int
    size_ratio: float
    latency_ms: float | None
    speed_up: float | None
    seeds: int
    verdict: Verdict | None

    @property
    def way(self) -> Way:
        """The one word for it; ``combined`` where there are several."""
        return self.ways[0] if len(self.ways) == 1 else "combined"


FAMILIES: dict[str, Way] = {
    "prune": "pruned",
    "sparsify": "pruned",
    "factorise": "pruned",
    "quantise": "quantised",
}


def against(
    arms: Mapping[str, Sequence[Result]],
    reference: str,
    metric: str,
    *,
    chains: Sequence[Chain] = (),
    part: str = "val",
    margin: float = 0.01,
    opened: bool = False,
) -> list[Row]:
    """One row an arm, the reference first, then the smallest file first.

    Args:
        arms: Models by arm.
        reference: The arm that the others are held against.
        metric: Of the verdict.
        chains: Those of the study, which say how a model came to be.
        part: ``val``, or another once the test part is open.
        margin: How much worse still counts as as good.
        opened: Whether the test part is open.

    Raises:
        StoreError: ``test_sealed``, ``predictions_missing``.
    """
    first = arms[reference]
    size = first[0].model.size_bytes
    rows = []
    for arm, group in arms.items():
        own_size = group[0].model.size_bytes
        rows.append(
            Row(
                arm=arm,
                ways=("reference",) if arm == reference else ways(arm, arms, chains),
                size_bytes=own_size,
                size_ratio=size / own_size,
                latency_ms=latency_ms(group),
                speed_up=speed_up(arm, arms, reference, chains),
                seeds=len(group),
                verdict=None
                if arm == reference
                else compare_arms(group, first, metric, part=part, margin=margin, opened=opened),
            )
        )
    return sorted(rows, key=lambda row: (row.arm != reference, row.size_bytes))


def speed_up(
    arm: str, arms: Mapping[str, Sequence[Result]], reference: str, chains: Sequence[Chain]
) -> float | None:
    """Times as fast as the reference.

    A step of a chain was timed in turns with what the chain began with, which says more than two
    figures from different hours. The way from there to the reference is a ratio of their own
    measurements.
    """
    chain = next((one for one in chains if one.name == arm.rpartition("/")[0]), None)
    if chain is not None and chain.origin in arms:
        here = [value for r in arms[arm] if (value := numbers(r).get("speed_up")) is not None]
        rest = speed_up(chain.origin, arms, reference, chains)
        return statistics.median(here) * rest if here and rest is not None else None
    if arm == reference:
        return 1.0
    time, own = latency_ms(arms[reference]), latency_ms(arms[arm])
    return time / own if time and own else None


def numbers(result: Result) -> dict[str, float | None]:
    """The numbers of a step's truth check; none for another model."""
    record = kept(result.file.parent)
    return record.truth.numbers if record is not None and record.truth is not None else {}


def latency_ms(group: Sequence[Result]) -> float | None:
    """Median of one image over an arm's models."""
    times = [found.latency_ms_p50 for r in group if (found := r.latency()) is not None]
    return statistics.median(times) if times else None


def ways(
    arm: str, arms: Mapping[str, Sequence[Result]], chains: Sequence[Chain]
) -> tuple[Way, ...]:
    """How a model came to be smaller, in order; a chain inherits the way of what it begins with."""
    model = arms[arm][0].model
    known: dict[str, Way] = {"baseline": "alone"}
    known |= dict.fromkeys(("student", "peer", "exit"), "distilled")
    if model.role != "compressed":
        return (known.get(model.role, "other"),)
    chain = next((one for one in chains if one.name == arm.rpartition("/")[0]), None)
    if chain is None:
        return ("other",)
    found: list[Way] = []
    origin = arms.get(chain.origin)
    if origin and origin[0].model.role == "student":
        found.append("distilled")
    for step in chain.steps[: model.step]:
        family = COMPRESSORS[step.method].family if step.method in COMPRESSORS else ""
        if family in FAMILIES:
            found.append(FAMILIES[family])
        elif family == "tune" and step.distil is not None:
            found.append("distilled")
    return tuple(dict.fromkeys(found)) or ("other",)
