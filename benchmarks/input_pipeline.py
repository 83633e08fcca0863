"""How fast images reach a network, beside a plain torchvision ImageFolder and DataLoader.

``python -m benchmarks.input_pipeline --json``

The same generated PNG files, the same size, batch and kind of augmentation. Ours reads the decoded
cache; the peer decodes at every epoch, alone in the training process and with worker processes,
and the faster of the two counts. Rounds are interleaved and the medians compared. Then a small
student is trained for some epochs, and the time that it waits for batches is its share of them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from kd_core import repro
from kd_core.config import ComputeSettings, DataSettings, ModelSettings, RunSettings, TrainSettings
from kd_core.data import cache
from kd_core.data.augment import AUGMENTATIONS
from kd_core.data.draft import draft
from kd_core.data.loaded import LoadedData
from kd_core.models import build_model
from kd_core.tasks import TASKS
from kd_core.train import MODES, Setup
from kd_core.train.loader import Loader

LIMIT = 0.05
"""Largest share of an epoch spent waiting for data that is accepted."""
SOURCE_PX = 130  # the median side of the malaria cells, which are typical of cell crops


def main() -> None:
    """Measure, print, and end with status 1 when a network waits too long."""
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(options, Path(folder))
    if options.json:
        print(json.dumps(figures, indent=1))
    else:
        for name, value in figures.items():
            print(f"{name:28} {value}")
    sys.exit(figures["waiting_share"] > LIMIT)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, prog="benchmarks.input_pipeline")
    parser.add_argument("--json", action="store_true", help="one JSON object and nothing else")
    parser.add_argument("--images", type=int, default=1024, help="training images")
    parser.add_argument("--size", type=int, default=64, help="side in pixels that networks see")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5, help="timed epochs of each loader")
    parser.add_argument("--workers", type=int, default=2, help="worker processes of the peer")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--student", default="mobilenet_v3_small")
    parser.add_argument("--train-epochs", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    return parser.parse_args()


def measure(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Images per second of each loader, their ratio, and the share of waiting."""
    _write_images(folder / "images" / "train", options.images)
    run = _run(options)
    device = repro.prepare(run.compute, run.seed)
    began = time.perf_counter()
    data = cache.load(draft(folder / "images").dataset, options.size, folder / "cache")
    first_s = time.perf_counter() - began
    ours = Loader(run, data, TASKS[data.task], device)
    peers = {n: _peer(options, folder / "images" / "train", data, n) for n in (0, options.workers)}
    loaders: dict[str, Callable[[int], Iterator[torch.Tensor]]] = {
        "ours": lambda epoch: (batch.images for batch in ours.epoch(epoch)),
        "peer_alone": lambda epoch: (images for images, _ in peers[0]),
        "peer_workers": lambda epoch: (images for images, _ in peers[options.workers]),
    }
    speeds: dict[str, list[float]] = {name: [] for name in loaders}
    for turn in range(options.rounds + 1):
        for name, loader in loaders.items():
            speed = _images_per_second(loader(turn))
            if turn:  # the first epoch also fills the system's file cache and starts workers
                speeds[name].append(speed)
    medians = {name: statistics.median(values) for name, values in speeds.items()}
    return {
        **{key: getattr(options, key) for key in ("images", "size", "batch", "threads", "workers")},
        "device": str(device),
        "augment": run.data.augment,
        "read_and_decode_once_s": round(first_s, 2),
        **{f"{name}_images_s": round(speed) for name, speed in medians.items()},
        "ratio": round(medians["ours"] / max(medians["peer_alone"], medians["peer_workers"]), 2),
        **_waiting(options, run, data, device),
        "limit": LIMIT,
    }


def _write_images(folder: Path, n: int) -> None:
    """Cell-like PNG files: a disc on black with some texture, in two classes."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[-1 : 1 : SOURCE_PX * 1j, -1 : 1 : SOURCE_PX * 1j]
    disc = (x**2 + y**2 < 0.8)[..., None]
    for i in range(n):
        coarse = rng.integers(120, 220, (16, 16, 3), dtype=np.uint8)
        texture = Image.fromarray(coarse).resize((SOURCE_PX, SOURCE_PX), Image.Resampling.BICUBIC)
        path = folder / f"class{i % 2}" / f"{i:05d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.asarray(texture) * disc).save(path)


def _run(options: argparse.Namespace) -> RunSettings:
    return RunSettings(
        key="benchmark",
        role="baseline",
        data=DataSettings(dataset="benchmark", size=options.size, augment="generic"),
        model=ModelSettings(name=options.student),
        train=TrainSettings(epochs=100, batch_size=options.batch),
        compute=ComputeSettings(threads=options.threads, device=options.device),
    )


def _peer(
    options: argparse.Namespace, folder: Path, data: LoadedData, workers: int
) -> DataLoader[Any]:
    """What most scripts do: decode, resize, augment and normalise image by image."""
    p = AUGMENTATIONS["generic"].defaults()
    transform = v2.Compose(
        [
            v2.ToImage(),
            v2.Resize((options.size, options.size), antialias=True),
            v2.RandomAffine(
                p["rotation"],
                translate=(p["shift"], p["shift"]),
                scale=(1 - p["zoom"], 1 + p["zoom"]),
                interpolation=v2.InterpolationMode.BILINEAR,
            ),
            v2.RandomHorizontalFlip(),
            v2.ColorJitter(p["brightness"], p["contrast"]),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(data.mean, data.std),
        ]
    )
    return DataLoader(
        ImageFolder(str(folder), transform),
        batch_size=options.batch,
        shuffle=True,
        drop_last=True,
        num_workers=workers,
        persistent_workers=workers > 0,
    )


def _images_per_second(batches: Iterator[torch.Tensor]) -> float:
    began = time.perf_counter()
    count = sum(len(images) for images in batches)
    return count / (time.perf_counter() - began)


def _waiting(
    options: argparse.Namespace, run: RunSettings, data: LoadedData, device: torch.device
) -> dict[str, Any]:
    """Seconds of training, and the share of them in which the next batch was not there."""
    setup = Setup(
        run=run,
        data=data,
        task=TASKS[data.task],
        network=build_model(run.model, len(data.classes), data.channels, options.size, seed=0),
        teacher=None,
        device=device,
        cache=Path(),
        tick=lambda stage, done, total: None,
    )
    mode = MODES["alone"].build(setup)
    waited = total = 0.0
    for epoch in range(options.train_epochs + 1):
        began = time.perf_counter()
        epoch_waited, batches = 0.0, mode.batches(epoch, 0)
        while True:
            asked = time.perf_counter()
            batch = next(batches, None)
            epoch_waited += time.perf_counter() - asked
            if batch is None:
                break
            parts = mode.step(batch)
        parts["total"].item()  # a GPU has finished only when a number is asked for
        if epoch:  # the first epoch also chooses kernels and memory
            waited += epoch_waited
            total += time.perf_counter() - began
    images = options.train_epochs * mode.steps_per_epoch * options.batch
    return {
        "student": options.student,
        "train_images_s": round(images / total),
        "waiting_share": round(waited / total, 4),
    }


if __name__ == "__main__":
    main()
