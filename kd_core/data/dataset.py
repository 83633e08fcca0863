"""A data set: what it is, one row an image, and a way to read each image.

    Dataset
    ├── info      DatasetInfo: everything that fits into its manifest.json
    ├── table     one row an image, in the order train, val, test, then by id
    └── images    the originals: files below a folder, or one array

The table's columns: ``id``, ``part``, ``patient`` ("" where unknown), ``sha256`` of the stored
image, then either ``label`` (class number) or one ``label:<name>`` a label (1, 0 or NaN for
"ignore"), then one ``group:<name>`` a subgroup column.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kd_core.config import SCHEMA, Settings
from kd_core.data.images import apply_window, shrink, to_channels
from kd_core.data.loaded import PARTS
from kd_core.data.originals import Images
from kd_core.data.windows import Window
from kd_core.errors import DataError

LABEL, GROUP = "label:", "group:"

Example = tuple[str, str, NDArray[np.uint8]]
"""Id, class and a small image (H, W, C)."""


class Place(Settings):
    """Where the originals of a stored data set are.

    Attributes:
        kind: ``array``: ``images.npy`` in its own folder; ``files``: copied into its own folder;
            ``reference``: left where they are, below the configured data root.
        path: For ``reference``, relative to the data root.
    """

    kind: Literal["array", "files", "reference"] = "files"
    path: str = ""


class DatasetInfo(Settings):
    """What a data set is, without its images.

    Attributes:
        name: Name in the library; empty before it is stored.
        title: What a person calls it.
        task: Entry of ``TASKS``.
        classes: Class or label names in the order of the outputs.
        channels: 1 (grey) or 3 (colour).
        hash: See :func:`content_hash`.
        source: Entry of ``SOURCES`` that read it.
        options: That entry's options (window, policy for uncertain labels, split seed, …).
        window: How images with more than 8 bits become 256 grey levels.
        augment: Default entry of ``AUGMENTATIONS``.
        licence: As its origin states it.
        citation: What to cite.
        url: Where it comes from.
        synthetic: True for images that a generator made.
        unreadable: Ids of images that were left out because they cannot be read.
        place: Where the originals are.
    """

    schema_version: int = SCHEMA
    name: str = ""
    title: str = ""
    task: str
    classes: tuple[str, ...]
    channels: Literal[1, 3]
    hash: str = ""
    source: str
    options: dict[str, Any]
    window: Window
    augment: str = "generic"
    licence: str = ""
    citation: str = ""
    url: str = ""
    synthetic: bool = False
    unreadable: tuple[str, ...] = ()
    place: Place = Place()


@dataclass(frozen=True)
class Dataset:
    """A data set that can be read; equal when what it is is equal.

    Attributes:
        info: What it is.
        table: One row an image; see the module text for the columns.
        images: The originals, in the table's order.
    """

    info: DatasetInfo
    table: pd.DataFrame = field(repr=False, compare=False)
    images: Images = field(repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.table)

    @property
    def name(self) -> str:
        """Name in the library."""
        return self.info.name

    @property
    def title(self) -> str:
        """What a person calls it."""
        return self.info.title or self.info.name

    @property
    def task(self) -> str:
        """Entry of ``TASKS``."""
        return self.info.task

    @property
    def classes(self) -> tuple[str, ...]:
        """Class or label names in the order of the outputs."""
        return self.info.classes

    @property
    def channels(self) -> int:
        """1 (grey) or 3 (colour)."""
        return self.info.channels

    @property
    def hash(self) -> str:
        """Content hash."""
        return self.info.hash

    @property
    def synthetic(self) -> bool:
        """True for images that a generator made."""
        return self.info.synthetic

    @property
    def augment(self) -> str:
        """Default entry of ``AUGMENTATIONS``."""
        return self.info.augment

    def read(self, i: int) -> NDArray[np.uint8]:
        """Image ``i`` after the window, uint8 (H, W, C).

        Raises:
            DataError: ``image_changed`` when it is not the image that was added, and those of
                :meth:`Images.open`.
        """
        digest, raw = self.images.open(i)
        if digest != self.table["sha256"].iloc[i]:
            raise DataError("image_changed", name=str(self.table["id"].iloc[i]))
        return to_channels(apply_window(raw, self.info.window), self.channels)

    def rows(self, part: str) -> slice:
        """The rows of one part, which follow each other."""
        inside = np.flatnonzero(self.table["part"].to_numpy() == part)
        return slice(int(inside[0]), int(inside[-1]) + 1) if inside.size else slice(0, 0)

    def targets(self) -> NDArray[Any]:
        """int64 (N,), or float32 (N, L) with NaN for "ignore"."""
        return table_targets(self.table)

    def counts(self) -> dict[str, dict[str, int]]:
        """Images by class (for multi-label: positives by label), then by part."""
        targets = self.targets()
        hits = targets == 1 if targets.ndim == 2 else targets[:, None] == np.arange(self.n_classes)
        return {
            name: {part: int(hits[self.rows(part), k].sum()) for part in PARTS}
            for k, name in enumerate(self.classes)
        }

    def examples(self, each: int = 6, limit: int = 60) -> list[Example]:
        """Small images to look at, spread evenly over each class or label.

        Args:
            each: How many of one class.
            limit: How many in all.
        """
        targets = self.targets()
        chosen: list[tuple[int, str]] = []
        for k, name in enumerate(self.classes):
            hits = np.flatnonzero(targets[:, k] == 1 if targets.ndim == 2 else targets == k)
            picks = np.linspace(0, len(hits) - 1, min(each, len(hits))).round().astype(int)
            chosen += [(int(row), name) for row in hits[picks]]
        ids = self.table["id"]
        return [(ids.iloc[row], name, shrink(self.read(row))) for row, name in chosen[:limit]]

    @property
    def n_classes(self) -> int:
        """Number of classes or labels."""
        return len(self.classes)

    @property
    def part_sizes(self) -> dict[str, int]:
        """Images by part; parts without images are left out."""
        sizes = self.table["part"].value_counts()
        return {part: int(sizes[part]) for part in PARTS if part in sizes}

    @property
    def groups(self) -> tuple[str, ...]:
        """Names of the subgroup columns."""
        return tuple(c.removeprefix(GROUP) for c in self.table.columns if c.startswith(GROUP))

    @property
    def has_patients(self) -> bool:
        """True when the patient is known for at least one image."""
        return bool((self.table["patient"] != "").any())


def table_targets(table: pd.DataFrame) -> NDArray[Any]:
    """Targets of a table: int64 (N,), or float32 (N, L) with NaN for "ignore"; a copy.

    pandas gives arrays that cannot be written to, of which torch would warn.
    """
    if "label" in table:
        return table["label"].to_numpy(np.int64, copy=True)
    columns = [column for column in table.columns if column.startswith(LABEL)]
    return table[columns].to_numpy(np.float32, copy=True)


def content_hash(
    table: pd.DataFrame, task: str, classes: Sequence[str], channels: int, window: Window
) -> str:
    """SHA-256 over what a study depends on, whatever order the file system gives.

    That is each image's id, bytes, target, part and patient, and for all of them the task, the
    classes, the channels and the window. Subgroups and texts do not count.

    Returns:
        64 hex digits.
    """
    targets = table_targets(table).astype(np.float64)
    columns = (table[name].tolist() for name in ("id", "sha256", "part", "patient"))
    lines = [
        json.dumps([*row, np.where(np.isnan(target), -1, target).tolist()])
        for *row, target in zip(*columns, targets, strict=True)
    ]
    head = json.dumps([task, list(classes), channels, window.to_json()])
    return hashlib.sha256("\n".join([head, *sorted(lines)]).encode()).hexdigest()
