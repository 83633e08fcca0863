"""Settings as values: frozen, validated on creation, compared by value, with their own JSON.

StudySettings              what a person asks for on the Distil page; expands into runs
├── DataSettings           which data set, at which size, with which views
├── TeacherSettings        a model and its own recipe, or an earlier run
├── ModelSettings          the student's architecture and starting weights
├── TrainSettings          the recipe that baseline and students share
├── Arm (one or more)      a name and the DistilSettings that make this student different
└── Chain (any number)     what is compressed, step by step

RunSettings                one frozen configuration with one seed; hashed for reuse

What is wrong with a value is said by :mod:`kd_core.settings`, the base of them all.
"""

from __future__ import annotations

import os
from typing import Literal, Self

from pydantic import Field, model_validator

from kd_core.errors import ConfigError
from kd_core.settings import SCHEMA, Settings, canonical_hash

RUN_PREFIX = "run:"
"""A need or origin that starts so names a finished run outside the study."""

Device = str  # "auto", "cpu", "cuda:0", "mps"
Role = Literal["teacher", "baseline", "student", "imported", "compressed", "analysis"]


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
    """

    dataset: str = Field(min_length=1, max_length=80)
    data_hash: str = ""
    size: int = Field(default=64, ge=16, le=1024)
    augment: str = "auto"
    normalise: Literal["dataset", "imagenet"] = "dataset"
    external: tuple[str, ...] = ()


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
    """

    name: str
    weight: float | None = Field(default=None, ge=0)
    params: dict[str, float | int | bool | str] = Field(default_factory=dict)


class DistilSettings(Settings):
    """How a student learns from its teacher: ``w_task · L_task + Σ wᵢ · Lᵢ``.

    Attributes:
        mode: Entry of ``MODES``.
        alpha: Weight of the true labels; w_task = α when a response loss is chosen, else 1.
        losses: The distillation terms.
        teacher_outputs: ``cached`` computes them once per stored view, ``live`` at every step.
        views: K, the number of stored augmented views; epoch e uses view e mod K. With ``live``
            every epoch has a fresh view.
    """

    mode: str = "offline"
    alpha: float = Field(default=0.5, ge=0, le=1)
    losses: tuple[LossTerm, ...] = (LossTerm(name="kd"),)
    teacher_outputs: Literal["cached", "live"] = "cached"
    views: int = Field(default=8, ge=1, le=1000)


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


class TeacherSettings(Settings):
    """The teacher: a model with its own recipe, or an earlier run.

    Attributes:
        run: Id of a finished run to use as it is; ``model`` and ``train`` are then ignored.
        per_seed: Retrain the teacher for every seed, or train it once with the first seed.
    """

    model: ModelSettings = ModelSettings(name="resnet18")
    train: TrainSettings = TrainSettings()
    run: str = ""
    per_seed: bool = False


class Arm(Settings):
    """One kind of student in a study; everything but ``distil`` is shared."""

    name: str = Field(default="distilled", min_length=1, max_length=60)
    distil: DistilSettings = DistilSettings()


class CompressStep(Settings):
    """One step of a chain.

    Attributes:
        method: Entry of ``COMPRESSORS``.
        params: The entry's own parameters.
        tune: Recipe of the fine-tuning that belongs to the step; ``None`` is none.
        distil: How the network learns from a teacher while it is tuned; ``None``: from the labels
            alone. The teacher is the study's, or the unchanged model itself where the chain
            begins with the teacher or with an older run.
    """

    method: str
    params: dict[str, float | int | bool | str] = Field(default_factory=dict)
    tune: TrainSettings | None = None
    distil: DistilSettings | None = None


class Chain(Settings):
    """Compression of one model, step by step; every step leaves a model of its own.

    Attributes:
        name: Unique in the study, and no name of an arm.
        origin: What is compressed: ``teacher``, ``baseline``, the name of an arm or
            ``imported-<file>``; or ``run:<id>``, a finished run.
        steps: In order; after a step on the exported file, all that follow are such steps.
    """

    name: str = Field(min_length=1, max_length=60)
    origin: str
    steps: tuple[CompressStep, ...] = Field(min_length=1, max_length=12)


