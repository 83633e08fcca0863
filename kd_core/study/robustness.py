"""Robustness as a job: the finished models of a study on corrupted images, on the same ones.

    <run>/robustness/summary.json      curves by metric, as pages draw them
    <run>/robustness/answers.parquet   every answer: image, model, corruption, severity, logits

It looks at validation images, or at the test part once the study's seal is open. Models of a
cross-validation see the images of their own fold.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kd_core.config import (
    RUN_PREFIX,
    AnalysisSettings,
    DataSettings,
    ModelSettings,
    RunSettings,
    StudySettings,
)
from kd_core.data.corruptions import CORRUPTIONS, corrupt, fitting
from kd_core.data.folds import taken
from kd_core.data.loaded import LoadedData, Part
from kd_core.errors import StoreError
from kd_core.evaluate.metrics import METRICS
from kd_core.evaluate.predictions import Predictions
from kd_core.evaluate.robustness import (
    CLEAN,
    Answers,
    robustness,
)
from kd_core.events import Progress
from kd_core.export import OnnxModel
from kd_core.study.folds import place_of, pooled
from kd_core.study.model_files import last_model, model_folder, poll
from kd_core.study.records import Job, RunRecord, write_json
from kd_core.study.results import Result
from kd_core.study.robustness_look import FOLDER, SUMMARY
from kd_core.study.store import Store
from kd_core.tasks import TASKS

REPEATS = 300
OPEN = 4
"""Files open at once: a study may have hundreds, and each takes the memory of its network."""
FIRST_METRICS = ("balanced_accuracy", "accuracy", "macro_auc", "average_precision")

Load = Callable[[DataSettings, Path], LoadedData]
Answered = dict[tuple[str, int], list[Predictions]]


# --- planning -----------------------------------------------------------------------------------


def plan_robustness(
    store: Store, study_id: str, found: Iterable[Result], wanted: AnalysisSettings
) -> RunSettings:
    """The run that looks at these models, for :func:`kd_core.study.submit.extend`.

    Args:
        store: Where.
        study_id: Their study.
        found: Models; the last of each run is looked at.
        wanted: Part, corruptions, severities, number of images.

    Raises:
        StoreError: ``test_sealed``, ``test_not_chosen``, ``study_empty``.
        ConfigError: ``entry_unknown``.
    """
    kept = list({result.run.id: result for result in found}.values())
    if not kept:
        raise StoreError("study_empty", study=study_id)
    if wanted.part != "val":
        for result in kept:
            if not result.seal.opened:
                raise StoreError("test_sealed", part=wanted.part)
            if not result.seal.allows(result.arm):
                raise StoreError("test_not_chosen", arm=result.arm)
    for name in wanted.corruptions:
        CORRUPTIONS[name]
    study: StudySettings = store.study(study_id).settings
    taken_keys = {run.key for run in store.runs(study=study_id)}  # one may have been deleted
    keys = (f"robustness-{wanted.part}-{n}" for n in itertools.count(1))
    return RunSettings(
        key=next(key for key in keys if key not in taken_keys),
        role="analysis",
        data=study.data,
        model=ModelSettings(name=FOLDER),
        analysis=wanted,
        seed=study.seeds[0],
        needs={f"model{i}": RUN_PREFIX + r.run.id for i, r in enumerate(kept)},
        compute=study.compute,
        latency=study.latency,
    )


# --- carrying out -------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class _About:
    """What all models share: their task, and how many images the part has."""

    task: str
    classes: tuple[str, ...]
    channels: int
    all: int


@dataclasses.dataclass(frozen=True)
class _Model:
    """One file, and where it belongs."""

    arm: str
    seed: int
    run: str
    file: Path
    threads: int
    part: Part

    def answer(self, file: OnnxModel, images: NDArray[np.uint8], data: _About) -> Predictions:
        contract, rows = file.contract, self.part
        return Predictions(
            ids=rows.ids,
            targets=rows.targets,
            logits=file.predict_uint8(images)[TASKS[data.task].output],
            part="val",
            seed=self.seed,
            classes=data.classes,
            task=data.task,
            patients=rows.patients,
            calibration=contract.calibration,
            threshold=contract.threshold,
        )


def look(run: RunSettings, job: Job, load: Load) -> None:
    """Carry out the run and leave its folder.

    Args:
        run: With an ``analysis``.
        job: Its parents are the models' runs.
        load: Gives the data of a run's settings.

    Raises:
        StoreError: ``record_missing``, ``model_missing``.
        DataError: What ``load`` raises.
        ExportError: A file cannot be run.
    """
    assert run.analysis is not None  # the pipeline asks for nothing else
    wanted, data, models = run.analysis, *_models(run, job, load)
    kinds = [n for n in wanted.corruptions or tuple(CORRUPTIONS) if n in fitting(data.channels)]
    levels = [CLEAN, *((name, severity) for name in kinds for severity in wanted.severities)]
    answers: dict[tuple[str, int], dict[tuple[str, int], list[Predictions]]] = {}
    rows: list[pd.DataFrame] = []
    done, total = 0, len(levels) * len(models)
    for start in range(0, len(models), OPEN):
        some = models[start : start + OPEN]
        files = [OnnxModel(model.file, model.threads) for model in some]
        for level in levels:
            parts = {id(model.part): model.part for model in some}  # one a fold
            spoilt = {key: _spoilt(part, level) for key, part in parts.items()}
            for model, file in zip(some, files, strict=True):
                poll(job)
                found = model.answer(file, spoilt[id(model.part)], data)
                answers.setdefault((model.arm, model.seed), {}).setdefault(level, []).append(found)
                rows.append(_rows(found, model, level))
                done += 1
                job.emit(Progress(stage="evaluate", done=done, total=total))
    folder = job.folder / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    pd.concat(rows, ignore_index=True).to_parquet(folder / "answers.parquet")
    arms = _by_arm(answers, own_images=wanted.part == "val")
    write_json(folder / SUMMARY, _summary(arms, run, data, kinds))


def _spoilt(part: Part, level: tuple[str, int]) -> NDArray[np.uint8]:
    images = np.ascontiguousarray(part.images)
    return images if level == CLEAN else corrupt(images, *level)


def _models(run: RunSettings, job: Job, load: Load) -> tuple[_About, list[_Model]]:
    assert run.analysis is not None
    parts: dict[int | None, tuple[_About, Part]] = {}
    models = []
    for folder in job.parents.values():
        record = RunRecord.read(folder)
        settings = record.settings
        fold = settings.data.fold if run.analysis.part == "val" else None
        if fold not in parts:
            n = max(1, settings.data.folds) if fold is not None else 1
            data = load(settings.data.change(fold=fold), job.home)
            parts[fold] = _drawn(data, run.analysis.part, run.analysis.images // n, run.seed)
        name = last_model(folder)
        place = place_of(settings.key, settings.seed)[0]
        file = model_folder(folder, name) / "model.onnx"
        arm = f"{place}/{name}" if settings.role == "compressed" else place
        own = record.run_id, file, run.compute.threads, parts[fold][1]
        models.append(_Model(arm, settings.seed, *own))
    return parts[next(iter(parts))][0], models


def _drawn(data: LoadedData, part: str, most: int, seed: int) -> tuple[_About, Part]:
    """Some images of a part; the rest of the data is let go."""
    rows = data.parts[part]
    about = _About(data.task, data.classes, data.channels, len(rows))
    return about, taken(rows, some_rows(rows, most, seed))


def some_rows(part: Part, most: int, seed: int) -> NDArray[np.int64]:
    """Rows of at most so many images, in order: whole patients, drawn by seed."""
    n = len(part)
    if n <= most:
        return np.arange(n)
    names = np.array(part.ids) if part.patients is None else part.patients
    _, of_image = np.unique(names, return_inverse=True)
    order = np.random.default_rng(seed).permutation(int(of_image.max()) + 1)
    sizes = np.bincount(of_image)[order]
    kept = order[: max(1, int((np.cumsum(sizes) <= most).sum()))]
    return np.flatnonzero(np.isin(of_image, kept))


def _rows(found: Predictions, model: _Model, level: tuple[str, int]) -> pd.DataFrame:
    """One row an image, with what it was an answer to."""
    frame = found.to_frame().drop(columns=["part"])
    frame.insert(0, "run", model.run)
    frame.insert(1, "arm", model.arm)
    frame.insert(2, "corruption", level[0])
    frame.insert(3, "severity", level[1])
    return frame


def _by_arm(
    answers: Mapping[tuple[str, int], Mapping[tuple[str, int], list[Predictions]]],
    own_images: bool,
) -> dict[str, Answers]:
    """Models of each arm: one a seed where folds have their own images, else one a fold."""
    found: dict[str, Answered] = {}
    for (arm, _), levels in answers.items():
        for level, folds in levels.items():
            models = [pooled(folds)] if own_images else folds
            found.setdefault(arm, {}).setdefault(level, []).extend(models)
    return dict(found)


def _summary(
    arms: Mapping[str, Answers], run: RunSettings, data: _About, kinds: list[str]
) -> dict[str, Any]:
    assert run.analysis is not None
    reference = "teacher" if "teacher" in arms else next(iter(arms))
    first = arms[reference][CLEAN][0]
    metrics = [name for name in FIRST_METRICS if first.task in METRICS[name].tasks]
    made = [robustness(arms, name, reference, repeats=REPEATS) for name in metrics]
    return {
        "part": run.analysis.part,
        "corruptions": kinds,
        "severities": list(run.analysis.severities),
        "all": data.all,
        "metrics": {one.metric: _plain(dataclasses.asdict(one)) for one in made},
    }


def _plain(value: Any) -> Any:
    """JSON has no NaN: what is undefined is ``None``."""
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and math.isnan(value) else value
