"""The embedded sample: synthetic blood smears in five classes, also offered as two.

The file holds ``images`` uint8 (N, H, W, 3), ``labels`` (N,), ``part`` (N,), ``patient`` (N,) and
the names of the ``classes``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kd_core.data.loaded import PARTS
from kd_core.data.originals import ArrayImages
from kd_core.data.sources.npz import check_images, keys
from kd_core.data.sources.spec import COMMON_PARAMS, SOURCES, Found, SourceSpec
from kd_core.data.uploads import load_npz
from kd_core.errors import DataError
from kd_core.registry import Param

SAMPLE_FILE = Path(__file__).parents[3] / "sample_data" / "smear.npz"
PARASITES = ("ring", "trophozoite", "schizont")
BINARY_CLASSES = ("no_parasite", "parasite")
KEYS = {"images", "labels", "part", "patient", "classes"}


def read(path: Path, options: Mapping[str, Any]) -> Found:
    """The sample with its own parts and virtual patients.

    Raises:
        DataError: ``npz_keys``, ``npz_images``, ``npz_label_range``.
    """
    arrays = load_npz(path)
    if missing := sorted(KEYS - set(arrays)):
        raise DataError("npz_keys", name=path.name, missing=missing, found=sorted(arrays))
    images = check_images(path, arrays["images"])
    classes = tuple(str(name) for name in arrays["classes"])
    labels = arrays["labels"].astype(np.int64)
    if labels.min() < 0 or labels.max() >= len(classes):
        raise DataError(
            "npz_label_range", name=path.name, got=float(labels.max()), high=len(classes) - 1
        )
    if options["sample_classes"] == "two":
        labels = np.isin(np.array(classes)[labels], PARASITES).astype(np.int64)
        classes = BINARY_CLASSES
    return Found(
        ids=tuple(f"{i:06d}" for i in range(len(images))),
        images=ArrayImages(images, tuple(range(len(images)))),
        task="classification",
        classes=classes,
        targets=labels,
        parts=_part_names(arrays["part"]),
        patients=arrays["patient"].astype(np.str_),
        augment="cells",
        synthetic=True,
    )


def _part_names(values: NDArray[Any]) -> NDArray[np.str_]:
    """Parts as names; they may be stored as numbers, which take less room."""
    return values.astype(np.str_) if values.dtype.kind == "U" else np.array(PARTS)[values]


def detects(path: Path) -> bool:
    """True for an .npz with the sample's arrays."""
    return keys(path) >= KEYS


SOURCES.add(
    "sample",
    SourceSpec(
        read=read,
        detects=detects,
        priority=4,
        params=(
            Param("sample_classes", "choice", "five", choices=("five", "two")),
            *COMMON_PARAMS,
        ),
    ),
)
