"""The cost of a network in time: exported, and run by onnxruntime beside the original.

A trial and the original take turns, a run each, so that whatever else the machine does slows both
alike; the cost is the ratio of their medians at batch 1.
"""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kd_core.compress.prune_channels import ChannelGroup, remove
from kd_core.compress.spec import Workshop
from kd_core.export import FileContract, OnnxModel, export_onnx
from kd_core.models import TaskModel

LATENCY_TRIALS = 6
"""Networks that are exported and timed for one aim: about 1.5 % of the way apart at the end."""

WARMUP = 5
REPEATS = 40


@contextmanager
def latency_left(
    original: TaskModel, model: TaskModel, shop: Workshop
) -> Iterator[Callable[[Mapping[ChannelGroup, set[int]]], float]]:
    """Measure what share of the original's time is left without some units.

    Args:
        original: What is compared with.
        model: The network now, to whose groups the units belong.
        shop: For its folder, its threads and a few images.

    Yields:
        Units that go, to the ratio of the times. It raises ExportError where a network cannot be
        exported.
    """
    images = shop.images("train", 2, shop.seed)
    path = shop.folder / "latency"
    path.mkdir(parents=True, exist_ok=True)
    reference, trial = path / "reference.onnx", path / "trial.onnx"
    export_onnx(original, reference, _contract(shop), images)
    number = 0

    def left(chosen: Mapping[ChannelGroup, set[int]]) -> float:
        nonlocal number
        shop.tick("compress", number, LATENCY_TRIALS)
        number += 1
        network = copy.deepcopy(model.network)
        remove(network, chosen)
        export_onnx(TaskModel(network, model.spec), trial, _contract(shop), images)
        return time_ratio(trial, reference, images[:1], shop.threads)

    try:
        yield left
    finally:
        for file in (reference, trial):
            file.unlink(missing_ok=True)


def time_ratio(one: Path, other: Path, images: NDArray[np.float32], threads: int = 1) -> float:
    """The median time of one file over the median time of another, run in turn.

    Args:
        one: The file that is asked about.
        other: The file that it is compared with.
        images: What both are run on, (n, C, S, S).
        threads: Of onnxruntime.
    """
    models = [OnnxModel(path, threads) for path in (one, other)]
    seconds: tuple[list[float], list[float]] = ([], [])
    for number in range(WARMUP + REPEATS):
        for model, kept in zip(models, seconds, strict=True):
            began = time.perf_counter()
            model.predict(images)
            if number >= WARMUP:
                kept.append(time.perf_counter() - began)
    return statistics.median(seconds[0]) / statistics.median(seconds[1])


def _contract(shop: Workshop) -> FileContract:
    return FileContract(
        classes=shop.data.classes,
        mean=shop.mean,
        std=shop.std,
        size=shop.data.size,
        channels=shop.data.channels,
        task=shop.data.task,
    )
