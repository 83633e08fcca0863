"""Small networks and a workshop for tests of compression."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from kd_core.compress import COMPRESSORS, Made, Subject, Workshop
from kd_core.config import ModelSettings
from kd_core.models import TaskModel, build_model
from tests.helpers_data import tiny_data


def small_resnet(size: int = 16) -> TaskModel:
    """Four basic blocks of width 8 and up, for three classes."""
    settings = ModelSettings(name="resnet_narrow", params={"width": 8, "blocks": 1})
    return build_model(settings, 3, 3, size, seed=0).eval()


def tiny_shop(folder: Path, size: int = 16, **more: Any) -> Workshop:
    """A workshop with a tiny data set."""
    data = tiny_data(size=size)
    return Workshop(data=data, mean=data.mean, std=data.std, folder=folder, **more)


def apply(name: str, model: TaskModel, shop: Workshop, **params: Any) -> Made:
    """Apply a registered method to a network with some parameters, the rest by default."""
    spec = COMPRESSORS[name]
    return spec.apply(Subject(shop.folder / "model.onnx", model), shop, spec.check(params))


class Recorder:
    """A way of fine-tuning that changes nothing and remembers what it was asked."""

    def __init__(self) -> None:
        self.shares: list[float] = []
        self.params: list[int] = []

    def __call__(self, network: TaskModel, share: float) -> TaskModel:
        self.shares.append(share)
        self.params.append(sum(p.numel() for p in network.parameters()))
        return copy.deepcopy(network)
