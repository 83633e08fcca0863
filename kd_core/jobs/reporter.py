"""Events leave a worker twice: into the run's folder, and through the pipe to the runner."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from kd_core.events import Event, Progress, to_line
from kd_core.study.eventlog import EVENTS
from kd_core.study.folders import disk_errors

PROGRESS_S = 0.2  # a person sees no more than five steps a second, and a file should not grow so


class Reporter:
    """Writes events; safe to use from several threads.

    Args:
        folder: The run's working folder.
        send: Takes each line for the pipe.
        progress_s: Least seconds between two ``Progress`` of one stage; the first and the last of
            a stage are always reported.
    """

    def __init__(
        self, folder: Path, send: Callable[[str], None], progress_s: float = PROGRESS_S
    ) -> None:
        self._send = send
        self._progress_s = progress_s
        self._stage = ""
        self._last = 0.0
        self._lock = threading.Lock()
        with disk_errors(folder):
            # Unbuffered: a reader sees each event at once, and a full disk leaves no rest behind.
            self._file = (folder / EVENTS).open("ab", buffering=0)
            if self._file.tell() and not _ends_with_newline(folder / EVENTS):
                self._file.write(b"\n")  # a crash cut the last line short

    def emit(self, event: Event) -> None:
        """Report one event.

        Raises:
            StoreError: ``disk_full``; the event then went through the pipe only.
        """
        with self._lock:
            if isinstance(event, Progress) and self._too_soon(event):
                return
            self._send(to_line(event))
            self._write(event)

    def close(self, last: Event) -> None:
        """Write a last event into the folder only, and let go of the file.

        Raises:
            StoreError: ``disk_full``.
        """
        with self._lock:
            try:
                self._write(last)
            finally:
                self._file.close()

    def _write(self, event: Event) -> None:
        with disk_errors(Path(self._file.name)):
            self._file.write(to_line(event).encode() + b"\n")

    def _too_soon(self, event: Progress) -> bool:
        now = time.monotonic()
        telling = event.stage != self._stage or event.done >= event.total
        if not telling and now - self._last < self._progress_s:
            return True
        self._stage, self._last = event.stage, now
        return False


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, 2)
        return file.read(1) == b"\n"
