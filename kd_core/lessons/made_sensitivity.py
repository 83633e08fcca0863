"""What a study's student loses when channels are cut away: from all layers, and from each alone.

Nothing is trained after a cut. The channels of smallest weight go (``prune_l2``), in the whole
network the weakest anywhere; then batch norms may measure their means anew, which changes no
weight. The layers' curves are those of :func:`kd_core.compress.sensitivity.sensitivity`.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from kd_core.compress import COMPRESSORS, Subject, Workshop
from kd_core.compress.prune_channels import ChannelGroup
from kd_core.compress.prune_gradients import drawn_rows
from kd_core.compress.prune_groups import find_groups
from kd_core.compress.prune_sizes import sizes_of
from kd_core.compress.sensitivity import sensitivity
from kd_core.errors import ModelError
from kd_core.lessons.material import MATERIALS, Material, MaterialSpec, Progress, Voice
from kd_core.models import TaskModel
from kd_core.models.profile import profile
from kd_core.train.loader import normalisation

FILE = "sensitivity.json"
METHOD, METRIC = "prune_l2", "accuracy"
RATIOS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
MOST_IMAGES, FEWEST_IMAGES = 600, 100
WORK_MACS = 1.5e12
"""Of all forward passes together; larger networks answer fewer images."""


@dataclass(frozen=True)
class Cuts:
    """One way of cutting, by ratio; the first ratio is 0, the whole network.

    Attributes:
        layer: Path of the layer that loses channels; empty for the whole network.
        left: Channels that stay.
        macs: Multiply-accumulates for one image that stay.
        params: Parameters that stay.
        scores: Accuracy right after the cut.
        recalibrated: Accuracy after batch norms measured their means anew; empty where that was
            not done.
    """

    layer: str
    left: tuple[int, ...]
    macs: tuple[int, ...]
    params: tuple[int, ...]
    scores: tuple[float, ...]
    recalibrated: tuple[float, ...] = ()


@dataclass(frozen=True)
class Sensitivity:
    """What was found.

    Attributes:
        model: Name of the model, as voices have it.
        images: Validation images behind every accuracy.
        ratios: Shares of the channels that go, 0 first.
        whole: Cutting the weakest channels of all layers.
        layers: Cutting one layer, in the order of the layers.
    """

    model: str
    images: int
    ratios: tuple[float, ...]
    whole: Cuts
    layers: tuple[Cuts, ...]

    def cuts(self, layer: str) -> Cuts:
        """The curve of a layer; of the whole network for any other name."""
        return next((one for one in self.layers if one.layer == layer), self.whole)


def subject_of(material: Material) -> Voice:
    """The model of the lesson: the first student that has a network of its own, else the baseline.

    Raises:
        ModelError: ``compress_no_network``.
    """
    for voice in (*material.of_role("student"), *material.of_role("baseline")):
        if material.has_network(voice):
            return voice
    raise ModelError("compress_no_network")


def make(material: Material, folder: Path, progress: Progress) -> None:
    """Cut, look, and write ``sensitivity.json``."""
    with tempfile.TemporaryDirectory() as aside:
        found = _Lesson(material, Path(aside), progress).run()
    text = json.dumps(asdict(found), indent=1, allow_nan=False)
    (folder / FILE).write_text(text + "\n", encoding="utf-8")


def read(folder: Path) -> Sensitivity:
    """What :func:`make` wrote."""
    plain = json.loads((folder / FILE).read_text(encoding="utf-8"))
    return Sensitivity(
        model=plain["model"],
        images=plain["images"],
        ratios=tuple(plain["ratios"]),
        whole=_cuts(plain["whole"]),
        layers=tuple(_cuts(one) for one in plain["layers"]),
    )


def _cuts(plain: dict[str, Any]) -> Cuts:
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in plain.items()
    }
    return Cuts(**values)


class _Lesson:
    """The cuts of one network."""

    def __init__(self, material: Material, aside: Path, progress: Progress) -> None:
        self.material, self.progress = material, progress
        self.voice = subject_of(material)
        self.network = material.network(self.voice)
        self.groups = find_groups(self.network)
        if not self.groups:
            raise ModelError("prune_no_groups", model=self.network.spec.name)
        mean, std = normalisation(material.data, material.data_settings)
        self.shop = Workshop(
            data=material.data, mean=mean, std=std, folder=aside, tick=self._tick, threads=1
        )
        spec = self.network.spec
        self.size = profile(self.network, spec.channels, spec.size)
        per_image = self.size.macs * len(RATIOS) * (2 + len(self.groups))
        n = int(min(MOST_IMAGES, max(FEWEST_IMAGES, WORK_MACS // max(1, per_image))))
        self.n = min(n, len(material.targets))
        self.rows = drawn_rows(self.shop, "val", self.n)
        self.trials = len(RATIOS) * (2 + len(self.groups))

    def run(self) -> Sensitivity:
        """The whole network, then each layer."""
        whole = self._whole()
        found = sensitivity(
            self.network, self.shop, method=METHOD, metric=METRIC, ratios=RATIOS, images=self.n
        )
        groups = {group.name: group for group in self.groups}
        self.progress(self.trials, self.trials)
        return Sensitivity(
            model=self.voice.name,
            images=found.images,
            ratios=(0.0, *RATIOS),
            whole=whole,
            layers=tuple(
                self._layer(groups[curve.layer], (found.whole, *curve.scores))
                for curve in found.curves
            ),
        )

    def _tick(self, stage: str, done: int, total: int) -> None:
        """Progress of the layers' part; the cuts of the whole network tell theirs."""
        if total == len(RATIOS) * len(self.groups):
            self.progress(self.trials - total + done, self.trials)

    def _whole(self) -> Cuts:
        first = accuracy(self.network, self.material, self.rows)
        left, macs, params = [self._channels()], [self.size.macs], [self.size.params]
        scores, again = [first], [first]
        for number, ratio in enumerate(RATIOS):
            self.progress(2 * number, self.trials)
            network, facts = cut(self.material, self.voice, self.shop, ratio, recalibrate=False)
            scores.append(accuracy(network, self.material, self.rows))
            left.append(sum(layer["left"] for layer in facts["layers"]))
            macs.append(facts["macs"][1])
            params.append(facts["params"][1])
            network, facts = cut(self.material, self.voice, self.shop, ratio, recalibrate=True)
            if facts["recalibrated"]:
                again.append(accuracy(network, self.material, self.rows))
        measured = tuple(again) if len(again) == len(scores) else ()
        return Cuts("", tuple(left), tuple(macs), tuple(params), tuple(scores), measured)

    def _layer(self, group: ChannelGroup, scores: Sequence[float | None]) -> Cuts:
        sizes = sizes_of(self.network)
        kept = [math.ceil(group.units * (1 - ratio) - 1e-9) for ratio in (0.0, *RATIOS)]
        gone = [{group: set(range(group.units - units))} for units in kept]
        return Cuts(
            layer=group.name,
            left=tuple(units * group.blocks for units in kept),
            macs=tuple(sizes.without(one, "macs") for one in gone),
            params=tuple(sizes.without(one, "params") for one in gone),
            scores=tuple(float(score or 0.0) for score in scores),
        )

    def _channels(self) -> int:
        return sum(group.channels for group in self.groups)


def cut(
    material: Material, voice: Voice, shop: Workshop, ratio: float, *, recalibrate: bool
) -> tuple[TaskModel, dict[str, Any]]:
    """A network without a share of its channels, the weakest of all layers, and the facts."""
    spec = COMPRESSORS[METHOD]
    params = {"ratio": ratio, "target": "channels", "max_ratio": 0.99, "recalibrate": recalibrate}
    made = spec.apply(
        Subject(file=voice.result.file, network=material.network(voice)), shop, spec.check(params)
    )
    assert made.network is not None  # pruning works on networks
    return made.network, dict(made.facts)


@torch.no_grad()
def accuracy(network: TaskModel, material: Material, rows: NDArray[np.int64]) -> float:
    """Share of some validation images that a network gets right."""
    right = 0
    for at in np.array_split(rows, max(1, math.ceil(len(rows) / 64))):
        answers = network.eval()(material.batch(at))["logits"].argmax(1).numpy()  # (n,)
        right += int((answers == material.targets[at]).sum())
    return right / len(rows)


MATERIALS.add("sensitivity", MaterialSpec(make=make, read=read, version=1, minutes=1.5))
