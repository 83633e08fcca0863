"""Decoded images, so that no epoch ever decodes one twice and memory need not hold them.

    <cache_root>/decoded/<hash>-<size>px-v<version>/
      images.npy    uint8 (N, C, S, S) in the order of the data set's table
      stats.json    channel means and standard deviations of the training part

The hash covers the bytes of the originals, the channels and the window. The array is mapped into
memory; the system keeps of it what fits.
"""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from filelock import FileLock
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from kd_core.data.dataset import GROUP, Dataset
from kd_core.data.disk import folder_aside, need_space
from kd_core.data.images import INTERPOLATION, prepare_image
from kd_core.data.inspect import Progress, threads
from kd_core.data.loaded import LoadedData, Part

VERSION = 1
"""Counts changes of decoding or resizing that change pixels."""

_CHUNK_BYTES = 64_000_000  # of the array, for sums over it
_IMAGES, _STATS = "images.npy", "stats.json"


def load(
    dataset: Dataset, size: int, cache_root: Path, progress: Progress | None = None
) -> LoadedData:
    """The data set at one size, decoded now if it never was; safe when two processes ask at once.

    Args:
        dataset: From the library, or a draft's.
        size: Side of the square images in pixels.
        cache_root: Folder of what can be computed again.
        progress: Called with images decoded, and all; not at all when they are there already.

    Raises:
        DataError: ``image_changed`` or ``image_missing`` when an original is not as it was.
        StoreError: ``disk_full``.
    """
    folder = cache_folder(cache_root, dataset.hash, size)
    shape = (len(dataset), dataset.channels, size, size)
    if not _is_whole(folder, shape):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_name(folder.name + ".lock")):
            if not _is_whole(folder, shape):
                shutil.rmtree(folder, ignore_errors=True)
                _decode(dataset, size, folder, shape, progress)
    # A plain view of the mapping: numpy's memmap class makes each slice and sum slower.
    images = np.asarray(np.load(folder / _IMAGES, mmap_mode="r"))  # (N, C, S, S)
    stats = json.loads((folder / _STATS).read_text(encoding="utf-8"))
    return LoadedData(
        name=dataset.name,
        hash=dataset.hash,
        task=dataset.task,
        classes=dataset.classes,
        size=size,
        mean=tuple(stats["mean"]),
        std=tuple(stats["std"]),
        parts={part: _part(dataset, images, part) for part in dataset.part_sizes},
        augment=dataset.augment,
        interpolation=INTERPOLATION,
        synthetic=dataset.synthetic,
        window=dataset.info.window,
    )


def cache_folder(cache_root: Path, data_hash: str, size: int) -> Path:
    """Where a data set's decoded images are at one size."""
    return cache_root / "decoded" / f"{data_hash[:20]}-{size}px-v{VERSION}"


def drop(cache_root: Path, data_hash: str) -> int:
    """Delete a data set's decoded images of all sizes; the bytes that this freed."""
    freed = 0
    for path in (cache_root / "decoded").glob(f"{data_hash[:20]}-*"):
        if path.is_dir():
            freed += sum(file.stat().st_size for file in path.iterdir())
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)  # a lock
    return freed


def _is_whole(folder: Path, shape: tuple[int, ...]) -> bool:
    """True when both files are there and as long as they must be (a copy may be cut short)."""
    try:
        array = np.load(folder / _IMAGES, mmap_mode="r")
        return array.shape == shape and (folder / _STATS).is_file()
    except (OSError, ValueError):
        return False


def _decode(
    dataset: Dataset,
    size: int,
    folder: Path,
    shape: tuple[int, ...],
    progress: Progress | None,
) -> None:
    """Decode all images side by side into an array beside its place, then rename."""
    need_space(folder, int(np.prod(shape)))
    with folder_aside(folder) as aside, ThreadPoolExecutor(threads()) as pool:
        array = open_memmap(aside / _IMAGES, mode="w+", dtype=np.uint8, shape=shape)
        rows = pool.map(partial(_prepare, dataset, size), range(len(dataset)))
        for row, image in enumerate(rows):
            array[row] = image
            if progress and (row % 64 == 63 or row + 1 == len(dataset)):
                progress(row + 1, len(dataset))
        array.flush()
        (aside / _STATS).write_text(json.dumps(_stats(array, dataset)), encoding="utf-8")
        del array  # Windows renames no folder with a file that is mapped


def _prepare(dataset: Dataset, size: int, row: int) -> NDArray[np.uint8]:
    return prepare_image(dataset.read(row), size, dataset.channels)


def _stats(array: NDArray[np.uint8], dataset: Dataset) -> dict[str, list[float]]:
    """Mean and standard deviation of the training part; of all images where there is none."""
    rows = dataset.rows("train") if "train" in dataset.part_sizes else slice(0, len(dataset))
    mean, std = moments(array[rows])
    return {"mean": list(mean), "std": list(std)}


def moments(images: NDArray[np.uint8]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel in [0, 1], (C,), of images (N, C, S, S).

    Sums are of whole numbers, so no order of adding changes them. A standard deviation is at least
    one grey level.
    """
    step = max(1, _CHUNK_BYTES // (8 * int(np.prod(images.shape[1:]))))
    total, squares = np.zeros(images.shape[1], np.int64), np.zeros(images.shape[1], np.int64)
    for start in range(0, len(images), step):
        chunk = images[start : start + step].astype(np.int64)  # (n, C, S, S)
        total += chunk.sum((0, 2, 3))
        squares += (chunk**2).sum((0, 2, 3))
    n = images.size // images.shape[1]
    mean = total / n
    std = np.sqrt(np.maximum(squares / n - mean**2, 0)).clip(min=1)
    return tuple((mean / 255).tolist()), tuple((std / 255).tolist())


def _part(dataset: Dataset, images: NDArray[np.uint8], part: str) -> Part:
    rows = dataset.rows(part)
    table = dataset.table.iloc[rows]
    ids = table["id"].to_numpy(dtype=np.str_)
    patients = table["patient"].to_numpy(dtype=np.str_)
    return Part(
        images=images[rows],
        targets=dataset.targets()[rows],
        ids=tuple(ids.tolist()),
        # An image whose patient is unknown stands for a patient of its own.
        patients=np.where(patients == "", ids, patients) if dataset.has_patients else None,
        groups={name: table[GROUP + name].to_numpy(dtype=np.str_) for name in dataset.groups},
    )
