"""Published studies as settings, with what they leave open and what confounds them.

    DenseNet-121 → MobileNetV2, five chest X-ray labels     2026
    edge devices: distilled, pruned, quantised              2023
    MobileNetV3, distillation against 16 bits               source unknown

A preset sets what was published and can be set here; what cannot is said. Figures are theirs,
"reported, not reproduced", and are never put into a table of ours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kd_core.compress.presets import three_ways
from kd_core.config import (
    Arm,
    DataSettings,
    DistilSettings,
    LossTerm,
    ModelSettings,
    StudySettings,
    TeacherSettings,
    TrainSettings,
)
from kd_core.text import Msg

SEEDS = (0, 1, 2)


@dataclass(frozen=True)
class Published:
    """One published study.

    Attributes:
        source: Where it stands.
        study: Our settings for a data set; ``None`` where it cannot be carried out here.
        tasks: Tasks that it is about.
        remarks: What to know before one believes it, confounds first.
        unset: What was published and cannot be set here, or not in these settings.
        reported: Its figures, as sentences.
    """

    source: str
    study: Callable[[str], StudySettings] | None
    tasks: tuple[str, ...]
    remarks: tuple[Msg, ...]
    unset: tuple[Msg, ...]
    reported: tuple[Msg, ...]


def chest_xray(dataset: str) -> StudySettings:
    """DenseNet-121 → MobileNetV2 with Bernoulli soft targets, α 0.7 on the labels, T 6."""
    recipe = TrainSettings(
        epochs=100,
        batch_size=128,
        optimizer="adamw",
        lr=1e-3,
        weight_decay=0.01,
        schedule="constant",
        warmup=0.0,
        imbalance="class_weights",
        grad_clip=0.0,
    )
    soft = LossTerm(name="kd", params={"T": 6.0})
    return StudySettings(
        name="DenseNet-121 to MobileNetV2, chest X-rays",
        data=DataSettings(dataset=dataset, size=224, augment="auto", normalise="imagenet"),
        teacher=TeacherSettings(
            model=ModelSettings(name="densenet121", dropout=0.394, stem="standard"),
            train=recipe.change(lr=1e-4),
        ),
        student=ModelSettings(name="mobilenet_v2", dropout=0.150, stem="standard"),
        train=recipe,
        arms=(Arm(distil=DistilSettings(alpha=0.7, losses=(soft,), views=8)),),
        seeds=SEEDS,
    )


def edge_devices(dataset: str) -> StudySettings:
    """Distilled against pruned against quantised, on malaria or chest X-rays."""
    study = StudySettings(
        name="Distilled, pruned, quantised",
        data=DataSettings(dataset=dataset, size=64),
        teacher=TeacherSettings(model=ModelSettings(name="resnet18")),
        student=ModelSettings(name="mobilenet_v3_small"),
        train=TrainSettings(epochs=20),
        arms=(Arm(distil=DistilSettings(alpha=0.3, losses=(LossTerm(name="kd"),))),),
        seeds=SEEDS,
    )
    return study.change(chains=three_ways("distilled"))


def half_precision(dataset: str) -> StudySettings:
    """A MobileNetV3 taught by a VGG16, both also in 16 bits: architecture against precision."""
    study = edge_devices(dataset)
    return study.change(
        name="Distillation against 16 bits",
        teacher=TeacherSettings(model=ModelSettings(name="vgg16_bn")),
        student=ModelSettings(name="mobilenet_v3_large"),
        chains=tuple(chain for chain in study.chains if chain.name.endswith("fp16")),
    )


def _msgs(name: str, part: str, n: int) -> tuple[Msg, ...]:
    return tuple(Msg(f"published.{name}.{part}.{i + 1}") for i in range(n))


PUBLISHED: dict[str, Published] = {
    "chest_xray": Published(
        source="Efficient and sustainable medical image classification, 2026",
        study=chest_xray,
        tasks=("multilabel",),
        remarks=_msgs("chest_xray", "remark", 5),
        unset=_msgs("chest_xray", "unset", 3),
        reported=_msgs("chest_xray", "reported", 2),
    ),
    "edge_devices": Published(
        source="JKSU-CIS 35(7) 101616, 2023",
        study=edge_devices,
        tasks=("classification", "multilabel"),
        remarks=_msgs("edge_devices", "remark", 2),
        unset=_msgs("edge_devices", "unset", 1),
        reported=_msgs("edge_devices", "reported", 1),
    ),
    "half_precision": Published(
        source="",
        study=half_precision,
        tasks=("classification", "multilabel"),
        remarks=_msgs("half_precision", "remark", 2),
        unset=_msgs("half_precision", "unset", 1),
        reported=_msgs("half_precision", "reported", 1),
    ),
    "knowsam": Published(
        source="KnowSAM, IEEE TMI 2025, arXiv 2412.13742",
        study=None,
        tasks=(),
        remarks=_msgs("knowsam", "remark", 2),
        unset=_msgs("knowsam", "unset", 1),
        reported=_msgs("knowsam", "reported", 1),
    ),
    "tp558": Published(
        source="TP558 lecture, Inatel",
        study=None,
        tasks=(),
        remarks=_msgs("tp558", "remark", 2),
        unset=_msgs("tp558", "unset", 1),
        reported=_msgs("tp558", "reported", 1),
    ),
}
"""In the order in which a page lists them."""
