"""What several models say of the same crops, from their ONNX files, with the time of each part."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kd_core.data.images import prepare_image
from kd_core.errors import ExportError
from kd_core.explain.progress import Tick, tell
from kd_core.export import FileContract, OnnxModel
from kd_core.slides.answers import Answers, read_answers

BATCH = 64


@dataclass
class Timing:
    """Where the time went, in ms; a part that did not happen is 0.

    Attributes:
        decode_ms: From the file's bytes to pixels.
        find_ms: Finding cells or tissue.
        prepare_ms: Cutting, resizing and normalising, by model.
        network_ms: In onnxruntime, by model.
        post_ms: From outputs to probabilities and decisions, by model.
        images: Crops or tiles.
    """

    decode_ms: float = 0.0
    find_ms: float = 0.0
    prepare_ms: dict[str, float] = field(default_factory=dict)
    network_ms: dict[str, float] = field(default_factory=dict)
    post_ms: dict[str, float] = field(default_factory=dict)
    images: int = 0

    def add(self, part: str, model: str, seconds: float) -> None:
        """Add to ``prepare``, ``network`` or ``post`` of a model."""
        of_model: dict[str, float] = getattr(self, f"{part}_ms")
        of_model[model] = of_model.get(model, 0.0) + 1000 * seconds

    def join(self, other: Timing) -> None:
        """Add the times of other pictures."""
        self.images += other.images
        for part in ("prepare", "network", "post"):
            for model, ms in getattr(other, f"{part}_ms").items():
                self.add(part, model, ms / 1000)

    def total_ms(self, model: str) -> float:
        """Everything that stands between a file and this model's answers."""
        own = (self.prepare_ms, self.network_ms, self.post_ms)
        return self.decode_ms + self.find_ms + sum(part.get(model, 0.0) for part in own)


def classify(
    images: Sequence[NDArray[np.uint8]],
    models: Mapping[str, OnnxModel],
    tick: Tick | None = None,
    batch: int = BATCH,
    timing: Timing | None = None,
) -> dict[str, Answers]:
    """Every model's answers to the same pictures.

    Args:
        images: uint8 (H, W, C) each, or (n, C, S, S) in the models' own size.
        models: By the name under which they are shown.
        tick: Called after each batch with (pictures done, all).
        batch: Pictures at once.
        timing: Is added to.

    Raises:
        ExportError: ``session_failed``, ``images_shape``, ``models_none``.
        JobError: ``explain_stopped``.
    """
    pieces: dict[str, list[Answers]] = {name: [] for name in models}
    for done, answers in stream(images, models, batch, timing):
        for name, piece in answers.items():
            pieces[name].append(piece)
        tell(tick, done, len(images))
    return {name: Answers.joined(parts, models[name].contract) for name, parts in pieces.items()}


def stream(
    images: Sequence[NDArray[np.uint8]],
    models: Mapping[str, OnnxModel],
    batch: int = BATCH,
    timing: Timing | None = None,
    workers: int = 1,
) -> Iterator[tuple[int, dict[str, Answers]]]:
    """The answers batch by batch: how many pictures are done, and the new answers by model.

    Args:
        images: As for :func:`classify`.
        models: Likewise.
        batch: Likewise.
        timing: Likewise.
        workers: Batches at once, each on a thread; onnxruntime may be asked by several. The
            answers are the same, and the times in ``timing`` are those of the threads together.

    Raises:
        ExportError: As :func:`classify`.
    """
    if not models:
        raise ExportError("models_none")
    timing = Timing() if timing is None else timing

    def one(start: int) -> tuple[int, dict[str, Answers], Timing]:
        piece, took = images[start : start + batch], Timing()
        took.images = len(piece)
        return start + len(piece), _answer(piece, models, took), took

    starts = range(0, len(images), batch)
    pool = ThreadPoolExecutor(workers)
    try:
        for done, answers, took in pool.map(one, starts) if workers > 1 else map(one, starts):
            timing.join(took)
            yield done, answers
    finally:
        pool.shutdown(cancel_futures=True)


def _answer(
    images: Sequence[NDArray[np.uint8]], models: Mapping[str, OnnxModel], timing: Timing
) -> dict[str, Answers]:
    prepared: dict[tuple[Any, ...], tuple[NDArray[np.float32], float]] = {}
    answers = {}
    for name, model in models.items():
        contract = model.contract
        key = (contract.size, contract.channels, contract.mean, contract.std)
        if key not in prepared:  # done once, and counted for each model that needs it
            started = time.perf_counter()
            batch = contract.normalise(prepare(images, contract))
            prepared[key] = (batch, time.perf_counter() - started)
        ready = time.perf_counter()
        outputs = model.predict(prepared[key][0], batch=len(images))
        answered = time.perf_counter()
        answers[name] = read_answers(outputs, contract)
        timing.add("prepare", name, prepared[key][1])
        timing.add("network", name, answered - ready)
        timing.add("post", name, time.perf_counter() - answered)
    return answers


def prepare(images: Iterable[NDArray[np.uint8]], contract: FileContract) -> NDArray[np.uint8]:
    """Pictures as a model file wants them, uint8 (n, C, S, S); ready ones pass unchanged."""
    if isinstance(images, np.ndarray) and images.ndim == 4:
        wanted = (contract.channels, contract.size, contract.size)
        if images.shape[1:] == wanted:
            return images
        images = images.transpose(0, 2, 3, 1)  # (n, H, W, C)
    return np.stack([prepare_image(image, contract.size, contract.channels) for image in images])
