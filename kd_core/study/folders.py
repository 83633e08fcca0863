"""Where things are: the layout of ``KDLAB_HOME``, and what can go wrong with a disk.

<home>/
├── store.sqlite           index over the run folders, and the queue (study/store.py)
├── studies/<study>.json   a study: settings, its runs, when its test part was opened
├── runs/<run>/            a finished run, complete in itself
├── runs/.work/<run>/      a run that is not finished; renamed into place at the end
├── datasets/  cache/  uploads/  logs/
└── *.lock                 taken by the operating system, so a killed process frees them
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import platformdirs
import psutil

from kd_core.data.disk import free_bytes
from kd_core.errors import StoreError

# A name that is safe as a folder on every system and in an address; no dots, no separators.
ID_PATTERN = re.compile(r"[a-z0-9][a-z0-9_-]{3,63}")

# SQLite's write-ahead log needs shared memory, which these do not give reliably.
NETWORK_TYPES = frozenset(
    {"nfs", "nfs3", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "afs", "9p", "ncpfs", "davfs"}
    | {"ceph", "glusterfs", "lustre", "gpfs", "beegfs", "sshfs", "afpfs", "webdav"}
)
NETWORK_ENV = "KDLAB_NETWORK_HOME"  # "1": use such a home all the same, without the log
_FULL = {errno.ENOSPC, errno.EDQUOT}
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}


@dataclass(frozen=True)
class Home:
    """The folders of one store.

    Attributes:
        root: What ``KDLAB_HOME`` names.

    >>> Home(Path("/home/ana/kd")).work("r0123456789ab").as_posix()
    '/home/ana/kd/runs/.work/r0123456789ab'
    """

    root: Path

    @property
    def datasets(self) -> Path:
        """The data library."""
        return self.root / "datasets"

    @property
    def runs(self) -> Path:
        """Finished runs; the others are in ``.work`` below it."""
        return self.root / "runs"

    @property
    def studies(self) -> Path:
        """One JSON file a study."""
        return self.root / "studies"

    @property
    def cache(self) -> Path:
        """What can be computed again."""
        return self.root / "cache"

    @property
    def uploads(self) -> Path:
        """Files from visitors."""
        return self.root / "uploads"

    @property
    def logs(self) -> Path:
        """What workers said before they had a run."""
        return self.root / "logs"

    @property
    def store(self) -> Path:
        """The database."""
        return self.root / "store.sqlite"

    @property
    def runner_lock(self) -> Path:
        """Held by the one process that runs the queue."""
        return self.root / "runner.lock"

    def run(self, run_id: str) -> Path:
        """Folder of a finished run."""
        return self.runs / run_id

    def work(self, run_id: str) -> Path:
        """Folder of a run that is not finished."""
        return self.runs / ".work" / run_id

    def where(self, run_id: str) -> Path:
        """The run's folder as it is now, finished or not; it may not exist yet."""
        finished = self.run(run_id)
        return finished if finished.is_dir() else self.work(run_id)

    def study(self, study_id: str) -> Path:
        """File of a study."""
        return self.studies / f"{study_id}.json"

    def make(self) -> Home:
        """Create what is missing.

        Raises:
            StoreError: ``home_not_writable``, ``home_on_network``, ``disk_full``.
        """
        with disk_errors(self.root):
            for name in ("datasets", "runs/.work", "studies", "cache", "uploads", "logs"):
                (self.root / name).mkdir(parents=True, exist_ok=True)
        kind = network_filesystem(self.root)
        if kind and os.environ.get(NETWORK_ENV) != "1":
            raise StoreError("home_on_network", path=str(self.root), kind=kind)
        return self


def open_home(root: Path | str | None = None) -> Home:
    """The home at ``root``, else ``KDLAB_HOME``, else the user's data folder; created if missing.

    Raises:
        StoreError: ``home_not_writable``, ``home_on_network``, ``disk_full``.
    """
    chosen = root or os.environ.get("KDLAB_HOME") or platformdirs.user_data_dir("kd-lab", False)
    return Home(Path(chosen).expanduser().resolve()).make()


def network_filesystem(path: Path) -> str | None:
    """Type of the network file system that holds ``path``; ``None`` for a local one."""
    best, kind = -1, ""
    for part in psutil.disk_partitions(all=True):
        mount = Path(part.mountpoint)
        if path.is_relative_to(mount) and len(mount.parts) >= best:
            best, kind = len(mount.parts), part.fstype.lower()
    return kind if kind.removeprefix("fuse.") in NETWORK_TYPES else None


def check_id(value: str) -> str:
    """The id, when it is one.

    Raises:
        StoreError: ``bad_id``.

    >>> check_id("../../etc")
    Traceback (most recent call last):
    kd_core.errors.StoreError: bad_id (id=../../etc)
    """
    if not ID_PATTERN.fullmatch(value):
        raise StoreError("bad_id", id=value[:80])
    return value


@contextlib.contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn a full or read-only disk into an error with a code; other ``OSError`` pass.

    Raises:
        StoreError: ``disk_full``, ``home_not_writable``.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StoreError("disk_full", path=str(path), free_bytes=free_bytes(path)) from error
        if error.errno in _DENIED:
            raise StoreError("home_not_writable", path=str(path)) from error
        raise


def size_bytes(path: Path) -> int:
    """Bytes of a file, or of all files below a folder; links are not followed."""
    if not path.is_dir():
        return path.lstat().st_size if path.exists() else 0
    total = 0
    # A folder may be renamed or emptied while it is counted; what is gone counts nothing.
    with contextlib.suppress(FileNotFoundError), os.scandir(path) as entries:
        for entry in entries:
            with contextlib.suppress(FileNotFoundError):
                if entry.is_dir(follow_symlinks=False):
                    total += size_bytes(Path(entry.path))
                else:
                    total += entry.stat(follow_symlinks=False).st_size
    return total


def remove(path: Path) -> int:
    """Delete a file or folder; the bytes that this freed.

    A folder is renamed first, so that a deletion cut short never leaves half a run behind.
    """
    if not (path.exists() or path.is_symlink()):
        return 0
    freed = size_bytes(path)
    if path.is_symlink() or path.is_file():
        path.unlink()
        return freed
    doomed = path.with_name(f".gone-{path.name}")
    shutil.rmtree(doomed, ignore_errors=True)
    path.rename(doomed)
    shutil.rmtree(doomed)
    return freed
