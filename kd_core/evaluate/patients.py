"""Answers for patients instead of images: the mean or the largest probability of their images."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special

from kd_core.errors import ConfigError, DataError
from kd_core.evaluate.bootstrap import units
from kd_core.evaluate.predictions import Predictions

How = Literal["mean", "max"]
Array = NDArray[np.float64]

SMALLEST = 1e-12
"""Probabilities are kept away from 0 and 1 by this much, so that logits stay finite."""


def by_patient(
    predictions: Predictions, how: How = "mean", positive: str | None = None
) -> Predictions:
    """One answer a patient, as predictions whose images are the patients.

    Probabilities (calibrated where the model is) are averaged over the patient's images, or their
    largest is taken: of each label, and of two classes that of the positive one. A label is
    present in a patient where it is in any image, absent where it is absent in all that know it.
    A class must be the same in all of a patient's images, unless ``positive`` names the one of two
    that a single image is enough for.

    Args:
        predictions: Of one model on one part.
        how: ``mean``, or ``max``, which asks whether any image shows it.
        positive: The class that one image is enough for; the second of two where left out and
            no patient has both.

    Returns:
        Predictions of P patients in the order of their names, with the model's threshold.
        A subgroup column is kept where it is one a patient.

    Raises:
        DataError: ``patients_unknown``; ``patients_mixed`` where a patient has images of several
            classes; ``patients_max`` where the largest of more than two classes is asked for.
        ConfigError: ``class_unknown``.

    >>> z = np.log(np.array([[0.2, 0.8], [0.4, 0.6]], np.float32))
    >>> two = Predictions(("a", "b"), np.array([1, 1]), z, "val", 0, ("x", "y"),
    ...                   patients=np.array(["p", "p"]))
    >>> by_patient(two).probabilities().round(3).tolist()
    [[0.3, 0.7]]
    """
    if predictions.patients is None:
        raise DataError("patients_unknown", part=predictions.part)
    if positive is not None and positive not in predictions.classes:
        raise ConfigError("class_unknown", name=positive, known=list(predictions.classes))
    names, first = np.unique(predictions.patients, return_index=True)
    of_image = units(predictions.patients, len(predictions))
    p = predictions.probabilities()
    targets: NDArray[Any]
    if predictions.task == "multilabel":
        joined = _joined(p, of_image, len(names), how)  # (P, L)
        logits, targets = special.logit(_clipped(joined)), _any_label(predictions, of_image)
    else:
        targets = _classes(predictions, of_image, first, positive)
        logits = np.log(_clipped(_class_odds(predictions, p, of_image, len(names), how, positive)))
    return dataclasses.replace(
        predictions,
        ids=tuple(map(str, names)),
        targets=targets,
        logits=logits.astype(np.float32),
        patients=names,
        groups=_groups(predictions.groups, of_image, first),
        calibration=None,
    )


def _clipped(p: Array) -> Array:
    return np.clip(p, SMALLEST, 1 - SMALLEST)


def _joined(p: Array, of_image: NDArray[np.int64], n: int, how: How) -> Array:
    """Mean or largest value of each unit's rows, (P, K)."""
    if how == "max":
        largest = np.zeros((n, p.shape[1]))
        np.maximum.at(largest, of_image, p)
        return largest
    total = np.zeros((n, p.shape[1]))
    np.add.at(total, of_image, p)
    return total / np.bincount(of_image, minlength=n)[:, None]


def _class_odds(
    predictions: Predictions,
    p: Array,
    of_image: NDArray[np.int64],
    n: int,
    how: How,
    positive: str | None,
) -> Array:
    """Probabilities of the classes for each patient, (P, K)."""
    if how == "mean":
        return _joined(p, of_image, n, how)
    if len(predictions.classes) != 2:
        raise DataError("patients_max", classes=len(predictions.classes))
    place = 1 if positive is None else predictions.classes.index(positive)
    largest = _joined(p[:, [place]], of_image, n, how)  # (P, 1)
    return np.hstack([1 - largest, largest] if place else [largest, 1 - largest])


def _classes(
    predictions: Predictions,
    of_image: NDArray[np.int64],
    first: NDArray[np.int64],
    positive: str | None,
) -> NDArray[np.int64]:
    """Class of each patient, (P,)."""
    targets = predictions.targets.astype(np.int64)
    alone = targets[first]
    mixed = np.unique(of_image[alone[of_image] != targets])
    if not len(mixed):
        return alone
    if positive is None or len(predictions.classes) != 2:
        raise DataError("patients_mixed", patients=len(mixed), n=len(first))
    place = predictions.classes.index(positive)
    some = np.zeros(len(first), bool)
    some[of_image[targets == place]] = True
    return np.where(some, place, 1 - place)


def _any_label(predictions: Predictions, of_image: NDArray[np.int64]) -> NDArray[np.float32]:
    """Each label of each patient: present in any image, unknown where no image knows it, (P, L)."""
    found = np.full((int(of_image.max(initial=-1)) + 1, len(predictions.classes)), np.nan)
    np.fmax.at(found, of_image, predictions.targets.astype(np.float64))
    return found.astype(np.float32)


def _groups(
    groups: Mapping[str, NDArray[np.str_]],
    of_image: NDArray[np.int64],
    first: NDArray[np.int64],
) -> dict[str, NDArray[Any]]:
    return {
        name: values[first]
        for name, values in groups.items()
        if (values[first][of_image] == values).all()
    }
