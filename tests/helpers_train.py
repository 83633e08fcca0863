"""Tiny networks and runs for tests: a fit takes well under a second."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from kd_core.config import ComputeSettings, DataSettings, ModelSettings, RunSettings, TrainSettings
from kd_core.data.loaded import LoadedData
from kd_core.train import FitResult, fit


class TinyNet(nn.Module):
    """One convolution with batch norm, and dropout, so that all kinds of state are there."""

    def __init__(self, n_outputs: int = 3, width: int = 8, channels: int = 3, seed: int = 0):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.conv = nn.Conv2d(channels, width, 3, stride=2, padding=1)
            self.norm = nn.BatchNorm2d(width)
            self.drop = nn.Dropout(0.2)
            self.head = nn.Linear(width * 4, n_outputs)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        x = torch.relu(self.norm(self.conv(images)))  # (N, width, S/2, S/2)
        x = nn.functional.adaptive_avg_pool2d(x, (4, 1)).flatten(1)  # (N, 4 · width)
        return {"logits": self.head(self.drop(x))}  # (N, n_outputs)


def tiny_run(**changes: Any) -> RunSettings:
    """A run of 3 epochs; ``epochs``, ``batch_size``, … go into ``train``, the rest into the run."""
    train = {"epochs": 3, "batch_size": 8, "lr": 0.01}
    for name in list(changes):
        if name in TrainSettings.model_fields:
            train[name] = changes.pop(name)
    settings: dict[str, Any] = {
        "key": "student-s0",
        "role": "student" if "distil" in changes else "baseline",
        "data": DataSettings(dataset="tiny", size=16),
        "model": ModelSettings(name="tiny"),
        "train": TrainSettings(**train),
        "compute": ComputeSettings(device="cpu", threads=1),
    }
    return RunSettings(**{**settings, **changes})


def tiny_fit(run: RunSettings, data: LoadedData, folder: Path, **more: Any) -> FitResult:
    """Fit a TinyNet by the run's seed; the cache lies beside the folder."""
    model = TinyNet(len(data.classes), channels=data.channels, seed=run.seed)
    return fit(run, data, model, folder=folder, cache=folder.parent / "cache", **more)


def equal_weights(one: nn.Module, two: nn.Module) -> bool:
    """True if all parameters and buffers are equal bit for bit."""
    a, b = one.state_dict(), two.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)
