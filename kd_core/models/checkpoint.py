"""Our own model files: what the network is, what changed its shape, and its tensors.

    {"kdlab": 1,                        version of this layout
     "spec": "{…}",                     NetworkSpec as JSON
     "history": "[{…}, …]",             what changed the shape since, oldest first, as JSON
     "extra": "{…}",                    the caller's own JSON
     "state_dict": {name: tensor}}      names are those of the network itself

Such a file holds tensors and texts only, so ``weights_only=True`` reads it.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from kd_core.errors import ModelError
from kd_core.models.build import build_network
from kd_core.models.state_files import read_pickle
from kd_core.models.task_model import NetworkSpec, TaskModel

VERSION = 1

ShapeStep = Callable[[TaskModel, Mapping[str, Any]], None]

SHAPE_STEPS: dict[str, ShapeStep] = {}
"""What replays a change of shape when a file is read, by the ``kind`` of a history item.

A method that removes channels or splits layers registers a function here and appends
``{"kind": "<its name>", …}`` to ``model.history``; the function gets the network as it was before
and the item, and changes the network in place. Weights need not be right: they are read after."""


def save_checkpoint(path: Path, model: TaskModel, extra: Mapping[str, Any] | None = None) -> None:
    """Write a model; a reader sees the old file or the new one, never half.

    Args:
        path: The file, usually ``model.pt``.
        model: The network with its specification and history.
        extra: JSON-safe values of the caller's own.
    """
    data = {
        "kdlab": VERSION,
        "spec": json.dumps(model.spec_json()),
        "history": json.dumps(list(model.history)),
        "extra": json.dumps(dict(extra or {})),
        "state_dict": {
            name: tensor.detach().cpu() for name, tensor in model.network.state_dict().items()
        },
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        torch.save(data, aside)
        aside.replace(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            aside.unlink()


def load_checkpoint(path: Path) -> TaskModel:
    """The model of a file, in evaluation mode on the CPU.

    Raises:
        ModelError: ``checkpoint_missing``, ``checkpoint_unreadable``, ``checkpoint_has_code``,
            ``checkpoint_not_ours``, ``checkpoint_newer``, ``checkpoint_step_unknown`` or
            ``checkpoint_other_architecture``.
    """
    data = _read(path)
    model = build_network(NetworkSpec.from_json(data["spec"]))
    for step in json.loads(data["history"]):
        if step.get("kind") not in SHAPE_STEPS:
            raise ModelError("checkpoint_step_unknown", file=path.name, step=str(step.get("kind")))
        SHAPE_STEPS[step["kind"]](model, step)
        model.history = (*model.history, step)
    _copy(model, data["state_dict"], path.name)
    return model.eval()


def read_extra(path: Path) -> dict[str, Any]:
    """The caller's own values in a file.

    Raises:
        ModelError: As :func:`load_checkpoint`.
    """
    extra: dict[str, Any] = json.loads(_read(path)["extra"])
    return extra


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ModelError("checkpoint_missing", file=path.name)
    data = read_pickle(path)
    if not isinstance(data, dict) or not {"kdlab", "spec", "state_dict"} <= set(data):
        raise ModelError("checkpoint_not_ours", file=path.name)
    if data["kdlab"] > VERSION:
        raise ModelError("checkpoint_newer", file=path.name, version=data["kdlab"], known=VERSION)
    return data


def _copy(model: TaskModel, tensors: Mapping[str, torch.Tensor], file: str) -> None:
    """Copy by name and not by ``load_state_dict``, whose version hooks guess at old layouts."""
    own = model.network.state_dict()
    fits = [name for name in own if name in tensors and tensors[name].shape == own[name].shape]
    if len(fits) != len(own) or len(own) != len(tensors):
        missing = [name for name in own if name not in tensors]
        extra = [name for name in tensors if name not in own]
        different = [name for name in own if name in tensors and name not in fits]
        raise ModelError(
            "checkpoint_other_architecture",
            file=file,
            model=model.spec.name,
            matching=len(fits),
            expected=len(own),
            missing=len(missing),
            different=len(different),
            extra=len(extra),
            example=(missing + different + extra)[0],
        )
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(tensors[name])
