"""Chains by name: the usual questions, asked with one click.

``three_ways``   distilled, pruned, quantised: which of them, and which together?
``orders``       does it matter whether one distils, prunes or quantises first?

All chains of a question train for the same number of epochs, so that none wins by training longer.
"""

from __future__ import annotations

from dataclasses import dataclass

from kd_core.compress.spec import COMPRESSORS
from kd_core.config import Chain, CompressStep, DistilSettings, LossTerm, TrainSettings

RECIPE = TrainSettings(epochs=5, lr=3e-4, warmup=0.1)
"""A short recipe: the network has learnt already and only has to settle."""

TEACHING = DistilSettings(alpha=0.3, losses=(LossTerm(name="kd", params={"T": 4.0}),))
RATIOS = (0.3, 0.5, 0.7)
"""Shares of the multiplications that pruning takes away."""

PRUNE, INT8, FP16, QAT = "prune_l1", "int8", "fp16", "qat"


@dataclass(frozen=True)
class Reported:
    """A published figure: shown as reported, never mixed with ours.

    Attributes:
        source: Where it stands.
        images: On which images.
        remains: What remains of the size, low and high where the text can be read in two ways.
        speed_up: Times as fast.
        drop: Loss of performance in [0, 1]; the text does not name the metric.
    """

    source: str
    images: str
    remains: tuple[float, float]
    speed_up: float
    drop: float


REPORTED = (
    Reported("JKSU-CIS 35(7) 101616, 2023", "malaria", (0.184, 0.816), 6.14, 0.009),
    Reported("JKSU-CIS 35(7) 101616, 2023", "COVID-19", (0.15, 0.85), 5.86, 0.012),
)
"""The abstract says "compressed by 18.4 % and 15 % of the original model": what is left, or what is
saved; and "5.86 %" for the second speed-up, probably a factor. Networks, data, settings
and hardware are not public."""


def prune(ratio: float, tune: TrainSettings | None, distil: DistilSettings | None) -> CompressStep:
    """Structured pruning to a share of the multiplications."""
    params: dict[str, float | int | bool | str] = {"ratio": ratio, "target": "macs"}
    return CompressStep(method=PRUNE, params=params, tune=tune, distil=distil)


def three_ways(
    student: str,
    recipe: TrainSettings = RECIPE,
    teaching: DistilSettings = TEACHING,
    ratios: tuple[float, ...] = RATIOS,
) -> tuple[Chain, ...]:
    """Distilled against pruned against quantised, and pruned or distilled with quantised.

    Args:
        student: The arm of distilled students that stands for distillation.
        recipe: Fine-tuning after pruning.
        teaching: How the pruned teacher learns from the unpruned one.
        ratios: Shares of the teacher's multiplications that pruning takes away.
    """
    formats = [method for method in (FP16, INT8) if method in COMPRESSORS]
    chains = [
        Chain(name=f"{origin}-{method}", origin=origin, steps=(CompressStep(method=method),))
        for origin in ("teacher", student)
        for method in formats
    ]
    for ratio in ratios:
        steps = [prune(ratio, recipe, teaching)]
        if INT8 in COMPRESSORS:
            steps.append(CompressStep(method=INT8))
        name = f"teacher-pruned-{round(100 * ratio)}"
        chains.append(Chain(name=name, origin="teacher", steps=tuple(steps)))
    return tuple(chains)


def orders(
    student: str,
    recipe: TrainSettings = RECIPE,
    teaching: DistilSettings = TEACHING,
    ratio: float = 0.5,
) -> tuple[Chain, ...]:
    """Distil (d), prune (p) and quantise (q) in several orders, from the same student network.

    Where distillation comes first, the chain begins with the distilled student; where it comes
    later, with the student that was trained alone. Every chain trains ``recipe`` once more.

    Args:
        student: The arm of distilled students.
        recipe: The training within each chain.
        teaching: How it learns where it distils.
        ratio: Share of the multiplications that pruning takes away.
    """
    quantise = CompressStep(method=INT8)
    distil = CompressStep(method="finetune", tune=recipe, distil=teaching)
    chains = {
        "p-q": ("baseline", (prune(ratio, recipe, None), quantise)),
        "p-d-q": ("baseline", (prune(ratio, None, None), distil, quantise)),
        "d-p-q": (student, (prune(ratio, recipe, None), quantise)),
        "d-p-d-q": (student, (prune(ratio, recipe, teaching), quantise)),
    }
    if QAT in COMPRESSORS:
        trained = CompressStep(method=QAT, tune=recipe, distil=teaching)
        chains["d-p-qd"] = (student, (prune(ratio, None, None), trained))
    return tuple(
        Chain(name=name, origin=origin, steps=steps) for name, (origin, steps) in chains.items()
    )
