"""What a method gained elsewhere, and what it gained on these images.

Published gains are CIFAR-100 accuracies of the benchmark that comes with RepDistiller (Tian et al.
2020, tables 1 and 2), those that DKD's authors give for eleven of its pairs, and those of logit
standardisation and MLKD for the one pair that all share. They are points of accuracy on natural
images: a hint of what to try, no promise. Seed noise there is as large as most gains (repeats of
DKD gave 75.80 to 76.20).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from kd_core.config import StudySettings
from kd_core.study.results import Result

Kin = Literal["same", "other"]
BENCHMARK, DKD = "Tian et al. 2020", "Zhao et al. 2022"


@dataclass(frozen=True)
class Pair:
    """One published pair.

    Attributes:
        teacher: Its network, as named there.
        student: Likewise.
        kin: Networks of the ``same`` type, or of ``other`` types.
        alone: Accuracy of the student alone, in percent.
        gained: Accuracy in percent by entry of ``LOSSES``, or by several with ``+`` between them.
        source: Where the figures stand.
    """

    teacher: str
    student: str
    kin: Kin
    alone: float
    gained: dict[str, float]
    source: str = BENCHMARK


_NAMES = (
    "kd", "hint", "attention", "similarity", "correlation", "vid", "pkt", "nst", "crd",
    "rkd_distance+rkd_angle",
)  # fmt: skip
# One row a pair: student alone, then the columns of _NAMES.
_ROWS: tuple[tuple[str, str, Kin, float, tuple[float, ...]], ...] = (
    ("wrn-40-2", "wrn-16-2", "same", 73.26,
     (74.92, 73.58, 74.08, 73.83, 73.56, 74.11, 74.54, 73.68, 75.48, 73.35)),
    ("wrn-40-2", "wrn-40-1", "same", 71.98,
     (73.54, 72.24, 72.77, 72.43, 72.21, 73.30, 73.45, 72.24, 74.14, 72.22)),
    ("resnet56", "resnet20", "same", 69.06,
     (70.66, 69.21, 70.55, 69.67, 69.63, 70.38, 70.34, 69.60, 71.16, 69.61)),
    ("resnet110", "resnet20", "same", 69.06,
     (70.67, 68.99, 70.22, 70.04, 69.48, 70.16, 70.25, 69.53, 71.46, 69.25)),
    ("resnet110", "resnet32", "same", 71.14,
     (73.08, 71.06, 72.31, 72.69, 71.48, 72.61, 72.61, 71.96, 73.48, 71.82)),
    ("resnet32x4", "resnet8x4", "same", 72.50,
     (73.33, 73.50, 73.44, 72.94, 72.97, 73.09, 73.64, 73.30, 75.51, 71.90)),
    ("vgg13", "vgg8", "same", 70.36,
     (72.98, 71.02, 71.43, 72.68, 70.71, 71.23, 72.88, 71.53, 73.94, 71.48)),
    ("vgg13", "MobileNetV2", "other", 64.60,
     (67.37, 64.14, 59.40, 66.30, 64.86, 65.56, 67.13, 58.16, 69.73, 64.52)),
    ("ResNet50", "MobileNetV2", "other", 64.60,
     (67.35, 63.16, 58.58, 68.08, 65.43, 67.57, 66.52, 64.96, 69.11, 64.43)),
    ("ResNet50", "vgg8", "other", 70.36,
     (73.81, 70.69, 71.84, 73.34, 70.25, 70.30, 73.01, 71.28, 74.30, 71.50)),
    ("resnet32x4", "ShuffleNetV1", "other", 70.50,
     (74.07, 73.59, 71.73, 73.48, 71.14, 73.38, 74.10, 74.12, 75.11, 72.28)),
    ("resnet32x4", "ShuffleNetV2", "other", 71.82,
     (74.45, 73.54, 72.73, 74.56, 71.29, 73.40, 74.69, 74.68, 75.65, 73.21)),
    ("wrn-40-2", "ShuffleNetV1", "other", 70.50,
     (74.83, 73.73, 73.32, 74.52, 71.38, 73.61, 73.89, 74.89, 76.05, 72.21)),
)  # fmt: skip
# The same students alone. FSP needs equal widths, so it has no value for some pairs.
_MORE: tuple[tuple[str, str, str, float], ...] = (
    ("fsp", "wrn-40-2", "wrn-16-2", 72.91),
    ("fsp", "resnet56", "resnet20", 69.95),
    ("fsp", "resnet110", "resnet20", 70.11),
    ("fsp", "resnet110", "resnet32", 71.89),
    ("fsp", "resnet32x4", "resnet8x4", 72.62),
    ("fsp", "vgg13", "vgg8", 70.23),
    ("dkd", "resnet56", "resnet20", 71.97),
    ("dkd", "resnet110", "resnet32", 74.11),
    ("dkd", "resnet32x4", "resnet8x4", 76.32),
    ("dkd", "wrn-40-2", "wrn-16-2", 76.23),
    ("dkd", "wrn-40-2", "wrn-40-1", 74.81),
    ("dkd", "vgg13", "vgg8", 74.68),
    ("dkd", "resnet32x4", "ShuffleNetV1", 76.45),
    ("dkd", "wrn-40-2", "ShuffleNetV1", 76.70),
    ("dkd", "vgg13", "MobileNetV2", 69.71),
    ("dkd", "ResNet50", "MobileNetV2", 70.35),
    ("dkd", "resnet32x4", "ShuffleNetV2", 77.07),
    ("logit_std", "resnet32x4", "resnet8x4", 76.62),
    ("mlkd", "resnet32x4", "resnet8x4", 77.08),
)  # fmt: skip
_SOURCES = {"fsp": BENCHMARK, "dkd": DKD, "logit_std": "Sun et al. 2024", "mlkd": "Jin et al. 2023"}
_OF_PAIR = {row[:2]: row[2:4] for row in _ROWS}  # kin and student alone
PAIRS = (
    *(Pair(*row[:3], row[3], dict(zip(_NAMES, row[4], strict=True))) for row in _ROWS),
    *(Pair(t, s, *_OF_PAIR[t, s], {name: v}, _SOURCES[name]) for name, t, s, v in _MORE),
)


@dataclass(frozen=True)
class Gain:
    """Published gains of one method over pairs of one kind, in points of accuracy."""

    method: str
    low: float
    high: float
    pairs: int
    below: int
    source: str


def kin(teacher: str, student: str) -> Kin:
    """Whether two networks are of the same type, by the letters that their names begin with.

    >>> kin("resnet18", "resnet_narrow"), kin("densenet121", "mobilenet_v2")
    ('same', 'other')
    """
    first, second = (
        re.match(r"[a-z]+", name.lower().removeprefix("timm:")) for name in (teacher, student)
    )
    same = first is not None and second is not None and first[0] == second[0]
    return "same" if same else "other"


def published_gains(kind: Kin) -> tuple[Gain, ...]:
    """Range of gains over the student alone by method, over all pairs of a kind.

    >>> kd = published_gains("same")[0]
    >>> kd.method, round(kd.low, 2), round(kd.high, 2), kd.pairs
    ('kd', 0.83, 2.62, 7)
    """
    found: dict[str, list[tuple[float, str]]] = {}
    for pair in PAIRS:
        if pair.kin == kind:
            for method, value in pair.gained.items():
                found.setdefault(method, []).append((value - pair.alone, pair.source))
    return tuple(
        Gain(
            method=method,
            low=min(gain for gain, _ in gains),
            high=max(gain for gain, _ in gains),
            pairs=len(gains),
            below=sum(gain < 0 for gain, _ in gains),
            source=gains[0][1],
        )
        for method, gains in found.items()
    )


@dataclass(frozen=True)
class OwnGain:
    """What a finished arm gained here.

    Attributes:
        method: Its losses with ``+`` between them; the mode in front where it is not offline.
        points: Mean over seeds of the metric less that of the student alone, × 100.
        seeds: Seeds that both have.
        study: Name of the study.
        pair: Teacher and student.
    """

    method: str
    points: float
    seeds: int
    study: str
    pair: tuple[str, str]


def own_gains(
    study: StudySettings, name: str, arms: dict[str, list[Result]], metric: str
) -> list[OwnGain]:
    """Gains over the student alone in one finished study, on validation images."""
    alone = _by_seed(arms.get("baseline", ()), metric)
    teachers = arms.get("teacher", ())
    teacher = teachers[0].model.architecture if teachers else study.teacher.model.name
    gains = []
    for arm in study.arms:
        here = _by_seed(arms.get(arm.name, ()), metric)
        shared = sorted(set(here) & set(alone))
        losses = "+".join(term.name for term in arm.distil.losses)
        if not shared or not losses or arm.train is not None:
            continue
        mode = "" if arm.distil.mode == "offline" else f"{arm.distil.mode}: "
        points = 100 * sum(here[s] - alone[s] for s in shared) / len(shared)
        pair = (teacher, study.student.name)
        gains.append(OwnGain(mode + losses, points, len(shared), name, pair))
    return gains


def _by_seed(group: Sequence[Result], metric: str) -> dict[int, float]:
    scores = {r.run.seed: r.scores[metric].value for r in group if metric in r.scores}
    return {seed: value for seed, value in scores.items() if value is not None}
