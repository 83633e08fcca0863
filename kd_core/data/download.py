"""One file from the network: resumed where it broke off, and only kept when it is the right one.

The bytes go to ``<name>.part``; beside it ``<name>.part.etag`` says which version of the file they
belong to. After a lost connection, a cancel or a restart the rest is asked for with an HTTP range
(RFC 9110, sections 13.1.5 and 14). The file gets its name only after its checksum is right.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import filelock
import requests

from kd_core.data.disk import full_disk_is_told, need_space
from kd_core.errors import DownloadError

Progress = Callable[[int, int | None], None]
"""Called with bytes on the disk and bytes in all, ``None`` where the server does not say."""
Stop = Callable[[], bool]

TIMEOUT_S = (10.0, 60.0)  # to connect; between two pieces of data
_CHUNK = 1 << 18
_TRIES_OFFLINE = 2  # a machine without a network should hear so within seconds
_TRY_AGAIN = {408, 425, 429, 500, 502, 503, 504}


@dataclass(frozen=True)
class _File:
    """What is to be fetched, and where its pieces are."""

    url: str
    to: Path
    sha256: str
    md5: str
    size: int | None

    @property
    def part(self) -> Path:
        return self.to.with_name(self.to.name + ".part")

    @property
    def etag(self) -> Path:
        return self.to.with_name(self.to.name + ".part.etag")

    @property
    def name(self) -> str:
        return self.to.name

    def have(self) -> int:
        """Bytes that need not be fetched again."""
        return self.part.stat().st_size if self.part.exists() else 0

    def forget(self) -> None:
        """Start from nothing."""
        self.part.unlink(missing_ok=True)
        self.etag.unlink(missing_ok=True)


class _Broken(Exception):
    """The connection failed or broke; another try may go on from there.

    Args:
        answered: Whether the server said anything at all.
    """

    def __init__(self, answered: bool) -> None:
        super().__init__()
        self.answered = answered


def fetch(
    url: str,
    to: Path,
    *,
    sha256: str = "",
    md5: str = "",
    size: int | None = None,
    progress: Progress | None = None,
    stop: Stop | None = None,
    tries: int = 5,
    wait_s: float = 1.0,
) -> Path:
    """Download a file, or find that it is there already.

    Args:
        url: ``http`` or ``https``.
        to: The file; its folder is made.
        sha256: Expected checksum in hex digits; empty where none is published.
        md5: The same for sources that publish only this one.
        size: Expected bytes, where known.
        progress: Called after every piece.
        stop: Asked before every piece; True ends with ``download_cancelled``. What is there stays
            and is used by the next call.
        tries: Connections that bring nothing before it gives up.
        wait_s: Pause after the first of them; doubled each time.

    Returns:
        ``to``.

    Raises:
        DownloadError: ``download_offline`` (no connection at all), ``download_interrupted``,
            ``download_status``, ``download_size``, ``download_checksum``, ``download_busy``,
            ``download_cancelled``, ``download_tls`` or ``download_scheme``.
        StoreError: ``disk_full``.
    """
    file = _File(url, to, sha256.lower(), md5.lower(), size)
    if not url.startswith(("https://", "http://")):
        raise DownloadError("download_scheme", url=url)
    if to.exists() and _is_right(to, file):
        return to
    to.parent.mkdir(parents=True, exist_ok=True)
    with _only_one(file), full_disk_is_told(to):
        _complete(file, progress, stop or (lambda: False), tries, wait_s)
        if not _is_right(file.part, file):
            got = file.have()
            file.forget()
            if size is not None and got != size:
                raise DownloadError(
                    "download_size", name=file.name, got_bytes=got, wanted_bytes=size
                )
            raise DownloadError("download_checksum", name=file.name, url=url)
        os.replace(file.part, to)
        file.forget()
    return to


def checksum(path: Path, kind: str) -> str:
    """Hex digits of a file's checksum; ``kind`` is ``sha256`` or ``md5``."""
    with path.open("rb") as file:
        return hashlib.file_digest(
            file, lambda: hashlib.new(kind, usedforsecurity=False)
        ).hexdigest()


def _is_right(path: Path, file: _File) -> bool:
    if file.size is not None and path.stat().st_size != file.size:
        return False
    wanted = {"sha256": file.sha256, "md5": file.md5}
    return all(checksum(path, kind) == digits for kind, digits in wanted.items() if digits)


