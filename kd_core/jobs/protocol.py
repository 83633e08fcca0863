"""What crosses the pipe between a runner and its worker: JSON lines, nothing else.

    to the worker     the job; later {"request": "cancel"} or {"request": "pause"}
    from the worker   {"ready": true} once it can start at once; then events (kd_core/events.py)

A worker of a short run that finished may be given another one; any other run is its worker's last.

The end of the worker's input means that its runner is gone, and it ends itself.
"""

from __future__ import annotations

from pydantic import Field

from kd_core.config import Settings
from kd_core.study.entries import RunFile

READY = b'{"ready": true}'
REQUESTS = {"cancel": "cancelled", "pause": "paused"}  # what is asked: how the run then ends


class JobLine(Settings):
    """All that a worker must be told.

    Attributes:
        home: The store's folder.
        file: The run and its study; written into the run's folder.
        parents: Folder of each run that it needs, by need name.
        device: The slot's device, such as ``cuda:1``; empty where the run chooses.
        slots: How many runs may run at once; with one, nobody has to keep quiet.
        again: Whether the worker waits for another short run once this one is finished.
    """

    home: str
    file: RunFile
    parents: dict[str, str] = Field(default_factory=dict)
    device: str = ""
    slots: int = 1
    again: bool = False
