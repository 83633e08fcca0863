"""What an ONNX file says about itself, so that it can be used without anything else.

Input ``images``: float32 (n, C, H, W), scaled to [0, 1], then normalised with the file's mean and
standard deviation. Outputs are named by the task (``logits``). The rest is metadata, one key a
field, each value as JSON: ``kdlab.classes``, ``kdlab.mean``, ``kdlab.std``, ``kdlab.size``,
``kdlab.channels``, ``kdlab.interpolation``, ``kdlab.task``, ``kdlab.calibration``,
``kdlab.threshold``, ``kdlab.run``, ``kdlab.opset``, ``kdlab.schema``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from kd_core.config import Settings
from kd_core.errors import ConfigError, ExportError

VERSION = 1
INPUT = "images"
PREFIX = "kdlab."
OPSET = 20


class FileContract(Settings):
    """How to feed a file and how to read its answers.

    Attributes:
        classes: Class or label names, in the order of the outputs.
        mean: Channel means in [0, 1], (C,).
        std: Channel standard deviations in [0, 1], (C,).
        size: Side of the square images in pixels.
        channels: 1 (grey) or 3 (red, green, blue).
        interpolation: How images are resized to ``size``.
        task: Entry of ``TASKS``.
        calibration: What makes calibrated probabilities of the logits, or ``None``; read by
            :mod:`kd_core.evaluate.decide`.
        threshold: Decision threshold on calibrated probabilities, one for all labels or one each;
            of two classes it is the second's. ``None`` is the task's own.
        run: Id of the run that made the file; empty for a file from elsewhere.
        opset: ONNX operator set; filled in by the export.
        schema_version: Version of this contract; ``kdlab.schema`` in the file.
    """

    classes: tuple[str, ...] = Field(min_length=1)
    mean: tuple[float, ...] = Field(min_length=1)
    std: tuple[float, ...] = Field(min_length=1)
    size: int = Field(ge=1)
    channels: int = Field(ge=1)
    interpolation: str = "bilinear-antialias"
    task: str = "classification"
    calibration: dict[str, float | str | tuple[float, ...]] | None = None
    threshold: float | tuple[float, ...] | None = None
    run: str = ""
    opset: int = OPSET
    schema_version: int = VERSION

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not len(self.mean) == len(self.std) == self.channels or min(self.std) <= 0:
            raise ExportError(
                "contract_channels", mean=self.mean, std=self.std, channels=self.channels
            )
        return self

    def to_metadata(self) -> dict[str, str]:
        """Metadata keys and values for the file.

        >>> grey = FileContract(classes=("a", "b"), mean=(0.5,), std=(0.2,), size=64, channels=1)
        >>> grey.to_metadata()["kdlab.classes"]
        '["a", "b"]'
        """
        return {
            PREFIX + name.removesuffix("_version"): json.dumps(value, ensure_ascii=False)
            for name, value in self.to_json().items()
        }

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str]) -> FileContract | None:
        """The contract in a file's metadata; ``None`` where there is none.

        Raises:
            ExportError: ``contract_unreadable`` or ``contract_newer``.
        """
        if PREFIX + "schema" not in metadata:
            return None
        values: dict[str, Any] = {}
        try:
            for name in cls.model_fields:
                key = PREFIX + name.removesuffix("_version")
                if key in metadata:
                    values[name] = json.loads(metadata[key])
        except ValueError:
            raise ExportError("contract_unreadable", detail=key) from None
        version = values["schema_version"]
        if isinstance(version, int) and version > VERSION:
            raise ExportError("contract_newer", version=version, known=VERSION)
        try:
            return cls.from_json(values)
        except ConfigError as error:
            detail = str(error.fields.get("field", ""))
            raise ExportError("contract_unreadable", detail=detail) from None

    def normalise(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """uint8 images (n, C, S, S) as the network wants them: (x / 255 − mean) / std, float32."""
        mean = np.asarray(self.mean, np.float32)[:, None, None]  # (C, 1, 1)
        std = np.asarray(self.std, np.float32)[:, None, None]
        scaled = np.asarray(images, np.float32) / np.float32(255)
        return (scaled - mean) / std  # (n, C, S, S)
