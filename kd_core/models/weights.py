"""Starting weights: which tensors of a file belong where, what is adapted, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import Tensor
from torch.nn import functional as F

from kd_core.config import WeightSettings
from kd_core.data.download import Progress, checksum, fetch
from kd_core.errors import DownloadError, ModelError
from kd_core.models import timm_nets
from kd_core.models.spec import BuildRequest, ModelSpec
from kd_core.models.state_files import read_tensors, weights_folder
from kd_core.models.task_model import TaskModel


@dataclass(frozen=True)
class LoadReport:
    """What became of a weights file.

    Attributes:
        loaded: Names of tensors that were taken over, adapted ones included.
        adapted: Names of tensors whose shape was changed (first kernel, position embedding).
        fresh: Names of the network's tensors that keep their random start (the head).
    """

    loaded: tuple[str, ...] = ()
    adapted: tuple[str, ...] = ()
    fresh: tuple[str, ...] = ()


def load_weights(
    model: TaskModel,
    entry: ModelSpec,
    weights: WeightSettings,
    path: Path | None = None,
    progress: Progress | None = None,
) -> LoadReport:
    """Give a freshly built network its starting weights, in place.

    Args:
        model: The network.
        entry: Its registry entry, which says where its head and its first convolution are.
        weights: Where the weights come from and what to do with a head that does not fit.
        path: The file of kinds ``file`` and ``run``.
        progress: Called with bytes here and bytes in all while published weights are fetched.

    Raises:
        ModelError: ``weights_none``, ``weights_path``, ``head_differs``,
            ``checkpoint_other_architecture``, or a problem with the file itself.
        DownloadError: As :func:`fetch_imagenet`.
    """
    if weights.kind == "scratch":
        return LoadReport()
    if weights.kind == "imagenet":
        return take_over(model, entry, imagenet_tensors(model, entry, progress), file="ImageNet")
    if path is None:
        raise ModelError("weights_path", source=weights.source)
    tensors = read_tensors(path)
    return take_over(model, entry, tensors, file=path.name, strict=weights.head == "strict")


def imagenet_tensors(
    model: TaskModel, entry: ModelSpec, progress: Progress | None = None
) -> dict[str, Tensor]:
    """Published ImageNet weights of this architecture.

    Raises:
        ModelError: ``weights_none`` for an architecture without any.
        DownloadError: As :func:`fetch_imagenet`.
    """
    spec = model.spec
    path = fetch_imagenet(spec.name, entry, progress)
    if entry.family != "timm":
        return read_tensors(path)
    request = BuildRequest(spec.n_outputs, spec.channels, spec.size, dropout=spec.dropout)
    with torch.random.fork_rng(devices=[]):
        tensors = timm_nets.adapted_tensors(spec.name.removeprefix("timm:"), request, path)
    return {name: value for name, value in tensors.items() if not _in(name, entry.head)}


def fetch_imagenet(name: str, entry: ModelSpec, progress: Progress | None = None) -> Path:
    """The file of published weights, fetched unless it is here; see ``kd-lab fetch``.

    Args:
        name: The model's registry name.
        entry: Its entry.
        progress: Called with bytes here and bytes in all.

    Raises:
        ModelError: ``weights_none``.
        DownloadError: ``weights_damaged``, or as :func:`kd_core.data.download.fetch`.
    """
    if entry.family == "timm":
        return timm_nets.fetch_weights(name.removeprefix(timm_nets.PREFIX), progress)
    if not entry.weights:
        raise ModelError("weights_none", model=name)
    weights: Any = torchvision.models.get_weight(entry.weights)
    path = weights_folder() / weights.url.rpartition("/")[2]
    fetch(weights.url, path, progress=progress)
    # The name ends in the first digits of the checksum: resnet18-f37072fd.pth
    digits = path.stem.rpartition("-")[2]
    if not checksum(path, "sha256").startswith(digits):
        path.unlink()
        raise DownloadError("weights_damaged", model=name, url=weights.url)
    return path


def take_over(
    model: TaskModel,
    entry: ModelSpec,
    tensors: Mapping[str, Tensor],
    file: str,
    strict: bool = False,
) -> LoadReport:
    """Copy the tensors of a file into the network; all but the head must fit.

    Args:
        model: The network, changed in place only if everything fits.
        entry: Its registry entry.
        tensors: The file's tensors by parameter name.
        file: Name of the file, for the message.
        strict: Refuse a head that does not fit instead of starting it anew.

    Raises:
        ModelError: ``checkpoint_other_architecture``, ``head_differs`` or
            ``checkpoint_not_finite``.
    """
    own = model.network.state_dict()
    given = _adapt(_rename(tensors, entry), own, entry)
    fits = {name for name in own if name in given and given[name].shape == own[name].shape}
    missing = [name for name in own if name not in fits and not _optional(name)]
    extra = [name for name in given if name not in own and not _optional(name)]
    body = [name for name in (*missing, *extra) if not _in(name, entry.head)]
    if body or not fits:
        raise ModelError(
            "checkpoint_other_architecture",
            file=file,
            model=model.spec.name,
            matching=len(fits),
            expected=len(own),
            missing=len([name for name in missing if name not in given]),
            different=len([name for name in missing if name in given]),
            extra=len(extra),
            example=body[0] if body else "",
        )
    if strict and missing:
        raise ModelError(
            "head_differs", file=file, outputs=_outputs(given, entry), expected=model.spec.n_outputs
        )
    # Only tensors of a known shape are looked into: a file can claim one of any size.
    for name in sorted(fits):
        if given[name].is_floating_point() and not bool(torch.isfinite(given[name]).all()):
            raise ModelError("checkpoint_not_finite", file=file, tensor=name)
    with torch.no_grad():
        for name in sorted(fits):
            own[name].copy_(given[name])
    adapted = [name for name in fits if given[name] is not tensors.get(name, given[name])]
    return LoadReport(tuple(sorted(fits)), tuple(sorted(adapted)), tuple(missing))


def _in(name: str, prefixes: tuple[str, ...]) -> bool:
    return any(name == prefix or name.startswith(prefix + ".") for prefix in prefixes)


def _optional(name: str) -> bool:
    """Batch norm's counter of batches, which old files do not have and evaluation never reads."""
    return name.endswith("num_batches_tracked")


