"""A study's finished models, read for pages, reports and the command line.

Pages rank and choose on validation results. Predictions of the test part and of external sets
lie sealed in the run folders; :func:`predictions` hands them out only to who says that the test
part is meant, and only where the study's seal allows it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from kd_core.config import RUN_PREFIX, Chain
from kd_core.errors import StoreError
from kd_core.evaluate.patients import by_patient
from kd_core.evaluate.predictions import Predictions, read_predictions
from kd_core.evaluate.verdict import Verdict, compare
from kd_core.latency.records import Measurement
from kd_core.study.folds import place_of, pooled
from kd_core.study.operating import positive_of
from kd_core.study.records import ScoreRecord
from kd_core.study.rows import ModelRow, RunRow
from kd_core.study.seal import SEALED, Mark, Seal, seal_of
from kd_core.study.store import Store

PREDICTIONS = "predictions"
SEEDED = ("baseline", "student")
"""Roles that are trained once a seed."""


@dataclass(frozen=True)
class Result:
    """One model of one finished run.

    Attributes:
        run: The run that made it.
        model: Sizes, MACs and validation scores.
        arm: What it is compared as: ``teacher``, ``baseline``, an arm's name, ``imported-…``; each
            step of a chain is ``<chain>/<model>``, and what a run leaves beside its own model is
            ``<arm>/<model>``.
        measurements: Latency figures, oldest first.
        folder: The run's folder.
        seal: Of the study through which the model is looked at.
    """

    run: RunRow
    model: ModelRow
    arm: str
    measurements: tuple[Measurement, ...]
    folder: Path
    seal: Seal = SEALED

    @property
    def fold(self) -> int | None:
        """Fold of a cross-validation, from 0."""
        return place_of(self.run.key, self.run.seed)[1]

    @property
    def mark(self) -> Mark:
        """How its test figures came to be seen."""
        return self.seal.mark(self.arm, self.run.ended)

    @property
    def label(self) -> str:
        """Short name, unique in its study."""
        key = self.run.key
        return f"{key}/{self.model.name}" if is_one_of_several(self.run, self.model) else key

    @property
    def file(self) -> Path:
        """The exported file, the one that is deployed."""
        return self.folder / "models" / self.model.name / "model.onnx"

    @property
    def scores(self) -> dict[str, ScoreRecord]:
        """Validation scores by metric."""
        return self.model.scores

    def latency(self, batch: int = 1, device: str = "this_machine") -> Measurement | None:
        """The newest measurement on a device at a batch size; ``batch=0``: the throughput batch."""
        for measurement in reversed(self.measurements):
            if measurement.target_device != device:
                continue
            if measurement.batch == batch or (batch == 0 and measurement.batch > 1):
                return measurement
        return None


def results(store: Store, study_id: str) -> list[Result]:
    """All models of a study's finished runs, in the order of its graph."""
    runs = {run.id: run for run in store.runs(study=study_id) if run.status == "finished"}
    seal = seal_of(store, study_id)
    measured: dict[tuple[str, str], list[Measurement]] = {}
    for row in store.measurements(study=study_id):
        figures = {name: row.body[name] for name in row.body if name not in ("model", "at")}
        measured.setdefault((row.run, row.model), []).append(Measurement.from_json(figures))
    return [
        Result(
            run=runs[model.run],
            model=model,
            arm=arm_of(runs[model.run], model),
            measurements=tuple(measured.get((model.run, model.name), ())),
            folder=store.folder(model.run),
            seal=seal,
        )
        for model in store.models(study=study_id)
        if model.run in runs
    ]


def arm_of(run: RunRow, model: ModelRow | None = None) -> str:
    """The run's place in its study without seed and fold; the model's, where a run makes several.

    A run's key is ``<arm>-s<seed>``; an imported model has no seed.
    """
    place, _ = place_of(run.key, run.seed)
    if model is None or not is_one_of_several(run, model):
        return place
    return f"{place}/{model.name}"


def is_one_of_several(run: RunRow, model: ModelRow) -> bool:
    """True for steps of a chain, and for what a training run leaves beside its own model."""
    return run.role == "compressed" or model.parent is not None


def last_steps(arms: Mapping[str, Sequence[Result]]) -> list[str]:
    """Arms without what is only a step on the way of a chain."""
    last: dict[str, int] = {}
    for group in arms.values():
        for result in group:
            last[result.run.id] = max(last.get(result.run.id, 0), result.model.step)
    return [
        arm
        for arm, group in arms.items()
        if any(result.model.step == last[result.run.id] for result in group)
    ]


def origin_arm(chain: Chain, arms: Mapping[str, Sequence[Result]]) -> str | None:
    """The arm that a chain begins with, where it is among these."""
    if chain.origin in arms:
        return chain.origin
    run_id = chain.origin.removeprefix(RUN_PREFIX)
    found = [arm for arm in last_steps(arms) if any(r.run.id == run_id for r in arms[arm])]
    return found[0] if found else None


def predictions(result: Result, part: str, *, opened: bool = False) -> Predictions:
    """Per-image predictions of a model.

    Args:
        result: The model.
        part: ``val``, ``test`` or ``external-<data set>``.
        opened: Says that sealed figures are meant; only ``val`` is free.

    Raises:
        StoreError: ``test_sealed``; ``test_not_chosen`` where the part is open, and the model was
            neither chosen nor asked for; ``predictions_missing``.
    """
    if part != "val":
        if not opened or not result.seal.opened:
            raise StoreError("test_sealed", part=part)
        if not result.seal.allows(result.arm):
            raise StoreError("test_not_chosen", arm=result.arm)
    path = result.folder / PREDICTIONS / f"{result.model.name}-{part}.parquet"
    if not path.is_file():
        raise StoreError("predictions_missing", run=result.run.id, part=part)
    return read_predictions(path)


