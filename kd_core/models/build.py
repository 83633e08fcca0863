"""From settings to a network: the same seed gives the same weights, and nobody else's are drawn."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import torch

from kd_core.config import ModelSettings
from kd_core.data.download import Progress
from kd_core.errors import ModelError
from kd_core.models import timm_nets
from kd_core.models.spec import MODELS, BuildRequest, ModelSpec
from kd_core.models.stems import halvings_left_out, stem_for
from kd_core.models.task_model import NetworkSpec, TaskModel
from kd_core.models.weights import load_weights

CHANNELS = (1, 3)


def get_spec(name: str) -> ModelSpec:
    """The entry of a model; ``timm:<name>`` makes one for any of timm's models.

    Raises:
        ConfigError: ``entry_unknown``.
        ModelError: ``timm_unknown``.
    """
    if name.startswith(timm_nets.PREFIX):
        return timm_nets.timm_spec(name)
    return MODELS[name]


def build_model(
    settings: ModelSettings,
    n_outputs: int,
    channels: int,
    size: int,
    seed: int,
    output: str = "logits",
    weights_path: Path | None = None,
    progress: Progress | None = None,
) -> TaskModel:
    """A network with its starting weights, in training mode on the CPU.

    Args:
        settings: Architecture, stem, dropout and weights.
        n_outputs: Number of classes or labels, K.
        channels: 1 (grey) or 3 (colour).
        size: Side of the square images in pixels.
        seed: Decides all weights that are drawn; torch's global generator stays as it was.
        output: Name of the output, as the task calls it.
        weights_path: File of weights of kind ``file`` or ``run``.
        progress: Called with bytes here and bytes in all while published weights are fetched.

    Raises:
        ConfigError: The model or one of its parameters is unknown or out of range.
        ModelError: The size or the weights do not fit the architecture.
        DownloadError: ImageNet weights cannot be fetched.

    >>> import torch
    >>> model = build_model(ModelSettings(name="tiny_cnn"), 5, channels=1, size=28, seed=0)
    >>> model(torch.zeros(2, 1, 28, 28))["logits"].shape
    torch.Size([2, 5])
    """
    stem = stem_for(settings, size)
    spec = NetworkSpec(
        name=settings.name,
        params=get_spec(settings.name).check(settings.params),
        n_outputs=n_outputs,
        channels=channels,
        size=size,
        stem=stem,
        halvings_left_out=halvings_left_out(stem, size),
        dropout=settings.dropout,
        output=output,
    )
    model = build_network(spec, seed)
    load_weights(model, get_spec(settings.name), settings.weights, weights_path, progress)
    return model


def build_network(spec: NetworkSpec, seed: int = 0) -> TaskModel:
    """A network with fresh weights from its specification.

    Raises:
        ModelError: ``channels_unsupported``, ``size_too_small``, ``size_not_multiple``, or
            ``timm_build_failed``.
    """
    entry = get_spec(spec.name)
    _check_size(spec, entry)
    request = BuildRequest(
        n_outputs=spec.n_outputs,
        channels=spec.channels,
        size=spec.size,
        skip=spec.halvings_left_out,
        dropout=spec.dropout,
        params=entry.check(spec.params),
    )
    with private_generator(seed):
        return TaskModel(entry.build(request), spec)


@contextlib.contextmanager
def private_generator(seed: int) -> Iterator[None]:
    """Torch's CPU generator, seeded for this block only; GPU generators are not touched."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


def _check_size(spec: NetworkSpec, entry: ModelSpec) -> None:
    if spec.channels not in CHANNELS:
        raise ModelError("channels_unsupported", channels=spec.channels)
    smallest = entry.min_size[spec.stem == "small"]
    if spec.size < smallest:
        raise ModelError("size_too_small", model=spec.name, size=spec.size, smallest=smallest)
    multiple = max(1, entry.multiple // 2**spec.halvings_left_out)
    if spec.size % multiple:
        below = spec.size // multiple * multiple
        raise ModelError(
            "size_not_multiple",
            model=spec.name,
            size=spec.size,
            multiple=multiple,
            below=below,
            above=below + multiple,
        )
