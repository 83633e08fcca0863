"""The simulations of :mod:`benchmarks.statistics`.

A model's log-odds for an image are ``z = ±δ / 2 + u + e``: the true class's side, an effect u of
the patient on this model, and noise e, with ``u² + e² = 1`` in variance; ρ is the share of u, so
that two images of a patient are correlated by ρ. An arm's seeds have each their own δ around the
arm's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from kd_core.evaluate.correction import holm
from kd_core.evaluate.delong import delong
from kd_core.evaluate.gap import gaps
from kd_core.evaluate.paired import mcnemar, sign_flip
from kd_core.evaluate.predictions import Predictions
from kd_core.evaluate.scores import score
from kd_core.evaluate.verdict import compare
from kd_core.evaluate.winners_curse import winners_curse

PATIENTS, EACH = 50, 8
"""Patients, and images of each, in the simulations of false alarms."""

DELTA = 2.0
"""Distance of the classes' means: accuracy Φ(δ / 2) = 0.84, area Φ(δ / √2) = 0.92."""


@dataclass(frozen=True)
class Size:
    """How much is simulated: trials of each figure, bootstrap repeats of each trial."""

    trials: int
    repeats: int


@dataclass(frozen=True)
class Share:
    """A share of trials with its standard error."""

    share: float
    error: float

    @classmethod
    def of(cls, hits: int, trials: int) -> Share:
        """√(p (1 − p) / n), with half a hit added so that 0 has an error, too."""
        p = (hits + 0.5) / (trials + 1)
        return cls(hits / trials, math.sqrt(p * (1 - p) / trials))


@dataclass(frozen=True)
class Design:
    """What is simulated.

    Attributes:
        patients: Number of patients.
        each: Images of each.
        rho: Correlation of two images of a patient.
        tau: Standard deviation of δ over seeds.
        known: Whether the statistics are told the patients.
    """

    patients: int = PATIENTS
    each: int = EACH
    rho: float = 0.0
    tau: float = 0.0
    known: bool = True


def arm(
    rng: np.random.Generator, design: Design, seeds: int = 1, delta: float = DELTA
) -> list[Predictions]:
    """One arm's models, one a seed; a patient's images have one class."""
    n = design.patients * design.each
    of_image = np.repeat(np.arange(design.patients), design.each)
    truth = (np.arange(design.patients) % 2)[of_image]
    names = np.char.add("p", of_image.astype(str)) if design.known else None
    ids = tuple(map(str, range(n)))
    found = []
    for seed in range(seeds):
        own = delta + design.tau * rng.normal()
        u = rng.normal(0, math.sqrt(design.rho), design.patients)[of_image]
        e = rng.normal(0, math.sqrt(1 - design.rho), n)
        z = own * (truth - 0.5) + u + e
        logits = np.stack([np.zeros(n), z], 1).astype(np.float32)
        found.append(Predictions(ids, truth, logits, "val", seed, ("a", "b"), patients=names))
    return found


# ---------------------------------------------------------------- false alarms


def false_alarms(size: Size) -> list[dict[str, Any]]:
    """How often two equally good models are said to differ at 5 %, by test and correlation."""
    return [
        {"rho": rho, "images": PATIENTS * EACH, "patients": PATIENTS, **_alarms(size, rho)}
        for rho in (0.0, 0.2, 0.5)
    ]


def _alarms(size: Size, rho: float) -> dict[str, Share]:
    rng, hits = np.random.default_rng(1), dict.fromkeys(TESTS, 0)
    for _ in range(size.trials):
        known, blind = Design(rho=rho), Design(rho=rho, known=False)
        state = rng.bit_generator.state
        pair = arm(rng, known), arm(rng, known)
        rng.bit_generator.state = state  # the same models, without their patients
        unknown = arm(rng, blind), arm(rng, blind)
        for name, (test, told) in TESTS.items():
            hits[name] += test(*(pair if told else unknown), size.repeats) <= 0.05
    return {name: Share.of(n, size.trials) for name, n in hits.items()}


Pair = list[Predictions]
TESTS: dict[str, tuple[Callable[[Pair, Pair, int], float], bool]] = {
    "McNemar, images": (lambda a, b, r: mcnemar(a[0], b[0])[0].p, False),
    "DeLong, images": (lambda a, b, r: delong(a[0], b[0])[0].p, False),
    "bootstrap, images": (lambda a, b, r: gaps(a, b, "accuracy", r)[0].p, False),
    "sign flips, images": (lambda a, b, r: sign_flip(a, b, repeats=r).p, False),
    "bootstrap, patients": (lambda a, b, r: gaps(a, b, "accuracy", r)[0].p, True),
    "sign flips, patients": (lambda a, b, r: sign_flip(a, b, repeats=r).p, True),
}
"""p by test, and whether it is told the patients."""


