"""Grad-CAM: which places of the last feature maps speak for a class (Selvaraju et al. 2017).

``L = ReLU(Σ_k α_k A_k)`` with ``α_k = mean over places of ∂y / ∂A_k``: A_k the k-th feature map of
a layer, y the class's logit. Convolutional networks go through captum's implementation. A
transformer's patches are a map, too: its tokens are laid out as they were cut, without the class
token, and read before the last block, since after it only the class token still reaches y.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kd_core.errors import ModelError
from kd_core.explain.maps import HeatMap
from kd_core.models import TaskModel
from kd_core.models.build import get_spec
from kd_core.models.features import features, propose_layers

SMALLEST_MAP = 4
"""Side of the coarsest map that is taken by default: on 2 × 2 places nothing can be seen."""
BATCH = 16


@dataclass(frozen=True)
class Place:
    """Where a network is looked into.

    Attributes:
        layer: Module path.
        tokens: True for a transformer's (n, T, D).
    """

    layer: str
    tokens: bool


def layers_of(model: TaskModel) -> tuple[str, ...]:
    """Layers that Grad-CAM can be read from, finest first; none where there is no map."""
    stated = get_spec(model.spec.name).layers
    if stated and not model.history:  # pruning may have taken layers away
        return stated
    return propose_layers(model, model.spec.channels, model.spec.size)


def choose_place(model: TaskModel, layer: str = "") -> Place:
    """The layer to look into: the coarsest one on whose map something can be seen.

    Args:
        model: The network.
        layer: Module path; chosen when empty.

    Raises:
        ModelError: ``explain_no_map`` where no layer has a map of places, ``layer_unknown``.
    """
    paths = (layer,) if layer else layers_of(model)
    shapes = _shapes(model, paths)
    maps = {path: shape for path, shape in shapes.items() if len(shape) == 4}
    seen = {path: shape for path, shape in maps.items() if min(shape[2:]) > 1}
    if seen:
        large = [path for path, shape in seen.items() if min(shape[2:]) >= SMALLEST_MAP]
        return Place(large[-1] if large else next(iter(seen)), tokens=False)
    tokens = [path for path, shape in shapes.items() if _grid_of(shape) is not None]
    if not tokens:
        raise ModelError("explain_no_map", model=model.spec.name)
    return Place(tokens[-1], tokens=True)


def _shapes(model: TaskModel, paths: Sequence[str]) -> dict[str, tuple[int, ...]]:
    spec = model.spec
    with features(model, paths) as caught, torch.no_grad():
        model.eval()(torch.zeros(1, spec.channels, spec.size, spec.size, device=_device(model)))
    return {path: tuple(caught[path].shape) for path in paths if path in caught}


def _grid_of(shape: tuple[int, ...]) -> tuple[int, int] | None:
    """Side of the square of patches among tokens (n, T, D), and how many tokens stand before."""
    if len(shape) != 3:
        return None
    side = math.isqrt(shape[1])
    return (side, shape[1] - side * side) if side > 1 and shape[1] - side * side <= 5 else None


def grad_cam(
    model: TaskModel,
    images: Tensor | NDArray[np.float32],
    classes: Sequence[int],
    layer: str = "",
    name: str = "",
    stands_for: str = "",
) -> list[HeatMap]:
    """One map an image, for one class each.

    Args:
        model: In evaluation mode.
        images: Normalised float32 (n, C, S, S).
        classes: Index of the class or label to explain, one an image.
        layer: Module path; the coarsest usable one when empty.
        name: Of the network, for whoever shows the maps.
        stands_for: Name of the file that the network stands for (an INT8 file's float parent).

    Raises:
        ModelError: ``explain_no_map``, ``explain_no_gradient``, ``layer_unknown``,
            ``explain_classes``.
    """
    batch = torch.as_tensor(images, dtype=torch.float32)
    k = model.spec.n_outputs
    if len(classes) != len(batch) or not all(0 <= target < k for target in classes):
        raise ModelError("explain_classes", got=list(classes), images=len(batch), classes=k)
    place = choose_place(model, layer)
    model.eval()
    how = _of_tokens if place.tokens else _of_maps
    device = _device(model)
    maps = []
    for start in range(0, len(batch), BATCH):
        piece = batch[start : start + BATCH].to(device)
        targets = torch.tensor(classes[start : start + BATCH], device=device)
        try:
            maps.append(how(model, piece, targets, place.layer).cpu())
        except (RuntimeError, AssertionError) as error:  # no gradient reaches the layer
            detail = str(error)[:120]
            raise ModelError("explain_no_gradient", layer=place.layer, detail=detail) from None
    values = torch.cat(maps).numpy()  # (n, h, w)
    return [
        HeatMap(one, int(target), "grad_cam", place.layer, name, stands_for)
        for one, target in zip(values, classes, strict=True)
    ]


def _of_maps(model: TaskModel, images: Tensor, targets: Tensor, layer: str) -> Tensor:
    """Maps (n, h, w) of a layer with (n, C, h, w), by captum."""
    from captum.attr import LayerGradCam  # takes seconds, and most visits to a page need no map

    cam = LayerGradCam(model.network, model.network.get_submodule(layer))
    values = cam.attribute(images, target=targets, relu_attributions=True)  # (n, 1, h, w)
    return values.detach()[:, 0]  # (n, h, w)


def _of_tokens(model: TaskModel, images: Tensor, targets: Tensor, layer: str) -> Tensor:
    """Maps (n, side, side) of the tokens (n, T, D) that enter a transformer's last block."""
    caught: dict[str, Tensor] = {}

    def keep(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        caught["tokens"] = inputs[0]

    handle = model.network.get_submodule(layer).register_forward_pre_hook(keep)
    try:
        with torch.enable_grad():
            logits = model.network(images.requires_grad_())  # (n, K)
            score = logits.gather(1, targets[:, None]).sum()
            (gradient,) = torch.autograd.grad(score, caught["tokens"])  # (n, T, D)
    finally:
        handle.remove()
    tokens = caught["tokens"].detach()
    grid = _grid_of(tuple(tokens.shape))
    if grid is None:
        raise ModelError("explain_no_map", model=model.spec.name)
    side, before = grid
    alpha = gradient[:, before:].mean(1, keepdim=True)  # (n, 1, D)
    weighted = (alpha * tokens[:, before:]).sum(2).relu()  # (n, side²)
    return weighted.reshape(-1, side, side)


def _device(model: nn.Module) -> torch.device:
    return next((p.device for p in model.parameters()), torch.device("cpu"))
