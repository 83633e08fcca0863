"""The originals of a data set: files below a folder, or one array."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kd_core.data.images import decode
from kd_core.data.raw import RawImage
from kd_core.errors import DataError


class Images(Protocol):
    """The originals of a data set, by number."""

    def __len__(self) -> int: ...

    def open(self, i: int) -> tuple[str, RawImage]:
        """SHA-256 of image ``i`` as it is stored, and the decoded image.

        Raises:
            DataError: Those of :func:`~kd_core.data.images.decode`; ``image_missing``.
        """
        ...

    def take(self, rows: Sequence[int]) -> Images:
        """Only these images, in this order."""
        ...


@dataclass(frozen=True)
class FileImages:
    """Image files below one folder.

    Attributes:
        root: The folder.
        files: Paths relative to it, with ``/``.
    """

    root: Path
    files: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.files)

    def open(self, i: int) -> tuple[str, RawImage]:
        """Read, hash and decode file ``i``."""
        digest, data = self.stored(i)
        return digest, decode(data, name=self.files[i])

    def stored(self, i: int) -> tuple[str, bytes]:
        """SHA-256 and bytes of file ``i``.

        Raises:
            DataError: ``image_missing``.
        """
        try:
            data = (self.root / self.files[i]).read_bytes()
        except OSError as error:
            raise DataError(
                "image_missing", name=self.files[i], detail=error.strerror or ""
            ) from None
        return hashlib.sha256(data).hexdigest(), data

    def take(self, rows: Sequence[int]) -> FileImages:
        """Only these files."""
        return FileImages(self.root, tuple(self.files[i] for i in rows))


@dataclass(frozen=True)
class ArrayImages:
    """Images in arrays, of which a memory-mapped file is one.

    Attributes:
        array: (N, H, W, 1 or 3); a window is needed unless it is uint8.
        rows: Rows of the array that belong to the set, in its order.
    """

    array: NDArray[Any]
    rows: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.rows)

    def open(self, i: int) -> tuple[str, RawImage]:
        """Take and hash image ``i``."""
        values = np.ascontiguousarray(self.array[self.rows[i]])  # (H, W, C)
        head = f"{values.dtype.str}{values.shape}".encode()
        digest = hashlib.sha256(head + values.tobytes()).hexdigest()
        bits = values.dtype.itemsize * 8
        return digest, RawImage(values, bits=bits, windowed=values.dtype != np.uint8)

    def take(self, rows: Sequence[int]) -> ArrayImages:
        """Only these images."""
        return ArrayImages(self.array, tuple(self.rows[i] for i in rows))
