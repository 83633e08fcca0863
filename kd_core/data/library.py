"""The data sets of one home: added once, never changed, read by name.

    <root>/datasets/<name>/
      manifest.json     DatasetInfo
      items.parquet     one row an image
      images/…          the originals as they came, or images.npy for arrays

A folder below the configured data root is not copied; its files are recorded with their hashes and
read where they are.
"""

from __future__ import annotations

import contextlib
import functools
import json
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from filelock import FileLock
from numpy.lib.format import open_memmap

from kd_core.data import cache
from kd_core.data.data_root import data_root
from kd_core.data.dataset import Dataset, DatasetInfo, Place
from kd_core.data.disk import folder_aside, need_space
from kd_core.data.draft import Draft, draft
from kd_core.data.inspect import Progress
from kd_core.data.originals import ArrayImages, FileImages, Images
from kd_core.data.sources.sample import SAMPLE_FILE
from kd_core.data.uploads import safe_name
from kd_core.errors import ConfigError, DataError, UploadError

MANIFEST, ITEMS, IMAGES, ARRAY = "manifest.json", "items.parquet", "images", "images.npy"

EMBEDDED = {"sample": "five", "sample_binary": "two"}
"""Data sets that come with the program, and which of the sample's classes they have."""


class Library:
    """The data sets below one home.

    Args:
        root: The home (``KDLAB_HOME``); its folders ``datasets`` and ``cache`` are used.
    """

    def __init__(self, root: Path) -> None:
        self.folder = root / "datasets"
        self.cache = root / "cache"

    def names(self) -> tuple[str, ...]:
        """All data sets: the embedded ones, then a person's by name."""
        embedded = [name for name in EMBEDDED if SAMPLE_FILE.is_file()]
        stored = [path.parent.name for path in self.folder.glob(f"*/{MANIFEST}")]
        return (*embedded, *sorted(name for name in stored if not name.startswith(".")))

    def __contains__(self, name: object) -> bool:
        return name in self.names()

    def get(self, name: str) -> Dataset:
        """A data set by name.

        Raises:
            DataError: ``dataset_unknown`` or ``dataset_broken``.
        """
        info = self.info(name)
        if name in EMBEDDED:
            return _embedded(name, SAMPLE_FILE.stat().st_mtime_ns)
        try:
            table = pd.read_parquet(self.folder / name / ITEMS)
            return Dataset(info, table, self._images(info, table))
        except (OSError, ValueError, KeyError) as error:
            raise DataError("dataset_broken", name=name, detail=str(error)[:120]) from None

    def info(self, name: str) -> DatasetInfo:
        """What a data set is, without reading its table.

        Raises:
            DataError: ``dataset_unknown`` or ``dataset_broken``.
        """
        if name not in self:
            raise DataError("dataset_unknown", name=name, known=list(self.names()))
        if name in EMBEDDED:
            return _embedded(name, SAMPLE_FILE.stat().st_mtime_ns).info
        try:
            text = (self.folder / name / MANIFEST).read_text(encoding="utf-8")
            return DatasetInfo.from_json(text)
        except (OSError, ConfigError) as error:
            raise DataError("dataset_broken", name=name, detail=str(error)[:120]) from None

    def add(
        self,
        new: Draft,
        name: str,
        progress: Progress | None = None,
        **texts: str,
    ) -> Dataset:
        """Store a draft; a name that is taken by the same data gives what is there.

        Args:
            new: The draft.
            name: Folder name: letters, digits, dots, dashes and underscores.
            progress: Called with images copied, and all.
            **texts: ``title``, ``licence``, ``citation`` and ``url`` for the manifest.

        Raises:
            DataError: ``dataset_name``, ``dataset_exists`` or ``image_changed``.
            StoreError: ``disk_full``.
        """
        check_name(name)
        self.folder.mkdir(parents=True, exist_ok=True)
        # One lock for all names: "Cells" and "cells" are one folder on some systems.
        with FileLock(self.folder / ".add.lock"):
            taken = {other.casefold(): other for other in (*self.names(), *EMBEDDED)}
            if other := taken.get(name.casefold()):
                if other not in self or self.info(other).hash != new.dataset.hash:
                    raise DataError("dataset_exists", name=other)
                return self.get(other)
            place = _place(new.dataset.images)
            info = new.dataset.info.change(name=name, place=place, **texts)
            with folder_aside(self.folder / name) as aside:
                if place.kind != "reference":
                    _copy(new.dataset, aside, progress)
                new.dataset.table.to_parquet(aside / ITEMS, index=False)
                text = json.dumps(info.to_json(), indent=1, ensure_ascii=False)
                (aside / MANIFEST).write_text(text, encoding="utf-8")
        return self.get(name)

    def delete(self, name: str) -> int:
        """Remove a data set with its decoded images; the bytes that this freed.

        Raises:
            DataError: ``dataset_unknown``, or ``dataset_embedded``.
        """
        if name in EMBEDDED:
            raise DataError("dataset_embedded", name=name)
        if name not in self:
            raise DataError("dataset_unknown", name=name, known=list(self.names()))
        mine = self._hashes([name])
        freed = self.disk_bytes(name)
        with FileLock(self.folder / ".add.lock"):
            gone = self.folder / f".gone-{name}"
            shutil.rmtree(gone, ignore_errors=True)
            (self.folder / name).rename(gone)
            shutil.rmtree(gone, ignore_errors=True)
        for data_hash in mine - self._hashes(self.names()):
            freed += cache.drop(self.cache, data_hash)
        return freed

    def _hashes(self, names: Iterable[str]) -> set[str]:
        """Content hashes, as far as the manifests can be read."""
        found = set()
        for name in names:
            with contextlib.suppress(DataError):
                found.add(self.info(name).hash)
        return found

    def disk_bytes(self, name: str | None = None) -> int:
        """Bytes of one data set, or of all, without decoded images."""
        place = self.folder / name if name else self.folder
        return sum(path.stat().st_size for path in place.rglob("*") if path.is_file())

    def _images(self, info: DatasetInfo, table: pd.DataFrame) -> Images:
        folder = self.folder / info.name
        if info.place.kind == "array":
            array = np.asarray(np.load(folder / ARRAY, mmap_mode="r"))
            return ArrayImages(array, tuple(range(len(table))))
        root = folder / IMAGES
        if info.place.kind == "reference":
            root = (data_root() or Path()) / info.place.path
        return FileImages(root, tuple(table["id"].tolist()))


