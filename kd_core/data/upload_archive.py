"""Opening a zip archive from outside (.zip, .npz) without trusting what it says of itself.

The number of members is counted in the raw central directory before Python builds an object for
each, so that a million of them costs a fraction of a second; sizes, methods, encryption and the
packing ratio are then judged from the directory, before any member is read.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from kd_core.data.upload_common import Limits, Source, check_size, name_of, opened
from kd_core.errors import UploadError

# PKWARE APPNOTE 6.3.10, sections 4.3.12 to 4.3.16; sizes in bytes: 46, 22, 56, 20.
_ENTRY = struct.Struct("<4s24x3H12x")
_END = struct.Struct("<4s4x2H2L2x")
_END64 = struct.Struct("<4s28x3Q")
_LOCATOR64 = struct.Struct("<4s16x")
_COMMENT_BYTES = 65_535
_ENTRY_BYTES = 400
"""An entry of the central directory is 46 bytes and its name; much more is no honest archive."""

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1


@contextmanager
def open_archive(source: Source, limits: Limits) -> Iterator[zipfile.ZipFile]:
    """The archive, after all checks that its directory allows; its faults become one code.

    Raises:
        UploadError: ``file_empty``, ``file_too_large``, ``zip_broken``, ``zip_members``,
            ``zip_encrypted``, ``zip_method``, ``zip_unpacked`` or ``zip_ratio``.
    """
    name = name_of(source)
    with opened(source) as file, broken_is_told(name):
        size = check_size(file, name, limits.file_bytes)
        count = count_members(file, name, limits.members)
        file.seek(0)
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            # More packed bytes than the file has means members that overlap each other.
            if len(members) != count or sum(m.compress_size for m in members) > size:
                raise UploadError("zip_broken", name=name)
            _check_members(members, name, limits)
            yield archive


@contextmanager
def broken_is_told(name: str) -> Iterator[None]:
    """Turn what zipfile and zlib raise on damaged archives into ``zip_broken``."""
    try:
        yield
    except (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        EOFError,
        NotImplementedError,
        UnicodeDecodeError,
    ):
        raise UploadError("zip_broken", name=name) from None


def count_members(file: BinaryIO, name: str, limit: int) -> int:
    """Entries in the central directory, counted there and not believed from its summary.

    Raises:
        UploadError: ``zip_broken`` or ``zip_members``.
    """
    start, size, declared = _directory(file, name)
    if declared > limit or size > limit * _ENTRY_BYTES:
        raise UploadError("zip_members", name=name, members=declared, limit=limit)
    file.seek(start)
    data = file.read(size)
    count = position = 0
    while position < size:
        if size - position < _ENTRY.size:
            raise UploadError("zip_broken", name=name)
        signature, *lengths = _ENTRY.unpack_from(data, position)
        if signature != b"PK\x01\x02":
            raise UploadError("zip_broken", name=name)
        position += _ENTRY.size + sum(lengths)
        count += 1
        if count > limit:
            raise UploadError("zip_members", name=name, members=count, limit=limit)
    return count


def _directory(file: BinaryIO, name: str) -> tuple[int, int, int]:
    """Start, size in bytes and declared number of entries of the central directory."""
    length = file.seek(0, 2)
    tail_start = max(0, length - _END.size - _COMMENT_BYTES)
    file.seek(tail_start)
    tail = file.read()
    found = len(tail) - _END.size
    if found < 0 or tail[found : found + 4] != b"PK\x05\x06" or tail[-2:] != b"\x00\x00":
        found = tail.rfind(b"PK\x05\x06")  # the archive has a comment
    if found < 0 or len(tail) - found < _END.size:
        raise UploadError("zip_broken", name=name)
    _, _, count, size, _ = _END.unpack_from(tail, found)
    end = tail_start + found
    locator = end - _LOCATOR64.size
    record = locator - _END64.size
    if record >= 0:
        file.seek(record)
        head = file.read(_END64.size + _LOCATOR64.size)
        if head[_END64.size :][:4] == b"PK\x06\x07" and head[:4] == b"PK\x06\x06":
            _, count, size, _ = _END64.unpack_from(head)
            end = record
    if size > end:
        raise UploadError("zip_broken", name=name)
    return end - size, size, count


def _check_members(members: list[zipfile.ZipInfo], name: str, limits: Limits) -> None:
    packed = unpacked = 0
    for member in members:
        if member.flag_bits & _ENCRYPTED:
            raise UploadError("zip_encrypted", name=name, member=member.filename)
        if member.compress_type not in METHODS:
            raise UploadError("zip_method", name=name, member=member.filename)
        packed += member.compress_size
        unpacked += member.file_size
        _check_ratio(member.compress_size, member.file_size, name, limits)
    if unpacked > limits.unpacked_bytes:
        raise UploadError(
            "zip_unpacked", name=name, size_bytes=unpacked, limit_bytes=limits.unpacked_bytes
        )
    _check_ratio(packed, unpacked, name, limits)


def _check_ratio(packed: int, unpacked: int, name: str, limits: Limits) -> None:
    ratio = unpacked / max(packed, 1)
    if unpacked > limits.ratio_from_bytes and ratio > limits.ratio:
        raise UploadError("zip_ratio", name=name, ratio=round(ratio), limit=limits.ratio)
