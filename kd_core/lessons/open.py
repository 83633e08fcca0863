"""Opening a study for lessons, and what was made for it beforehand.

<home>/lessons/<study>/<material>-v<version>/     made on request or by ``kd-lab class prepare``
sample_data/lessons/<material>-v<version>/        the same for the embedded study, ready made

Lines that a lesson prints begin with ``material = material_of("")``, which opens the embedded
study in the home of whoever runs them.
"""

from __future__ import annotations

import contextlib
import functools
import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from kd_core.data.disk import folder_aside
from kd_core.data.loaded import LoadedData, Part
from kd_core.data.sources.sample import SAMPLE_FILE
from kd_core.errors import StoreError
from kd_core.lessons.material import MATERIALS, Material, Progress, Voice
from kd_core.study.collect import collect
from kd_core.study.pipeline import load_data
from kd_core.study.results import Result, predictions, results
from kd_core.study.rows import StudyRow
from kd_core.study.store import Store

SAMPLE = "sample"
"""Key of the embedded study's material."""

SAMPLE_STUDY = SAMPLE_FILE.parent / "study"
SHIPPED = SAMPLE_FILE.parent / "lessons"
NEEDED = ("teacher", "baseline", "student")
"""Roles that a study must have."""


@functools.cache
def sample_id() -> str:
    """The id of the embedded study."""
    file = next(SAMPLE_STUDY.glob("*/run.json"))
    return str(json.loads(file.read_text(encoding="utf-8"))["study"]["id"])


def material_of(study: str = "") -> Material:
    """The material of a study of this home, by its id; of the embedded one for an empty id.

    Raises:
        StoreError: As :func:`open_material`.
    """
    with contextlib.closing(Store()) as store:
        return open_material(store, study or None)


def open_material(store: Store, study_id: str | None = None) -> Material:
    """A finished study as lessons need it; the embedded one where none is named.

    Of a cross-validated study, the models of the first fold.

    Raises:
        StoreError: ``study_unknown``; ``lesson_study`` where it has no finished teacher, baseline
            and student that answered the same images; ``predictions_missing``.
        DataError: As :func:`kd_core.study.pipeline.load_data`.
    """
    if study_id is None:
        study_id = sample_id()
        if study_id not in {study.id for study in store.studies()}:
            collect(store, SAMPLE_STUDY)
    study = store.study(study_id)
    found = [(role, one) for role, one in _found(store, study_id) if one.fold in (None, 0)]
    if not set(NEEDED) <= {role for role, _ in found}:
        raise StoreError("lesson_study", study=study.name)
    student = next(one for role, one in found if role == "student")
    data_settings = store.settings(student.run.id).data
    data = load_data(data_settings, store.home.root)
    voices = _voices(found, data.parts["val"])
    if not set(NEEDED) <= {voice.role for voice in voices}:
        raise StoreError("lesson_study", study=study.name)
    key = SAMPLE if study_id == sample_id() else study_id
    part = data.parts["val"]
    return Material(
        key=key,
        name=study.name,
        settings=study.settings,
        classes=data.classes,
        images=_as_shown(data),
        targets=np.asarray(part.targets),
        patients=None if part.patients is None else tuple(part.patients.tolist()),
        voices=voices,
        data=data,
        data_settings=data_settings,
        home=store.home.root,
        made=Made(store.home.root, key),
    )


def can_open(store: Store, study: StudyRow) -> bool:
    """Whether a study has what lessons need, as far as its records say; quick.

    A study of live runs is none: its students have a few seconds each.
    """
    if study.settings.replay:
        return False
    roles = {model.role for model in store.models(study=study.id)}
    elsewhere = bool(study.settings.teacher.run)
    return set(NEEDED) - ({"teacher"} if elsewhere else set()) <= roles


