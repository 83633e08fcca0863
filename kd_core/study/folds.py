"""Cross-validation as one study: every run once a fold, and what the folds say together.

    teacher-fold1-s0 ──► distilled-fold1-s0, …    each fold has its own teacher: one that has seen
    teacher-fold2-s0 ──► distilled-fold2-s0, …    another fold's images would give them away

Out-of-fold predictions of one seed together cover training and validation part once; the test part
belongs to no fold.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from kd_core.config import RUN_PREFIX, RunSettings, StudySettings
from kd_core.errors import ConfigError
from kd_core.evaluate.decide import calibrated_logits
from kd_core.evaluate.predictions import Predictions

Expand = Callable[[StudySettings], tuple[RunSettings, ...]]

_FOLD = re.compile(r"-fold(\d+)$")


def over_folds(study: StudySettings, expand: Expand) -> tuple[RunSettings, ...]:
    """All runs of a study, once a fold.

    Args:
        study: With ``folds`` above 0.
        expand: Makes the runs of a study without folds.

    Raises:
        ConfigError: ``folds_leak`` where a model begins with a finished run.
    """
    check_no_leak(study)
    runs: list[RunSettings] = []
    for fold in range(study.folds):
        data = study.data.change(fold=fold, folds=study.folds)
        graph = expand(study.change(folds=0, data=data))
        keys = {run.key: fold_key(run.key, run.seed, fold) for run in graph}
        for run in graph:
            needs = {name: keys[key] for name, key in run.needs.items()}
            runs.append(run.change(key=keys[run.key], needs=needs))
    return tuple(runs)


def check_no_leak(study: StudySettings) -> None:
    """Refuse what has seen the images that a fold is judged on.

    Raises:
        ConfigError: ``folds_leak``.
    """
    leaks = {
        "teacher": bool(study.teacher.run) or study.teacher.model.weights.kind == "run",
        "student": study.student.weights.kind == "run",
        **{chain.name: chain.origin.startswith(RUN_PREFIX) for chain in study.chains},
    }
    for what, leaking in leaks.items():
        if leaking:
            raise ConfigError("folds_leak", what=what)


def fold_key(key: str, seed: int, fold: int) -> str:
    """Graph key of a run in a fold; its seed stays last.

    >>> fold_key("teacher-s0", 0, 2), fold_key("imported-net.onnx", 0, 0)
    ('teacher-fold3-s0', 'imported-net.onnx-fold1')
    """
    end = f"-s{seed}"
    if key.endswith(end):
        return f"{key.removesuffix(end)}-fold{fold + 1}{end}"
    return f"{key}-fold{fold + 1}"


def place_of(key: str, seed: int) -> tuple[str, int | None]:
    """A run's place in its study without seed and fold, and its fold.

    >>> place_of("teacher-fold3-s0", 0), place_of("teacher-s0", 0)
    (('teacher', 2), ('teacher', None))
    """
    place = key.removesuffix(f"-s{seed}")
    found = _FOLD.search(place)
    return (place, None) if found is None else (place[: found.start()], int(found[1]) - 1)


def pooled(folds: Sequence[Predictions]) -> Predictions:
    """Out-of-fold predictions of one seed as those of one model; one fold stays as it is.

    Each image keeps the calibration and the threshold of the model that answered it. Models of
    several folds are ranked together, which costs a ranking metric a little where they differ.

    Raises:
        ValueError: No predictions.
    """
    if len(folds) == 1:
        return folds[0]
    first = folds[0]
    groups: Mapping[str, np.ndarray] = {
        name: np.concatenate([one.groups[name] for one in folds])
        for name in first.groups
        if all(name in one.groups for one in folds)
    }
    patients = [one.patients for one in folds if one.patients is not None]
    return replace(
        first,
        ids=tuple(name for one in folds for name in one.ids),
        targets=np.concatenate([one.targets for one in folds]),
        logits=np.concatenate(
            [calibrated_logits(one.logits, one.task, one.calibration) for one in folds]
        ).astype(np.float32),
        patients=np.concatenate(patients) if len(patients) == len(folds) else None,
        groups=groups,
        calibration=None,
        threshold=_thresholds(folds),
    )


def _thresholds(folds: Sequence[Predictions]) -> np.ndarray | None:
    """One threshold an image, (N, K); ``None`` where no model has its own."""
    if all(one.threshold is None for one in folds):
        return None
    k = len(folds[0].classes)
    rows = [
        np.broadcast_to(np.asarray(0.5 if one.threshold is None else one.threshold), (len(one), k))
        for one in folds
    ]
    return np.concatenate(rows)
