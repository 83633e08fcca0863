"""Times of what surrounds a network: decode an image, resize it, read the answer.

``python -m kd_core.latency.stages_measure --out stages.csv [--rounds 5]``

The same calls as a deploy pack makes, with Pillow and numpy, in processor time of one thread. The
picture is noise of several sizes, which compresses like a photograph. Rounds are interleaved; a
figure is the lowest of the rounds' medians, since other work can only make a call slower.
"""

from __future__ import annotations

import argparse
import csv
import io
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import PIL
from PIL import Image

SIDES = (32, 64, 128, 256, 512, 1024, 2048)
SIZES = (28, 64, 128, 224)
CLASSES = (2, 10, 100, 1000)
JPEG_QUALITY = 90
ROUND_S, LEAST_CALLS, MOST_CALLS = 0.1, 3, 2000
COLUMNS = ("step", "format", "channels", "source_px", "size", "classes", "cpu_ms", "source")


def main() -> None:
    """Measure and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__, prog="kd_core.latency.stages_measure")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sides", type=int, nargs="*", default=SIDES)
    options = parser.parse_args()
    source = f"measured for this package with Pillow {PIL.__version__}, processor time of one core"
    calls = list(steps(options.sides))
    medians: list[list[float]] = [[] for _ in calls]
    for _ in range(options.rounds):
        for place, (_, call) in enumerate(calls):
            medians[place].append(_median_ms(call))
    with options.out.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for (case, _), found in zip(calls, medians, strict=True):
            writer.writerow((*case, f"{min(found):.4g}", source))


def steps(sides: Any = SIDES) -> Iterator[tuple[tuple[Any, ...], Callable[[], Any]]]:
    """Each case (step, format, channels, source side, size, classes) with what is timed."""
    for channels in (1, 3):
        for side in sides:
            pixels = picture(side, channels)
            for form in ("jpeg", "png"):
                yield ("decode", form, channels, side, 0, 0), _decoder(pixels, form)
            for size in SIZES:
                yield ("resize", "", channels, side, size, 0), _resizer(pixels, size)
    for classes in CLASSES:
        yield ("post", "", 0, 0, 0, classes), _answer(classes)


def picture(side: int, channels: int) -> Image.Image:
    """A square picture with coarse shapes and fine grain."""
    rng = np.random.default_rng(0)
    total = np.zeros((side, side, 3))
    for step in (max(2, side // 4), max(2, side // 16), side):
        noise = rng.integers(0, 256, (step, step, 3), np.uint8)
        part = Image.fromarray(noise).resize((side, side), Image.Resampling.BICUBIC)
        total += np.asarray(part, np.float64) * (0.05 if step == side else 0.475)
    image = Image.fromarray(total.clip(0, 255).astype(np.uint8))
    return image.convert("L") if channels == 1 else image


def _decoder(pixels: Image.Image, form: str) -> Callable[[], Any]:
    stream = io.BytesIO()
    pixels.save(stream, form, **({"quality": JPEG_QUALITY} if form == "jpeg" else {}))
    data = stream.getvalue()

    def call() -> Any:
        with Image.open(io.BytesIO(data), formats=(form,)) as opened:
            return np.asarray(opened)

    return call


def _resizer(pixels: Image.Image, size: int) -> Callable[[], Any]:
    given = np.asarray(pixels)

    def call() -> Any:
        small = Image.fromarray(given).resize((size, size), Image.Resampling.BILINEAR)
        values = np.asarray(small, np.float32).reshape(size, size, -1)
        normal = (values / np.float32(255) - np.float32(0.5)) / np.float32(0.25)  # (S, S, C)
        return np.ascontiguousarray(normal.transpose(2, 0, 1))  # (C, S, S)

    return call


def _answer(classes: int) -> Callable[[], Any]:
    logits = np.random.default_rng(0).standard_normal(classes).astype(np.float32)  # (K,)
    threshold = np.full(classes, 0.5, np.float32)

    def call() -> Any:
        shifted = np.exp(logits - logits.max())
        probabilities = shifted / shifted.sum()  # (K,)
        return probabilities >= threshold, int(probabilities.argmax())

    return call


def _median_ms(call: Callable[[], Any]) -> float:
    call()
    times: list[float] = []
    began = time.thread_time()
    while len(times) < LEAST_CALLS or time.thread_time() - began < ROUND_S:
        start = time.thread_time()
        call()
        times.append((time.thread_time() - start) * 1e3)
        if len(times) >= MOST_CALLS:
            break
    return statistics.median(times)


if __name__ == "__main__":
    main()
