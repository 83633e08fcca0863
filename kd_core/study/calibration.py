"""The calibration of this machine, watched: one at a time, with its progress in a small file.

<home>/devices/work/calibration.json    how far it is, or how it ended
<home>/devices/work/calibration.lock    held by the process that measures
<home>/devices/work/calibration.stop    somebody wants it to end
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import filelock

from kd_core.errors import JobError, KDLabError, error_from_json
from kd_core.latency.own_calibrate import Step
from kd_core.study.records import write_json
from kd_core.study.store import Store

FOLDER = "devices/work"


@dataclasses.dataclass(frozen=True)
class State:
    """How a calibration stands.

    Attributes:
        running: A process measures now.
        step: Where it is, or was last.
        error: Why it ended early.
        ended: Unix time of its end; ``None`` while it runs.
    """

    running: bool
    step: Step | None = None
    error: KDLabError | None = None
    ended: float | None = None


class Watched:
    """The one calibration of a home; use it as a context.

    Raises:
        JobError: ``calibrate_twice`` while another process is at it.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._folder = store.home.root / FOLDER
        self._lock = filelock.FileLock(self._folder / "calibration.lock", timeout=0)
        self._step = Step("export", 0, 1)

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire()
        except filelock.Timeout:
            raise JobError("calibrate_twice") from None
        (self._folder / "calibration.stop").unlink(missing_ok=True)
        self.tick(self._step)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        known = error if isinstance(error, KDLabError) else None
        if error is not None and known is None:
            known = KDLabError("unexpected", what=f"{type(error).__name__}: {error}"[:300], log="–")
        self._write(error=known.to_json() if known else None, ended=time.time())
        self._lock.release()

    def tick(self, step: Step) -> None:
        """Write down where it is."""
        self._step = step
        self._write()

    def busy(self) -> bool:
        """Whether a run is training now."""
        return bool(self._store.runs(status=("running",), limit=1))

    def stop(self) -> bool:
        """Whether somebody wants it to end."""
        return (self._folder / "calibration.stop").exists()

    def _write(self, **more: Any) -> None:
        write_json(
            self._folder / "calibration.json", {"step": dataclasses.asdict(self._step), **more}
        )


def state(root: Path) -> State:
    """How the calibration of a home stands."""
    path = root / FOLDER / "calibration.json"
    if not path.is_file():
        return State(running=False)
    data = json.loads(path.read_text(encoding="utf-8"))
    running = _is_held(path.with_suffix(".lock"))
    error = error_from_json(data["error"]) if data.get("error") else None
    return State(running, Step(**data["step"]), error, data.get("ended"))


def start(root: Path, prepare_only: bool = False) -> subprocess.Popen[bytes]:
    """Start it in a process of its own; its words go to a log beside its progress.

    Args:
        root: The home.
        prepare_only: Only export the calibration networks, for a bundle.

    Raises:
        JobError: ``calibrate_twice``.
    """
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    if _is_held(folder / "calibration.lock"):
        raise JobError("calibrate_twice")
    (folder / "calibration.json").unlink(missing_ok=True)
    command = [sys.executable, "-m", "kd_core.cli", "calibrate", "--json"]
    with (folder / "calibration.log").open("wb") as log:
        return subprocess.Popen(
            [*command, *(["--prepare"] if prepare_only else [])],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=Path(__file__).parents[2],
            env={**os.environ, "KDLAB_HOME": str(root)},
        )


def ask_to_stop(root: Path) -> None:
    """It ends after the network at hand."""
    (root / FOLDER / "calibration.stop").touch()


def _is_held(path: Path) -> bool:
    if not path.exists():
        return False
    lock = filelock.FileLock(path, timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout:
        return True
    lock.release()
    return False
