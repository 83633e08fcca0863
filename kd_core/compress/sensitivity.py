"""How much each layer can lose: a score on validation images against the share that is pruned.

One layer at a time is pruned in a copy of the network, nothing is tuned, and the copy answers some
validation images. What such curves show is a layer's own part; pruning many layers at once costs
more than the sum suggests.
"""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from kd_core.compress.prune import SCORERS
from kd_core.compress.prune_channels import ChannelGroup, remove
from kd_core.compress.prune_choose import Limits, lowest
from kd_core.compress.prune_gradients import BATCH, drawn_rows, labelled_images
from kd_core.compress.prune_groups import find_groups
from kd_core.compress.prune_scores import Scores
from kd_core.compress.spec import Workshop
from kd_core.config import Settings
from kd_core.errors import ModelError
from kd_core.evaluate.metrics import METRICS
from kd_core.models import TaskModel
from kd_core.tasks import TASKS

RATIOS = (0.25, 0.5, 0.75)


class Curve(Settings):
    """One layer, with all that is tied to its channels.

    Attributes:
        layer: Path of the first layer that writes the channels.
        channels: How many there are.
        ratios: Shares that were taken out, ascending.
        scores: The metric after each; ``None`` where it is undefined.
    """

    layer: str
    channels: int
    ratios: tuple[float, ...]
    scores: tuple[float | None, ...]


class Sensitivity(Settings):
    """The curves of a network.

    Attributes:
        method: Entry of ``COMPRESSORS`` whose scores chose the channels.
        metric: Entry of ``METRICS``.
        whole: Its value without pruning.
        images: Validation images that it was computed on.
        curves: One a layer, in the order of the layers.
    """

    method: str
    metric: str
    whole: float | None
    images: int
    curves: tuple[Curve, ...]


def sensitivity(
    model: TaskModel,
    shop: Workshop,
    *,
    method: str = "prune_l2",
    metric: str = "",
    ratios: Sequence[float] = RATIOS,
    images: int = 256,
    layers: Sequence[str] = (),
) -> Sensitivity:
    """Prune each layer by itself to several ratios, and see what is left of a score.

    Args:
        model: The network; it stays as it is.
        shop: Its validation part and its seed; ``tick`` is called before each trial.
        method: A pruning entry of ``COMPRESSORS``.
        metric: The run's selection metric; empty is the task's own.
        ratios: Shares of a layer's channels.
        images: At most so many validation images, drawn by the seed.
        layers: Only these; empty is all.

    Raises:
        ModelError: ``prune_no_groups``, or ``prune_layer_unknown``.
    """
    working = copy.deepcopy(model).cpu().eval().requires_grad_(True)
    groups = find_groups(working)
    _check(model.spec.name, groups, layers)
    scores = SCORERS[method](working, groups, shop, {"images": images})
    chosen = [group for group in scores if not layers or group.name in layers]
    score = _Score(shop, metric or TASKS[shop.data.task].select_metric, images)
    ratios = sorted(set(ratios))
    total = len(chosen) * len(ratios)
    whole = score(working.network)
    curves: list[Curve] = []
    for number, group in enumerate(chosen):
        values: list[float | None] = []
        for ratio in ratios:
            shop.tick("compress", number * len(ratios) + len(values), total)
            values.append(score(_without(working.network, group, scores, ratio)))
        curve = {"layer": group.name, "channels": group.channels, "ratios": ratios}
        curves.append(Curve.from_json(curve | {"scores": values}))
    shop.tick("compress", total, total)
    return Sensitivity(
        method=method, metric=score.metric, whole=whole, images=score.n, curves=tuple(curves)
    )


def _check(name: str, groups: Sequence[ChannelGroup], layers: Sequence[str]) -> None:
    if not groups:
        raise ModelError("prune_no_groups", model=name)
    known = [group.name for group in groups]
    for layer in layers:
        if layer not in known:
            raise ModelError("prune_layer_unknown", layer=layer, known=known[:12])


def _without(network: nn.Module, group: ChannelGroup, scores: Scores, ratio: float) -> nn.Module:
    """A copy of the network that lost a share of one group."""
    trial = copy.deepcopy(network)
    limits = Limits({group.name: group.units}, max_ratio=1.0)
    kept = {group: math.ceil(group.units * (1 - ratio) - 1e-9)}
    remove(trial, lowest({group: scores[group]}, kept, limits))
    return trial


class _Score:
    """A metric on some validation images."""

    def __init__(self, shop: Workshop, metric: str, images: int) -> None:
        self.metric = metric
        self.device = torch.device(shop.device)
        self.task = TASKS[shop.data.task]
        self.images, _ = labelled_images(shop, "val", images)
        self.targets = shop.data.parts["val"].targets[drawn_rows(shop, "val", images)]
        self.n = len(self.targets)

    @torch.no_grad()
    def __call__(self, network: nn.Module) -> float | None:
        network.to(self.device).eval()
        logits: list[Tensor] = [
            network(batch.to(self.device)).float().cpu() for batch in self.images.split(BATCH)
        ]
        network.cpu()
        probabilities = self.task.probabilities(torch.cat(logits)).numpy()
        value = float(METRICS[self.metric].fn(probabilities, self.targets, None))
        return value if math.isfinite(value) else None


def propose(found: Sensitivity, drop: float) -> dict[str, float]:
    """For each layer the largest ratio up to which the score never falls by more than ``drop``.

    Layers that cannot lose the smallest ratio are left out, so they stay whole.

    Args:
        found: The curves.
        drop: Largest loss of the metric, 0.01 for one point of an accuracy.

    >>> curve = Curve(layer="a", channels=8, ratios=(0.25, 0.5, 0.75), scores=(0.9, 0.89, 0.6))
    >>> found = Sensitivity(method="m", metric="accuracy", whole=0.9, images=9, curves=(curve,))
    >>> propose(found, 0.02)
    {'a': 0.5}
    """
    if found.whole is None:
        return {}
    sign = 1 if METRICS[found.metric].higher_is_better else -1
    ratios: dict[str, float] = {}
    for curve in found.curves:
        for ratio, score in zip(curve.ratios, curve.scores, strict=True):
            if score is None or sign * (found.whole - score) > drop + 1e-9:
                break
            ratios[curve.layer] = ratio
    return ratios


def as_param(ratios: Mapping[str, float]) -> str:
    """Ratios by layer as the pruning entries take them in ``layers``.

    >>> as_param({"conv1": 0.25})
    '{"conv1": 0.25}'
    """
    return json.dumps(dict(ratios))