SOURCES = {
    "images only": Design(each=1, patients=400),
    "patients": Design(rho=0.5),
    "patients and seeds": Design(rho=0.2, tau=0.2),
    "seeds": Design(each=1, patients=400, tau=0.4),
}
"""Where the noise comes from."""


def verdict_alarms(size: Size) -> list[dict[str, Any]]:
    """How often the verdict says better or worse of equally good methods, by number of seeds."""
    rows = []
    for name, design in SOURCES.items():
        row: dict[str, Any] = {"noise": name}
        for seeds in (1, 2, 3, 5):
            rng, hits = np.random.default_rng(2), 0
            for _ in range(size.trials):
                pair = arm(rng, design, seeds), arm(rng, design, seeds)
                hits += compare(*pair, "accuracy", repeats=size.repeats).kind in ("better", "worse")
            row[f"{seeds} seeds"] = Share.of(hits, size.trials)
        rows.append(row)
    rows.append({"noise": "best of 5 methods, Holm", **_list_alarms(size)})
    return rows


def _list_alarms(size: Size) -> dict[str, Share]:
    """How often any of five equally good methods is said to differ, after Holm's correction."""
    rng, design, hits = np.random.default_rng(3), Design(rho=0.2, tau=0.2), 0
    trials = max(1, size.trials // 2)
    for _ in range(trials):
        base = arm(rng, design, 3)
        p = [gaps(arm(rng, design, 3), base, "accuracy", size.repeats)[0].p for _ in range(5)]
        hits += min(holm(p)) <= 0.05
    return {"3 seeds": Share.of(hits, trials)}


# ---------------------------------------------------------------- coverage


def truth_of(metric: str, delta: float, tau: float = 0.0) -> float:
    """The figure that infinitely many patients and seeds would show."""
    if metric == "macro_auc":
        return float(special.ndtr(delta / math.sqrt(2) / math.sqrt(1 + tau**2 / 2)))
    return float(special.ndtr(delta / 2 / math.sqrt(1 + tau**2 / 4)))


def coverage(size: Size) -> list[dict[str, Any]]:
    """How often a score's 95 % interval holds the truth, by images and height of the score."""
    rows = []
    for n, each in ((50, 1), (100, 1), (300, 1), (1000, 1), (400, 8)):
        design = Design(patients=n // each, each=each, rho=0.5 if each > 1 else 0.0)
        for delta in (1.35, 2.56, 4.65):  # accuracies of 0.75, 0.90, 0.99
            row: dict[str, Any] = {"images": n, "patients": design.patients}
            row["true accuracy"] = truth_of("", delta)
            rows.append({**row, **_covered(size, design, delta)})
    return rows


def _covered(size: Size, design: Design, delta: float) -> dict[str, Share]:
    metrics = ("accuracy", "balanced_accuracy", "macro_auc")
    rng, hits = np.random.default_rng(4), dict.fromkeys(metrics, 0)
    for _ in range(size.trials):
        found = score(arm(rng, design, delta=delta)[0], metrics, size.repeats)
        for name in metrics:
            truth = truth_of(name, delta)
            hits[name] += found[name].low <= truth <= found[name].high
    return {name: Share.of(n, size.trials) for name, n in hits.items()}


def coverage_of_differences(size: Size) -> list[dict[str, Any]]:
    """How often the interval of a difference of two methods holds the truth, by seeds."""
    rows = []
    for name, design in SOURCES.items():
        for one, two in ((DELTA, DELTA), (2.6, 2.0), (4.65, 4.0)):
            true = truth_of("", one, design.tau) - truth_of("", two, design.tau)
            row: dict[str, Any] = {"noise": name, "difference": true}
            for seeds in (1, 3):
                hits = sum(_holds(size, design, seeds, one, two, true))
                row[f"{seeds} seeds"] = Share.of(hits, size.trials)
            rows.append(row)
    return rows


def _holds(
    size: Size, design: Design, seeds: int, one: float, two: float, true: float
) -> Iterator[bool]:
    rng = np.random.default_rng(5)
    for _ in range(size.trials):
        pair = arm(rng, design, seeds, one), arm(rng, design, seeds, two)
        gap = gaps(*pair, "accuracy", size.repeats)[0]
        yield gap.low <= true <= gap.high


def winners(size: Size) -> list[dict[str, Any]]:
    """How much the best of equally good models looks better than it is."""
    rows = []
    for models, images in ((5, 300), (10, 300), (30, 300), (100, 300), (30, 1000), (30, 100)):
        found = winners_curse(models, images, repeats=2 * size.trials)
        row = {"models": models, "images": images}
        rows.append({**row, "optimism": Share(found.optimism, found.error), "high": found.high})
    return rows
