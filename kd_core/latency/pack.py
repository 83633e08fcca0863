"""The deploy pack: a model as a folder that predicts by itself, and proves it.

    model.onnx  pack.json  labels.txt  predict.py  README.md
    golden/     raw image files, expected.json, pixels.npz

``predict.py`` is :mod:`kd_core.latency.pack_predict` as it is; it needs numpy, Pillow and
onnxruntime. The golden answers start from raw files, because what goes wrong first on a device is
another decoder or another resize. The golden images are drawn here: no image of the data set is in
a pack unless the caller hands some over.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from kd_core.data.images import INTERPOLATION, prepare_image, read_image
from kd_core.data.windows import Window
from kd_core.export.contract import INPUT, FileContract
from kd_core.export.onnx_file import OnnxLimits, precision_of, read_onnx
from kd_core.export.onnx_model import OnnxModel
from kd_core.latency.golden import golden_images
from kd_core.tasks import TASKS
from kd_core.text import Msg

SCRIPT = Path(__file__).with_name("pack_predict.py")
VERSION = 1
LEVELS = 3
"""Grey levels that a golden image's pixels may differ by: another JPEG decoder differs by one or
two, another resize by tens."""

TOLERANCE = 1e-3
"""Difference of a probability that other float32 kernels may make."""

TOLERANCE_QUANTISED = 0.05
"""The same for integer kernels, which round and saturate differently on other processors."""

Say = Callable[[Msg], str]


@dataclass(frozen=True)
class PackSource:
    """What goes into a pack.

    Attributes:
        file: An ONNX file that carries our contract.
        name: Of the model, for a person.
        run: Id of the run that made it.
        window: How its training images with more than 8 bits were read.
        calibration: What makes calibrated probabilities; ``None``: what the file says.
        images: Raw image files of the data set by name; empty unless somebody asked for them.
    """

    file: Path
    name: str
    run: str = ""
    window: Window = field(default_factory=Window)
    calibration: Mapping[str, Any] | None = None
    images: Mapping[str, bytes] = field(default_factory=dict)


def build_pack(source: PackSource, say: Say) -> bytes:
    """A deploy pack as the bytes of a zip.

    Args:
        source: The model and what belongs to it.
        say: Renders a message; the README is in the reader's language.

    Raises:
        ExportError: ``file_missing``, ``session_failed`` or ``contract_missing``.
        DataError: An image of ``source.images`` cannot be read.
    """
    model = OnnxModel(source.file)
    content = source.file.read_bytes()
    contract = model.contract
    pack = pack_json(contract, source, content)
    images = {**golden_images(deep=source.window.kind != "stored"), **source.images}
    readme = say(
        Msg(
            "pack.readme",
            {
                "name": source.name,
                "run": source.run or "–",
                "classes": list(contract.classes),
                "size": contract.size,
                "bytes": len(content),
                "images": say(Msg("pack.images.own" if source.images else "pack.images.drawn")),
            },
        )
    )
    return zip_of(
        {
            "README.md": readme.encode(),
            "predict.py": SCRIPT.read_bytes(),
            "model.onnx": content,
            "pack.json": readable_json(pack),
            "labels.txt": "".join(f"{name}\n" for name in contract.classes).encode(),
            **_golden(model, images, source.window, precision_of_file(content)),
        }
    )


def pack_json(contract: FileContract, source: PackSource, content: bytes) -> dict[str, Any]:
    """What ``predict.py`` has to know, as JSON."""
    calibration = source.calibration or contract.calibration
    return {
        "version": VERSION,
        "name": source.name,
        "run": source.run,
        "model_sha256": hashlib.sha256(content).hexdigest(),
        "task": contract.task,
        "classes": list(contract.classes),
        "input": INPUT,
        "output": TASKS[contract.task].output,
        "size": contract.size,
        "channels": contract.channels,
        "mean": list(contract.mean),
        "std": list(contract.std),
        "interpolation": INTERPOLATION,  # the one way that every image takes here
        "window": source.window.to_json(),
        "calibration": dict(calibration) if calibration else None,
        "threshold": contract.to_json()["threshold"],
    }


def precision_of_file(content: bytes) -> str:
    """Number format of the weights of one of our own files, whatever its size."""
    return precision_of(read_onnx(content, OnnxLimits(size_bytes=max(1, len(content)))))


def _golden(
    model: OnnxModel, images: Mapping[str, bytes], window: Window, precision: str
) -> dict[str, bytes]:
    contract = model.contract
    task = TASKS[contract.task]
    pixels = {
        name: prepare_image(read_image(data, window, name), contract.size, contract.channels)
        for name, data in images.items()
    }  # uint8 (C, S, S)
    logits = model.predict_uint8(np.stack(list(pixels.values())), batch=1)[task.output]  # (n, K)
    rows = task.probabilities(torch.from_numpy(logits)).tolist()
    expected = {
        "tolerance": TOLERANCE if precision == "fp32" else TOLERANCE_QUANTISED,
        "levels": LEVELS,
        "images": {name: {"probabilities": row} for name, row in zip(pixels, rows, strict=True)},
    }
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **pixels)  # type: ignore[arg-type]
    return {
        "golden/expected.json": readable_json(expected),
        "golden/pixels.npz": buffer.getvalue(),
        **{f"golden/{name}": data for name, data in images.items()},
    }


def zip_of(files: Mapping[str, bytes]) -> bytes:
    """A zip of these files; equal files give equal bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            info = zipfile.ZipInfo(name)  # its date is 1980, whenever it is made
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            archive.writestr(info, data)
    return buffer.getvalue()


def readable_json(data: Any) -> bytes:
    """JSON that a person can read, as UTF-8."""
    return (json.dumps(data, indent=1, allow_nan=False, ensure_ascii=False) + "\n").encode()