class StudySettings(Settings):
    """Runs on the same data, split and metric; the baseline is always part of it.

    Attributes:
        train: The recipe that baseline and students share.
        arms: The kinds of distilled student.
        imported: Names of ONNX files in the store's uploads, evaluated beside the others.
        chains: What is compressed, and how.
        margin: How much worse still counts as "as good", fixed before the test part is opened.
    """

    schema_version: int = SCHEMA
    name: str = Field(default="study", min_length=1, max_length=120)
    data: DataSettings
    teacher: TeacherSettings = TeacherSettings()
    student: ModelSettings = ModelSettings(name="mobilenet_v3_small")
    train: TrainSettings = TrainSettings()
    arms: tuple[Arm, ...] = (Arm(),)
    imported: tuple[str, ...] = ()
    chains: tuple[Chain, ...] = ()
    seeds: tuple[int, ...] = Field(default=(0,), min_length=1, max_length=100)
    compute: ComputeSettings = Field(default_factory=ComputeSettings)
    latency: LatencySettings = LatencySettings()
    margin: float = Field(default=0.01, ge=0, le=1)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(set(self.seeds)) != len(self.seeds):
            raise ConfigError("seeds_repeat", seeds=list(self.seeds))
        names = [arm.name for arm in self.arms]
        if len(set(names)) != len(names):
            raise ConfigError("arms_repeat", names=names)
        protocols = {(arm.distil.teacher_outputs, arm.distil.views) for arm in self.arms}
        if len({p if p[0] == "cached" else ("live", 0) for p in protocols}) > 1:
            raise ConfigError("views_differ")
        self._check_chains(set(names))
        return self

    def _check_chains(self, arms: set[str]) -> None:
        """Chains have names of their own, and begin with a model of this study or an older run."""
        names = [chain.name for chain in self.chains]
        known = {"teacher", "baseline", *arms, *(f"imported-{name}" for name in self.imported)}
        taken = sorted({name for name in names if names.count(name) > 1 or name in known})
        if taken:
            raise ConfigError("chains_repeat", names=taken)
        for chain in self.chains:
            if chain.origin not in known and not chain.origin.startswith(RUN_PREFIX):
                raise ConfigError(
                    "chain_origin", chain=chain.name, origin=chain.origin, known=sorted(known)
                )


class RunSettings(Settings):
    """One execution: one frozen configuration with one seed.

    Attributes:
        key: Name inside the study's graph, such as ``student-distilled-s0``.
        role: What the run makes.
        needs: Graph keys of the runs that must be finished first, by what they are to this run
            (``{"teacher": "teacher-s0"}``).
        views: K stored views, or ``None`` for a fresh view each epoch; the baseline has the
            same value as the students it is compared with.
        chain: The steps of a run whose role is ``compressed``; the method of an ``analysis``.
    """

    schema_version: int = SCHEMA
    key: str
    role: Role
    data: DataSettings
    model: ModelSettings
    train: TrainSettings = TrainSettings()
    distil: DistilSettings | None = None
    views: int | None = None
    chain: Chain | None = None
    seed: int = Field(default=0, ge=0, le=2**31 - 1)
    needs: dict[str, str] = Field(default_factory=dict)
    compute: ComputeSettings = Field(default_factory=ComputeSettings)
    latency: LatencySettings = LatencySettings()

    def config_hash(self, parents: dict[str, str]) -> str:
        """Identity of the outcome: these settings and the parents' config hashes.

        Args:
            parents: Config hash of each run in ``needs``, by the same name.
        """
        mine = self.to_json()
        del mine["key"]
        if self.chain is None:
            del mine["chain"]  # runs from before there were chains keep their identity
        else:  # what it is called and where it begins is said by the parents' hashes
            mine["chain"] = mine["chain"]["steps"]
            del mine["model"]
        mine["needs"] = {name: parents[name] for name in sorted(self.needs)}
        return canonical_hash(mine)