def _outputs(tensors: Mapping[str, Tensor], entry: ModelSpec) -> int:
    """Number of outputs of a file's head; 0 if it has none."""
    sizes = [len(t) for name, t in tensors.items() if _in(name, entry.head) and t.ndim]
    return sizes[-1] if sizes else 0


def _rename(tensors: Mapping[str, Tensor], entry: ModelSpec) -> dict[str, Tensor]:
    if entry.rename is None:
        return dict(tensors)
    old, new = entry.rename
    return {re.sub(old, new, name): tensor for name, tensor in tensors.items()}


def _adapt(
    tensors: dict[str, Tensor], own: Mapping[str, Tensor], entry: ModelSpec
) -> dict[str, Tensor]:
    """Fit what depends on the images' channels and size rather than on the architecture."""
    adapted = dict(tensors)
    first = f"{entry.first}.weight"
    if first in own and first in tensors:
        adapted[first] = _first_kernel(tensors[first], own[first])
    for name in own:
        if name.endswith("pos_embedding") and name in tensors:
            adapted[name] = _positions(tensors[name], own[name])
    return adapted


def _first_kernel(kernel: Tensor, own: Tensor) -> Tensor:
    """The first kernel for other channels or another side.

    Grey images: the channels' weights are summed, which gives what a colour image with three
    equal channels would have given; colour from grey: a third each. Another side: the kernel is
    resampled and scaled by area, as if the image had been enlarged instead.
    """
    if kernel.ndim != 4 or kernel.shape[0] != own.shape[0]:
        return kernel
    if own.shape[1] == 1:
        kernel = kernel.sum(dim=1, keepdim=True) if kernel.shape[1] == 3 else kernel
    elif own.shape[1] == 3 and kernel.shape[1] == 1:
        kernel = kernel.repeat(1, 3, 1, 1) / 3  # (out, 3, k, k)
    side, new_side = kernel.shape[-1], own.shape[-1]
    if side != new_side:
        size = (new_side, new_side)
        kernel = F.interpolate(kernel, size, mode="bilinear", antialias=True)
        kernel = kernel * (side / new_side) ** 2
    return kernel


def _positions(embedding: Tensor, own: Tensor) -> Tensor:
    """Position embeddings (1, 1 + G·G, D) resampled to another grid; the class token's is kept."""
    if embedding.shape == own.shape or embedding.ndim != 3 or embedding.shape[2] != own.shape[2]:
        return embedding
    token, grid = embedding[:, :1], embedding[:, 1:]
    side, new_side = int(grid.shape[1] ** 0.5), int((own.shape[1] - 1) ** 0.5)
    grid = grid.reshape(1, side, side, -1).permute(0, 3, 1, 2)  # (1, D, G, G)
    grid = F.interpolate(grid, (new_side, new_side), mode="bicubic", align_corners=True)
    return torch.cat([token, grid.flatten(2).transpose(1, 2)], dim=1)  # (1, 1 + G'·G', D)
