"""The parts that studies and runs are made of: data, networks, training, distillation, machine.

They are settings like all others (see :mod:`kd_core.settings`) and are imported from
:mod:`kd_core.config`, where they come together.
"""

from __future__ import annotations

import os
from typing import Any, ClassVar, Literal

from pydantic import Field

from kd_core.settings import Settings

Device = str  # "auto", "cpu", "cuda:0", "mps"


def default_threads() -> int:
    """Threads for one run: all of two cores, otherwise one core is left to the pages, at most 8."""
    cores = os.cpu_count() or 1
    return cores if cores <= 2 else min(8, cores - 1)


class DataSettings(Settings):
    """Which data, and how images reach a network.

    Attributes:
        dataset: Name in the data library; ``sample`` and ``sample_binary`` are embedded.
        data_hash: Content hash that the study is tied to; filled in when it is submitted.
        size: Side in pixels of the square images that networks see.
        augment: Name of an entry of ``AUGMENTATIONS``; ``auto`` is the data set's own default.
        normalise: Mean and sd of the training part, or ImageNet's.
        external: Names of data sets that are tested beside the internal test part.
        fold: Which of the study's folds is the validation part, from 0; ``None``: no folds.
        folds: How many folds training and validation part make together; the test part is none.
    """

    later: ClassVar[frozenset[str]] = frozenset({"fold", "folds"})

    dataset: str = Field(min_length=1, max_length=80)
    data_hash: str = ""
    size: int = Field(default=64, ge=16, le=1024)
    augment: str = "auto"
    normalise: Literal["dataset", "imagenet"] = "dataset"
    external: tuple[str, ...] = ()
    fold: int | None = Field(default=None, ge=0, le=19)
    folds: int = Field(default=0, ge=0, le=20)


class WeightSettings(Settings):
    """Where starting weights come from.

    Attributes:
        kind: ``scratch`` (by seed), ``imagenet``, ``file`` (in the store's uploads) or ``run``.
        source: File name or run id; empty otherwise.
        head: ``strict`` refuses a head that does not fit; ``replace`` starts it anew.
    """

    kind: Literal["scratch", "imagenet", "file", "run"] = "scratch"
    source: str = ""
    head: Literal["strict", "replace"] = "replace"


class ModelSettings(Settings):
    """A network by registry name.

    Attributes:
        name: Entry of ``MODELS``, or ``timm:<name>``.
        params: The entry's own parameters (width, depth, …).
        weights: Starting weights.
        dropout: Rate before the head; ``None`` keeps the architecture's own.
        stem: ``standard`` is the published one, ``small`` keeps resolution, ``auto`` chooses
            ``small`` below 112 px.
    """

    name: str = Field(min_length=1, max_length=120)
    params: dict[str, float | int | bool | str] = Field(default_factory=dict)
    weights: WeightSettings = WeightSettings()
    dropout: float | None = Field(default=None, ge=0, lt=1)
    stem: Literal["auto", "standard", "small"] = "auto"


class TrainSettings(Settings):
    """A recipe. The budget is ``steps`` optimiser steps, or ``epochs`` where ``steps`` is ``None``.

    Attributes:
        optimizer: ``adamw`` (Loshchilov & Hutter 2019) or ``sgd`` with Nesterov momentum.
        lr: Peak learning rate.
        weight_decay: Decoupled for AdamW; not applied to biases and norm parameters.
        schedule: ``cosine`` to zero after warm-up, or ``constant``.
        warmup: Share of the budget with a linearly growing rate.
        imbalance: ``class_weights`` (inverse frequency; ``pos_weight`` for multi-label), ``focal``
            (Lin et al. 2017, γ = 2), ``sampler`` (classes drawn equally often), or ``none``.
        select_metric: Validation metric that chooses the checkpoint; ``auto`` is the task's own.
        grad_clip: Largest global gradient norm; 0 is off.
        amp: Mixed precision where the device gains from it, or off.
    """

    epochs: int = Field(default=20, ge=1, le=2000)
    steps: int | None = Field(default=None, ge=1, le=10_000_000)
    batch_size: int = Field(default=64, ge=2, le=4096)
    optimizer: Literal["adamw", "sgd"] = "adamw"
    lr: float = Field(default=1e-3, gt=0, le=10)
    weight_decay: float = Field(default=0.01, ge=0, le=1)
    momentum: float = Field(default=0.9, ge=0, lt=1)
    schedule: Literal["cosine", "constant"] = "cosine"
    warmup: float = Field(default=0.05, ge=0, lt=1)
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    imbalance: Literal["none", "class_weights", "focal", "sampler"] = "none"
    select_metric: str = "auto"
    grad_clip: float = Field(default=1.0, ge=0)
    amp: Literal["auto", "off"] = "auto"


