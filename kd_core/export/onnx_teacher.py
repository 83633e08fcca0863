"""An ONNX file in the place of a torch network that is only asked for its answers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from kd_core.export.onnx_model import OnnxModel


class OnnxTeacher(nn.Module):
    """A network without parameters and gradients that runs a file by onnxruntime.

    Args:
        path: The file.
        threads: Threads inside one operator.
        mean: Channel means that the images were normalised with, when they are not the file's.
        std: Channel standard deviations, likewise.

    Raises:
        ExportError: The file cannot be opened or has no contract.
    """

    def __init__(
        self,
        path: Path,
        threads: int = 1,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        self.model = OnnxModel(path, threads)
        self.sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        contract = self.model.contract
        self.mean, self.std = tuple(mean or contract.mean), tuple(std or contract.std)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Named outputs of normalised images (N, C, S, S), on the images' device."""
        pixels = self._renormalised(images.detach().float().cpu().numpy())
        outputs = self.model.predict(pixels, batch=len(pixels))
        return {name: torch.from_numpy(value).to(images.device) for name, value in outputs.items()}

    def _renormalised(self, images: np.ndarray) -> np.ndarray:
        contract = self.model.contract
        if (self.mean, self.std) == (contract.mean, contract.std):
            return images
        columns = (self.mean, self.std, contract.mean, contract.std)
        mean, std, own_mean, own_std = (np.asarray(c, np.float32)[:, None, None] for c in columns)
        return (images * std + mean - own_mean) / own_std  # (N, C, S, S)

    def extra_repr(self) -> str:
        """The file's hash and the normalisation: a cache of answers is keyed by what is printed."""
        return f"sha256={self.sha256}, mean={self.mean}, std={self.std}"