def visible(all_results: Iterable[Result], part: str) -> tuple[Result, ...]:
    """The models whose figures on a part may be seen."""
    return tuple(r for r in all_results if part == "val" or r.seal.allows(r.arm))


def by_arm(all_results: Iterable[Result]) -> dict[str, list[Result]]:
    """Models by arm, each list in the order of seeds and folds."""
    arms: dict[str, list[Result]] = {}
    for result in all_results:
        arms.setdefault(result.arm, []).append(result)
    return {
        arm: sorted(group, key=lambda r: (r.run.seed, r.fold or 0)) for arm, group in arms.items()
    }


Level = Literal["image", "mean", "max"]
"""What an answer is for: an image, or a patient by the mean or the largest of its images."""


def paired_predictions(
    left: Sequence[Result],
    right: Sequence[Result],
    part: str = "val",
    *,
    opened: bool = False,
    level: Level = "image",
) -> tuple[list[Predictions], list[Predictions]]:
    """Predictions of two arms on the same images, one pair a seed that both have.

    Out-of-fold predictions of one seed are pooled; on other parts each fold is a pair, and says
    so. While folds are still to come, only images that both arms have answered count. What was
    trained once (a teacher, or that of a fold) is paired with every seed (of its fold); a student
    that has finished one of its seeds only with that one.

    Raises:
        StoreError: As :func:`predictions`.
        DataError: As :func:`kd_core.evaluate.patients.by_patient`.
    """
    groups = [_read(group, part, opened, level) for group in (left, right)]
    first, second = groups
    common = [key for key in first if key in second]
    if common and all(group[0].model.role in SEEDED for group in (left, right)):
        pairs = [(first[key], second[key]) for key in common]
    elif (once := _once(first)) is not None:
        pairs = [(once[fold], two) for (_, fold), two in second.items() if fold in once]
    elif (once := _once(second)) is not None:
        pairs = [(one, once[fold]) for (_, fold), one in first.items() if fold in once]
    else:
        pairs = [(first[key], second[key]) for key in common]
    if part == "val" and any(result.fold is not None for result in (*left, *right)):
        pairs = [(_of(a, b), _of(b, a)) for a, b in pairs]
        pairs = [(a, b) for a, b in pairs if len(a)]
    return [a for a, _ in pairs], [b for _, b in pairs]


def _once(found: Mapping[tuple[int, int], Predictions]) -> dict[int, Predictions] | None:
    """Models by fold, where there is one seed only."""
    one_seed = len({seed for seed, _ in found}) == 1
    return {fold: model for (_, fold), model in found.items()} if one_seed else None


def _of(one: Predictions, other: Predictions) -> Predictions:
    """What one says of the images that the other answered, too."""
    if one.ids == other.ids:
        return one
    return one.where(np.isin(np.array(one.ids), np.array(other.ids)))


def seed_values(group: Sequence[Result], metric: str) -> dict[int, float]:
    """The recorded validation metric of each seed, a mean over the folds of a cross-validation.

    Folds differ by their images: they are no seeds. NaN where a figure is undefined.
    """
    found: dict[int, list[float]] = {}
    for result in group:
        if metric in result.scores:
            value = result.scores[metric].value
            found.setdefault(result.run.seed, []).append(math.nan if value is None else value)
    return {seed: sum(values) / len(values) for seed, values in found.items()}


def arm_predictions(
    group: Sequence[Result], part: str = "val", *, opened: bool = False, level: Level = "image"
) -> list[Predictions]:
    """Predictions of an arm: one a seed, with the folds of a seed pooled on validation data.

    On other parts the models of all folds answer the same images: one a seed and fold, and their
    figures are averaged before seeds are compared (:mod:`kd_core.evaluate.seeds`).
    """
    return list(_read(group, part, opened, level).values())


def _read(
    group: Sequence[Result], part: str, opened: bool, level: Level
) -> dict[tuple[int, int], Predictions]:
    """By seed and fold; pooled, by seed and 0."""
    found: dict[tuple[int, int], list[Predictions]] = {}
    for result in group:
        fold = None if part == "val" else result.fold
        key = (result.run.seed, fold or 0)
        read = replace(predictions(result, part, opened=opened), fold=fold)
        found.setdefault(key, []).append(read)
    made = {key: pooled(folds) for key, folds in found.items()}
    return made if level == "image" else {k: _of_patients(p, level) for k, p in made.items()}


def _of_patients(found: Predictions, level: Literal["mean", "max"]) -> Predictions:
    """One answer a patient; of two classes, one image of the class to be found is enough."""
    two = found.task != "multilabel" and len(found.classes) == 2
    return by_patient(found, level, positive_of(found.classes) if two else None)


def compare_arms(
    left: Sequence[Result],
    right: Sequence[Result],
    metric: str,
    *,
    part: str = "val",
    margin: float = 0.01,
    opened: bool = False,
    level: Level = "image",
) -> Verdict:
    """The verdict on ``left`` against ``right`` over the seeds that both have.

    Raises:
        StoreError: As :func:`predictions`.
        DataError: As :func:`paired_predictions`.
    """
    first, second = paired_predictions(left, right, part, opened=opened, level=level)
    return compare(first, second, metric, margin=margin)
