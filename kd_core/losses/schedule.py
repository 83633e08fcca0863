"""What the numbers of an objective are at a step: warm-up of the weights, and ramps.

The values follow from the settings and the step alone, so a run that is resumed has the right ones
at once, and a page can draw them before anything is trained.
"""

from __future__ import annotations

import math
from typing import Any

from kd_core.config import DistilSettings, LossTerm, Ramp
from kd_core.errors import ConfigError
from kd_core.losses.spec import LOSSES

ALPHA, TASK_WEIGHT = "alpha", "task.weight"


def settings_at(distil: DistilSettings, step: int, total: int) -> DistilSettings:
    """The settings that hold at one step, with nothing in them that changes any more.

    Formulas, with x = step / (total − 1): a linear ramp is ``a + (b − a) · x``, a cosine ramp
    ``a + (b − a) · (1 − cos πx) / 2``. The warm-up multiplies all distillation weights by
    ``min(1, step / (warmup · total))``, so the first step learns from the labels alone; the weight
    of the labels stays. A weight that is not given follows α: ``1 − α`` at this step.

    Args:
        distil: The settings of a student.
        step: From 0.
        total: The budget in steps.

    Raises:
        ConfigError: ``ramp_unknown``, ``ramp_repeats``, or what is wrong with a value.

    >>> from kd_core.config import Ramp
    >>> ramps = Ramp(of="alpha", end=1.0), Ramp(of="kd.T", end=1.0)
    >>> now = settings_at(DistilSettings(alpha=0.2, ramps=ramps), 5, 11)
    >>> round(now.alpha, 3), now.losses[0].params["T"]
    (0.6, 2.5)
    """
    if not is_moving(distil):
        return distil
    values = _ramped(distil, step, total)
    alpha = values.get(ALPHA, distil.alpha)
    warm = warmth(distil, step, total)
    terms = tuple(_term(term, values, alpha, warm) for term in distil.losses)
    return distil.change(
        alpha=alpha,
        losses=terms,
        task_weight=values.get(TASK_WEIGHT, distil.task_weight),
        warmup=0.0,
        ramps=(),
    )


def is_moving(distil: DistilSettings) -> bool:
    """True if anything changes over the budget."""
    return bool(distil.warmup or distil.ramps)


def warmth(distil: DistilSettings, step: int, total: int) -> float:
    """Share of the distillation weights that counts at a step, from 0 to 1.

    >>> [warmth(DistilSettings(warmup=0.5), step, 8) for step in (0, 1, 4, 7)]
    [0.0, 0.25, 1.0, 1.0]
    """
    warm = round(distil.warmup * total)
    return min(1.0, step / warm) if warm else 1.0


def moving(distil: DistilSettings, step: int, total: int) -> dict[str, float]:
    """The values that change over the budget, at one step, by the names that ramps use.

    >>> moving(DistilSettings(alpha=0.2, warmup=0.5), 2, 8)
    {'kd.weight': 0.4}
    """
    now = settings_at(distil, step, total)
    values = _ramped(distil, step, total)
    if distil.warmup:
        values |= {f"{term.name}.weight": _weight(term, now.alpha) for term in now.losses}
    return {name: _rounded(value) for name, value in values.items()}


def startings(distil: DistilSettings) -> dict[str, float]:
    """Every number that a ramp can move, and where it begins.

    >>> startings(DistilSettings(alpha=0.25))
    {'alpha': 0.25, 'kd.weight': 0.75, 'kd.T': 4.0}
    """
    values = {ALPHA: distil.alpha}
    if distil.task_weight is not None:
        values[TASK_WEIGHT] = distil.task_weight
    for term in distil.losses:
        spec = LOSSES[term.name]
        params = spec.check(term.params)
        floats = [param.name for param in spec.params if param.kind == "float"]
        values[f"{term.name}.weight"] = _weight(term, distil.alpha)
        values |= {f"{term.name}.{name}": params[name] for name in floats}
    return values


def _ramped(distil: DistilSettings, step: int, total: int) -> dict[str, float]:
    begin = startings(distil)
    names = [ramp.of for ramp in distil.ramps]
    for name in names:
        if name not in begin:
            raise ConfigError("ramp_unknown", name=name, known=sorted(begin))
    if len(set(names)) != len(names):
        raise ConfigError("ramp_repeats", names=names)
    share = min(1.0, step / max(1, total - 1))
    return {ramp.of: _on(ramp, begin[ramp.of], share) for ramp in distil.ramps}


def _on(ramp: Ramp, begin: float, share: float) -> float:
    way = share if ramp.shape == "linear" else (1 - math.cos(math.pi * share)) / 2
    return ramp.end if share == 1.0 else begin + (ramp.end - begin) * way


def _term(term: LossTerm, values: dict[str, float], alpha: float, warm: float) -> LossTerm:
    weight = values.get(f"{term.name}.weight", _weight(term, alpha))
    own: dict[str, Any] = {
        name.partition(".")[2]: value
        for name, value in values.items()
        if name.partition(".")[0] == term.name and name != f"{term.name}.weight"
    }
    return term.change(weight=weight * warm, params={**term.params, **own})


def _weight(term: LossTerm, alpha: float) -> float:
    return 1 - alpha if term.weight is None else term.weight


def _rounded(value: float) -> float:
    return float(f"{value:.10g}")  # 0.1 + 0.2 is no figure to show
