"""Quiet for measuring: while one run measures latency, the others wait between two steps.

    busy-<run>.lock   held by a run while it computes
    want-<run>.lock   made and held by a run that wants to measure, and while it does
    measure.lock      so that one measures at a time

A run looks for a *want* between steps; if there is one it lets go of its *busy* lock until the
want is gone. Whoever measures waits until nobody holds a busy lock. The operating system frees the
locks of a process that dies, so a run that is killed holds nobody up.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import filelock

POLL_S = 0.02


class Quiet:
    """One run's part in keeping quiet.

    Args:
        folder: The same folder for all runs of a store.
        run_id: This run.
        alone: With a single slot there is nobody to wait for, and no file is ever touched.
    """

    def __init__(self, folder: Path, run_id: str, alone: bool = False) -> None:
        self._alone = alone
        self._folder = folder
        self._measure = _lock(folder / "measure.lock")
        self._busy = _lock(folder / f"busy-{run_id}.lock")
        self._want = _lock(folder / f"want-{run_id}.lock")

    def begin(self) -> None:
        """Start computing, after whoever measures now."""
        if not self._alone:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._busy.acquire()
            self.step()

    def end(self) -> None:
        """Stop computing."""
        if not self._alone:
            _free(self._busy)

    def step(self) -> None:
        """Between two steps: wait while somebody measures."""
        if self._alone:
            return
        while wants := list(self._folder.glob("want-*.lock")):
            self._busy.release()
            for path in wants:
                _wait_until_gone(path)
            self._busy.acquire()

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        """Nobody else computes inside this block."""
        if self._alone:
            yield
            return
        self._busy.release()  # two that want to measure must not wait for each other
        try:
            with self._measure:
                self._want.acquire()
                try:
                    for path in self._folder.glob("busy-*.lock"):
                        with _lock(path):
                            pass
                    yield
                finally:
                    _free(self._want)
        finally:
            self._busy.acquire()


def _lock(path: Path) -> filelock.BaseFileLock:
    return filelock.FileLock(path, thread_local=False)


def _wait_until_gone(path: Path) -> None:
    while path.exists():
        lock = _lock(path)
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            time.sleep(POLL_S)
        else:
            _free(lock)  # nobody held it: it was left by a run that died


def _free(lock: filelock.BaseFileLock) -> None:
    with contextlib.suppress(PermissionError):  # Windows deletes no file that is open
        Path(lock.lock_file).unlink(missing_ok=True)
    lock.release()
