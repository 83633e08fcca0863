"""Settings as values: frozen, validated on creation, compared by value, with their own JSON.

StudySettings              what a person asks for on the Distil page; expands into runs
├── DataSettings           which data set, at which size, with which views
├── TeacherSettings        a model and its own recipe, or an earlier run
├── ModelSettings          the student's architecture and starting weights
├── TrainSettings          the recipe that baseline and students share
├── Arm (one or more)      a name and the DistilSettings that make this student different
└── Chain (any number)     what is compressed, step by step

RunSettings                one frozen configuration with one seed; hashed for reuse

The parts stand in :mod:`kd_core.recipes`. What is wrong with a value is said by
:mod:`kd_core.settings`, the base of them all.
"""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from kd_core.errors import ConfigError
from kd_core.recipes import (
    AnalysisSettings,
    ComputeSettings,
    DataSettings,
    Device,
    DistilSettings,
    LatencySettings,
    LossTerm,
    ModelSettings,
    OperatingSettings,
    Ramp,
    TrainSettings,
    WeightSettings,
    default_threads,
)
from kd_core.settings import SCHEMA, Settings, canonical_hash

__all__ = [
    "SCHEMA",
    "AnalysisSettings",
    "Arm",
    "Chain",
    "CompressStep",
    "ComputeSettings",
    "DataSettings",
    "Device",
    "DistilSettings",
    "LatencySettings",
    "LossTerm",
    "ModelSettings",
    "OperatingSettings",
    "Ramp",
    "Role",
    "RunSettings",
    "Settings",
    "StudySettings",
    "TeacherSettings",
    "TrainSettings",
    "WeightSettings",
    "canonical_hash",
    "default_threads",
]

RUN_PREFIX = "run:"
"""A need or origin that starts so names a finished run outside the study."""

Role = Literal["teacher", "baseline", "student", "imported", "compressed", "analysis"]
Exporter = Literal["dynamo", "torchscript"]


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
    """One kind of student in a study; everything but ``distil`` is shared.

    Attributes:
        name: Unique in the study.
        distil: What makes this student different.
        train: A recipe of its own, for a baseline that is tuned or trained for longer; such an
            arm is of another protocol, and pages say so. ``None``: the study's.
    """

    later: ClassVar[frozenset[str]] = frozenset({"train"})

    name: str = Field(default="distilled", min_length=1, max_length=60)
    distil: DistilSettings = DistilSettings()
    train: TrainSettings | None = None


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
        operating: Calibration and threshold of every model.
        folds: Cross-validation in so many folds, by patient; 0 is the data set's own split.
        replay: As in :class:`RunSettings`, for baseline and students.
        exporter: The same.
    """

    later: ClassVar[frozenset[str]] = frozenset({"operating", "folds", "replay", "exporter"})

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
    operating: OperatingSettings = OperatingSettings()
    folds: int = Field(default=0, ge=0, le=20)
    replay: int = Field(default=0, ge=0, le=100)
    exporter: Exporter = "dynamo"

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
        if self.folds == 1:
            raise ConfigError("folds_one")
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
        operating: Calibration and threshold of its models.
        analysis: What a run without a chain looks at, whose role is ``analysis``.
        replay: So many times over the budget the answers to a few validation images are kept.
        exporter: What writes the ONNX file, which is checked against torch all the same:
            ``torchscript`` is ten times as quick, ``dynamo`` knows more networks.
    """

    later: ClassVar[frozenset[str]] = frozenset(
        {"chain", "operating", "analysis", "replay", "exporter"}
    )

    schema_version: int = SCHEMA
    key: str
    role: Role
    data: DataSettings
    model: ModelSettings
    train: TrainSettings = TrainSettings()
    distil: DistilSettings | None = None
    views: int | None = None
    chain: Chain | None = None
    operating: OperatingSettings = OperatingSettings()
    analysis: AnalysisSettings | None = None
    replay: int = Field(default=0, ge=0, le=100)
    exporter: Exporter = "dynamo"
    seed: int = Field(default=0, ge=0, le=2**31 - 1)
    needs: dict[str, str] = Field(default_factory=dict)
    compute: ComputeSettings = Field(default_factory=ComputeSettings)
    latency: LatencySettings = LatencySettings()

    def config_hash(self, parents: dict[str, str]) -> str:
        """Identity of the outcome: these settings and the parents' config hashes.

        Args:
            parents: Config hash of each run in ``needs``, by the same name.
        """
        mine = self.identity()
        del mine["key"]
        if self.chain is not None:  # its name and where it begins is said by the parents' hashes
            mine["chain"] = mine["chain"]["steps"]
            del mine["model"]
        mine["needs"] = {name: parents[name] for name in sorted(self.needs)}
        return canonical_hash(mine)
