"""Where runs are carried out: an executor starts a job and gives a handle to follow it.

The runner knows only these two protocols. Here is the local one, a process on this machine;
another (a Ray cluster, a batch queue) yields the same events, and writes them into the run's
working folder as they come, for whoever follows the run reads them there.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pydantic import ValidationError

from kd_core.events import Event, from_line
from kd_core.jobs.protocol import READY, JobLine

ROOT = Path(__file__).resolve().parents[2]
IDLE_S = 60.0
"""So long a worker of short runs waits for the next one."""

MOST_RUNS = 50
"""So many short runs one process carries out at most: whatever one left behind goes with it."""

MOST_IDLE = 4
"""So many such workers wait at once."""


@dataclass(frozen=True)
class Exit:
    """How a worker ended.

    Attributes:
        code: Exit code; negative is the number of the signal that killed it.
        ready: Whether it had ever been ready to work.
        memory: Whether the system killed a process for memory meanwhile.
    """

    code: int
    ready: bool = True
    memory: bool = False


class Handle(Protocol):
    """One job that was started."""

    def poll(self, timeout_s: float) -> list[Event]:
        """Events that have come; waits at most ``timeout_s`` for the first."""

    def exit(self) -> Exit | None:
        """How the worker ended, once all its events were polled; ``None`` before."""

    def request(self, what: str) -> None:
        """Pass on ``cancel`` or ``pause``, to be obeyed at the next step."""

    def kill(self) -> None:
        """End the worker now."""

    def release(self) -> None:
        """Let go of the worker of a short run that finished: it may be given another one."""


class Executor(Protocol):
    """Something that carries out jobs."""

    def prepare(self) -> None:
        """Do ahead what takes long."""

    def start(self, job: JobLine) -> Handle:
        """Start a job."""

    def close(self) -> None:
        """Let go of what was prepared."""


class LocalExecutor:
    """Worker processes on this machine, with one spare that has imported everything already.

    A long run has a process of its own. Short runs are carried out one after the other in
    processes that no long run ever gets.

    Args:
        log: File for what workers say before they have a run.
        target: ``module:function`` that executes a run; the worker's default where empty.
        spare: Keep a process started ahead, which costs its memory and saves seconds.
        env: Environment variables on top of this process's own.
    """

    def __init__(
        self,
        log: Path,
        target: str = "",
        spare: bool = True,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._log = log
        self._command = [sys.executable, "-m", "kd_core.jobs.worker"]
        self._command += ["--target", target] if target else []
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        self._env = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), **(env or {})}
        self._keep_spare = spare
        self._spare: _Process | None = None
        self._idle: list[_Process] = []
        self._lock = threading.Lock()

    def prepare(self) -> None:
        """Start the spare."""
        with self._lock:
            if self._keep_spare and (self._spare is None or self._spare.is_gone()):
                self._spare = _Process(self._command, self._env, self._log)

    def start(self, job: JobLine) -> Handle:
        """Give a job to the spare, and start the next one; a short one to who did such before."""
        process = self._waiting() if job.again else None
        if process is None:
            with self._lock:
                process, self._spare = self._spare, None
            if process is None or process.is_gone():
                process = _Process(self._command, self._env, self._log)
            process.released = functools.partial(self._keep, process)
        process.begin(json.dumps(job.to_json()))
        self.prepare()
        return process

    def close(self) -> None:
        """End all that wait."""
        with self._lock:
            self._keep_spare = False
            for process in (self._spare, *self._idle):
                if process is not None:
                    process.kill()
            self._spare, self._idle = None, []

    def _waiting(self) -> _Process | None:
        """A worker of short runs that waits for one."""
        with self._lock:
            while self._idle:
                process = self._idle.pop()
                if not process.is_gone():
                    return process
        return None

    def _keep(self, process: _Process) -> None:
        """Keep a worker for the next short run, for a while."""
        with self._lock:
            full = not self._keep_spare or len(self._idle) >= MOST_IDLE
            if not full and process.runs < MOST_RUNS:
                self._idle.append(process)
                timer = threading.Timer(IDLE_S, self._drop, [process, process.runs])
                timer.daemon = True
                timer.start()
                return
        process.kill()

    def _drop(self, process: _Process, runs: int) -> None:
        """End a worker that has been given nothing meanwhile."""
        with self._lock:
            if process not in self._idle or process.runs != runs:
                return
            self._idle.remove(process)
        process.kill()


class _Process:
    """A worker process; a :class:`Handle`."""

    def __init__(self, command: list[str], env: Mapping[str, str], log: Path) -> None:
        self._oom_kills = _oom_kills()
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=dict(env),
                # Not in our group: Ctrl-C is for the server, which then ends its workers.
                start_new_session=True,
            )
        self._events: queue.Queue[Event | None] = queue.Queue()
        self._ready = False
        self._exit: Exit | None = None
        self.runs = 0
        self.released: Callable[[], None] = self.kill
        threading.Thread(target=self._read, name="worker-events", daemon=True).start()

    def is_gone(self) -> bool:
        """Whether the process has ended."""
        return self._process.poll() is not None

    def begin(self, line: str) -> None:
        """Give it a job."""
        self.runs += 1
        self._oom_kills = _oom_kills()
        self.write(line)

    def release(self) -> None:
        """See :class:`Handle`."""
        self.released()

    def write(self, line: str) -> None:
        """One line to the worker; if it is gone, :meth:`exit` will say so."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError, ValueError):  # gone; or closed when it was killed
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()

    def poll(self, timeout_s: float) -> list[Event]:
        """See :class:`Handle`."""
        events: list[Event] = []
        until = time.monotonic() + timeout_s
        while True:
            wait = 0.0 if events else max(0.0, until - time.monotonic())
            try:
                event = self._events.get(timeout=wait) if wait else self._events.get_nowait()
            except queue.Empty:
                return events
            if event is None:
                self._exit = self._ending()
                return events
            events.append(event)

    def exit(self) -> Exit | None:
        """See :class:`Handle`."""
        return self._exit

    def request(self, what: str) -> None:
        """See :class:`Handle`."""
        self.write(json.dumps({"request": what}))

    def kill(self) -> None:
        """See :class:`Handle`; processes that the worker started end with it."""
        with contextlib.suppress(ProcessLookupError):
            if self._process.returncode is not None:
                pass  # reaped: the number may be another process's by now
            elif os.name == "posix":
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()
        self._process.wait()
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                if line.strip() == READY:
                    self._ready = True
                    continue
                with contextlib.suppress(ValidationError):
                    self._events.put(from_line(line))
        self._events.put(None)

    def _ending(self) -> Exit:
        if hasattr(os, "waitid") and self._process.returncode is None:
            # Wait without reaping, so that the group's number stays ours until it is killed:
            # what the worker had started must not outlive it.
            os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        self.kill()
        code = self._process.returncode
        memory = code == -signal.SIGKILL and _oom_kills() > self._oom_kills
        return Exit(code, self._ready, memory)


def _oom_kills() -> int:
    """How many processes Linux has killed for memory since it started; 0 elsewhere."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/vmstat").read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0
