"""Reading features inside a network by module path, and proposing where to read them."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from kd_core.errors import ModelError
from kd_core.models.build import get_spec
from kd_core.models.task_model import TaskModel

CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)


@contextlib.contextmanager
def features(model: nn.Module, paths: Sequence[str]) -> Iterator[dict[str, Tensor]]:
    """Catch what some modules give in each forward pass.

    The tensors are the ones that flow on, with their gradient; the next pass replaces them.

    Args:
        model: A network, or a :class:`TaskModel`, whose paths are those of its network.
        paths: Module paths such as ``layer4`` or ``features.12``.

    Yields:
        A dictionary that is empty now and has path → tensor (N, C, H, W), or (N, T, D) in
        transformers, after a forward pass.

    Raises:
        ModelError: ``layer_unknown``, or ``layer_no_tensor`` in the pass itself.

    >>> net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())
    >>> with features(net, ["0"]) as caught:
    ...     _ = net(torch.zeros(2, 3, 10, 10))
    >>> caught["0"].shape
    torch.Size([2, 8, 8, 8])
    """
    network = model.network if isinstance(model, TaskModel) else model
    caught: dict[str, Tensor] = {}
    with contextlib.ExitStack() as stack:
        for path in paths:
            handle = _module(network, path).register_forward_hook(_catch(caught, path))
            stack.callback(handle.remove)
        yield caught


def channels_first(feature: Tensor) -> Tensor:
    """A map as (N, C, H, W), where some transformers give (N, H, W, C); tokens as they are.

    Images are square, so the two axes of equal length are the places.

    >>> channels_first(torch.zeros(1, 7, 7, 96)).shape, channels_first(torch.zeros(1, 49, 96)).shape
    (torch.Size([1, 96, 7, 7]), torch.Size([1, 49, 96]))
    """
    last = feature.ndim == 4 and feature.shape[1] == feature.shape[2] != feature.shape[3]
    return feature.permute(0, 3, 1, 2) if last else feature


def propose_layers(model: nn.Module, channels: int, size: int, n: int = 4) -> tuple[str, ...]:
    """The last module of each stage of resolution, finest first; in transformers, n even steps.

    Only modules that stand in the network itself or in its plain containers are proposed, never
    the inside of a block.

    Args:
        model: The network.
        channels: Channels of its images.
        size: Side of its images in pixels.
        n: At most so many layers; the coarsest are kept.
    """
    network = model.network if isinstance(model, TaskModel) else model
    told = getattr(network, "feature_paths", None)
    if isinstance(told, tuple):  # a network that knows better, such as an exit
        return told[-n:]
    head = get_spec(model.spec.name).head if isinstance(model, TaskModel) else ()
    tops = {path.partition(".")[0] for path in head}
    paths = (path for path in _candidates(network) if path.partition(".")[0] not in tops)
    shapes = _shapes(network, paths, channels, size)
    maps = {path: shape for path, shape in shapes if len(shape) == 4 and min(shape[2:]) > 1}
    blocks = [(path, shape) for path, shape in shapes if not _is_container(network, path)]
    tokens = [path for path, shape in blocks if len(shape) == 3]
    if len(tokens) > len(maps):
        steps = [round((index + 1) * len(tokens) / n) - 1 for index in range(n)]
        return tuple(dict.fromkeys(tokens[max(0, step)] for step in steps))
    last_of_stage = {shape[2:]: path for path, shape in maps.items()}  # later modules win
    return tuple(last_of_stage.values())[-n:]


def _module(network: nn.Module, path: str) -> nn.Module:
    try:
        return network.get_submodule(path)
    except AttributeError:
        known = [name for name, _ in network.named_modules() if name]
        near = difflib.get_close_matches(path, known, n=3, cutoff=0.3)
        raise ModelError("layer_unknown", layer=path, near=near) from None


def _catch(caught: dict[str, Tensor], path: str) -> Any:
    def hook(module: nn.Module, inputs: Any, output: Any) -> None:
        if not isinstance(output, Tensor):
            raise ModelError("layer_no_tensor", layer=path, got=type(output).__name__)
        caught[path] = output

    return hook


def _candidates(network: nn.Module, prefix: str = "") -> Iterator[str]:
    for name, child in network.named_children():
        path = f"{prefix}{name}"
        yield path
        if _is_container(network, name):
            yield from _candidates(child, f"{path}.")


def _is_container(network: nn.Module, path: str) -> bool:
    return type(network.get_submodule(path)) in CONTAINERS  # a subclass is a block of its own


def _shapes(
    network: nn.Module, paths: Iterable[str], channels: int, size: int
) -> list[tuple[str, tuple[int, ...]]]:
    """Output shape of each module, in the order in which they finish."""
    finished: list[tuple[str, tuple[int, ...]]] = []
    training = network.training
    with contextlib.ExitStack() as stack:
        for path in paths:

            def hook(module: nn.Module, inputs: Any, output: Any, path: str = path) -> None:
                if isinstance(output, Tensor):
                    finished.append((path, tuple(output.shape)))

            handle = network.get_submodule(path).register_forward_hook(hook)
            stack.callback(handle.remove)
        stack.callback(network.train, training)
        device = next((p.device for p in network.parameters()), torch.device("cpu"))
        with torch.no_grad():
            network.eval()(torch.zeros(1, channels, size, size, device=device))
    return finished
