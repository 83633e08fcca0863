"""Following one run: its worker's events go into the store, requests go to its worker."""

from __future__ import annotations

import functools
import logging
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from kd_core.errors import JobError, KDLabError, StoreError, TrainError
from kd_core.events import Event, Failed, Finished, Progress, Stopped
from kd_core.jobs.executors import Executor, Exit, Handle
from kd_core.jobs.protocol import JobLine
from kd_core.study.claims import Claim, Claims
from kd_core.study.eventlog import append_event

LOG = logging.getLogger(__name__)
_PASSING = ("store_locked", "disk_full")  # what may be over in a moment


@dataclass(frozen=True)
class Timing:
    """Seconds between the runner's acts; tests use smaller ones."""

    lease: float = 15.0  # a server that is gone is noticed after this
    tick: float = 0.2  # progress is written and requests are read this often
    idle: float = 0.3  # a submission from another process is seen after this
    keeper: float = 1.0  # so often the lock is tried and old leases are looked for
    grace: float = 30.0  # a worker that does not obey is killed after this


class Supervision:
    """One claimed run, from the start of its worker to the end.

    Args:
        claim: The run.
        claims: Where its state is written.
        executor: Where it is carried out.
        slots: How many runs may run at once.
        timing: Seconds between acts.
        closing: Set when this process ends; the run then goes back into the queue.
    """

    def __init__(
        self,
        claim: Claim,
        claims: Claims,
        executor: Executor,
        slots: int,
        timing: Timing,
        closing: threading.Event,
    ) -> None:
        self._claim = claim
        self._run_id = claim.file.run.id
        self._claims = claims
        self._executor = executor
        self._slots = slots
        self._timing = timing
        self._closing = closing
        self._progress: Progress | None = None
        self._renewed = self._started = time.monotonic()
        self._asked: tuple[str, float] | None = None
        self._finished = False

    def follow(self) -> None:
        """Carry the run out and write down how it ends."""
        try:
            handle = self._executor.start(self._job())
        except OSError as error:
            what = JobError("worker_not_started", detail=str(error))
            self._surely(lambda: self._claims.end(self._run_id, "failed", None, what.to_json()))
            return
        over = False
        try:
            over = self._follow(handle)
        finally:
            if self._finished and self._claim.short:
                handle.release()
            else:
                handle.kill()
            if not over:  # this thread fell: the run must not seem to run for ever
                self._claims.lost(self._run_id, JobError("runner_lost"))

    def _follow(self, handle: Handle) -> bool:
        acted = 0.0
        while True:
            for event in handle.poll(self._timing.tick):
                if self._enter(event):
                    return True  # to send this was the worker's last act
            if (ended := handle.exit()) is not None:
                self._surely(functools.partial(self._lost, ended))
                return True
            if self._closing.is_set():
                handle.kill()
                self._surely(self._give_back)
                return True
            if self._overdue():
                handle.kill()
                self._surely(self._out_of_time)
                return True
            if time.monotonic() - acted >= self._timing.tick:
                acted = time.monotonic()
                self._act(handle)

    def _job(self) -> JobLine:
        home = self._claims.store.home
        return JobLine(
            home=str(home.root),
            file=self._claim.file,
            parents={name: str(home.run(run)) for name, run in self._claim.parents.items()},
            device=self._claim.device,
            slots=self._slots,
            again=self._claim.short,
        )

    def _enter(self, event: Event) -> bool:
        """Write an event into the store; whether it was the last."""
        if isinstance(event, Progress):
            self._progress = event  # written with the next act, if no newer one comes
            return False
        last = isinstance(event, Finished | Stopped | Failed)
        self._finished = isinstance(event, Finished)
        if last:
            self._surely(self._write_progress)
        self._surely(lambda: self._record(event))
        return last

    def _record(self, event: Event) -> None:
        try:
            self._claims.record(self._run_id, event)
        except StoreError as error:
            if error.code not in ("record_missing", "record_unreadable"):
                raise
            self._claims.end(self._run_id, "failed", event.at, error.to_json())

    def _write_progress(self) -> None:
        progress, self._progress = self._progress, None
        if progress is not None:
            self._claims.record(self._run_id, progress)

    def _act(self, handle: Handle) -> None:
        try:
            self._write_progress()
            if time.monotonic() - self._renewed > self._timing.lease / 4:
                self._claims.renew(self._run_id)
                self._renewed = time.monotonic()
            asked = self._claims.requested(self._run_id)
        except StoreError as error:
            LOG.warning("Run %s goes on although the store says: %s", self._run_id, error)
            return
        if asked is None:
            return
        if self._asked is None or self._asked[0] != asked[0]:
            self._asked = (asked[0], time.monotonic())
            handle.request(asked[0])
        elif time.monotonic() - self._asked[1] > self._timing.grace:
            handle.kill()

    def _overdue(self) -> bool:
        """Whether a visitor's run took longer at a stretch than a class allows."""
        most = self._claims.limits.run_s(self._claim.file.run.owner)
        return bool(most) and time.monotonic() - self._started > most

    def _out_of_time(self) -> None:
        """Stopped so that others have their turn; it can be resumed from its last checkpoint."""
        limit_s = self._claims.limits.run_s(self._claim.file.run.owner)
        event = Stopped(reason="cancelled")
        append_event(self._claims.store.home.work(self._run_id), event)
        error = JobError("class_run_time", limit_s=limit_s)
        self._claims.end(self._run_id, "cancelled", event.at, error.to_json())

    def _give_back(self) -> None:
        """This process ends: the run goes on elsewhere, unless somebody wanted it to stop."""
        asked = self._claims.requested(self._run_id)
        if asked is None:
            self._claims.give_back(self._run_id)
        else:
            self._stopped(asked[0])

    def _stopped(self, asked: str) -> None:
        event = Stopped(reason="paused" if asked == "pause" else "cancelled")
        append_event(self._claims.store.home.work(self._run_id), event)
        self._claims.record(self._run_id, event)

    def _lost(self, ended: Exit) -> None:
        """The worker is gone without a last event."""
        if self._asked is not None:
            # It was asked to stop, and killed because it did not, or died of it: it is stopped.
            self._stopped(self._asked[0])
        elif not ended.ready:
            log = str(self._claims.store.home.logs / "worker.log")
            error: KDLabError = JobError("worker_broken", exit_code=ended.code, log=log)
            self._claims.end(self._run_id, "failed", None, error.to_json())
        else:
            self._claims.lost(self._run_id, self._why(ended))

    def _why(self, ended: Exit) -> KDLabError:
        run = self._claim.file.run.settings
        if ended.memory:
            return TrainError(
                "out_of_memory_killed",
                model=run.model.name,
                batch_size=run.train.batch_size,
                size=run.data.size,
            )
        if ended.code < 0:
            return JobError("worker_killed", signal=signal.Signals(-ended.code).name)
        return JobError("worker_exited", exit_code=ended.code)

    def _surely(self, act: Callable[[], None]) -> None:
        """Write what must not be lost; wait while the store is locked or the disk is full."""
        while True:
            try:
                act()
                return
            except StoreError as error:
                LOG.warning("Run %s: %s", self._run_id, error)
                if error.code not in _PASSING or self._closing.wait(1.0):
                    return
