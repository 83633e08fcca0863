"""Which kind of thing a person brought."""

from __future__ import annotations

from pathlib import Path

from kd_core.data.sources.spec import SOURCES
from kd_core.errors import DataError


def detect(path: Path) -> str:
    """Name of the source that fits a file or folder.

    Raises:
        DataError: ``path_missing``, or ``source_unknown`` when nothing fits.
    """
    if not path.exists():
        raise DataError("path_missing", path=str(path))
    for name, spec in sorted(SOURCES.items(), key=lambda item: -item[1].priority):
        if spec.detects(path):
            return name
    raise DataError("source_unknown", name=path.name)
