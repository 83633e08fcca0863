"""Is a small gain real? The validation images drawn again and again, and two models' new scores.

Patients are drawn where they are known, images otherwise, with replacement: what another set of
the same kind could have shown (Efron & Tibshirani 1993).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kd_core.evaluate import METRICS, Verdict, compare, read_predictions
from kd_core.evaluate.bootstrap import units, weightings
from kd_core.lessons.material import Material, Voice
from kd_core.lessons.tradeoff_models import METRIC
from kd_core.study.results import PREDICTIONS
from kd_core.text import Msg

Array = NDArray[np.float64]

REPEATS = 200

SMALL = 0.003
"""The gain of the question: 0.3 points."""

LOOKED_AT = 60
"""Models among which a pair is looked for."""


@dataclass(frozen=True)
class Drawn:
    """Two models' accuracy on the images as they are, and on drawn ones.

    Attributes:
        seen: Of both, on the validation images.
        drawn: Of both in each draw, (2, R).
        n_units: Patients or images that are drawn.
        of_patients: Whether patients are drawn.
        n_images: Validation images.
    """

    seen: tuple[float, float]
    drawn: Array
    n_units: int
    of_patients: bool
    n_images: int

    @property
    def gaps(self) -> Array:
        """First less second, (R,)."""
        return self.drawn[0] - self.drawn[1]

    def flips(self, n: int = REPEATS) -> int:
        """How many of the first n draws put the models in the other order."""
        sign = 1.0 if self.seen[0] >= self.seen[1] else -1.0
        return int((sign * self.gaps[:n] < 0).sum())

    def ties(self, n: int = REPEATS) -> int:
        """How many of the first n draws put them level."""
        return int((self.gaps[:n] == 0).sum())


def pair_options(material: Material) -> list[tuple[str, Msg]]:
    """Two models about 0.3 points apart; student against baseline; teacher against student."""
    found = []
    for kind in ("near", "student", "teacher"):
        first, second = pair_of(material, kind)
        names = {"first": first.result.label, "second": second.result.label}
        found.append((kind, Msg("lesson.tradeoff.pair", names)))
    return found


def pair_of(material: Material, kind: str) -> tuple[Voice, Voice]:
    """The two models, the one with the higher score first."""
    if kind == "near":
        pair = _near(material)
    else:
        other = "baseline" if kind == "student" else "student"
        pair = material.voice(kind), material.voice(other)
    scores = [_score(voice) for voice in pair]
    return pair if scores[0] >= scores[1] else (pair[1], pair[0])


def _near(material: Material) -> tuple[Voice, Voice]:
    """The two models whose scores differ by about :data:`SMALL`, equal ones last."""
    scores = [_score(voice) for voice in material.voices[:LOOKED_AT]]
    pairs = [(i, j) for i in range(len(scores)) for j in range(i)]

    def off(pair: tuple[int, int]) -> tuple[bool, float]:
        gap = abs(scores[pair[0]] - scores[pair[1]])
        return gap == 0, abs(gap - SMALL)

    one, other = min(pairs, key=off)
    return material.voices[one], material.voices[other]


def _score(voice: Voice) -> float:
    value = voice.result.model.values[METRIC]
    return -1.0 if value is None else value


def drawn_again(pair: tuple[Voice, Voice]) -> Drawn:
    """Both models on the images as they are and on :data:`REPEATS` draws, the same for both."""
    return _drawn(_file(pair[0]), _file(pair[1]))


def verdict_of(pair: tuple[Voice, Voice]) -> Verdict:
    """The verdict that every page gives, on the first against the second."""
    return _verdict(_file(pair[0]), _file(pair[1]))


def _file(voice: Voice) -> Path:
    """Where a model's answers to the validation images are kept, as it would be deployed."""
    return voice.result.folder / PREDICTIONS / f"{voice.result.model.name}-val.parquet"


_said = functools.lru_cache(maxsize=128)(read_predictions)


@functools.lru_cache(maxsize=128)
def _drawn(first: Path, second: Path) -> Drawn:
    both = [_said(file) for file in (first, second)]
    targets, patients = both[0].targets, both[0].patients
    metric = METRICS[METRIC]
    seen = [metric.seen(one) for one in both]  # each (n, K)
    of_image = units(patients, len(targets))
    chunks = [
        np.stack([metric.fn(answers, targets, weights) for answers in seen])  # (2, r)
        for weights in weightings(of_image, REPEATS, np.random.default_rng(0))
    ]
    one, two = (float(metric.fn(answers, targets)) for answers in seen)
    return Drawn(
        seen=(one, two),
        drawn=np.concatenate(chunks, axis=1),
        n_units=int(of_image.max()) + 1,
        of_patients=patients is not None,
        n_images=len(targets),
    )


@functools.lru_cache(maxsize=128)
def _verdict(first: Path, second: Path) -> Verdict:
    return compare([_said(first)], [_said(second)], METRIC)
