"""The runner: one process per store takes runs from the queue and supervises their workers.

    keeper thread    wants the store's lock; with it, starts the slots and expires old leases
    slot threads     one per GPU, else one: take a run, follow its worker, write what it reports
                     and some for short runs alone, so that a long one does not hold them up

All threads are daemons and all workers end when their pipe closes, so a server stops at once. A
second server or command on the same store does not get the lock: it submits, asks and reads like
the first, and takes over when the first is gone.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import shutil
import socket
import threading
import uuid
from collections.abc import Sequence

import filelock

from kd_core.errors import KDLabError, StoreError
from kd_core.jobs.executors import Executor
from kd_core.jobs.supervision import Supervision, Timing
from kd_core.study.claims import Claim, Claims
from kd_core.study.store import Store

LOG = logging.getLogger(__name__)


class Runner:
    """Drives the queue of a store while it holds the store's lock.

    Args:
        store: The store.
        executor: Where runs are carried out.
        slots: Device of each slot, such as ``("cuda:0", "cuda:1")``; ``auto`` leaves the choice
            to the run.
        timing: Seconds between acts.
        short: How many slots there are besides for short runs.
    """

    def __init__(
        self,
        store: Store,
        executor: Executor,
        slots: Sequence[str] = ("auto",),
        timing: Timing | None = None,
        short: int = 0,
    ) -> None:
        self.store = store
        self.slots = tuple(slots)
        self.short = short
        self._executor = executor
        self._timing = timing or Timing()
        holder = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._claims = Claims(store, holder, self._timing.lease)
        self._lock = filelock.FileLock(store.home.runner_lock, thread_local=False)
        self._closing = threading.Event()
        self._wake = threading.Event()
        self._threads: dict[int, threading.Thread] = {}
        self._keeper = threading.Thread(target=self._keep, name="kd-lab-keeper", daemon=True)

    @property
    def drives(self) -> bool:
        """Whether this process runs the queue; otherwise another one does."""
        return bool(self._lock.is_locked)

    def start(self) -> None:
        """Begin to drive the queue, or to wait for the one that does."""
        self._try_lock()
        self._keeper.start()
        atexit.register(self.close)

    def wake(self) -> None:
        """Look at the queue now: something was submitted."""
        self._wake.set()

    def close(self) -> None:
        """End at once; runs that run go back into the queue and go on from their checkpoint."""
        atexit.unregister(self.close)
        self._closing.set()
        self._wake.set()
        for thread in (self._keeper, *self._threads.values()):
            if thread.is_alive():
                thread.join(timeout=10)
        self._executor.close()
        self._lock.release()

    @property
    def _all_slots(self) -> int:
        return len(self.slots) + self.short

    # --- the keeper ----------------------------------------------------------------------------

    def _try_lock(self) -> None:
        with contextlib.suppress(filelock.Timeout):
            self._lock.acquire(timeout=0)
            # No worker lives now that our predecessor is gone, so these locks are nobody's.
            shutil.rmtree(self.store.home.root / "quiet", ignore_errors=True)
            self._executor.prepare()

    def _keep(self) -> None:
        while not self._closing.is_set():
            if not self.drives:
                self._try_lock()
            if self.drives:
                try:
                    slots = {"slots": list(self.slots), "short": self.short}
                    self._claims.announce({**slots, "pid": os.getpid()})
                    self._claims.expire()
                except KDLabError as error:
                    LOG.warning("The keeper goes on after %s", error)
                for index in range(self._all_slots):
                    self._start_slot(index)
            self._closing.wait(self._timing.keeper)

    def _start_slot(self, index: int) -> None:
        thread = self._threads.get(index)
        if thread is None or not thread.is_alive():
            name = f"kd-lab-slot-{index}"
            thread = threading.Thread(target=self._work, args=[index], name=name, daemon=True)
            self._threads[index] = thread
            thread.start()

    # --- a slot --------------------------------------------------------------------------------

    def _work(self, index: int) -> None:
        while not self._closing.is_set():
            claim = None
            with contextlib.suppress(StoreError):  # a locked store or a full disk may pass
                claim = self._next(index)
            if claim is None:
                self._wake.wait(self._timing.idle)
                self._wake.clear()
            else:
                Supervision(
                    claim,
                    self._claims,
                    self._executor,
                    self._all_slots,
                    self._timing,
                    self._closing,
                ).follow()

    def _next(self, index: int) -> Claim | None:
        if index < len(self.slots):
            return self._claims.next(self.slots[index], self.slots)
        return self._claims.next("auto", self.slots, short_only=True)
