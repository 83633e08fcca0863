"""A decoded image before its window: the values as the file has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class RawImage:
    """One decoded image.

    Attributes:
        values: Stored values, (H, W, 1 or 3), any number type; for DICOM after rescaling.
        bits: Bits of one sample in the file.
        windowed: True when the values need a window to become 8-bit grey levels.
        stored: The window that came with the file, as the values that become black and white.
        padding: A value that means "no image here" and takes no part in finding the window.
        inverted: True when small values are bright (DICOM's MONOCHROME1).
    """

    values: NDArray[Any]
    bits: int
    windowed: bool
    stored: tuple[float, float] | None = None
    padding: float | None = None
    inverted: bool = False

    def known_values(self) -> NDArray[Any]:
        """The finite values that are not padding, flat: what a window is found from."""
        values = self.values.ravel()
        if values.dtype.kind == "f":
            values = values[np.isfinite(values)]
        if self.padding is None:
            return values
        inside: NDArray[Any] = values[values != self.padding]
        return inside if inside.size else values
