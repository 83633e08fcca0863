"""A run that a class starts by the dozen: one tiny student, a few seconds of one core.

It is an ordinary study in the store with an ordinary owner; only its settings are small. The
teacher is the finished one of the study that a lesson shows. Its answers are stored once for all
visitors, and so is the student that learns from the labels alone (α = 1), to which every run is
compared.
"""

from __future__ import annotations

from kd_core.config import (
    Arm,
    ComputeSettings,
    DataSettings,
    DistilSettings,
    LatencySettings,
    LossTerm,
    ModelSettings,
    RunSettings,
    StudySettings,
    TeacherSettings,
    TrainSettings,
)
from kd_core.lessons.material import Material
from kd_core.models import build_model
from kd_core.study.graph import expand
from kd_core.tasks import TASKS
from kd_core.text import Msg

ARM = "live"
SIZE = 32
"""Side in pixels: a quarter of the work of 64."""

STUDENT = ModelSettings(
    name="tiny_cnn",
    params={"width": 28, "depth": 2, "block": "separable"},
    stem="standard",  # halves the side at once, a quarter of the work of the small one
)
"""28,341 parameters for five classes in colour."""

RECIPE = TrainSettings(steps=120, batch_size=48, lr=0.016, warmup=0.15)
"""About three seconds of one core; the warm-up is longer because of so large a rate."""

LATENCY = LatencySettings(warmup=3, repeats=10, batch=8)
"""Short, so that nobody waits long for quiet; a few percent less steady than the usual 50."""

LOOKS = 12
"""So many times over the budget the student is asked what it sees, for the replay."""

EXPECTED_S = 10.0
"""A start from beginning to end, on one core of a laptop; shorter once the queue has seen some."""

ALPHAS = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0)
TEMPERATURES = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Where the map of α and T is computed."""


def unfit(material: Material) -> Msg | None:
    """Why a study of the right task cannot be tried live: a teacher that is a file of one size."""
    if material.data.size == SIZE or material.has_network(material.voice("teacher")):
        return None
    return Msg("material.unfit.size", {"study": material.name, "size": material.data.size})


def live_study(material: Material, alpha: float, T: float, seed: int = 0) -> StudySettings:
    """The study of one start: the student alone, and one that learns with α and T.

    Args:
        material: The study of the lesson; its first teacher teaches.
        alpha: Weight of the labels, in [0, 1].
        T: Temperature.
        seed: Of initial weights and the order of images; a class shares one.

    Raises:
        ConfigError: ``config_value``.
    """
    return StudySettings(
        name=f"α {alpha:g}, T {T:g}",
        data=live_data(material),
        teacher=TeacherSettings(
            model=material.settings.teacher.model, run=material.voice("teacher").result.run.id
        ),
        student=STUDENT,
        train=RECIPE,
        arms=(Arm(name=ARM, distil=distil(alpha, T)),),
        seeds=(seed,),
        compute=ComputeSettings(device="cpu", threads=1),
        latency=LATENCY,
        replay=LOOKS,
        exporter="torchscript",
    )


def alone_study(material: Material, seed: int = 0) -> tuple[StudySettings, RunSettings]:
    """The student alone, to which all starts are compared: a study of it, and its run."""
    study = live_study(material, 1.0, 1.0, seed)
    return study, next(run for run in expand(study) if run.role == "baseline")


def live_run(material: Material, alpha: float, T: float, seed: int = 0) -> RunSettings:
    """The run of the student that learns with α and T, as :func:`live_study` would start it."""
    return next(run for run in expand(live_study(material, alpha, T, seed)) if run.distil)


def live_data(material: Material) -> DataSettings:
    """The study's images, small and as they are: a moved image would be drawn anew each time."""
    changes = {"size": SIZE, "augment": "none", "external": (), "fold": None, "folds": 0}
    return material.data_settings.change(data_hash=material.data.hash, **changes)


def student_params(material: Material) -> int:
    """Weights of the student for this study's classes and channels."""
    task, data = TASKS[material.data.task], material.data
    outputs = task.n_outputs(data.classes)
    network = build_model(STUDENT, outputs, data.channels, SIZE, seed=0, output=task.output)
    return sum(weights.numel() for weights in network.parameters())


def distil(alpha: float, T: float) -> DistilSettings:
    """Hinton's loss with answers of the teacher that are stored once."""
    terms = (LossTerm(name="kd", params={"T": float(T)}),)
    return DistilSettings(alpha=alpha, losses=terms, views=1)
