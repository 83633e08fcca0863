"""What a compression method is: it takes a model, and gives a smaller one with what it did.

A *network* method changes the torch network, and the pipeline exports it again. A *file* method
changes the exported ONNX file; after one, only file methods can follow, and the network that the
file came from is kept for explanations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kd_core.data.loaded import LoadedData
from kd_core.models import TaskModel
from kd_core.registry import Entry, Registry
from kd_core.text import Msg
from kd_core.train.modes import Tick

Family = Literal["tune", "prune", "sparsify", "factorise", "quantise", "graph"]
Tune = Callable[[TaskModel, float], TaskModel]
"""(network, share of the step's budget) to the network after so much fine-tuning."""


@dataclass(frozen=True)
class Subject:
    """A model as a step finds it.

    Attributes:
        file: Its ONNX file, by our contract.
        network: Its network, on the CPU, in evaluation mode; ``None`` for a person's own file.
        on_file: Whether a file method was already applied, so that ``network`` is only the float
            parent of ``file``.
    """

    file: Path
    network: TaskModel | None = None
    on_file: bool = False


@dataclass(frozen=True)
class Workshop:
    """What a step may use. Never the test part.

    Attributes:
        data: The data set; methods read its training part, and validation where they choose.
        mean: Channel means that images are normalised with.
        std: Channel standard deviations, likewise.
        folder: An empty folder of this step's own, removed afterwards.
        seed: Of the run.
        threads: For torch and onnxruntime.
        device: Torch device for gradients and fine-tuning.
        tune: Fine-tunes a network by the step's recipe; ``None`` where the step has none.
        tick: To be called now and then; raises JobError when the run is to stop.
    """

    data: LoadedData
    mean: tuple[float, ...]
    std: tuple[float, ...]
    folder: Path
    seed: int = 0
    threads: int = 1
    device: str = "cpu"
    tune: Tune | None = None
    tick: Tick = lambda stage, done, total: None

    def images(self, part: str, n: int, seed: int = 0) -> NDArray[np.float32]:
        """Up to ``n`` normalised images of ``train`` or ``val``, (n, C, S, S), drawn by seed."""
        rows = self.data.parts[part].images
        chosen = np.sort(np.random.default_rng(seed).permutation(len(rows))[:n])
        mean, std = (np.asarray(v, np.float32)[:, None, None] for v in (self.mean, self.std))
        scaled = np.asarray(rows[chosen], np.float32) / np.float32(255)
        return (scaled - mean) / std  # (n, C, S, S)


@dataclass(frozen=True)
class Made:
    """What a step leaves.

    Attributes:
        network: The changed network of a network method.
        file: The changed file of a file method.
        facts: JSON-safe facts for the truth check and the page, by name.
        notes: What a person should read about it.
    """

    network: TaskModel | None = None
    file: Path | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[Msg, ...] = ()


@dataclass(frozen=True, kw_only=True)
class CompressorSpec(Entry):
    """One method of compression.

    Attributes:
        apply: Does it; the network or file that it is given is not changed.
        family: What kind of change it is.
        works_on: ``network`` or ``file``.
        refuses: Why it cannot be applied to this model with these parameters, found before
            anything is started; ``None`` if it can.
        calibrates: Reads training images.
        tunes: Wants a fine-tuning recipe: ``no``, ``may`` or ``must``.
    """

    apply: Callable[[Subject, Workshop, Mapping[str, Any]], Made]
    family: Family
    works_on: Literal["network", "file"]
    refuses: Callable[[Subject, Mapping[str, Any]], Msg | None] = lambda subject, params: None
    calibrates: bool = False
    tunes: Literal["no", "may", "must"] = "no"


COMPRESSORS: Registry[CompressorSpec] = Registry("compressor")