def _found(store: Store, study_id: str) -> list[tuple[str, Result]]:
    """The study's models with their roles, and its teacher where another study made it."""
    found = [(one.model.role, one) for one in results(store, study_id)]
    if any(role == "teacher" for role, _ in found):
        return found
    students = [one.run.id for role, one in found if role == "student"]
    parents = [store.parents(run).get("teacher") for run in students]
    for run in (run for run in parents if run):
        for study in store.studies_of(run):
            there = [one for one in results(store, study) if one.run.id == run]
            if there:
                return [("teacher", there[-1]), *found]
    return found


def _voices(found: list[tuple[str, Result]], part: Part) -> tuple[Voice, ...]:
    """Models with their answers in the order of the images; others are left out."""
    voices = []
    for role, one in found:
        said = predictions(one, "val")
        if set(said.ids) != set(part.ids):
            continue
        row = {name: number for number, name in enumerate(said.ids)}
        logits = np.asarray(said.logits, np.float64)[[row[name] for name in part.ids]]  # (n, K)
        name = "teacher" if role == "teacher" else one.arm
        voices.append(Voice(name, role, one.run.seed, logits, one))
    return _first_first(voices)


def _first_first(voices: list[Voice]) -> tuple[Voice, ...]:
    """The first of each needed role first."""
    first = [next((v for v in voices if v.role == role), None) for role in NEEDED]
    leading = [voice for voice in first if voice is not None]
    taken = {id(voice) for voice in leading}
    return (*leading, *(voice for voice in voices if id(voice) not in taken))


def _as_shown(data: LoadedData) -> NDArray[np.uint8]:
    """Validation images (n, S, S, 3) without copying them; grey ones thrice the same."""
    images = np.moveaxis(data.parts["val"].images, 1, -1)  # (n, S, S, C)
    return np.broadcast_to(images, (*images.shape[:3], 3))


# --- what was made ------------------------------------------------------------------------------


class Made(Mapping[str, Any]):
    """What was made for a study, read when it is asked for.

    Args:
        home: The home that holds the study.
        key: The material's key.
    """

    def __init__(self, home: Path, key: str) -> None:
        self.home, self.key = home, key
        self._read: dict[str, Any] = {}

    def folder(self, name: str) -> Path | None:
        """Where it is; ``None`` where it was not made, or by an older version."""
        own = made_folder(self.home, self.key, name)
        if own.is_dir():
            return own
        shipped = SHIPPED / own.name
        return shipped if self.key == SAMPLE and shipped.is_dir() else None

    def __getitem__(self, name: str) -> Any:
        if name not in self._read:
            folder = self.folder(name) if name in MATERIALS else None
            if folder is None:
                raise KeyError(name)
            self._read[name] = MATERIALS[name].read(folder)
        return self._read[name]

    def __contains__(self, name: object) -> bool:
        return name in self._read or (name in MATERIALS and self.folder(str(name)) is not None)

    def __iter__(self) -> Iterator[str]:
        return (name for name in MATERIALS if name in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def made_folder(home: Path, key: str, name: str) -> Path:
    """Where a material of a study is kept in a home."""
    return home / "lessons" / key / f"{name}-v{MATERIALS[name].version}"


def make_material(
    material: Material, name: str, progress: Progress = lambda done, total: None
) -> Path:
    """Make one material of a study and keep it; one that is there already stays.

    Args:
        material: The study.
        name: Entry of ``MATERIALS``.
        progress: Called with (done, total).

    Raises:
        ConfigError: ``entry_unknown``.
        StoreError: ``disk_full``.
        KDLabError: What making it raises.
    """
    target = made_folder(material.home, material.key, name)
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(target.parent / f"{name}.lock"):  # the command line and a server may both ask
        if target.is_dir():
            return target
        for older in (*target.parent.glob(f"{name}-v*"), *target.parent.glob(f".{name}-v*.part")):
            shutil.rmtree(older, ignore_errors=True)
        with folder_aside(target) as aside:
            MATERIALS[name].make(material, aside, progress)
    return target
