"""Looking into teacher and student side by side while the student learns from hints."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from kd_core.evaluate.decide import to_probabilities
from kd_core.lessons.maps import Features, Levels, Stage
from kd_core.lessons.material import Material
from kd_core.losses.feature import hint
from kd_core.losses.shapes import layout, maps, meet, project
from kd_core.models.pairing import Pairs, shapes
from kd_core.train.offline import Offline
from kd_core.train.teaching import look

HINT = "hint"
CHANNELS = 4  # of each stage, those in which the teacher's values vary most
IMAGES = 10  # about so many are shown, the same number of every class
SIDE = 32  # cells; larger maps are stored as means of their cells
READ_IMAGES = 200  # validation images that the errors are means over
BATCH = 50


class Reading:
    """Teacher and student on the same validation images, one look a checkpoint."""

    def __init__(self, material: Material, mode: Offline, pairs: Pairs) -> None:
        self.mode, self.pairs = mode, pairs
        self.rows = drawn(len(material.targets), material.settings.seeds[0])
        self.shown = typical(material, self.rows)  # places among the rows
        self.images = material.batch(self.rows)  # (n, C, S, S)
        found = [_layouts(pair, mode, material) for pair in pairs]
        self.widths = [(theirs[0], mine[0]) for theirs, mine in found]
        self.cells = [(min(t[1], s[1]), min(t[2], s[2])) for t, s in found]  # that are compared
        parts = [self._seen(mode.teacher, at, side=0) for at in self._batches()]
        self.theirs = [
            torch.cat([_sized(part[number], cells) for part in parts])  # (n, C, H, W)
            for number, cells in enumerate(self.cells)
        ]
        self.channels = [liveliest(theirs, CHANNELS) for theirs in self.theirs]
        self.mse: list[tuple[float, ...]] = []
        self.strongest: list[list[list[tuple[int, float]]]] = []  # by epoch, stage and channel
        self.projected: list[list[Tensor]] = []  # by epoch and stage, (image, channel, H, W)
        self.own: list[list[Tensor]] = []

    def look(self) -> None:
        """Compare student and teacher as the student is now."""
        seen = [self._errors(at) for at in self._batches()]
        weights = [len(at) / len(self.rows) for at in self._batches()]
        self.mse.append(tuple(np.average(seen, axis=0, weights=weights).tolist()))
        at = torch.tensor(self.shown)
        mine = [_sized(m, c) for m, c in zip(self._mine(at), self.cells, strict=True)]
        strongest = [
            [_strongest(self._helper(), number, channel) for channel in channels]
            for number, channels in enumerate(self.channels)
        ]
        self.strongest.append(strongest)
        self.projected.append(
            [
                _stored(self._project(number, m)[:, self.channels[number]])
                for number, m in enumerate(mine)
            ]
        )
        self.own.append(
            [
                _stored(m[:, [channel for channel, _ in found]])
                for m, found in zip(mine, strongest, strict=True)
            ]
        )

    def found(self, **more: Any) -> Features:
        """All that was seen, in 256 levels."""
        stages = range(len(self.pairs))
        return Features(
            mse=tuple(self.mse),
            read=len(self.rows),
            images=tuple(int(self.rows[place]) for place in self.shown),
            stages=tuple(self._stage(number) for number in stages),
            teacher=tuple(
                Levels.of(_stored(self.theirs[n][self.shown][:, self.channels[n]]).numpy())
                for n in stages
            ),
            projected=tuple(_by_epoch(self.projected, n) for n in stages),
            own=tuple(_by_epoch(self.own, n) for n in stages),
            **more,
        )

    def _stage(self, number: int) -> Stage:
        theirs = self.theirs[number]
        around = theirs - theirs.mean((0, 2, 3), keepdim=True)
        strongest = [found[number] for found in self.strongest]
        return Stage(
            *self.pairs[number],
            widths=self.widths[number],
            cells=self.cells[number][0],
            stored_cells=min(SIDE, self.cells[number][0]),
            channels=tuple(self.channels[number]),
            own=tuple(tuple(channel for channel, _ in found) for found in strongest),
            weights=tuple(tuple(weight for _, weight in found) for found in strongest),
            variance=float(around.square().mean()),
        )

    def _batches(self) -> tuple[Tensor, ...]:
        return torch.arange(len(self.rows)).split(BATCH)

    @torch.no_grad()
    def _seen(self, network: nn.Module, at: Tensor, side: int) -> list[Tensor]:
        """Maps of some images at the network's side of each pair, (n, C, H, W)."""
        places = [pair[side] for pair in self.pairs]
        found = look(network.eval(), self.images[at], places).features
        return [maps(found[place]) for place in places]

    def _mine(self, at: Tensor) -> list[Tensor]:
        return self._seen(self.mode.deployed(), at, side=1)

    def _helper(self) -> nn.Module | None:
        return dict(self.mode.teaching.helpers.items()).get(HINT)

    @torch.no_grad()
    def _project(self, number: int, feature: Tensor) -> Tensor:
        return project(self._helper(), number, feature)

    def _errors(self, at: Tensor) -> list[float]:
        """The hint loss of each stage on some images."""
        errors = []
        for number, mine in enumerate(self._mine(at)):
            s, t = meet(mine, self.theirs[number][at])
            errors.append(float(hint(self._project(number, s), t)))
        return errors