@contextmanager
def _only_one(file: _File) -> Iterator[None]:
    """Two processes never write the same piece; the system frees the lock of one that died."""
    try:
        with filelock.FileLock(file.to.with_name(f".{file.name}.lock"), timeout=0):
            yield
    except filelock.Timeout:
        raise DownloadError("download_busy", name=file.name) from None


def _complete(
    file: _File, progress: Progress | None, stop: Stop, tries: int, wait_s: float
) -> None:
    """Connect until the whole file is there; a connection that brought bytes renews the tries."""
    failures, answered = 0, file.have() > 0
    with requests.Session() as session:
        while True:
            before = file.have()
            try:
                return _transfer(session, file, progress, stop)
            except _Broken as broken:
                answered = answered or broken.answered
                failures = 1 if file.have() > before else failures + 1
            if not answered and failures >= min(tries, _TRIES_OFFLINE):
                raise DownloadError("download_offline", name=file.name, url=file.url)
            if failures >= tries:
                raise DownloadError(
                    "download_interrupted", name=file.name, url=file.url, got_bytes=file.have()
                )
            _wait(wait_s * 2 ** (failures - 1), stop, file)


def _wait(seconds: float, stop: Stop, file: _File) -> None:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        _obey(stop, file)
        time.sleep(min(left, 0.2))


def _obey(stop: Stop, file: _File) -> None:
    if stop():
        raise DownloadError("download_cancelled", name=file.name, got_bytes=file.have())


def _transfer(
    session: requests.Session, file: _File, progress: Progress | None, stop: Stop
) -> None:
    """One connection: ask for what is missing and append it."""
    _obey(stop, file)
    have = _usable(file)
    if have and have == file.size:
        return
    headers = {"Accept-Encoding": "identity"}  # else lengths and ranges are of a packed form
    if have:
        headers["Range"] = f"bytes={have}-"
        if file.etag.exists():
            headers["If-Range"] = file.etag.read_text(encoding="utf-8")
    try:
        answer = session.get(file.url, headers=headers, stream=True, timeout=TIMEOUT_S)
    except requests.exceptions.SSLError:
        raise DownloadError("download_tls", name=file.name, url=file.url) from None
    except requests.exceptions.RequestException:
        raise _Broken(answered=False) from None
    with answer:
        try:
            _receive(answer, file, have, progress, stop)
        except requests.exceptions.RequestException:
            raise _Broken(answered=True) from None


def _usable(file: _File) -> int:
    """Bytes to go on from: none where nothing could tell that they belong to the same file."""
    unknown = not file.etag.exists() and not (file.sha256 or file.md5)
    if unknown or (file.size is not None and file.have() > file.size):
        file.forget()
    return file.have()


def _receive(
    answer: requests.Response, file: _File, have: int, progress: Progress | None, stop: Stop
) -> None:
    status = answer.status_code
    if status == 416 and have == _total(answer):
        return
    if status == 416 or (status == 206 and not _continues(answer, have)):
        file.forget()
        raise _Broken(answered=True)
    if status in _TRY_AGAIN:
        raise _Broken(answered=True)
    if status not in (200, 206):
        raise DownloadError("download_status", name=file.name, url=file.url, status=status)
    if status == 200:  # the server knows no ranges, or the file has changed: this is all of it
        file.forget()
        have = 0
    total = _total(answer) or file.size
    need_space(file.to, max(0, (total or 0) - have))
    _remember(answer, file)
    with file.part.open("ab") as out:
        for chunk in answer.iter_content(_CHUNK):
            out.write(chunk)
            have += len(chunk)
            if progress:
                progress(have, total)
            if stop():
                raise DownloadError("download_cancelled", name=file.name, got_bytes=have)
    if total is not None and have < total:
        raise _Broken(answered=True)


def _continues(answer: requests.Response, have: int) -> bool:
    return answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")


def _total(answer: requests.Response) -> int | None:
    """Bytes of the whole file by this answer."""
    if "Content-Range" in answer.headers:
        text = answer.headers["Content-Range"].rpartition("/")[2]
    else:
        text = answer.headers.get("Content-Length", "") if answer.status_code == 200 else ""
    return int(text) if text.isdigit() else None


def _remember(answer: requests.Response, file: _File) -> None:
    """Keep the file's version for If-Range; a weak tag (W/…) may not be used there."""
    version = answer.headers.get("ETag", "")
    if not version or version.startswith("W/"):
        version = answer.headers.get("Last-Modified", "")
    if version:
        file.etag.write_text(version, encoding="utf-8")
