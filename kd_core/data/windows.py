"""Which stored values become black and which white, when an image has more than 256 of them.

A 16-bit film or a CT slice has thousands of grey levels and networks get 256. What is kept is
decided by an explicit window [low, high]: ``v = 255 · (x − low) / (high − low)``, cut at both ends
and rounded. (Pillow's ``convert`` just cuts at 255, which leaves two levels of a film.) 8-bit
images are never windowed; their levels stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from kd_core.config import Settings
from kd_core.errors import ConfigError, DataError
from kd_core.registry import Param

Kind = Literal["percentile", "full", "stored", "fixed"]


class Window(Settings):
    """How the window of each image is found; part of a data set and of its hash.

    Attributes:
        kind: ``percentile``: between two percentiles of the image itself, which passes over
            burnt-in markers; ``full``: from its smallest to its largest value; ``stored``: the
            level and width that a DICOM file carries; ``fixed``: the same two values for all
            images, such as Hounsfield units.
        low: Percentile, or the fixed value that becomes black.
        high: Percentile, or the fixed value that becomes white.
    """

    kind: Kind = "percentile"
    low: float = 1.0
    high: float = 99.0

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        inside = self.kind != "percentile" or (self.low >= 0 and self.high <= 100)
        if self.kind in ("percentile", "fixed") and not (self.low < self.high and inside):
            raise ConfigError("window_order", low=self.low, high=self.high)
        return self

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> Window:
        """The window among a source's options (:data:`WINDOW_PARAMS`)."""
        return cls(kind=options["window"], low=options["window_low"], high=options["window_high"])

    def bounds(
        self, values: NDArray[Any], stored: tuple[float, float] | None = None
    ) -> tuple[float, float]:
        """The values that become 0 and 255 in this image.

        Args:
            values: The image's finite stored values, any shape.
            stored: The window that came with the file.

        Raises:
            DataError: ``window_not_stored``.

        >>> Window(kind="full").bounds(np.array([[3, 5], [4, 9]]))
        (3.0, 9.0)
        """
        if self.kind == "fixed":
            return self.low, self.high
        if self.kind == "stored":
            if stored is None:
                raise DataError("window_not_stored")
            return stored
        if not values.size:
            return 0.0, 0.0
        shares = (self.low, self.high) if self.kind == "percentile" else (0, 100)
        low, high = np.percentile(values, shares)
        return float(low), float(high)


def to_uint8(values: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    """Stored values to grey levels; same shape. NaN and an empty window become black.

    >>> to_uint8(np.array([0, 1000, 2000, 4095]), 1000, 3000).tolist()
    [0, 0, 128, 255]
    """
    if high <= low:
        return np.zeros(values.shape, np.uint8)
    scaled = (values.astype(np.float64) - low) * (255 / (high - low))
    return np.nan_to_num(scaled, nan=0).clip(0, 255).round().astype(np.uint8)


WINDOW_PARAMS = (
    Param("window", "choice", "percentile", choices=("percentile", "full", "stored", "fixed")),
    Param("window_low", "float", 1.0, low=-1e9, high=1e9, advanced=True),
    Param("window_high", "float", 99.0, low=-1e9, high=1e9, advanced=True),
)
