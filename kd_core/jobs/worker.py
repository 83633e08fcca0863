"""One process, one run: ``python -m kd_core.jobs.worker``.

It imports everything first, says that it is ready, takes one job from its standard input, carries
it out and ends. Whatever happens to it, the dashboard lives, and at most one epoch is lost.

Only short runs share a process, one after the other, since its start would take longer than they
do; a run that does not finish is the last of its process.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import importlib
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import filelock

from kd_core.config import RunSettings
from kd_core.data.disk import free_bytes, need_space
from kd_core.errors import JobError, KDLabError, StoreError, TrainError
from kd_core.events import Event, Failed, Finished, Stopped, to_line
from kd_core.jobs.pipe import Pipe
from kd_core.jobs.plugins import load_plugin
from kd_core.jobs.protocol import READY, REQUESTS, JobLine
from kd_core.jobs.quiet import Quiet
from kd_core.jobs.reporter import Reporter
from kd_core.study.entries import RUN_FILE
from kd_core.study.folders import Home, disk_errors
from kd_core.study.records import Job, write_json

TARGET = "kd_core.study.pipeline:execute"
LOG_FILE = "log.txt"
NICENESS = 10  # pages come first
AUTOGROUP = Path("/proc/self/autogroup")
LOCK_S = 20.0  # a worker whose runner died needs a moment to notice
NEED_BYTES = 200_000_000  # what a small run writes; large ones check for themselves
_NO_MEMORY = ("can't allocate memory", "out of memory", "alloc_failed", "failed to allocate memory")

Execute = Callable[[RunSettings, Job], Any]


def main() -> None:
    """Take one job and carry it out; go on to further short ones."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", default=TARGET, help="module:function that executes a run")
    module, function = parser.parse_args().target.split(":")
    pipe = Pipe()
    execute: Execute = getattr(importlib.import_module(module), function)
    _step_back()  # not before: somebody may be waiting for this import
    pipe.send(READY)
    again = True
    while again:
        job = JobLine.from_json(pipe.job())
        _log_to(Home(Path(job.home)).work(job.file.run.id))
        ending = carry_out(job, execute, pipe.send, pipe.requested)
        pipe.send(to_line(ending))
        again = job.again and isinstance(ending, Finished)
    # Not sys.exit: torch's threads and the pipe's may hold an ordinary exit up for seconds.
    os._exit(0)


def _step_back() -> None:
    """Let the pages come first.

    Linux may give each session a share of its own, within which alone niceness then counts, so
    the share is told, too (``sched(7)``, "The autogroup feature").
    """
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    with contextlib.suppress(OSError):
        AUTOGROUP.write_text(str(NICENESS))


def carry_out(
    line: JobLine,
    execute: Execute,
    send: Callable[[str], None],
    requested: Callable[[], str | None],
) -> Event:
    """Carry out one run; how it ended, which is in its folder by then, too.

    Args:
        line: The job.
        execute: The way of the data.
        send: Takes each event's line.
        requested: ``cancelled`` or ``paused`` once that was asked for.
    """
    began = time.time()
    run, home = line.file.run, Home(Path(line.home))
    folder = home.work(run.id)
    quiet = Quiet(home.root / "quiet", run.id, alone=line.slots == 1)
    reporter: Reporter | None = None
    with contextlib.ExitStack() as stack:
        try:
            with disk_errors(folder):
                folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(_only_worker(folder))
            write_json(folder / RUN_FILE, line.file.to_json())
            reporter = Reporter(folder, send)
            need_space(folder, NEED_BYTES, reserve_bytes=0)
            _prepare(line)
            quiet.begin()
            stack.callback(quiet.end)
            execute(run.settings, _job(line, folder, reporter, quiet, requested))
            ending: Event = Finished(seconds=time.time() - began)
            reporter.close(ending)
            folder.rename(home.run(run.id))
        except Exception as error:  # here, and nowhere else: whatever it was, it is reported
            ending = ending_of(error, run.settings, folder)
            if reporter is not None:
                with contextlib.suppress(StoreError, ValueError):  # a full disk; a closed file
                    reporter.close(ending)
    return ending


@contextlib.contextmanager
def _only_worker(folder: Path) -> Iterator[None]:
    """Hold the run's lock: a worker whose runner died may need a moment to notice.

    Raises:
        JobError: ``run_in_use``.
    """
    lock = filelock.FileLock(folder.with_name(f"{folder.name}.lock"))
    try:
        lock.acquire(timeout=LOCK_S)
    except filelock.Timeout:
        raise JobError("run_in_use", run=folder.name) from None
    try:
        yield
    finally:
        with contextlib.suppress(PermissionError):  # Windows keeps files that are open
            Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()


def _log_to(folder: Path) -> None:
    """Send what is printed, and what libraries complain, to the run's own log."""
    with contextlib.suppress(OSError):  # a disk that is full is reported with the run
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / LOG_FILE).open("ab") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)


def _prepare(line: JobLine) -> None:
    for plugin in line.file.run.plugins:
        load_plugin(plugin)
    if line.device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    elif line.device.startswith("cuda:"):
        # CUDA has not been touched yet, so this process sees the slot's card alone, as cuda:0.
        index = int(line.device.removeprefix("cuda:"))
        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        os.environ["CUDA_VISIBLE_DEVICES"] = visible.split(",")[index] if visible else str(index)


def _job(
    line: JobLine,
    folder: Path,
    reporter: Reporter,
    quiet: Quiet,
    requested: Callable[[], str | None],
) -> Job:
    def stop() -> str | None:
        asked = requested()
        if asked is None:
            quiet.step()
        return asked

    return Job(
        run_id=line.file.run.id,
        folder=folder,
        home=Path(line.home),
        study_id=line.file.study.id,
        config_hash=line.file.run.config_hash,
        parents={name: Path(path) for name, path in line.parents.items()},
        emit=reporter.emit,
        stop=stop,
        exclusive=quiet.exclusive,
        margin=line.file.study.settings.margin,
    )


def ending_of(error: Exception, run: RunSettings, folder: Path) -> Event:
    """The event for whatever ended a run.

    >>> from kd_core.config import DataSettings, ModelSettings
    >>> run = RunSettings(key="k", role="baseline", data=DataSettings(dataset="sample"),
    ...                   model=ModelSettings(name="resnet18"))
    >>> ending_of(JobError("paused"), run, Path(".")).type
    'stopped'
    >>> ending_of(MemoryError(), run, Path(".")).error["code"]
    'out_of_memory'
    """
    if isinstance(error, JobError) and error.code in REQUESTS.values():
        return Stopped(reason="paused" if error.code == "paused" else "cancelled")
    if isinstance(error, KDLabError):
        known = error
    elif _is_out_of_memory(error):
        known = out_of_memory(run)
    elif isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        known = StoreError("disk_full", path=str(folder), free_bytes=free_bytes(folder))
    else:
        what = f"{type(error).__name__}: {error}"
        known = KDLabError("unexpected", what=what[:300], log=str(folder / LOG_FILE))
    text = "".join(traceback.format_exception(error))
    sys.stderr.write(text)
    return Failed(error=known.to_json(), traceback=text[-20_000:])


def out_of_memory(run: RunSettings) -> TrainError:
    """The error that says what to lower."""
    return TrainError(
        "out_of_memory",
        device=run.compute.device,
        model=run.model.name,
        batch_size=run.train.batch_size,
        size=run.data.size,
    )


def _is_out_of_memory(error: Exception) -> bool:
    text = str(error).lower()
    return isinstance(error, MemoryError) or any(sign in text for sign in _NO_MEMORY)


if __name__ == "__main__":
    main()
