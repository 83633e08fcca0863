"""What lessons are computed from: the models, images and answers of one study.

Only the validation part is read; the test part stays sealed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kd_core.config import DataSettings, StudySettings
from kd_core.data.loaded import LoadedData, Part
from kd_core.models import TaskModel, load_checkpoint
from kd_core.models.features import features
from kd_core.registry import Entry, Registry
from kd_core.study.model_files import network_file
from kd_core.study.results import Result
from kd_core.text import Msg
from kd_core.train.loader import Pixels, normalisation

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
        name: Of the study.
        settings: Of the study.
        classes: Names of the classes.
        images: Validation images as they are shown, (n, H, W, 3) uint8.
        targets: Right class of each, (n,) int.
        patients: Patient of each, or ``None`` where none is known.
        voices: All finished models with the first seed's teacher, baseline and student first.
        data: The data set at the study's size, with the validation part of these models.
        data_settings: How the models read it.
        home: The home that holds the study.
        made: What was made for lessons, by names of ``MATERIALS``, as their ``read`` gives it.
    """

    key: str
    name: str
    settings: StudySettings
    classes: tuple[str, ...]
    images: NDArray[np.uint8]
    targets: NDArray[np.int64]
    patients: tuple[str, ...] | None
    voices: tuple[Voice, ...]
    data: LoadedData = field(repr=False)
    data_settings: DataSettings
    home: Path
    made: Mapping[str, Any] = field(default_factory=dict)
    _networks: dict[Path, TaskModel] = field(default_factory=dict, repr=False, compare=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False, compare=False)

    def voice(self, role: str) -> Voice:
        """The first voice of a role."""
        return next(voice for voice in self.voices if voice.role == role)

    def of_role(self, role: str) -> tuple[Voice, ...]:
        """All voices of a role; the first seed first."""
        return tuple(voice for voice in self.voices if voice.role == role)

    @property
    def part(self) -> Part:
        """The validation part as it is stored: images (n, C, S, S), targets, patients."""
        return self.data.parts["val"]

    def has_network(self, voice: Voice) -> bool:
        """Whether a voice has a torch network of its own (a foreign or INT8 file has none)."""
        file, own = network_file(voice.result.folder, voice.result.model.name)
        return file is not None and own

    def network(self, voice: Voice) -> TaskModel:
        """The network of a voice in evaluation mode, loaded once and shared: copy it to change it.

        Raises:
            ModelError: ``checkpoint_missing`` where it has none of its own.
        """
        file = voice.result.folder / "models" / voice.result.model.name / "model.pt"
        with self._lock:
            if file not in self._networks:
                self._networks[file] = load_checkpoint(file)
            return self._networks[file]

    def batch(self, index: Sequence[int] | NDArray[np.int64]) -> Tensor:
        """Some validation images as the networks see them, float32 (n, C, S, S), normalised."""
        mean, std = normalisation(self.data, self.data_settings)
        pixels = Pixels(self.part, mean, std, torch.device("cpu"))
        return pixels(np.asarray(index, np.int64), None)

    def features(
        self, voice: Voice, paths: Sequence[str], index: Sequence[int] | NDArray[np.int64]
    ) -> dict[str, Tensor]:
        """What some modules of a network give for some validation images, without gradients.

        Visitors share the networks; a lock keeps what they catch apart.

        Raises:
            ModelError: As :meth:`network` and :func:`kd_core.models.features.features`.
        """
        network = self.network(voice)
        with self._lock, torch.no_grad(), features(network, paths) as caught:
            network(self.batch(index))
            return dict(caught)


@dataclass(frozen=True, kw_only=True)
class MaterialSpec(Entry):
    """Something that lessons need and that takes longer than a slider may.

    Attributes:
        make: Computes it from the study and writes files into an empty folder.
        read: Reads these files; quick.
        version: Counted up when the files change, so that older ones are made again.
        minutes: About how long making takes on one core, for the sample.
        unfit: Why a study of the right task cannot have it; ``None`` where it can.
        tasks: Tasks of studies that can have it.
    """

    make: Callable[[Material, Path, Progress], None]
    read: Callable[[Path], Any]
    version: int
    minutes: float
    unfit: Callable[[Material], Msg | None] = lambda material: None
    tasks: tuple[str, ...] = ("classification",)

    def why_not(self, material: Material) -> Msg | None:
        """Why it cannot be made for a study; ``None`` where it can."""
        if material.data.task not in self.tasks:
            return Msg("material.unfit.task", {"study": material.name})
        return self.unfit(material)


MATERIALS: Registry[MaterialSpec] = Registry("material")
