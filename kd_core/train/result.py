"""What training gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from kd_core.train.modes import Other


@dataclass(frozen=True)
class FitResult:
    """A trained network and how it came about.

    Attributes:
        network: The deployed network with its best weights, on the CPU, in evaluation mode.
        history: One row an epoch: ``epoch``, ``step``, ``lr``, ``seconds``, ``wait_s`` (of these,
            waiting for images), ``loss.<part>`` (training means), ``val.<metric>``, and
            ``set.<name>`` of what changes over the budget; those of a further network have its
            name and a slash before them.
        best_epoch: Epoch (from 1) whose weights were kept: the highest ``select_metric``, of
            equals the lowest validation loss, of equals the first.
        select_metric: Validation metric that chose it.
        steps: Optimiser steps taken.
        seconds: Wall time of training and validation, over all sittings.
        teacher_seconds: Wall time of filling the teacher's cache.
        teacher_images: Images that the teacher was run on.
        initial_sha256: Hash of the initial weights; equal for all arms of one seed.
        teacher_features: Where the teacher's features came from, ``cached`` or ``live``; empty
            where no loss looks at any.
        teacher_feature_bytes: Bytes that they take on the disk, or would take.
        energy_j: Energy of the machine during training; ``None`` where it cannot be read.
        peak_memory_bytes: Largest memory of the process, or of the GPU; ``None`` likewise.
        others: Further models by name, as they were in the best epoch of the deployed one.
        facts: What the mode wants to be recorded.
    """

    network: nn.Module
    history: tuple[dict[str, float], ...]
    best_epoch: int
    select_metric: str
    steps: int
    seconds: float
    teacher_seconds: float
    teacher_images: int
    initial_sha256: str
    teacher_features: str = ""
    teacher_feature_bytes: int = 0
    energy_j: float | None = None
    peak_memory_bytes: int | None = None
    others: Mapping[str, Other] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
