"""Networks with fewer channels: cutting them, writing their shapes down, and replaying those.

A cut network differs from its specification in nothing but sizes, so its history item holds the
sizes alone::

    {"kind": "narrow", "modules": {"layer1.0.conv1": {"out_channels": 40, …}, …},
     "parameters": {"features.1.0.layer_scale": [60, 1, 1], …}}

Which channels were kept is not needed to build it again: their weights are in the file.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from kd_core.errors import ModelError
from kd_core.models import TaskModel
from kd_core.models.checkpoint import SHAPE_STEPS

NARROW = "narrow"
Side = Literal["out", "in", "parameter"]

SIZES: dict[type[nn.Module], tuple[str, ...]] = {
    nn.Conv2d: ("out_channels", "in_channels", "groups"),
    nn.Linear: ("out_features", "in_features"),
    _BatchNorm: ("num_features",),
    nn.LayerNorm: ("normalized_shape",),
}
"""Attributes that hold channel counts, by the kinds of module that can be cut."""


def is_depthwise(module: nn.Module) -> bool:
    """Whether each channel has a filter of its own.

    >>> is_depthwise(nn.Conv2d(8, 8, 3, groups=8)), is_depthwise(nn.Conv2d(8, 8, 3))
    (True, False)
    """
    return (
        isinstance(module, nn.Conv2d)
        and module.groups == module.in_channels == module.out_channels
        and module.groups > 1
    )


# --- cutting ------------------------------------------------------------------------------------


def cut(network: nn.Module, drops: Mapping[tuple[str, Side], Collection[int]]) -> None:
    """Take channels out of a network, in place.

    Args:
        network: The network; a cut module gets new, smaller parameters.
        drops: Positions to take out, by module path and side. Side ``parameter`` is a bare
            parameter by its own path, cut along its one dimension that is larger than 1. A
            depthwise convolution has only its ``out`` side. In a grouped convolution the same
            positions of every group must go.

    >>> net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 4, 3))
    >>> cut(net, {("0", "out"): {1, 5}, ("1", "in"): {1, 5}})
    >>> net(torch.zeros(1, 3, 9, 9)).shape, net[0].weight.shape
    (torch.Size([1, 4, 5, 5]), torch.Size([6, 3, 3, 3]))
    """
    for (path, side), gone in drops.items():
        if not gone:
            continue
        if side == "parameter":
            _cut_parameter(network, path, gone)
        elif side == "in":
            _cut_inputs(network.get_submodule(path), gone)
        else:
            _cut_outputs(network.get_submodule(path), gone)


def _cut_outputs(module: nn.Module, gone: Collection[int]) -> None:
    weight = module.weight
    size = _sizes(module)[0] if not isinstance(module, nn.LayerNorm) else module.normalized_shape[0]
    keep = torch.tensor([i for i in range(int(size)) if i not in gone])
    if isinstance(weight, Tensor):  # (out, …); norms without weights have none
        _replace(module, "weight", weight[keep])
    if isinstance(module.bias, Tensor):
        _replace(module, "bias", module.bias[keep])
    if isinstance(module, _BatchNorm) and module.running_mean is not None:
        module.running_mean = module.running_mean[keep]
        module.running_var = module.running_var[keep]  # type: ignore[index]
    _set_outputs(module, len(keep))


def _set_outputs(module: nn.Module, n: int) -> None:
    if isinstance(module, nn.LayerNorm):
        module.normalized_shape = (n,)
    elif isinstance(module, _BatchNorm):
        module.num_features = n
    elif isinstance(module, nn.Linear):
        module.out_features = n
    elif isinstance(module, nn.Conv2d):
        if is_depthwise(module):
            module.in_channels = module.groups = n
        module.out_channels = n


def _cut_inputs(module: Any, gone: Collection[int]) -> None:
    groups = module.groups if isinstance(module, nn.Conv2d) else 1
    inside = module.weight.shape[1]  # inputs of one group
    keep = torch.tensor([i for i in range(inside) if i not in gone])
    _replace(module, "weight", module.weight[:, keep])
    if isinstance(module, nn.Conv2d):
        module.in_channels = len(keep) * groups
    elif isinstance(module, nn.Linear):
        module.in_features = len(keep)


def _cut_parameter(network: nn.Module, path: str, gone: Collection[int]) -> None:
    owner, _, name = path.rpartition(".")
    module = network.get_submodule(owner)
    tensor = getattr(module, name)
    dim = channel_dim(tensor)
    keep = torch.tensor([i for i in range(tensor.shape[dim]) if i not in gone])
    _replace(module, name, tensor.index_select(dim, keep))


def channel_dim(tensor: Tensor) -> int:
    """The dimension of a bare parameter that is larger than 1, the last one if there are more.

    >>> channel_dim(torch.zeros(96, 1, 1))
    0
    """
    return max((d for d, n in enumerate(tensor.shape) if n > 1), default=0)


def _replace(module: nn.Module, name: str, tensor: Tensor) -> None:
    old = getattr(module, name)
    setattr(module, name, nn.Parameter(tensor.detach().clone(), requires_grad=old.requires_grad))


def _sizes(module: nn.Module) -> tuple[Any, ...]:
    """The channel counts of a module that can be cut; empty for others."""
    for kind, names in SIZES.items():
        if isinstance(module, kind):
            return tuple(getattr(module, name) for name in names)
    return ()


# --- writing down and replaying -----------------------------------------------------------------


def narrowing(before: nn.Module, after: nn.Module) -> dict[str, Any]:
    """The history item that makes a network like ``before`` into one like ``after``.

    Args:
        before: The network as it was.
        after: The same network with fewer channels.

    >>> one, two = nn.Sequential(nn.Linear(4, 8)), nn.Sequential(nn.Linear(4, 6))
    >>> narrowing(one, two)["modules"]
    {'0': {'out_features': 6, 'in_features': 4}}
    """
    modules: dict[str, dict[str, Any]] = {}
    for path, module in after.named_modules():
        sizes = _sizes(module)
        if sizes and sizes != _sizes(before.get_submodule(path)):
            names = next(names for kind, names in SIZES.items() if isinstance(module, kind))
            plain = [list(size) if isinstance(size, tuple) else size for size in sizes]
            modules[path] = dict(zip(names, plain, strict=True))
    old = dict(before.named_parameters())
    parameters = {
        path: list(tensor.shape)
        for path, tensor in after.named_parameters()
        if path.rpartition(".")[0] not in modules and tensor.shape != old[path].shape
    }
    return {"kind": NARROW, "modules": modules, "parameters": parameters}


def replay_narrowing(model: TaskModel, item: Mapping[str, Any]) -> None:
    """Give a freshly built network the sizes of a history item, in place; weights are arbitrary.

    Raises:
        ModelError: ``history_unfit`` where the item names what the network does not have.
    """
    try:
        for path, sizes in item["modules"].items():
            _resize(model.network.get_submodule(path), sizes)
        for path, shape in item["parameters"].items():
            owner, _, name = path.rpartition(".")
            module = model.network.get_submodule(owner)
            _replace(module, name, getattr(module, name).new_zeros(shape))
    except (AttributeError, KeyError, TypeError) as error:
        raise ModelError("history_unfit", model=model.spec.name, step=NARROW) from error


def _resize(module: nn.Module, sizes: Mapping[str, Any]) -> None:
    for name, size in sizes.items():
        setattr(module, name, tuple(size) if isinstance(size, list) else size)
    own = _sizes(module)
    shape: tuple[int, ...]
    if isinstance(module, nn.Conv2d):
        shape = (own[0], own[1] // own[2], *module.kernel_size)
    elif isinstance(module, nn.Linear):
        shape = own
    else:
        shape = own[0] if isinstance(own[0], tuple) else own
    if isinstance(module.weight, Tensor):
        _replace(module, "weight", module.weight.new_zeros(shape))
    if isinstance(module.bias, Tensor):
        _replace(module, "bias", module.bias.new_zeros(shape[:1]))
    if isinstance(module, _BatchNorm) and module.running_mean is not None:
        module.running_mean = module.running_mean.new_zeros(shape)
        module.running_var = module.running_var.new_ones(shape)  # type: ignore[union-attr]


SHAPE_STEPS[NARROW] = replay_narrowing
