"""Per-image predictions of one model on one part: the raw material of every score.

Kept with every run as Parquet, one row an image::

    image, patient, part, seed, logit:<class> …, label            classification
    image, patient, part, seed, logit:<label> …, label:<label> …  multilabel (blank = unknown)
    group:<column> …                                              subgroups, where there are any

The table's metadata hold the task, the class names, and the model's own calibration and threshold,
so a file explains itself; logits are raw::

    from kd_core.evaluate.predictions import read_predictions
    frame = read_predictions("model-val.parquet").to_frame()
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from kd_core.errors import DataError, StoreError
from kd_core.evaluate.decide import (
    Calibration,
    at_half,
    calibrated_logits,
    decided,
    to_probabilities,
)

METADATA = b"kdlab.predictions"
VERSION = 1


@dataclass(frozen=True)
class Predictions:
    """What one model answers to each image of one part.

    Attributes:
        ids: One name an image.
        targets: int64 (N,) for ``classification``; float32 (N, L), NaN unknown, for ``multilabel``.
        logits: Raw outputs, float32 (N, K).
        part: ``train``, ``val``, ``test`` or ``external-<data set>``.
        seed: Seed of the run.
        classes: Class or label names, (K,).
        task: ``classification`` or ``multilabel``.
        patients: Patient of each image, (N,), or ``None``.
        groups: Subgroup columns, each (N,).
        calibration: What makes calibrated probabilities of the logits, or ``None``.
        threshold: Decision threshold, one for all labels or one each; ``None`` is the task's own.
            Pooled predictions of several models have one an image, (N, K).
        fold: Fold of a cross-validation whose model answered images that belong to no fold, from
            0; ``None`` where no other fold's model answered the same.

    Raises:
        DataError: ``predictions_shape`` where lengths differ or a target is no class;
            ``predictions_not_finite`` where a model answered NaN or infinity.
    """

    ids: tuple[str, ...]
    targets: NDArray[np.generic]
    logits: NDArray[np.float32]
    part: str
    seed: int
    classes: tuple[str, ...]
    task: str = "classification"
    patients: NDArray[np.str_] | None = None
    groups: Mapping[str, NDArray[np.str_]] = field(default_factory=dict)
    calibration: Calibration | None = None
    threshold: float | tuple[float, ...] | NDArray[np.float64] | None = None
    fold: int | None = None

    def __post_init__(self) -> None:
        n, k = len(self.ids), len(self.classes)
        columns = [self.targets, *self.groups.values()]
        columns += [] if self.patients is None else [self.patients]
        fits = self.logits.shape == (n, k) and all(len(column) == n for column in columns)
        if self.task == "multilabel":
            fits = fits and self.targets.shape == (n, k)
        else:
            fits = fits and self.targets.shape == (n,)
            fits = fits and (n == 0 or (self.targets.min() >= 0 and self.targets.max() < k))
        if not fits:
            raise DataError("predictions_shape", images=n, classes=k, got=list(self.logits.shape))
        if not np.isfinite(self.logits).all():
            wrong = int((~np.isfinite(self.logits)).any(1).sum())
            raise DataError("predictions_not_finite", images=n, wrong=wrong)

    @property
    def of_patients(self) -> bool:
        """Whether each answer is for a patient, as :mod:`kd_core.evaluate.patients` makes them."""
        return self.patients is not None and self.ids == tuple(map(str, self.patients))

    def __len__(self) -> int:
        return len(self.ids)

    def probabilities(self) -> NDArray[np.float64]:
        """Softmax over classes, or a sigmoid for each label; calibrated where that is known."""
        logits = calibrated_logits(self.logits, self.task, self.calibration)
        return to_probabilities(logits, self.task)  # (N, K)

    def at_half(self) -> NDArray[np.float64]:
        """Probabilities moved so that this model's threshold lies at one half, (N, K)."""
        return at_half(self.probabilities(), self.task, self.threshold)

    def predicted(self) -> NDArray[np.int64]:
        """The class (N,), or each label (N, L), at the model's own threshold.

        Without one, the likeliest class, or labels above 0.5.
        """
        return decided(self.probabilities(), self.task, self.threshold)

    def where(self, rows: NDArray[np.bool_]) -> Predictions:
        """The predictions of some images only, (N,) of bool."""
        own = isinstance(self.threshold, np.ndarray) and self.threshold.ndim == 2  # one an image
        return replace(
            self,
            ids=tuple(name for name, kept in zip(self.ids, rows, strict=True) if kept),
            targets=self.targets[rows],
            logits=self.logits[rows],
            patients=None if self.patients is None else self.patients[rows],
            groups={name: values[rows] for name, values in self.groups.items()},
            threshold=self.threshold[rows] if own else self.threshold,  # type: ignore[index]
        )

    def to_frame(self) -> pd.DataFrame:
        """One row an image, with the columns of the module text."""
        columns: dict[str, object] = {
            "image": list(self.ids),
            "patient": pd.array(
                [None] * len(self) if self.patients is None else list(map(str, self.patients)),
                dtype="string",
            ),
            "part": [self.part] * len(self),
            "seed": np.full(len(self), self.seed, np.int64),
        }
        columns |= {f"logit:{n}": self.logits[:, k] for k, n in enumerate(self.classes)}
        if self.task == "multilabel":
            columns |= {f"label:{n}": self.targets[:, k] for k, n in enumerate(self.classes)}
        else:
            columns["label"] = self.targets
        columns |= {f"group:{name}": list(map(str, v)) for name, v in self.groups.items()}
        return pd.DataFrame(columns)


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Write a Parquet file, aside and renamed."""
    about: dict[str, object] = {
        "version": VERSION,
        "task": predictions.task,
        "classes": list(predictions.classes),
    }
    if predictions.calibration:
        about["calibration"] = dict(predictions.calibration)
    if predictions.threshold is not None:
        about["threshold"] = predictions.threshold
    table = pa.Table.from_pandas(predictions.to_frame(), preserve_index=False)
    table = table.replace_schema_metadata({METADATA: json.dumps(about).encode()})
    aside = path.with_name(f".{path.name}.aside")
    pq.write_table(table, aside, compression="zstd")
    aside.replace(path)


def read_predictions(path: Path | str) -> Predictions:
    """The predictions of a file.

    Raises:
        StoreError: ``predictions_unreadable``.
    """
    try:
        table = pq.read_table(path)
        about = json.loads(table.schema.metadata[METADATA])
        found = _from_frame(table.to_pandas(), tuple(about["classes"]), about["task"])
        return replace(
            found,
            calibration=about.get("calibration"),
            threshold=_threshold(about.get("threshold")),
        )
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError) as error:
        raise StoreError("predictions_unreadable", path=str(path), detail=str(error)) from None


def _threshold(value: float | Sequence[float] | None) -> float | tuple[float, ...] | None:
    return tuple(value) if isinstance(value, Sequence) else value


def _from_frame(frame: pd.DataFrame, classes: tuple[str, ...], task: str) -> Predictions:
    labels = [f"label:{name}" for name in classes]
    known = frame["patient"].notna().all() and len(frame) > 0
    return Predictions(
        ids=tuple(frame["image"]),
        targets=(
            frame[labels].to_numpy(np.float32)
            if task == "multilabel"
            else frame["label"].to_numpy(np.int64)
        ),
        logits=frame[[f"logit:{name}" for name in classes]].to_numpy(np.float32),
        part=str(frame["part"].iloc[0]) if len(frame) else "",
        seed=int(frame["seed"].iloc[0]) if len(frame) else 0,
        classes=classes,
        task=task,
        patients=frame["patient"].to_numpy(dtype=np.str_) if known else None,
        groups={
            name.removeprefix("group:"): frame[name].to_numpy(dtype=np.str_)
            for name in frame.columns
            if name.startswith("group:")
        },
    )
