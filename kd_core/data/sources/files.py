"""Finding image files and tables below a folder, and files by the names that tables use."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath

from kd_core.data.dicom_image import DICOM_HEAD_BYTES, is_dicom
from kd_core.data.splits import ALIASES
from kd_core.data.uploads import DICOM_SUFFIXES, IMAGE_SUFFIXES

TABLE_SUFFIXES = (".csv", ".tsv")


def is_image_file(path: Path) -> bool:
    """True for the suffixes of PNG, JPEG, TIFF and BMP."""
    return path.suffix.lower() in IMAGE_SUFFIXES


def is_dicom_file(path: Path) -> bool:
    """True for DICOM suffixes, and for DICOM content where the suffix says nothing.

    Files from scanners have no suffix (IM000001), or a piece of their UID as one (1.2.840.5).
    """
    suffix = path.suffix.lower()
    if suffix in DICOM_SUFFIXES:
        return True
    if suffix.strip(".0123456789"):
        return False
    with path.open("rb") as file:
        return is_dicom(file.read(DICOM_HEAD_BYTES))


def list_files(root: Path, wanted: Callable[[Path], bool] = is_image_file) -> tuple[str, ...]:
    """Wanted files below ``root`` as sorted relative paths with ``/``; hidden ones are left out."""
    found = []
    for folder, names, files in os.walk(root):
        names[:] = [name for name in names if is_visible(name)]
        place = Path(folder)
        found += [
            (place / name).relative_to(root).as_posix()
            for name in files
            if is_visible(name) and wanted(place / name)
        ]
    return tuple(sorted(found))


def is_visible(name: str) -> bool:
    """False for hidden files and for what macOS adds to archives."""
    return not name.startswith(".") and name.lower() != "__macosx"


def unwrap(root: Path) -> Path:
    """The folder in which the data begin: single folders around them, as zips have, are passed."""
    while True:
        entries = [entry for entry in root.iterdir() if is_visible(entry.name)]
        folders = [entry for entry in entries if entry.is_dir()]
        useful = [e for e in entries if is_image_file(e) or e.suffix.lower() in TABLE_SUFFIXES]
        if useful or len(folders) != 1 or folders[0].name.lower() in ALIASES:
            return root
        root = folders[0]


class FileIndex:
    """Finds the file that a table means: by path, by part of a path, by name, by bare name.

    >>> index = FileIndex(["images/a.png", "images/b.png"])
    >>> index.find("a"), index.find("archive/images/b.png"), index.find("c.png")
    ('images/a.png', 'images/b.png', None)
    """

    def __init__(self, files: Iterable[str]) -> None:
        self._paths = set(files)
        self._names = _unique(self._paths, lambda path: path.name)
        self._stems = _unique(self._paths, lambda path: path.stem)

    def find(self, text: str) -> str | None:
        """The one file that ``text`` can mean, or ``None``."""
        parts = PurePosixPath(text.strip().replace("\\", "/")).parts
        if not parts:
            return None
        for start in range(len(parts)):
            path = "/".join(parts[start:])
            if path in self._paths:
                return path
        return self._names.get(parts[-1]) or self._stems.get(parts[-1])


def _unique(files: Iterable[str], key: Callable[[PurePosixPath], str]) -> dict[str, str]:
    """Files by a short name, where only one file has it."""
    keys = {path: key(PurePosixPath(path)) for path in files}
    counts = Counter(keys.values())
    return {short: path for path, short in keys.items() if counts[short] == 1}
