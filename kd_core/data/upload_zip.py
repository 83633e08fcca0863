"""Unpacking a zip from outside: all names are judged first, and it appears whole or not at all."""

from __future__ import annotations

import re
import stat
import unicodedata
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from kd_core.data.disk import folder_aside, need_space
from kd_core.data.upload_archive import open_archive
from kd_core.data.upload_common import Limits, Source, name_of
from kd_core.errors import UploadError

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
TABLE_SUFFIXES = (".csv", ".tsv")
DICOM_SUFFIXES = (".dcm", ".dicom", ".ima")
_DICOM_PREAMBLE = 128  # bytes before the letters DICM (DICOM PS3.10, section 7.1)
_JUNK = {"__macosx", ".ds_store", "thumbs.db", "desktop.ini"}
_UNSAFE = re.compile(r"[\x00-\x1f\x7f:]")
_CHUNK = 1 << 20

Progress = Callable[[int, int], None]
"""Called with what is done and what there is to do."""


def safe_unzip(
    source: Source,
    to: Path,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> list[Path]:
    """Unpack images, tables and DICOM files into the new folder ``to``; other files are left out.

    Everything that the archive's directory can tell is checked before anything is written, and
    what it promised is enforced while writing. On any error nothing is left behind.

    Args:
        source: The archive.
        to: A folder that does not exist yet.
        limits: Bounds; the defaults when ``None``.
        progress: Called with bytes written and bytes in all.

    Returns:
        The files, in the archive's order.

    Raises:
        UploadError: Those of :func:`~kd_core.data.upload_archive.open_archive`, and
            ``zip_name_unsafe``, ``zip_name_long``, ``zip_symlink``, ``zip_duplicate``,
            ``zip_case_collision``, ``file_too_large`` or ``zip_nothing``.
        StoreError: ``folder_exists`` or ``disk_full``.
    """
    limits = limits or Limits()
    name = name_of(source)
    with open_archive(source, limits) as archive:
        members = _choose(archive, name, limits)
        total = sum(member.file_size for member in members.values())
        need_space(to, total)
        done = 0
        with folder_aside(to) as aside:
            for path, member in members.items():
                target = aside / path
                target.parent.mkdir(parents=True, exist_ok=True)
                _write(archive, member, target, name)
                done += member.file_size
                if progress:
                    progress(done, total)
    return [to / path for path in members]


def read_zip(
    source: Source, limits: Limits | None = None
) -> Iterator[tuple[PurePosixPath, int, bytes]]:
    """The same files one after the other in memory, with how many there are; nothing is written.

    Raises:
        UploadError: As :func:`safe_unzip`.
    """
    limits = limits or Limits()
    name = name_of(source)
    with open_archive(source, limits) as archive:
        members = _choose(archive, name, limits)
        for path, member in members.items():
            with archive.open(member) as stream:
                content = stream.read(member.file_size + 1)
            if len(content) != member.file_size:
                raise UploadError("zip_broken", name=name)
            yield path, len(members), content


def _choose(
    archive: zipfile.ZipFile, name: str, limits: Limits
) -> dict[PurePosixPath, zipfile.ZipInfo]:
    """The members to unpack by their cleaned path; refuses the archive for any bad name in it."""
    chosen: dict[PurePosixPath, zipfile.ZipInfo] = {}
    spelled: dict[str, PurePosixPath] = {}
    for member in archive.infolist():
        path = _clean(member, name, limits)
        if member.is_dir() or not _is_wanted(archive, member, path):
            continue
        limit = limits.csv_bytes if path.suffix.lower() in TABLE_SUFFIXES else limits.image_bytes
        if member.file_size > limit:
            raise UploadError(
                "file_too_large", name=str(path), size_bytes=member.file_size, limit_bytes=limit
            )
        if path in chosen:
            raise UploadError("zip_duplicate", name=name, member=str(path))
        _check_spelling(path, spelled, name)
        chosen[path] = member
    for path in chosen:
        if any(parent in chosen for parent in path.parents):  # a file that is also a folder
            raise UploadError("zip_duplicate", name=name, member=str(path.parent))
    if not chosen:
        raise UploadError("zip_nothing", name=name)
    return chosen


def _clean(member: zipfile.ZipInfo, name: str, limits: Limits) -> PurePosixPath:
    """A member's relative path; some Windows programs write backslashes."""
    text = member.orig_filename.replace("\\", "/")
    parts = [part for part in text.split("/") if part not in ("", ".")]
    if text.startswith("/") or ".." in parts or _UNSAFE.search(text):
        raise UploadError("zip_name_unsafe", name=name, member=ascii(member.orig_filename)[1:81])
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise UploadError("zip_symlink", name=name, member=text)
    longest = max((len(part.encode()) for part in parts), default=0)
    if len(text) > limits.name_chars or longest > 255:  # bytes: the limit of common file systems
        raise UploadError("zip_name_long", name=name, chars=len(text), limit=limits.name_chars)
    return PurePosixPath(*parts)


def _is_wanted(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: PurePosixPath) -> bool:
    if any(part.lower() in _JUNK or part.startswith(".") for part in path.parts):
        return False
    suffix = path.suffix.lower()
    if suffix in IMAGE_SUFFIXES + TABLE_SUFFIXES + DICOM_SUFFIXES:
        return True
    if suffix.strip(".0123456789"):
        return False
    # DICOM files from scanners have no suffix (IM000001), or a piece of their UID as one.
    with archive.open(member) as stream:
        return stream.read(_DICOM_PREAMBLE + 4)[_DICOM_PREAMBLE:] == b"DICM"


def _check_spelling(path: PurePosixPath, spelled: dict[str, PurePosixPath], name: str) -> None:
    """Refuse two spellings of one name: on Windows and macOS they are the same file."""
    for step in (path, *path.parents[:-1]):
        folded = unicodedata.normalize("NFC", str(step)).casefold()
        other = spelled.setdefault(folded, step)
        if other != step:
            raise UploadError("zip_case_collision", name=name, member=str(step), other=str(other))


def _write(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, name: str) -> None:
    written = 0
    with archive.open(member) as stream, target.open("xb") as out:
        while chunk := stream.read(_CHUNK):
            written += len(chunk)
            if written > member.file_size:
                break
            out.write(chunk)
    if written != member.file_size:
        raise UploadError("zip_broken", name=name)
