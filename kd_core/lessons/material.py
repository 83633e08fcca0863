"""What lessons are computed from: the models, images and answers of one study.

Only the validation part is read; the test part stays sealed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kd_core.config import StudySettings
from kd_core.registry import Entry, Registry
from kd_core.study.results import Result

Progress = Callable[[int, int], None]
"""Called with (done, total)."""


@dataclass(frozen=True)
class Voice:
    """One model of the study and what it says of the validation images.

    Attributes:
        name: ``teacher``, ``baseline`` or the arm's name.
        role: ``teacher``, ``baseline`` or ``student``.
        seed: Its seed.
        logits: Of the validation images, (n, K).
        result: Sizes, scores, measurements, folder.
    """

    name: str
    role: str
    seed: int
    logits: NDArray[np.float64]
    result: Result


@dataclass(frozen=True)
class Material:
    """A study, opened for lessons.

    Attributes:
        key: ``sample`` for the embedded study, else the study's id.
        settings: Of the study.
        classes: Names of the classes.
        images: Validation images as they are shown, (n, H, W, 3) uint8.
        targets: Right class of each, (n,) int.
        patients: Patient of each, or ``None`` where none is known.
        voices: All finished models with the first seed's teacher, baseline and student first.
        made: What was made for lessons, by names of ``MATERIALS``, as their ``read`` gives it.
    """

    key: str
    settings: StudySettings
    classes: tuple[str, ...]
    images: NDArray[np.uint8]
    targets: NDArray[np.int64]
    patients: tuple[str, ...] | None
    voices: tuple[Voice, ...]
    made: Mapping[str, Any] = field(default_factory=dict)

    def voice(self, role: str) -> Voice:
        """The first voice of a role."""
        return next(voice for voice in self.voices if voice.role == role)


@dataclass(frozen=True, kw_only=True)
class MaterialSpec(Entry):
    """Something that lessons need and that takes longer than a slider may.

    Attributes:
        make: Computes it from the study and writes files into an empty folder.
        read: Reads these files; quick.
        version: Counted up when the files change, so that older ones are made again.
        minutes: About how long making takes on one core, for the sample.
    """

    make: Callable[[Material, Path, Progress], None]
    read: Callable[[Path], Any]
    version: int
    minutes: float


MATERIALS: Registry[MaterialSpec] = Registry("material")
