"""The folder on the server from which large sets may be taken without an upload."""

from __future__ import annotations

import os
from pathlib import Path

from kd_core.errors import DataError

DATA_ROOT_ENV = "KDLAB_DATA_ROOT"


def data_root() -> Path | None:
    """The configured folder, ``None`` where there is none."""
    text = os.environ.get(DATA_ROOT_ENV, "")
    return Path(text).expanduser().resolve() if text else None


def inside_data_root(text: str) -> Path:
    """The path that a visitor named, when it is there and below the data root.

    Args:
        text: Relative to the data root, or absolute.

    Raises:
        DataError: ``no_data_root``, ``outside_data_root`` (links are followed first) or
            ``path_missing``.
    """
    root = data_root()
    if root is None:
        raise DataError("no_data_root", variable=DATA_ROOT_ENV)
    path = (root / text.strip()).resolve()
    if not path.is_relative_to(root):
        raise DataError("outside_data_root", path=text[:200])
    if not path.exists():
        raise DataError("path_missing", path=text[:200])
    return path
