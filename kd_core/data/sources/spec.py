"""What a source is: a way to find images and targets in what a person brings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kd_core.data.augment import AUGMENTATIONS
from kd_core.data.originals import Images
from kd_core.data.splits import SPLIT_PARAMS
from kd_core.data.windows import WINDOW_PARAMS
from kd_core.registry import Entry, Param, Registry
from kd_core.text import Msg

POLICIES = ("ignore", "ones", "zeros")


@dataclass(frozen=True)
class LabelCounts:
    """What one column of a multi-label table holds.

    Attributes:
        label: Name of the label.
        positive: Cells with 1.
        negative: Cells with 0.
        uncertain: Cells with −1.
        blank: Empty cells.
    """

    label: str
    positive: int
    negative: int
    uncertain: int
    blank: int

    def under(self, policy: str) -> dict[str, int]:
        """Positives, negatives and ignored cells that a policy for uncertain labels gives.

        Blank cells are left out here; how they are read is an option of its own.

        >>> LabelCounts("Edema", 5, 10, uncertain=2, blank=0).under("ones")
        {'positive': 7, 'negative': 10, 'ignored': 0}
        """
        return {
            "positive": self.positive + (self.uncertain if policy == "ones" else 0),
            "negative": self.negative + (self.uncertain if policy == "zeros" else 0),
            "ignored": self.uncertain if policy == "ignore" else 0,
        }


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a source found, before any image is decoded.

    Attributes:
        ids: One stable name an image, such as its path.
        images: The originals, in the same order.
        task: Entry of ``TASKS``.
        classes: Class or label names in the order of the outputs.
        targets: int64 (N,), or float32 (N, L) with NaN for "ignore".
        parts: Given parts (N,), or ``None``.
        patients: Given patients (N,) with "" where unknown, or ``None``.
        groups: Subgroup columns (N,) by name.
        uncertain: Counts of each column of a multi-label table.
        notes: What a person should know of how the data were read.
        augment: Augmentation that suits these images; empty where the source cannot know.
        title: Title that the source knows.
        synthetic: True for images that a generator made.
    """

    ids: tuple[str, ...]
    images: Images
    task: str
    classes: tuple[str, ...]
    targets: NDArray[Any]
    parts: NDArray[np.str_] | None = None
    patients: NDArray[np.str_] | None = None
    groups: Mapping[str, NDArray[np.str_]] = field(default_factory=dict)
    uncertain: tuple[LabelCounts, ...] = ()
    notes: tuple[Msg, ...] = ()
    augment: str = ""
    title: str = ""
    synthetic: bool = False


@dataclass(frozen=True, kw_only=True)
class SourceSpec(Entry):
    """One kind of thing that a person brings.

    Attributes:
        read: (path, checked options) to what is there; raises DataError.
        detects: True when a path looks like this kind.
        priority: Kinds are tried in falling order, so the more special one is higher.
    """

    read: Callable[[Path, Mapping[str, Any]], Found]
    detects: Callable[[Path], bool]
    priority: int


SOURCES: Registry[SourceSpec] = Registry("source")

COMMON_PARAMS = (
    *SPLIT_PARAMS,
    Param("patient_pattern", "text", "", advanced=True),
    *WINDOW_PARAMS,
    Param("channels", "choice", "auto", choices=("auto", "grey", "colour"), advanced=True),
    Param("augment", "choice", "auto", choices=("auto", *AUGMENTATIONS.names())),
)
"""Options that every source has; they are used after it has found its images."""
