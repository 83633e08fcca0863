"""An .npz in MedMNIST's layout (Yang et al. 2023): ``train_images``, ``train_labels``, ``val_…``.

Images are (N, H, W) or (N, H, W, 3); labels (N,) or (N, 1) with class numbers, or (N, L) with one
column of 0 and 1 a label. The files do not name their classes, so an option does.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kd_core.data.loaded import PARTS
from kd_core.data.originals import ArrayImages
from kd_core.data.sources.spec import COMMON_PARAMS, SOURCES, Found, SourceSpec
from kd_core.data.uploads import check_npz, load_npz
from kd_core.errors import DataError, UploadError
from kd_core.registry import Param

MAX_CLASSES = 1000
"""More class numbers than this are taken for a mistake; ImageNet has as many."""


def read(path: Path, options: Mapping[str, Any]) -> Found:
    """Images and labels of all parts that the file has.

    Raises:
        DataError: ``npz_keys``, ``npz_parts_differ``, ``npz_images``, ``npz_labels``,
            ``npz_label_range``, ``npz_class_names``, and those of
            :func:`~kd_core.data.uploads.load_npz`.
    """
    arrays = load_npz(path)
    given = [part for part in PARTS if f"{part}_images" in arrays or f"{part}_labels" in arrays]
    wanted = [f"{part}_{kind}" for part in given or PARTS for kind in ("images", "labels")]
    missing = [key for key in wanted if key not in arrays]
    if missing:
        raise DataError("npz_keys", name=path.name, missing=missing, found=sorted(arrays))
    images = _join(path, [arrays[f"{part}_images"] for part in given])
    images = check_images(path, images[..., None] if images.ndim == 3 else images)
    labels = _join(path, [arrays[f"{part}_labels"] for part in given])
    sizes = [len(arrays[f"{part}_images"]) for part in given]
    if [len(arrays[f"{part}_labels"]) for part in given] != sizes:
        raise DataError("npz_labels", name=path.name, shape=list(labels.shape), n=len(images))
    classes, targets = _targets(path, labels, options["class_names"])
    parts = np.repeat(given, sizes)
    numbers = np.concatenate([np.arange(size) for size in sizes])
    return Found(
        ids=tuple(f"{part}-{i:06d}" for part, i in zip(parts, numbers, strict=True)),
        images=ArrayImages(images, tuple(range(len(images)))),
        task="multilabel" if targets.ndim == 2 else "classification",
        classes=classes,
        targets=targets,
        parts=parts,
        title=path.stem,
    )


def check_images(path: Path, images: NDArray[Any]) -> NDArray[Any]:
    """The images (N, H, W, C), when they are some.

    Raises:
        DataError: ``npz_images``.
    """
    if images.ndim != 4 or images.shape[3] not in (1, 3) or 0 in images.shape:
        raise DataError("npz_images", name=path.name, shape=list(images.shape))
    if images.dtype.kind not in "uif":
        raise DataError("npz_images", name=path.name, shape=list(images.shape))
    return images


def _join(path: Path, arrays: list[NDArray[Any]]) -> NDArray[Any]:
    """The parts' arrays one after the other."""
    shapes = [array.shape for array in arrays]
    kinds = {(shape[1:], array.dtype) for shape, array in zip(shapes, arrays, strict=True)}
    if len(kinds) > 1 or () in shapes:
        raise DataError("npz_parts_differ", name=path.name, shapes=[str(s) for s in shapes])
    return np.concatenate(arrays)


def _targets(
    path: Path, labels: NDArray[Any], class_names: str
) -> tuple[tuple[str, ...], NDArray[Any]]:
    """Class names and targets; (N, 1) is one label an image, (N, L > 1) several."""
    if labels.dtype.kind not in "uifb" or labels.ndim not in (1, 2):
        raise DataError("npz_labels", name=path.name, shape=list(labels.shape), n=len(labels))
    several = labels.ndim == 2 and labels.shape[1] > 1
    values = labels if several else labels.reshape(-1)
    values = values.astype(np.float64)
    names = [name.strip() for name in class_names.split(";")] if class_names.strip() else []
    top = 1 if several else (len(names) or MAX_CLASSES) - 1
    wrong = values[(values != np.round(values)) | (values < 0) | (values > top)]
    if wrong.size:
        raise DataError("npz_label_range", name=path.name, got=float(wrong.flat[0]), high=top)
    n_classes = values.shape[1] if several else len(names) or int(values.max()) + 1
    if names and len(names) != n_classes:
        raise DataError("npz_class_names", name=path.name, names=len(names), classes=n_classes)
    classes = names or [str(k) for k in range(n_classes)]
    return tuple(classes), values.astype(np.float32 if several else np.int64)


def keys(path: Path) -> set[str]:
    """Names of the arrays in an .npz; none where it is no such file."""
    if not path.is_file() or path.suffix.lower() != ".npz":
        return set()
    try:
        return set(check_npz(path))
    except UploadError:
        return set()


def detects(path: Path) -> bool:
    """True for any .npz, so that what is wrong with it gets its own sentence."""
    return path.is_file() and path.suffix.lower() == ".npz"


SOURCES.add(
    "npz",
    SourceSpec(
        read=read,
        detects=detects,
        priority=3,
        source="Yang et al. 2023 (MedMNIST v2)",
        params=(Param("class_names", "text", ""), *COMMON_PARAMS),
    ),
)
