"""Images in folders that are named after their class, with or without train, val and test above.

    train/healthy/a.png          or    healthy/a.png
    test/malaria/slide7/b.png          malaria/slide7/b.png

A ``labels.csv`` beside them may give each file's patient and subgroups.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kd_core.data.originals import FileImages
from kd_core.data.sources.files import list_files, unwrap
from kd_core.data.sources.spec import COMMON_PARAMS, SOURCES, Found, SourceSpec
from kd_core.data.sources.tables import COLUMN_PARAMS, side_columns
from kd_core.data.splits import ALIASES
from kd_core.errors import DataError
from kd_core.text import Msg


def read(path: Path, options: Mapping[str, Any]) -> Found:
    """Images of a folder of class folders.

    Raises:
        DataError: ``no_images``, ``no_classes``, and those of the table beside the images.
    """
    root = unwrap(path)
    return from_files(root, list_files(root), options)


def from_files(root: Path, files: Sequence[str], options: Mapping[str, Any]) -> Found:
    """The same for files that were found already.

    Raises:
        DataError: ``no_images``, ``no_classes``, and those of the table beside the images.
    """
    if not files:
        raise DataError("no_images", name=root.name)
    has_parts = in_parts(files)
    kept, parts, labels = [], [], []
    for file in files:
        *folders, _ = file.split("/")
        part = ALIASES[folders.pop(0).lower()] if has_parts else ""
        if folders:
            kept.append(file)
            parts.append(part)
            labels.append(folders[0])
    classes = sorted(set(labels))
    if len(classes) < 2:
        raise DataError("no_classes", name=root.name, found=classes)
    patients, groups = side_columns(root, kept, options)
    outside = len(files) - len(kept)
    return Found(
        ids=tuple(kept),
        images=FileImages(root, tuple(kept)),
        task="classification",
        classes=tuple(classes),
        targets=np.searchsorted(classes, labels).astype(np.int64),
        parts=np.array(parts) if has_parts else None,
        patients=patients,
        groups=groups,
        notes=(Msg("data.note.outside_classes", {"n": outside}),) if outside else (),
        title=root.name,
    )


def in_parts(files: Sequence[str]) -> bool:
    """True when all folders at the top are names of parts."""
    return all("/" in file and file.split("/")[0].lower() in ALIASES for file in files)


def count_classes(files: Sequence[str]) -> int:
    """How many class folders there are."""
    depth = 1 if in_parts(files) else 0
    return len({file.split("/")[depth] for file in files if file.count("/") > depth})


def detects(path: Path) -> bool:
    """True for a folder with at least two class folders."""
    return path.is_dir() and count_classes(list_files(unwrap(path))) > 1


SOURCES.add(
    "image_folder",
    SourceSpec(read=read, detects=detects, priority=1, params=(*COMMON_PARAMS, *COLUMN_PARAMS)),
)