class LossTerm(Settings):
    """One distillation loss with its weight.

    Attributes:
        name: Entry of ``LOSSES``.
        weight: wᵢ; ``None`` means 1 − α, which only response losses may use.
        params: The entry's own parameters (``T``, …).
        layers: Pairs of module paths, (teacher's, student's), where features are read; none:
            those that ``kd_core.models.pairing`` proposes.
    """

    later: ClassVar[frozenset[str]] = frozenset({"layers"})
    later_params: ClassVar[dict[str, bool]] = {"standardise": False}

    name: str
    weight: float | None = Field(default=None, ge=0)
    params: dict[str, float | int | bool | str] = Field(default_factory=dict)
    layers: tuple[tuple[str, str], ...] = ()

    def identity(self) -> dict[str, Any]:
        """As for all settings; of ``params``, those that came later count if they are used."""
        used = {k: v for k, v in self.params.items() if self.later_params.get(k) != v}
        return {**super().identity(), "params": used}


class Ramp(Settings):
    """A number of the objective that changes over the budget.

    Attributes:
        of: ``alpha``, ``<loss>.weight`` or ``<loss>.<parameter>``, such as ``kd.T``.
        end: Value at the last step; it begins at the value that the settings give.
        shape: ``linear`` or half a ``cosine``.
    """

    of: str
    end: float
    shape: Literal["linear", "cosine"] = "linear"


class DistilSettings(Settings):
    """How a student learns from its teacher: ``w_task · L_task + Σ wᵢ · Lᵢ``.

    Attributes:
        mode: Entry of ``MODES``.
        alpha: Weight of the true labels; w_task = α when a response loss is chosen, else 1.
        losses: The distillation terms.
        teacher_outputs: ``cached`` computes them once per stored view, ``live`` at every step.
        views: K, the number of stored augmented views; epoch e uses view e mod K. With ``live``
            every epoch has a fresh view.
        params: The mode's own parameters.
        peers: Networks that learn beside the student, for modes that train several.
        warmup: Share of the budget over which the distillation weights grow from 0.
        ramps: What else changes over the budget.
        task_weight: w_task where it is not what α makes of it, as in some published settings.
    """

    later: ClassVar[frozenset[str]] = frozenset(
        {"params", "peers", "warmup", "ramps", "task_weight"}
    )

    mode: str = "offline"
    alpha: float = Field(default=0.5, ge=0, le=1)
    losses: tuple[LossTerm, ...] = (LossTerm(name="kd"),)
    teacher_outputs: Literal["cached", "live"] = "cached"
    views: int = Field(default=8, ge=1, le=1000)
    params: dict[str, float | int | bool | str] = Field(default_factory=dict)
    peers: tuple[ModelSettings, ...] = Field(default=(), max_length=8)
    warmup: float = Field(default=0.0, ge=0, le=1)
    ramps: tuple[Ramp, ...] = Field(default=(), max_length=16)
    task_weight: float | None = Field(default=None, ge=0)


class LatencySettings(Settings):
    """How latency is measured on this machine (protocol 1)."""

    threads: int = Field(default=1, ge=1, le=256)
    warmup: int = Field(default=10, ge=1, le=1000)
    repeats: int = Field(default=50, ge=5, le=10000)
    batch: int = Field(default=32, ge=2, le=1024)


class ComputeSettings(Settings):
    """Where a run is trained; the thread count decides the last bits, so it is part of the run."""

    device: Device = "auto"
    threads: int = Field(default_factory=default_threads, ge=1, le=256)
    deterministic: bool = True


class OperatingSettings(Settings):
    """How a finished model is calibrated and where it decides; both fitted on validation data.

    Attributes:
        calibration: ``temperature`` (Guo et al. 2017), ``platt`` (Platt 1999; two classes or
            labels), or ``none``.
        rule: What chooses the threshold: ``youden`` (largest sensitivity + specificity − 1),
            ``sensitivity`` or ``specificity`` (at least ``value``), ``fixed`` (``value`` itself),
            or ``none``, the task's own.
        value: Of the rule, in [0, 1].
        positive: Of two classes the one to be found; empty: the one whose name is not that of a
            healthy class, else the second.
    """

    calibration: Literal["none", "temperature", "platt"] = "none"
    rule: Literal["none", "youden", "sensitivity", "specificity", "fixed"] = "none"
    value: float = Field(default=0.9, ge=0, le=1)
    positive: str = ""


class AnalysisSettings(Settings):
    """What a run looks at that makes no model.

    Attributes:
        kind: ``robustness``: the same models on corrupted images.
        part: ``val``, or ``test`` once the study's test part is open.
        corruptions: Entries of ``CORRUPTIONS``; empty is all of them.
        severities: From 1 (slight) to 5.
        images: At most so many, drawn by seed and by patient.
    """

    kind: Literal["robustness"] = "robustness"
    part: Literal["val", "test"] = "val"
    corruptions: tuple[str, ...] = ()
    severities: tuple[int, ...] = (1, 2, 3, 4, 5)
    images: int = Field(default=1000, ge=10, le=100_000)
