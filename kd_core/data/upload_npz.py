"""An .npz file from outside: every array's header is read and judged before any array is."""

from __future__ import annotations

import math
import tokenize
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from kd_core.data.upload_archive import broken_is_told, open_archive
from kd_core.data.upload_common import Limits, Source, name_of, opened
from kd_core.errors import UploadError

_ARRAYS = 1_000  # members; MedMNIST has 6
_HEADER_CHARS = 10_000  # NumPy's own bound: its parser is slow on longer ones
_KINDS = "biufUS"  # bool, integers, floats, text; no objects, records, dates or complex numbers


@dataclass(frozen=True)
class ArrayHeader:
    """What an array's header says.

    Attributes:
        shape: Lengths of its axes.
        dtype: NumPy's type text, such as ``|u1``.
        size_bytes: Bytes in memory.
    """

    shape: tuple[int, ...]
    dtype: str
    size_bytes: int


def check_npz(source: Source, limits: Limits | None = None) -> dict[str, ArrayHeader]:
    """Headers of all arrays by name; refuses pickled objects and sizes that are lies.

    No array is allocated, so a header that claims a terabyte costs nothing.

    Raises:
        UploadError: Those of :func:`~kd_core.data.upload_archive.open_archive`, and
            ``npz_not_zip``, ``npz_member``, ``npz_pickle``, ``npz_dtype``, ``npz_too_large`` or
            ``npz_broken``.
    """
    limits = limits or Limits()
    name = name_of(source)
    with opened(source) as file:
        if not file.read(4).startswith(b"PK"):
            raise UploadError("npz_not_zip", name=name)
    bounds = limits.change(members=min(limits.members, _ARRAYS))
    headers: dict[str, ArrayHeader] = {}
    with open_archive(source, bounds) as archive:
        for member in archive.infolist():
            key = member.filename.removesuffix(".npy")
            if key == member.filename or key in headers:
                raise UploadError("npz_member", name=name, member=member.filename)
            with archive.open(member) as stream:
                header, offset = _read_header(stream, name, key)
            if member.file_size != offset + header.size_bytes:
                raise UploadError("npz_broken", name=name, key=key)
            headers[key] = header
    total = sum(header.size_bytes for header in headers.values())
    if total > limits.array_bytes:
        raise UploadError(
            "npz_too_large", name=name, size_bytes=total, limit_bytes=limits.array_bytes
        )
    return headers


def load_npz(source: Source, limits: Limits | None = None) -> dict[str, NDArray[Any]]:
    """All arrays by name, after :func:`check_npz`.

    Raises:
        UploadError: Those of :func:`check_npz`.
    """
    check_npz(source, limits)
    name = name_of(source)
    with opened(source) as file, broken_is_told(name), np.load(file, allow_pickle=False) as arrays:
        return {key: arrays[key] for key in arrays.files}


def _read_header(stream: IO[bytes], name: str, key: str) -> tuple[ArrayHeader, int]:
    """An array's header and the number of bytes before its data."""
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    try:
        version = npy.read_magic(stream)
        if version not in readers:  # 3.0 exists for records whose fields have Unicode names
            raise UploadError("npz_dtype", name=name, key=key, dtype=f"npy {version[0]}.0")
        shape, _, dtype = readers[version](stream, max_header_size=_HEADER_CHARS)
    except (ValueError, TypeError, SyntaxError, RecursionError, tokenize.TokenError):
        raise UploadError("npz_broken", name=name, key=key) from None
    if dtype.hasobject:
        raise UploadError("npz_pickle", name=name, key=key)
    if dtype.kind not in _KINDS:
        raise UploadError("npz_dtype", name=name, key=key, dtype=str(dtype))
    if any(length < 0 for length in shape):
        raise UploadError("npz_broken", name=name, key=key)
    size = math.prod(shape) * dtype.itemsize
    return ArrayHeader(tuple(shape), dtype.str, size), stream.tell()
