"""Where a run stands, as one file that is whole or absent, and the fingerprint of weights."""

from __future__ import annotations

import hashlib
import os
import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from kd_core.data.disk import full_disk_is_told
from kd_core.errors import TrainError


def weights_hash(state: Mapping[str, Tensor]) -> str:
    """SHA-256 over names, types, shapes and bytes of a state dict, 64 hex digits.

    >>> one, two = nn.Linear(2, 1), nn.Linear(2, 1)
    >>> _ = two.load_state_dict(one.state_dict())
    >>> weights_hash(one.state_dict()) == weights_hash(two.state_dict())
    True
    """
    digest = hashlib.sha256()
    for name in sorted(state):
        value = state[name].detach().cpu().contiguous()
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def network_hash(network: nn.Module) -> str:
    """SHA-256 of a network: its structure as printed, and its weights.

    Two networks with equal weights may differ in a stride, which only the structure shows.
    """
    structure = re.sub(r" at 0x[0-9a-f]+", "", repr(network))
    weights = weights_hash(network.state_dict())
    return hashlib.sha256(f"{structure}\n{weights}".encode()).hexdigest()


def save(path: Path, state: Mapping[str, Any]) -> None:
    """Write aside, flush to the disk and rename: the old file stays until the new one is whole.

    Raises:
        StoreError: ``disk_full``; the old file is then untouched.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with full_disk_is_told(path), aside.open("wb") as file:
            torch.save(dict(state), file)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def load(path: Path) -> dict[str, Any]:
    """The state that :func:`save` wrote, on the CPU; only tensors and plain values are read.

    Raises:
        TrainError: ``resume_unreadable``.
    """
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, pickle.UnpicklingError) as error:
        detail = (str(error) or type(error).__name__).splitlines()[0]
        raise TrainError("resume_unreadable", path=str(path), detail=detail) from None
    return state


def random_state() -> dict[str, Any]:
    """State of torch's generators, which dropout draws from."""
    state = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state()
    if torch.backends.mps.is_available():
        state["mps"] = torch.mps.get_rng_state()
    return state


def restore_random_state(state: Mapping[str, Tensor]) -> None:
    """Put the generators back to where :func:`random_state` found them."""
    torch.set_rng_state(state["cpu"])
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"])
    if "mps" in state and torch.backends.mps.is_available():
        torch.mps.set_rng_state(state["mps"])
