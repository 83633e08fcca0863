"""Methods as arms: a list of them on one pair of networks becomes one study.

A method is named like the texts of its entry: ``loss.dkd`` is one loss with a fixed teacher,
``mode.mutual`` a way of learning with soft targets. Everything else is the study's, so that a
difference between two arms is the method and nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from kd_core.config import Arm, DistilSettings, LossTerm, StudySettings, TrainSettings
from kd_core.losses import LOSSES, LossSpec
from kd_core.losses.spec import looks_inside, needs_teacher
from kd_core.text import significant
from kd_core.train.alone import Alone
from kd_core.train.modes import MODES

PLAIN = "kd"
"""The method that all others should beat: soft targets from a fixed teacher."""

PROPOSED = 12
"""Methods in the list that a person is offered first."""


def methods(task: str, peers: int = 0) -> tuple[str, ...]:
    """Every method that a task has a form for.

    Args:
        task: Entry of ``TASKS``.
        peers: Further networks that are chosen; a mode that needs more is left out.

    >>> "loss.kd" in methods("multilabel"), "loss.dkd" in methods("multilabel")
    (True, False)
    """
    losses = [f"loss.{name}" for name, spec in LOSSES.items() if task in spec.tasks]
    modes = [
        f"mode.{name}"
        for name, mode in MODES.items()
        if name not in ("alone", "offline") and task in mode.tasks and mode.peers[0] <= peers
    ]
    return (*losses, *modes)


def proposal(task: str) -> tuple[str, ...]:
    """A list to begin with: plain soft targets, then each family in turn; one without a teacher."""
    families: dict[str, list[str]] = {}
    for name, spec in LOSSES.items():
        if task in spec.tasks:
            kind = spec.family if needs_teacher(spec.needs) else "labels"
            families.setdefault(kind, []).append(f"loss.{name}")
    families["labels"] = families.get("labels", [])[:1]
    turns = max((len(names) for names in families.values()), default=0)
    ordered = [names[i] for i in range(turns) for names in families.values() if i < len(names)]
    return tuple(ordered[:PROPOSED])


def refusal(mode: str, loss: str) -> str | None:
    """Why a mode cannot use a loss: ``no_teacher``, ``no_features``; ``None`` where it can.

    >>> refusal("alone", "kd"), refusal("offline", "kd")
    ('no_teacher', None)
    """
    needs, spec = LOSSES[loss].needs, MODES[mode]
    if needs_teacher(needs) and spec.build is Alone:
        return "no_teacher"
    return "no_features" if looks_inside(needs) and not spec.features else None


def usual_weight(spec: LossSpec) -> float | None:
    """``None``, which is 1 − α, for response losses; else the middle of the published weights.

    The middle is geometric, since published weights lie powers of ten apart.
    """
    if spec.family == "response":
        return None
    low, high = spec.range or (1.0, 1.0)
    middle = math.sqrt(max(low, high * 1e-4) * high)
    return significant(middle, 2)


def usual_term(name: str) -> LossTerm:
    """A loss as a person finds it when it is chosen."""
    spec = LOSSES[name]
    return LossTerm(name=name, weight=usual_weight(spec), params=spec.defaults())


def arm_for(method: str, like: DistilSettings) -> Arm:
    """One method as an arm, with the shared α, views and plain terms of ``like``.

    Its further networks are those of ``like`` where the method cannot be without.

    >>> arm_for("loss.kd", DistilSettings(alpha=0.3)).distil.alpha
    0.3
    """
    kind, _, name = method.partition(".")
    wanted = name if kind == "loss" else PLAIN
    usual = usual_term(wanted)
    given = next((term for term in like.losses if term.name == wanted), usual)
    term = given.change(params={**usual.params, **given.params})
    mode = name if kind == "mode" else "offline" if needs_teacher(LOSSES[name].needs) else "alone"
    own = like.params if like.mode == mode else MODES[mode].defaults()
    losses = (term,) if MODES[mode].losses else ()
    least, most = MODES[mode].peers
    peers = like.peers[:most] if least else ()
    distil = like.change(
        mode=mode, losses=losses, params=own, ramps=(), peers=peers, task_weight=None
    )
    return Arm(name=name, distil=distil)


def comparison(
    study: StudySettings, chosen: Sequence[str], seeds: Sequence[int], name: str
) -> StudySettings:
    """The study with one arm a method, on these seeds.

    Args:
        study: Where data, networks, recipe and the first arm's α and views come from.
        chosen: Names of :func:`methods`.
        seeds: Of every arm.
        name: Of the study.
    """
    like = study.arms[0].distil if study.arms else DistilSettings()
    arms = tuple(arm_for(method, like) for method in chosen)
    return study.change(name=name, arms=arms, seeds=tuple(seeds), chains=(), imported=())


def longer(train: TrainSettings, ratio: float) -> TrainSettings:
    """The recipe with so many times the steps, for a baseline with equal compute.

    >>> longer(TrainSettings(epochs=20), 2.1).epochs
    42
    """
    if train.steps is not None:
        return train.change(steps=max(1, round(train.steps * ratio)))
    return train.change(epochs=max(1, round(train.epochs * ratio)))


def alone_for_longer(study: StudySettings, ratio: float, name: str) -> Arm:
    """The student alone with so many times the steps, as an arm of the study."""
    like = study.arms[0].distil if study.arms else DistilSettings()
    distil = like.change(
        mode="alone", losses=(), params={}, peers=(), ramps=(), warmup=0.0, task_weight=None
    )
    return Arm(name=name, distil=distil, train=longer(study.train, ratio))
