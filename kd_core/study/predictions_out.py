"""Every answer of a study in one table, and a reader: so that anyone can redo the statistics.

One row an image and model, logits raw::

    study, run, arm, model, seed, fold, part, image, patient, label (or label:<label> …),
    logit:<class> …, group:<column> …, mark

What a table says of itself stands in a file's metadata (Parquet) or in a line before it (CSV,
``# kd-lab {…}``): task, classes, and each model's own calibration and threshold::

    from kd_core.study.predictions_out import read
    answers = read("predictions.parquet")
    answers.predictions("distilled", part="val")  # one a seed, ready for kd_core.evaluate
    answers.frame                                 # a plain pandas table

Sealed parts are in it only where the study's test part is open, and only of the models that were
chosen or asked for.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from kd_core.errors import StoreError
from kd_core.evaluate.predictions import Predictions
from kd_core.study.folds import pooled
from kd_core.study.results import Result, predictions, results
from kd_core.study.store import Store

METADATA = b"kdlab.study_predictions"
COMMENT = "# kd-lab "
VERSION = 1
_TEXTS = ("run", "arm", "image", "patient", "mark")
COLUMNS = ("study", "run", "arm", "model", "seed", "fold", "part", "image", "patient")


def parts_of(store: Store, study_id: str) -> tuple[str, ...]:
    """Parts that a study's predictions may have, sealed ones included.

    Raises:
        StoreError: ``study_unknown``.
    """
    externals = store.study(study_id).settings.data.external
    return ("val", "test", *(f"external-{name}" for name in externals))


def collected(
    store: Store, study_id: str, parts: Sequence[str] | None = None
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The table, and what it says of itself.

    Args:
        store: Where the study is.
        study_id: The study.
        parts: Which; ``None`` takes all that are open.

    Raises:
        StoreError: ``study_unknown``; ``study_empty`` where no model has finished; ``test_sealed``
            for a part that is asked for and not open; ``predictions_missing`` where no model that
            may be seen has any.
    """
    found = results(store, study_id)
    if not found:
        raise StoreError("study_empty", study=study_id)
    seal = found[0].seal
    wanted = tuple(parts) if parts is not None else parts_of(store, study_id)
    frames: list[pd.DataFrame] = []
    models: dict[str, Any] = {}
    about: dict[str, Any] = {"version": VERSION, "study": study_id, "models": models}
    for part in wanted:
        if part != "val" and not seal.opened:
            if parts is None:
                continue
            raise StoreError("test_sealed", part=part)
        for result, one in _of_part(found, part):
            about |= {"task": one.task, "classes": list(one.classes)}
            models[f"{result.run.id}/{result.model.name}"] = {
                "calibration": dict(one.calibration) if one.calibration else None,
                "threshold": one.threshold,
            }
            frames.append(_frame(study_id, result, part, one))
    if not frames:
        raise StoreError("predictions_missing", run=study_id, part=", ".join(wanted))
    return pd.concat(frames, ignore_index=True), about


def _of_part(found: Sequence[Result], part: str) -> Iterator[tuple[Result, Predictions]]:
    """Models whose predictions of a part may be seen and are there."""
    for result in found:
        if part != "val" and not result.seal.allows(result.arm):
            continue
        try:
            yield result, predictions(result, part, opened=part != "val")
        except StoreError as error:
            if error.code != "predictions_missing":
                raise


def _frame(study_id: str, result: Result, part: str, one: Predictions) -> pd.DataFrame:
    frame = one.to_frame()
    frame["study"], frame["run"], frame["arm"] = study_id, result.run.id, result.arm
    frame["model"], frame["part"] = result.model.name, part
    frame["fold"] = -1 if result.fold is None else result.fold
    frame["mark"] = "" if part == "val" else result.mark
    rest = [name for name in frame.columns if name not in COLUMNS]
    return frame[[*COLUMNS, *rest]]


def write(store: Store, study_id: str, path: Path, parts: Sequence[str] | None = None) -> int:
    """Write the table, as CSV or Parquet by the file's ending; how many rows.

    Raises:
        StoreError: As :func:`collected`; ``disk_full``.
    """
    from kd_core.study.folders import disk_errors

    content, rows = encoded(store, study_id, path.suffix.lower() == ".csv", parts)
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return rows


