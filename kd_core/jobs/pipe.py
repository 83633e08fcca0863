"""A worker's end of the pipe: nothing but our lines goes out, and the end of input ends us."""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading

from kd_core.jobs.protocol import REQUESTS


class Pipe:
    """Standard input and output of a worker, for good.

    From now on whatever is printed, by Python or by a library in C, goes to standard error.
    """

    def __init__(self) -> None:
        self._out = os.dup(1)
        os.dup2(2, 1)
        sys.stdout = sys.stderr
        self._jobs: queue.Queue[bytes] = queue.Queue()
        self._request: str | None = None
        threading.Thread(target=self._read, name="pipe", daemon=True).start()

    def send(self, line: str | bytes) -> None:
        """One line to the runner; without a runner there is nobody left to work for."""
        data = line.encode() if isinstance(line, str) else line
        try:
            os.write(self._out, data + b"\n")
        except OSError:
            end_group()

    def job(self) -> bytes:
        """The job's line; waits for it."""
        return self._jobs.get()

    def requested(self) -> str | None:
        """``cancelled`` or ``paused`` once the runner asked for it."""
        return self._request

    def _read(self) -> None:
        # os.read and not sys.stdin: a buffered reader in a daemon thread aborts the interpreter's
        # exit, and would hold back what has arrived.
        rest = b""
        while data := os.read(0, 65536):
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                message = json.loads(line)
                if "request" in message:
                    self._request = REQUESTS[message["request"]]
                else:
                    self._request = None  # what came before was meant for the run before
                    self._jobs.put(line)
        end_group()


def end_group() -> None:
    """End this process at once, with the processes that it started."""
    if os.name == "posix" and os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)