def drawn(n: int, seed: int) -> NDArray[np.int64]:
    """Places of the validation images that are looked at, in order.

    >>> drawn(3, seed=0).tolist(), len(drawn(1000, seed=0))
    ([0, 1, 2], 200)
    """
    return np.sort(np.random.default_rng(seed).permutation(n)[:READ_IMAGES])


def typical(material: Material, rows: NDArray[np.int64]) -> list[int]:
    """Places among ``rows`` of images of every class whose teacher is as sure as usual."""
    targets = material.targets[rows]
    sure = to_probabilities(material.voice("teacher").logits[rows], "classification")  # (n, K)
    each = max(1, IMAGES // len(material.classes))
    found: list[int] = []
    for k in range(len(material.classes)):
        of_class = np.flatnonzero(targets == k)
        order = of_class[np.argsort(sure[of_class, k], kind="stable")]
        places = np.linspace(0, len(order) - 1, each + 2)[1:-1].round().astype(int)
        found += order[np.unique(places)].tolist() if len(order) else []
    return found


def liveliest(theirs: Tensor, n: int) -> list[int]:
    """The ``n`` channels of (N, C, H, W) whose values vary most, in order of their numbers.

    >>> liveliest(torch.tensor([[[[1.0, 1.0]], [[0.0, 5.0]], [[0.0, 2.0]]]]), 2)
    [1, 2]
    """
    varies = theirs.transpose(0, 1).flatten(1).var(1)  # (C,)
    return sorted(varies.argsort(descending=True, stable=True)[:n].tolist())


def _layouts(
    pair: tuple[str, str], mode: Offline, material: Material
) -> list[tuple[int, int, int]]:
    """Channels, height and width of a pair's maps, the teacher's first."""
    networks, data = (mode.teacher, mode.deployed()), material.data
    found = [shapes(n, [p], data.channels, data.size) for n, p in zip(networks, pair, strict=True)]
    return [layout(shape) for (shape,) in found]


def _sized(feature: Tensor, cells: tuple[int, int]) -> Tensor:
    there = tuple(feature.shape[2:]) == cells
    return feature if there else F.adaptive_avg_pool2d(feature, cells)


def _stored(feature: Tensor) -> Tensor:
    """Maps at the size at which they are kept."""
    high, wide = feature.shape[2:]
    return _sized(feature, (min(SIDE, high), min(SIDE, wide)))


def _strongest(helper: nn.Module | None, number: int, channel: int) -> tuple[int, float]:
    """The student's channel that weighs most in a projected one, and its weight."""
    layer = helper[number] if isinstance(helper, nn.ModuleList) else nn.Identity()
    if not isinstance(layer, nn.Conv2d):
        return channel, 1.0
    weights = layer.weight[channel, :, 0, 0].detach()  # (C_s,)
    most = int(weights.abs().argmax())
    return most, float(weights[most])


def _by_epoch(found: list[list[Tensor]], number: int) -> Levels:
    return Levels.of(torch.stack([stages[number] for stages in found]).numpy())
