"""Images made from a trained network alone, by what its batch norms remember (Yin et al. 2020).

A batch of smooth noise is moved until the network takes image i for the class that was asked for,
and until the statistics of the batch in every batch norm are those of the training images:

    L = CE(f(x), y) + a_norm · D(x) + a_tv · TV(x) + a_l2 · ‖x‖²
by Adam with a rate that falls to nothing on a cosine, with a small shift and a flip drawn in each
iteration, and pixels kept in the range that an image can have. D is that of
:mod:`kd_core.train.synthesis_norms`, not the paper's sum. The competition with a student that the
paper adds is left out. Its TV and L2 are norms of a whole batch; here they are means over pixels
and over images, so that their weights do not depend on the batch, and published weights are no
guide to ours.

    <cache>/synthetic/<hash of the key>/
      key.json         what the images depend on
      batch-0000.npz   whole batches, so a stop costs one at most
"""

from __future__ import annotations

import functools
import hashlib
import json
import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from kd_core.data.disk import full_disk_is_told
from kd_core.errors import ConfigError
from kd_core.train.checkpoint import network_hash
from kd_core.train.synthesis_norms import BATCH, Frame, distances, norms_of

FOLDER = "synthetic"
FORMAT = 3

START, SHARED = 0.35, 0.85
"""Deviation of the first noise in units of the pixels', and its share that all channels have."""


@dataclass(frozen=True)
class Recipe:
    """How images are made.

    Attributes:
        images: How many in all.
        iterations: Steps of Adam a batch.
        lr: Its learning rate in the first step.
        norm_weight: a_norm.
        tv_weight: a_tv, of the total variation, a mean over pixels.
        l2_weight: a_l2.
        seed: Decides noise, shifts and flips.
    """

    images: int
    iterations: int
    lr: float = 0.05
    norm_weight: float = 10.0
    tv_weight: float = 0.5
    l2_weight: float = 1e-5
    seed: int = 0


