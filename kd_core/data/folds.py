"""Cross-validation by patient: training and validation part, divided into k folds.

The test part is none of them: it stays as it is, and sealed. Which fold an image is in depends on
the data alone, so every run of every study with k folds has the same.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kd_core.data.cache import moments
from kd_core.data.loaded import LoadedData, Part
from kd_core.data.splits import split_groups
from kd_core.errors import DataError

POOL = ("train", "val")


def fold_of(targets: NDArray[Any], groups: NDArray[Any], folds: int) -> NDArray[np.int64]:
    """The fold of each image, (N,): classes alike in all, a group never in two.

    Args:
        targets: int64 (N,), or float32 (N, L) with NaN.
        groups: What must stay together: the patient, or the image where none is known.
        folds: k.

    Raises:
        DataError: ``folds_too_many`` where a fold would stay empty.

    >>> fold_of(np.array([0, 0, 1, 1]), np.array(["a", "b", "c", "d"]), 2).tolist()
    [1, 0, 0, 1]
    """
    n = len(np.unique(groups))
    if folds > n:
        raise DataError("folds_too_many", folds=folds, n=n)
    names = [str(fold) for fold in range(1, folds)]
    made = split_groups(targets, groups, dict.fromkeys(names, 1 / folds), seed=0)
    found = np.where(made == "train", "0", made).astype(np.int64)
    if len(np.unique(found)) < folds:
        raise DataError("folds_too_many", folds=folds, n=n)
    return found


def with_fold(data: LoadedData, fold: int, folds: int) -> LoadedData:
    """The same data with one fold as validation part and the others as training part.

    Mean and standard deviation are those of the new training part. Images of the two parts are
    copied into memory once.

    Raises:
        DataError: ``folds_too_many``.
    """
    pool = joined([data.parts[name] for name in POOL if len(data.parts.get(name, ()))])
    groups = np.array(pool.ids) if pool.patients is None else pool.patients
    of_image = fold_of(pool.targets, groups, folds)
    parts = dict(data.parts)
    parts["train"] = taken(pool, np.flatnonzero(of_image != fold))
    parts["val"] = taken(pool, np.flatnonzero(of_image == fold))
    mean, std = moments(parts["train"].images)
    return dataclasses.replace(
        data, parts=parts, mean=mean, std=std, fold=f"fold {fold + 1} of {folds}"
    )


def joined(parts: list[Part]) -> Part:
    """Parts one after the other."""
    first = parts[0]
    patients = [part.patients for part in parts]
    known = [value for value in patients if value is not None]
    return Part(
        images=np.concatenate([part.images for part in parts]),
        targets=np.concatenate([part.targets for part in parts]),  # type: ignore[arg-type]
        ids=tuple(name for part in parts for name in part.ids),
        patients=np.concatenate(known) if len(known) == len(parts) else None,
        groups={
            name: np.concatenate([part.groups[name] for part in parts])
            for name in first.groups
            if all(name in part.groups for part in parts)
        },
    )


def taken(part: Part, rows: NDArray[np.int64]) -> Part:
    """Some images of a part."""
    groups: Mapping[str, Any] = {name: column[rows] for name, column in part.groups.items()}
    return Part(
        images=part.images[rows],
        targets=part.targets[rows],
        ids=tuple(part.ids[i] for i in rows),
        patients=None if part.patients is None else part.patients[rows],
        groups=groups,
    )