def encoded(
    store: Store, study_id: str, csv: bool, parts: Sequence[str] | None = None
) -> tuple[bytes, int]:
    """The table as the bytes of a file, and its rows.

    Raises:
        StoreError: As :func:`collected`.
    """
    frame, about = collected(store, study_id, parts)
    if csv:
        head = COMMENT + json.dumps(about) + "\n"
        return (head + frame.to_csv(index=False)).encode(), len(frame)
    table = pa.Table.from_pandas(frame, preserve_index=False)
    table = table.replace_schema_metadata({METADATA: json.dumps(about).encode()})
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue(), len(frame)


# --- reading ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Answers:
    """A table of predictions with what it says of itself.

    Attributes:
        frame: The columns of the module text.
        task: ``classification`` or ``multilabel``.
        classes: Class or label names.
        models: Calibration and threshold by ``<run>/<model>``.
    """

    frame: pd.DataFrame
    task: str
    classes: tuple[str, ...]
    models: dict[str, Any]

    @property
    def arms(self) -> tuple[str, ...]:
        """Models that only seed and fold tell apart, by name."""
        return tuple(dict.fromkeys(self.frame["arm"]))

    def predictions(self, arm: str, part: str = "val") -> list[Predictions]:
        """One set of predictions a seed, in order; out-of-fold ones of a seed are pooled.

        On other parts each fold has its own model, and one set a seed and fold: statistics take
        those of a seed as one (:mod:`kd_core.evaluate.seeds`).

        Raises:
            StoreError: ``predictions_missing``.
        """
        here = self.frame[(self.frame["arm"] == arm) & (self.frame["part"] == part)]
        if not len(here):
            raise StoreError("predictions_missing", run=arm, part=part)
        found = []
        for _, group in here.groupby("seed", sort=True):
            folds = [self._one(rows, part) for _, rows in group.groupby("fold", sort=True)]
            found += [pooled(folds)] if part == "val" else folds
        return found

    def _one(self, rows: pd.DataFrame, part: str) -> Predictions:
        first = rows.iloc[0]
        own = self.models.get(f"{first['run']}/{first['model']}", {})
        threshold = own.get("threshold")
        known = rows["patient"].notna().all()
        groups = [name for name in rows.columns if name.startswith("group:")]
        labels = [f"label:{name}" for name in self.classes]
        return Predictions(
            ids=tuple(rows["image"].astype(str)),
            targets=rows[labels].to_numpy(np.float32)
            if self.task == "multilabel"
            else rows["label"].to_numpy(np.int64),
            logits=rows[[f"logit:{name}" for name in self.classes]].to_numpy(np.float32),
            part=part,
            seed=int(first["seed"]),
            classes=self.classes,
            task=self.task,
            patients=rows["patient"].to_numpy(dtype=np.str_) if known else None,
            groups={
                name.removeprefix("group:"): rows[name].fillna("").to_numpy(dtype=np.str_)
                for name in groups
            },
            calibration=own.get("calibration"),
            threshold=tuple(threshold) if isinstance(threshold, list) else threshold,
            fold=None if part == "val" or first["fold"] < 0 else int(first["fold"]),
        )


def read(path: Path | str) -> Answers:
    """The table in a file that this module wrote.

    Raises:
        StoreError: ``predictions_unreadable``.
    """
    file = Path(path)
    try:
        if file.suffix.lower() == ".csv":
            text = file.read_text(encoding="utf-8")
            head, _, body = text.partition("\n")
            about = json.loads(head.removeprefix(COMMENT))
            columns = body.partition("\n")[0].split(",")
            names = {n: "string" for n in columns if n in _TEXTS or n.startswith("group:")}
            frame = pd.read_csv(
                io.StringIO(body), dtype=names, keep_default_na=False, na_values=[""]
            )
        else:
            table = pq.read_table(file)
            about = json.loads(table.schema.metadata[METADATA])
            frame = table.to_pandas()
        return Answers(frame, about["task"], tuple(about["classes"]), about["models"])
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError) as error:
        raise StoreError("predictions_unreadable", path=str(path), detail=str(error)) from None
