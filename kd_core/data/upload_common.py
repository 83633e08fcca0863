"""What all checks of files from outside share: limits, opening, and names safe everywhere."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pydantic import Field

from kd_core.errors import UploadError
from kd_core.settings import Settings

Source = Path | BinaryIO
"""A file on this machine, or an open binary file such as a browser's upload."""


class Limits(Settings):
    """Bounds that are checked before anything is decoded or written.

    Attributes:
        file_bytes: An archive as it comes.
        image_bytes: One image file.
        csv_bytes: One table file.
        pixels: Width times height of one image.
        members: Files in one archive.
        ratio: Unpacked size over packed size of an archive, or of a member above
            ``ratio_from_bytes``. Deflate can reach 1032; photographs stay below 10 and nearly
            empty masks in uncompressed formats near 100.
        ratio_from_bytes: Smaller things may have any ratio: they cannot do harm.
        unpacked_bytes: All members of an archive together.
        array_bytes: All arrays of an .npz together, which are read into memory.
        name_chars: Path of a member inside its archive.
        csv_rows: Rows of a table without its header.
    """

    file_bytes: int = Field(default=4_000_000_000, gt=0)
    image_bytes: int = Field(default=200_000_000, gt=0)
    csv_bytes: int = Field(default=200_000_000, gt=0)
    pixels: int = Field(default=40_000_000, gt=0)
    members: int = Field(default=200_000, gt=0)
    ratio: float = Field(default=200, gt=1)
    ratio_from_bytes: int = Field(default=1_000_000, ge=0)
    unpacked_bytes: int = Field(default=20_000_000_000, gt=0)
    array_bytes: int = Field(default=4_000_000_000, gt=0)
    name_chars: int = Field(default=240, gt=0)
    csv_rows: int = Field(default=1_000_000, gt=0)


@contextmanager
def opened(source: Source) -> Iterator[BinaryIO]:
    """The source as an open file at its start; one that was open already stays open."""
    if isinstance(source, Path):
        with source.open("rb") as file:
            yield file
    else:
        source.seek(0)
        yield source


def name_of(source: Source) -> str:
    """The file's name for messages."""
    return Path(str(getattr(source, "name", "") or "file")).name


def check_size(file: BinaryIO, name: str, limit_bytes: int) -> int:
    """Size in bytes of an open file, which is left at its start.

    Raises:
        UploadError: ``file_empty`` or ``file_too_large``.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if size == 0:
        raise UploadError("file_empty", name=name)
    if size > limit_bytes:
        raise UploadError("file_too_large", name=name, size_bytes=size, limit_bytes=limit_bytes)
    return size


_WINDOWS_DEVICES = {"con", "prn", "aux", "nul"} | {
    f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10)
}


def safe_name(text: str, length: int = 80) -> str:
    """A file or folder name that every system accepts, from what a person typed.

    Letters lose their accents; whatever is not an ASCII letter, digit, dot, dash or underscore
    becomes a dash; the name neither starts with a dot nor is one of Windows' devices.

    Raises:
        UploadError: ``name_empty`` when nothing is left.

    >>> safe_name("Malária: células/2023")
    'Malaria-celulas-2023'
    >>> safe_name("../../etc/passwd"), safe_name("con")
    ('etc-passwd', '_con')
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", plain)
    name = re.sub(r"^[.-]+", "", name)[:length].rstrip(".-")
    if not name:
        raise UploadError("name_empty", text=text[:80])
    return f"_{name}" if name.split(".")[0].lower() in _WINDOWS_DEVICES else name
