"""Weights from files: safetensors, or a state dict that needs no code to be read.

A PyTorch checkpoint is a pickle, and a pickle can run any program when it is opened. Only files
that torch's restricted reader takes (``weights_only=True``: tensors, numbers, texts, lists,
dictionaries) are opened; all others are refused with the reason.
"""

from __future__ import annotations

import pickle
import re
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from kd_core.errors import ModelError

# Where training scripts put the state dict in a larger checkpoint.
CONTAINERS = ("state_dict", "model_state_dict", "model", "model_state", "net", "weights", "ema")
# What wrappers (DataParallel, Lightning, torch.compile, ours) put before parameter names.
PREFIXES = ("module.", "_orig_mod.", "model.", "network.", "net.", "backbone.")

# Everything that torch.load was seen to raise on cut, empty and foreign files.
_BROKEN = (OSError, EOFError, RuntimeError, KeyError, ValueError, IndexError, AttributeError)


def weights_folder() -> Path:
    """Where published weights are kept: torch's own folder, which ``TORCH_HOME`` moves."""
    return Path(torch.hub.get_dir()) / "checkpoints"


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a weights file by parameter name, without wrappers' prefixes.

    Raises:
        ModelError: ``checkpoint_missing``, ``checkpoint_unreadable``, ``checkpoint_has_code`` or
            ``checkpoint_empty``.
    """
    if not path.is_file():
        raise ModelError("checkpoint_missing", file=path.name)
    tensors = _unwrap(_read_safetensors(path) if _is_safetensors(path) else read_pickle(path))
    if not tensors:
        raise ModelError("checkpoint_empty", file=path.name)
    return _without_prefix(tensors)


def read_pickle(path: Path) -> Any:
    """A PyTorch file, read without running any code of it.

    Raises:
        ModelError: ``checkpoint_unreadable`` or ``checkpoint_has_code``.
    """
    with path.open("rb") as file:
        start = file.read(1)
    if not zipfile.is_zipfile(path) and start != b"\x80":  # torch's format since 1.6; a pickle
        raise ModelError("checkpoint_unreadable", file=path.name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns about what is refused here anyway
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        found = re.search(r"GLOBAL ([\w.]+)", str(error))
        raise ModelError(
            "checkpoint_has_code", file=path.name, found=found[1] if found else "pickle"
        ) from None
    except _BROKEN as error:
        if "TorchScript" in str(error):
            raise ModelError("checkpoint_has_code", file=path.name, found="TorchScript") from None
        raise ModelError("checkpoint_unreadable", file=path.name) from None


def _is_safetensors(path: Path) -> bool:
    """A safetensors file starts with the length of a JSON header (8 bytes), then the header."""
    with path.open("rb") as file:
        start = file.read(9)
    return path.suffix == ".safetensors" or (len(start) == 9 and start[8:] == b"{")


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return dict(load_file(path))
    except (SafetensorError, OSError, ValueError):
        raise ModelError("checkpoint_unreadable", file=path.name) from None


def _unwrap(data: Any, depth: int = 3) -> dict[str, Tensor]:
    """The state dict inside whatever a training script saved; empty if there is none."""
    if not isinstance(data, Mapping) or depth == 0:  # a mapping may contain itself
        return {}
    for name in CONTAINERS:
        if isinstance(data.get(name), Mapping):
            return _unwrap(data[name], depth - 1)
    return {str(name): value for name, value in data.items() if _is_plain(value)}


def _is_plain(value: Any) -> bool:
    return isinstance(value, Tensor) and value.layout == torch.strided and not value.is_quantized


def _without_prefix(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Take away prefixes that all names share.

    >>> list(_without_prefix({"module.model.fc.weight": torch.zeros(1)}))
    ['fc.weight']
    """
    for prefix in PREFIXES:
        if all(name.startswith(prefix) for name in tensors):
            shorter = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
            return _without_prefix(shorter)
    return tensors
