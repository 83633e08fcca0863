"""Every way of training on tiny data: what each needs, in one place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from kd_core.config import DataSettings, DistilSettings, LossTerm, ModelSettings, RunSettings
from kd_core.data.loaded import LoadedData
from kd_core.models import TaskModel, build_model
from kd_core.train import MODES, FitResult, Outside, fit
from tests.helpers_data import tiny_data
from tests.helpers_train import tiny_run

STUDENT = ModelSettings(name="tiny_cnn", params={"width": 4, "depth": 2}, dropout=0.2)
TEACHER = ModelSettings(name="tiny_cnn", params={"width": 8, "depth": 2})
CELLS = DataSettings(dataset="tiny", size=16, augment="cells")

SMALL: dict[str, dict[str, Any]] = {
    "exits": {"exits": 1},
    "mutual": {"students": 3},
    "data_free": {"images": 16, "iterations": 3},
    "unlabelled": {"share": 0.5, "confidence": 0.0},
}
"""Parameters that make a mode quick, or give it something to do, on 48 images."""

PEERS = {"joint": (TEACHER,), "assistants": (TEACHER,)}


def network(settings: ModelSettings, seed: int, data: LoadedData) -> TaskModel:
    """A network for this data."""
    return build_model(settings, len(data.classes), data.channels, data.size, seed)


def mode_run(mode: str, **changes: Any) -> RunSettings:
    """A run of two epochs in a mode; ``params`` and ``losses`` go into its distillation."""
    distil: dict[str, Any] = {
        "mode": mode,
        "params": {**SMALL.get(mode, {}), **changes.pop("params", {})},
        "peers": PEERS.get(mode, ()),
        "losses": changes.pop("losses", () if mode == "alone" else (LossTerm(name="kd"),)),
    }
    live = changes.pop("live", False)
    distil["teacher_outputs"] = "live" if live else "cached"
    settings = {"data": CELLS, "model": STUDENT, "epochs": 2, "views": None if live else 2}
    return tiny_run(distil=DistilSettings(**distil), **{**settings, **changes})


def mode_fit(
    run: RunSettings, data: LoadedData, folder: Path, teachers: int = 2, **more: Any
) -> FitResult:
    """Fit a run of any mode; teachers are untrained networks with fixed weights."""
    assert run.distil is not None
    names = ["teacher", *(f"teacher-{n}" for n in range(2, teachers + 1))]
    spec = MODES[run.distil.mode]
    found = {name: network(TEACHER, 90 + n, data) for n, name in enumerate(names)}
    outside = Outside(
        teachers=found if spec.needs_teacher else {},
        make=lambda settings, seed: network(settings, seed, data),
        load=lambda name: other_images(data),
    )
    student = network(run.model, run.seed, data)
    cache = folder.parent / "cache"
    return fit(run, data, student, folder=folder, cache=cache, outside=outside, **more)


def other_images(data: LoadedData) -> LoadedData:
    """Another data set of the same kind of images; its labels are nonsense."""
    other = tiny_data(data.task, n=40, seed=7, channels=data.channels, size=data.size)
    parts = {
        name: replace(part, targets=np.zeros_like(part.targets))
        for name, part in other.parts.items()
    }
    return replace(other, parts=parts)