@dataclass(frozen=True)
class Synthetic:
    """Images and what they cost.

    Attributes:
        images: uint8 (N, C, S, S).
        labels: The class that each was made for, int64 (N,).
        sure: The network's probability of that class for the finished image, (N,).
        seconds: Wall time of making them, also where they were found made.
        passes: Images that the network was run on.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    sure: NDArray[np.float32]
    seconds: float
    passes: int


def synthesise(
    network: nn.Module,
    frame: Frame,
    classes: int,
    recipe: Recipe,
    cache: Path,
    device: torch.device,
    tick: Callable[[int, int], None] = lambda done, total: None,
) -> Synthetic:
    """Images of all classes in turn; batches that are in the cache are not made again.

    Args:
        network: A trained network with one label an image; it stays as it is.
        frame: Shape and normalisation of its images.
        classes: Number of classes, K.
        recipe: How.
        cache: Folder of what can be computed again.
        device: Where to compute.
        tick: Called with iterations done, and all; it may raise to stop.

    Raises:
        ConfigError: ``no_batch_norms``.
        StoreError: ``disk_full``.
    """
    network = network.to(device).eval().requires_grad_(False)
    if not norms_of(network):
        raise ConfigError("no_batch_norms")
    folder = _folder(cache, _about(network, frame, recipe, device))
    labels = np.arange(recipe.images) % classes
    starts = range(0, recipe.images, BATCH)
    total = len(starts) * recipe.iterations
    made: list[dict[str, NDArray[Any]]] = []
    for number, start in enumerate(starts):
        path = folder / f"batch-{number:04d}.npz"
        if not path.is_file():
            done = functools.partial(_shifted, tick, number * recipe.iterations, total)
            wanted = labels[start : start + BATCH]
            _keep(path, _batch(network, frame, wanted, recipe, number, device, done))
        with np.load(path) as file:
            made.append({name: file[name] for name in file.files})
    tick(total, total)
    return Synthetic(
        images=np.concatenate([one["images"] for one in made]),
        labels=labels.astype(np.int64),
        sure=np.concatenate([one["sure"] for one in made]),
        seconds=float(sum(one["seconds"] for one in made)),
        passes=recipe.images * (recipe.iterations + 1),
    )


def _shifted(tick: Callable[[int, int], None], before: int, total: int, done: int) -> None:
    tick(before + done, total)


def _about(
    network: nn.Module, frame: Frame, recipe: Recipe, device: torch.device
) -> dict[str, Any]:
    """What images depend on."""
    return {
        "format": FORMAT,
        "teacher": network_hash(network),
        "frame": asdict(frame),
        "recipe": asdict(recipe),
        "device": device.type,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }


def _folder(cache: Path, about: dict[str, Any]) -> Path:
    """Where the batches are kept, with ``key.json`` for people and for cleaning up."""
    name = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:32]
    folder = cache / FOLDER / name
    folder.mkdir(parents=True, exist_ok=True)
    with full_disk_is_told(folder):
        (folder / "key.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    return folder


def _batch(
    network: nn.Module,
    frame: Frame,
    labels: NDArray[np.int64],
    recipe: Recipe,
    number: int,
    device: torch.device,
    tick: Callable[[int], None],
) -> dict[str, NDArray[Any]]:
    """One batch from noise to pixels; its draws follow from seed and number alone."""
    began = time.perf_counter()
    draws = torch.Generator().manual_seed(recipe.seed * 100_003 + number)
    y = torch.from_numpy(labels).to(device)
    mean, std = frame.columns(device)
    low, high = -mean / std, (1 - mean) / std  # what a pixel can be, (C, 1, 1)
    x = smooth_noise(len(labels), frame.shape, draws).to(device)
    x = x.clamp(low, high).requires_grad_()
    optimizer = torch.optim.Adam([x], lr=recipe.lr, betas=(0.5, 0.9))
    with distances(network) as far:
        for iteration in range(recipe.iterations):
            tick(iteration)
            far.clear()
            optimizer.param_groups[0]["lr"] = recipe.lr * _falling(iteration / recipe.iterations)
            logits = _logits(network(_moved(x, draws)))  # (N, K)
            loss = F.cross_entropy(logits, y) + recipe.norm_weight * torch.stack(far).mean()
            loss = loss + recipe.tv_weight * total_variation(x)
            loss = loss + recipe.l2_weight * x.square().sum((1, 2, 3)).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            with torch.no_grad():
                x.copy_(x.clamp(low, high))
    pixels = ((x.detach() * std + mean) * 255).round().clamp(0, 255)  # (N, C, S, S)
    with torch.no_grad():
        sure = _logits(network((pixels / 255 - mean) / std)).softmax(1)
    return {
        "images": pixels.cpu().numpy().astype(np.uint8),
        "sure": sure.gather(1, y[:, None])[:, 0].cpu().numpy().astype(np.float32),
        "seconds": np.array(time.perf_counter() - began),
    }


def smooth_noise(n: int, shape: tuple[int, int, int], draws: torch.Generator) -> Tensor:
    """Noise that is rough and fine at once, like a faint picture, (N, C, S, S).

    It is a sum over grids of 2, 4, 8, … cells a side, the finer the weaker (1/√cells), brought to
    the image's size. Most of it is common to the channels, as light and dark are: strong colours
    that a batch begins with are still there at the end.
    """
    channels, side, _ = shape
    grids = [2**k for k in range(1, max(2, side.bit_length())) if 2**k <= max(2, side // 2)]
    noise = torch.zeros(n, *shape)
    for cells in grids:
        common, own = (torch.randn(n, c, cells, cells, generator=draws) for c in (1, channels))
        grid = (SHARED**0.5 * common + (1 - SHARED) ** 0.5 * own) / cells**0.5
        noise += F.interpolate(grid, size=(side, side), mode="bicubic", align_corners=False)
    return START * noise / noise.std()


def _falling(share: float) -> float:
    """From 1 to 0 along a cosine over the iterations."""
    return (1 + math.cos(math.pi * share)) / 2


def _logits(outputs: Any) -> Tensor:
    logits: Tensor = outputs["logits"] if isinstance(outputs, dict) else outputs
    return logits.float()


def _moved(x: Tensor, draws: torch.Generator) -> Tensor:
    """The batch, shifted by up to a 16th of its side and perhaps flipped."""
    most = max(1, x.shape[-1] // 16)
    down, right = torch.randint(-most, most + 1, (2,), generator=draws).tolist()
    moved = x.roll((down, right), dims=(2, 3))
    return moved.flip(3) if torch.rand(1, generator=draws).item() < 0.5 else moved


def total_variation(x: Tensor) -> Tensor:
    """Mean absolute difference of neighbouring pixels, down and right together.

    >>> total_variation(torch.ones(2, 1, 4, 4)).item()
    0.0
    """
    return x.diff(dim=2).abs().mean() + x.diff(dim=3).abs().mean()


def _keep(path: Path, batch: dict[str, NDArray[Any]]) -> None:
    """Write a batch aside and rename it, so that what is there is whole."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with full_disk_is_told(path), aside.open("wb") as file:
            np.savez(file, **batch)  # type: ignore[arg-type]  # names are no settings
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def sheet(images: NDArray[np.uint8], labels: Sequence[int], rows: int = 8) -> NDArray[np.uint8]:
    """Images of each class side by side, one class a row: uint8 (H, W, C) with a thin grid.

    >>> sheet(np.zeros((6, 1, 4, 4), np.uint8), [0, 1, 0, 1, 0, 1]).shape
    (11, 16, 1)
    """
    by_class = [np.flatnonzero(np.asarray(labels) == k)[:rows] for k in sorted(set(labels))]
    columns = max(len(found) for found in by_class)
    _, channels, side, _ = images.shape
    step = side + 1
    page = np.full((len(by_class) * step + 1, columns * step + 1, channels), 255, np.uint8)
    for y, found in enumerate(by_class):
        for x, row in enumerate(found):
            top, left = y * step + 1, x * step + 1
            page[top : top + side, left : left + side] = images[row].transpose(1, 2, 0)
    return page
