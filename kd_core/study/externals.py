"""External test sets, and what keeps one from testing a study.

    check_externals    before anything is queued, by the hashes of the originals: nothing is decoded
    load_externals     where they are evaluated, also by pixels: a copy may be another file

An external set has the study's classes, and no test image that the study learns from or chooses by.
Images that only look like one of those (saved again, brightened) may be others: they are counted,
told and recorded, and refuse nothing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kd_core.config import DataSettings
from kd_core.data import cache
from kd_core.data.dataset import Dataset
from kd_core.data.doctor.duplicates import exact_copies, near_copies
from kd_core.data.folds import POOL
from kd_core.data.library import Library
from kd_core.data.loaded import LoadedData
from kd_core.errors import DataError
from kd_core.events import Log
from kd_core.study.records import Job, write_json
from kd_core.text import Msg

TEST = "test"
FOUND = "shared-with-"
SHOWN = 2
"""Copies that an error names."""


def check_externals(library: Library, settings: DataSettings) -> None:
    """Refuse external sets that cannot test a study, as far as tables tell.

    Raises:
        DataError: ``external_classes``; ``external_shared`` where originals are the same files;
            ``dataset_unknown``.
    """
    if not settings.external:
        return
    study = library.get(settings.dataset)
    for name in settings.external:
        external = library.get(name)
        _check_classes(name, study, external)
        table, own = external.table, study.table[study.table["part"].isin(POOL)]
        known = dict(zip(own["sha256"], own["id"], strict=True))
        test = table[table["part"] == TEST]
        same = [
            f"{image} ({known[digest]})"
            for image, digest in zip(test["id"], test["sha256"], strict=True)
            if digest in known
        ]
        _refuse(name, same, len(test))


def load_externals(
    settings: DataSettings, data: LoadedData, job: Job
) -> tuple[dict[str, LoadedData], dict[str, int]]:
    """The external sets by name, at the study's size, and how many near copies each has.

    Sets without near copies are left out of the counts.

    Args:
        settings: The study's data settings.
        data: Its data set; with folds, those are of the same images.
        job: Home, and where near copies are told.

    Raises:
        DataError: ``external_classes``, ``external_shared``, ``dataset_unknown``.
    """
    found: dict[str, LoadedData] = {}
    near: dict[str, int] = {}
    for name in settings.external:
        external = cache.load(Library(job.home).get(name), settings.size, job.home / "cache")
        _check_classes(name, data, external)
        found[name] = external
        same, alike = _shared(data, external, job.home / "cache")
        _refuse(name, same, len(external.parts[TEST]) if same else 0)
        if alike:
            near[name] = alike
            told = Msg("external.near", {"name": name, "n": alike})
            job.emit(Log(msg=told.to_json(), level="warning"))
    return found, near


def _check_classes(name: str, study: Dataset | LoadedData, external: Dataset | LoadedData) -> None:
    if (external.task, external.classes) != (study.task, study.classes):
        wanted, found = list(study.classes), list(external.classes)
        raise DataError("external_classes", name=name, wanted=wanted, found=found)


def _refuse(name: str, same: Sequence[str], images: int) -> None:
    if same:
        names = list(same[:SHOWN])
        raise DataError("external_shared", name=name, n=len(same), images=images, names=names)


def _shared(data: LoadedData, external: LoadedData, cache_root: Path) -> tuple[list[str], int]:
    """Test images with the pixels of one of the study's, and how many more look like one.

    Searched once for all runs; what was found lies, and goes, with the decoded images.
    """
    part = external.parts.get(TEST)
    if part is None or not len(part):
        return [], 0
    folder = cache.cache_folder(cache_root, external.hash, data.size)
    path = folder / f"{FOUND}{data.hash[:20]}.json"
    if path.is_file():
        kept = json.loads(path.read_text(encoding="utf-8"))
        return list(kept["same"]), int(kept["near"])
    known = [data.parts[name] for name in POOL if len(data.parts.get(name, ()))]
    exact = exact_copies(part, known)
    near = near_copies(part, np.flatnonzero(~exact), known)
    same = [part.ids[row] for row in np.flatnonzero(exact)]
    write_json(path, {"same": same, "near": int(near.sum())})
    return same, int(near.sum())
