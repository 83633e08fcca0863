"""Room on the disk, and folders that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kd_core.errors import StoreError

RESERVE_BYTES = 500_000_000
"""Kept free for the store, its write-ahead log and everybody else on the machine."""


def free_bytes(path: Path) -> int:
    """Free bytes of the disk that holds ``path``, which need not exist yet."""
    place = path.absolute()
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free


def need_space(path: Path, size_bytes: int, reserve_bytes: int = RESERVE_BYTES) -> None:
    """Refuse to start what the disk cannot hold.

    Args:
        path: Where it will be written; need not exist yet.
        size_bytes: What will be written at most.
        reserve_bytes: What must stay free afterwards.

    Raises:
        StoreError: ``disk_full``.
    """
    free = free_bytes(path)
    if free < size_bytes + reserve_bytes:
        needed = size_bytes + reserve_bytes
        raise StoreError("disk_full", path=str(path), free_bytes=free, needed_bytes=needed)


@contextmanager
def full_disk_is_told(path: Path) -> Iterator[None]:
    """Turn the system's "no space left" (or quota) into ``disk_full``; other errors pass.

    Raises:
        StoreError: ``disk_full``.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise StoreError("disk_full", path=str(path), free_bytes=free_bytes(path)) from None


@contextmanager
def folder_aside(to: Path) -> Iterator[Path]:
    """A new folder beside ``to`` that becomes ``to`` when the block ends well.

    After any exception it is gone, and nothing that existed has changed.

    Raises:
        StoreError: ``folder_exists``; ``disk_full`` when the disk fills up meanwhile.
    """
    if to.exists():
        raise StoreError("folder_exists", path=str(to))
    to.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{to.name}.", suffix=".part", dir=to.parent))
    try:
        with full_disk_is_told(to):
            yield aside
            aside.chmod(0o755)  # mkdtemp makes folders that only their owner can enter
            os.rename(aside, to)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
