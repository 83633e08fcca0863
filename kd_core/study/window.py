"""How the images of a run were read, for whoever reads more images for its models."""

from __future__ import annotations

from pathlib import Path

from kd_core.data.library import Library
from kd_core.data.windows import Window
from kd_core.study.records import RunRecord


def window_of(record: RunRecord, root: Path) -> Window:
    """The window that the training images were read with; the default if the set is gone.

    It matters for DICOM and for images with more than 8 bits only.

    Args:
        record: A finished run.
        root: The home.
    """
    library = Library(root)
    for name in library.names():
        info = library.info(name)
        if info.hash == record.data.hash:
            return info.window
    return Window()
