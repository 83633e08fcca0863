"""The calibration networks: ten small standard networks that make a new device known in minutes.

They differ in what decides the time: plain, depthwise, pointwise and grouped convolutions, many or
few operators, much or little work for one operator, inputs from 32 to 160 pixels. Their weights are
drawn, since time does not depend on them; the files are exported once and kept.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import filelock
import numpy as np

from kd_core.data.disk import need_space

if TYPE_CHECKING:
    from torch import nn

VERSION = 1
CLASSES = ("a", "b", "c", "d", "e")
MEAN, STD = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)
SEED = 7
POOL = 4099
"""Drawn weights that are repeated over a whole network: the zip of ten networks then has a few MB
instead of tens, and the arithmetic is the same. A prime, so that no two filters are equal."""

NEED_BYTES = 200_000_000
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class CalibrationNetwork:
    """One of them.

    Attributes:
        model: Entry of ``MODELS``.
        size: Side of its images in pixels.
        params: The entry's own parameters.
        stem: As in :class:`~kd_core.config.ModelSettings`.
    """

    model: str
    size: int
    params: Mapping[str, float | int | str] = field(default_factory=dict)
    stem: Literal["standard", "small"] = "standard"

    @property
    def name(self) -> str:
        """What it is called in tables, such as ``mobilenet_v2@96``."""
        return f"{self.model}@{self.size}"


NETWORKS = (
    CalibrationNetwork("tiny_cnn", 32),
    CalibrationNetwork("tiny_cnn", 64, {"width": 32, "block": "plain"}),
    CalibrationNetwork("resnet_narrow", 64, {"width": 24}, stem="small"),
    CalibrationNetwork("resnet_narrow", 128, {"width": 32}),
    CalibrationNetwork("squeezenet1_1", 96),
    CalibrationNetwork("shufflenet_v2_x0_5", 128),
    CalibrationNetwork("mobilenet_v2", 64),
    CalibrationNetwork("mobilenet_v3_small", 96),
    CalibrationNetwork("mnasnet0_5", 160),
    CalibrationNetwork("regnet_y_400mf", 96),
)


def calibration_files(
    cache: Path,
    networks: tuple[CalibrationNetwork, ...] = NETWORKS,
    progress: Progress = lambda done, total: None,
) -> dict[str, Path]:
    """The networks as ONNX files by name; those that are not there yet are exported.

    Args:
        cache: The home's cache folder.
        networks: Which ones.
        progress: Called with how many are there and how many there will be.

    Raises:
        DataError: ``disk_full``.
        ExportError: A network cannot be exported.
    """
    folder = cache / "calibration"
    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    with filelock.FileLock(folder / ".lock"):
        for number, network in enumerate(networks):
            progress(number, len(networks))
            files[network.name] = path = _path(cache, network)
            if not path.is_file():
                need_space(folder, NEED_BYTES, reserve_bytes=0)
                export(network, path)
    progress(len(networks), len(networks))
    return files


def calibration_ready(
    cache: Path, networks: tuple[CalibrationNetwork, ...] = NETWORKS
) -> tuple[int, int]:
    """How many of the networks are exported, of how many."""
    return sum(_path(cache, network).is_file() for network in networks), len(networks)


def export(network: CalibrationNetwork, path: Path) -> None:
    """Write one network with drawn weights."""
    # These load torch, which the list of networks does not need
    from kd_core.config import ModelSettings
    from kd_core.export.contract import FileContract
    from kd_core.export.onnx_export import export_onnx
    from kd_core.latency.golden import golden_pixels
    from kd_core.models import build_model

    settings = ModelSettings(name=network.model, params=dict(network.params), stem=network.stem)
    model = build_model(settings, len(CLASSES), 3, network.size, SEED).eval()
    draw_weights(model)
    contract = FileContract(
        classes=CLASSES, mean=MEAN, std=STD, size=network.size, channels=3, run=""
    )
    export_onnx(model, path, contract, contract.normalise(golden_pixels(2, network.size, 3)))


def draw_weights(model: nn.Module) -> None:
    """Fill all weights from one pool of normal numbers, scaled as He et al. 2015 do."""
    import torch

    pool = torch.from_numpy(np.random.default_rng(SEED).standard_normal(POOL, np.float32))
    for value in model.parameters():
        if value.ndim > 1:
            fan_in = value[0].numel()
            repeated = pool.repeat(value.numel() // POOL + 1)[: value.numel()]
            value.data = (repeated * (2 / fan_in) ** 0.5).reshape(value.shape)


def _path(cache: Path, network: CalibrationNetwork) -> Path:
    text = f"{VERSION} {network} {importlib.metadata.version('torch')}"
    digest = hashlib.sha256(text.encode()).hexdigest()[:10]
    return cache / "calibration" / f"{network.name}-{digest}.onnx"
