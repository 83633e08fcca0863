"""Fits of familiarity, kept between visits beside the decoded images that they were made from."""

from __future__ import annotations

import os
import zipfile
from dataclasses import fields
from pathlib import Path

import numpy as np

from kd_core.data.cache import cache_folder
from kd_core.data.dataset import Dataset
from kd_core.data.loaded import LoadedData
from kd_core.explain.familiar import Familiarity, Features, fit
from kd_core.explain.progress import Tick

VERSION = 1
SHAPES = 32  # training images whose own size is looked at


def load_or_fit(
    data: LoadedData,
    features: Features,
    model_sha256: str,
    cache_root: Path,
    tick: Tick | None = None,
) -> Familiarity:
    """The fit of a model on a data set, from the cache or made now and kept there.

    It lies in the folder of the decoded images, so it goes when the data set is removed.

    Args:
        data: At the model's size.
        features: Of that model.
        model_sha256: Hash of the model's file.
        cache_root: As for :func:`kd_core.data.cache.load`.
        tick: Called with (images done, all), not at all when the fit is there already.

    Raises:
        DataError: ``familiar_few``.
        JobError: ``explain_stopped``.
    """
    folder = cache_folder(cache_root, data.hash, data.size)
    path = folder / f"familiar-{model_sha256[:20]}-v{VERSION}.npz"
    stored = _read(path)
    if stored is not None:
        return stored
    made = fit(data, features, tick)
    _write(path, made)
    return made


def _read(path: Path) -> Familiarity | None:
    """A stored fit; ``None`` for none, or for one that was cut short."""
    try:
        with path.open("rb") as file, np.load(file) as arrays:
            values = {item.name: arrays[item.name] for item in fields(Familiarity)}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    limit, channels = float(values.pop("limit")), int(values.pop("channels"))
    return Familiarity(**values, limit=limit, channels=channels)


def _write(path: Path, made: Familiarity) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.stem}.{os.getpid()}.npz")
    try:
        np.savez(aside, **{item.name: getattr(made, item.name) for item in fields(made)})
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def usual_shapes(dataset: Dataset) -> list[tuple[int, int]]:
    """Width and height of some training images as they came, for ``shape_findings``.

    Raises:
        DataError: ``image_missing`` or ``image_broken`` when an original cannot be read.
    """
    rows = dataset.rows("train")
    chosen = np.unique(np.linspace(rows.start, rows.stop - 1, SHAPES).astype(int))
    shapes = (dataset.images.open(int(row))[1].values.shape for row in chosen)
    return [(width, height) for height, width, _ in shapes]