def check_name(name: str) -> str:
    """The name, when it can be a folder everywhere.

    Raises:
        DataError: ``dataset_name`` with a name that would do.

    >>> check_name("malaria_cells")
    'malaria_cells'
    """
    try:
        good = safe_name(name)
    except UploadError:
        good = "data"
    if good != name:
        raise DataError("dataset_name", name=name[:80], good=good)
    return name


@functools.lru_cache(maxsize=4)
def _embedded(name: str, changed_ns: int) -> Dataset:
    """An embedded data set; read again when its file was rebuilt."""
    made = draft(SAMPLE_FILE, "sample", sample_classes=EMBEDDED[name]).dataset
    return Dataset(made.info.change(name=name), made.table, made.images)


def _place(images: Images) -> Place:
    if isinstance(images, ArrayImages):
        return Place(kind="array")
    root = data_root()
    if isinstance(images, FileImages) and root and images.root.resolve().is_relative_to(root):
        relative = images.root.resolve().relative_to(root)
        return Place(kind="reference", path=relative.as_posix())
    return Place(kind="files")


def _copy(dataset: Dataset, to: Path, progress: Progress | None) -> None:
    """Copy the originals unchanged; what is not as it was in the preview is refused."""
    if isinstance(dataset.images, ArrayImages):
        source, rows = dataset.images.array, dataset.images.rows
        shape = (len(rows), *source.shape[1:])
        need_space(to, int(np.prod(shape)) * source.itemsize)
        array = open_memmap(to / ARRAY, mode="w+", dtype=source.dtype, shape=shape)
        for row, origin in enumerate(rows):
            array[row] = source[origin]
        array.flush()
        del array
    elif isinstance(dataset.images, FileImages):
        _copy_files(dataset.images, dataset.table["sha256"].tolist(), to / IMAGES, progress)


def _copy_files(
    images: FileImages, hashes: Sequence[Any], to: Path, progress: Progress | None
) -> None:
    sizes = [(images.root / file).stat().st_size for file in images.files]
    need_space(to, sum(sizes))
    for row, file in enumerate(images.files):
        digest, data = images.stored(row)
        if digest != hashes[row]:
            raise DataError("image_changed", name=file)
        target = to / file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        if progress and (row % 64 == 63 or row + 1 == len(images)):
            progress(row + 1, len(images))
