"""One door for pages and commands: submit, ask, follow. Who runs the queue makes no difference."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from kd_core.config import RunSettings, StudySettings
from kd_core.errors import ConfigError
from kd_core.jobs.executors import LocalExecutor
from kd_core.jobs.runner import Runner
from kd_core.jobs.supervision import Timing
from kd_core.study.collect import Collected, collect
from kd_core.study.queue import Queue, Request
from kd_core.study.rows import ACTIVE, Place, RunRow, Status, StudyRow
from kd_core.study.store import Store
from kd_core.study.submit import Limits, extend, submit

SLOTS_ENV = "KDLAB_SLOTS"
PLACES_S = 1.0


class Jobs:
    """A store with its queue.

    Attributes:
        store: Studies, runs, models, measurements; events of a run.
        queue: Requests, places in the queue, who runs it.
        runner: This process's runner; ``None`` for a client that never runs anything.
    """

    def __init__(self, store: Store, runner: Runner | None, limits: Limits | None = None) -> None:
        self.store = store
        self.queue = Queue(store)
        self.runner = runner
        self.limits = limits
        self._places: tuple[float, dict[str, Place]] = (float("-inf"), {})

    def submit(
        self,
        study: StudySettings,
        owner: str = "",
        *,
        runs: Sequence[RunSettings] | None = None,
        reuse: bool = False,
        shared: Mapping[str, str] | None = None,
        expected_s: Mapping[str, float] | None = None,
        plugins: Sequence[str] = (),
    ) -> str:
        """Queue a study; its id. See :func:`kd_core.study.submit.submit`.

        Raises:
            ConfigError: ``need_unknown``.
            JobError: ``visitor_limit``.
            StoreError: ``run_unknown``, ``disk_full``, ``store_locked``.
        """
        study_id = submit(
            self.store,
            study,
            owner,
            runs=runs,
            reuse=reuse,
            shared=shared,
            expected_s=expected_s,
            plugins=plugins,
            limits=self.limits,
        )
        self._wake()
        return study_id

    def extend(self, study_id: str, runs: Sequence[RunSettings], owner: str = "") -> None:
        """Queue further runs of a study; see :func:`kd_core.study.submit.extend`.

        Raises:
            JobError: ``visitor_limit``.
            StoreError: ``study_unknown``, ``run_unknown``, ``disk_full``, ``store_locked``.
        """
        extend(self.store, study_id, runs, owner, self.limits)
        self._wake()

    def request(self, run_id: str, what: Request) -> Status:
        """Ask for a run to be cancelled, paused or resumed; see :meth:`Queue.request`.

        Raises:
            JobError: ``request_impossible``.
            StoreError: ``run_unknown``.
        """
        status = self.queue.request(run_id, what)
        self._wake()
        return status

    def request_study(self, study_id: str, what: Request) -> int:
        """Ask the same of all runs of a study that can obey; how many there were."""
        changed = self.queue.request_study(study_id, what)
        self._wake()
        return changed

    def wait(self, study_id: str, timeout_s: float | None = None) -> tuple[StudyRow, list[RunRow]]:
        """Block until no run of a study waits or runs, for commands and tests; its rows then."""
        until = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            rows = self.store.runs(study=study_id)
            if not any(row.status in ACTIVE for row in rows):
                return self.store.study(study_id), rows
            if until is not None and time.monotonic() > until:
                return self.store.study(study_id), rows
            time.sleep(0.05)

    def place(self, run_id: str) -> Place | None:
        """Where a run stands in the queue; ``None`` when it does not wait there.

        The queue is worked out at most once a second, however many pages ask.
        """
        at, places = self._places
        if time.monotonic() - at > PLACES_S:
            places = self.queue.places()
            self._places = (time.monotonic(), places)
        return places.get(run_id)

    def collect(self, source: Path, owner: str = "") -> Collected:
        """Bring in finished runs made elsewhere; see :func:`kd_core.study.collect.collect`.

        Raises:
            StoreError: ``nothing_to_collect``, ``disk_full``, ``store_locked``.
        """
        return collect(self.store, source, owner)

    def close(self) -> None:
        """Stop running the queue, if it was this process that did, and close the store."""
        if self.runner is not None:
            self.runner.close()
        self.store.close()

    def _wake(self) -> None:
        if self.runner is not None:
            self.runner.wake()


def connect(
    home: Path | str | None = None,
    *,
    drive: bool = True,
    slots: Sequence[str] | None = None,
    target: str = "",
    timing: Timing | None = None,
    limits: Limits | None = None,
) -> Jobs:
    """Open a home, and run its queue unless another process does.

    Args:
        home: Folder; else ``KDLAB_HOME``, else the user's data folder.
        drive: ``False`` for a command that only looks or submits.
        slots: Device of each slot; else ``KDLAB_SLOTS``, else one for each GPU, or one.
        target: Another ``module:function`` to execute runs with.
        timing: Seconds between the runner's acts.
        limits: Of each visitor; else those of the environment.

    Raises:
        StoreError: The store cannot be opened; see :class:`~kd_core.study.store.Store`.
        ConfigError: ``slots_unclear``.
    """
    store = Store(home)
    if not drive:
        return Jobs(store, None, limits)
    executor = LocalExecutor(store.home.logs / "worker.log", target)
    short = 0 if slots else default_short_slots()
    runner = Runner(store, executor, slots or default_slots(), timing, short)
    runner.start()
    return Jobs(store, runner, limits)


def default_slots() -> tuple[str, ...]:
    """One slot for each GPU, else one; ``KDLAB_SLOTS`` is a number or names with commas.

    Raises:
        ConfigError: ``slots_unclear``.
    """
    text = os.environ.get(SLOTS_ENV, "").strip()
    if text.isdigit() and 1 <= int(text) <= 64:
        return ("auto",) * int(text)
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if text and (text.isdigit() or not names):
        raise ConfigError("slots_unclear", got=text[:80])
    return names or _gpus() or ("auto",)


def default_short_slots() -> int:
    """Slots for short runs alone: with the others one a core, at most four in all.

    None where ``KDLAB_SLOTS`` says how many runs there may be at once.
    """
    if os.environ.get(SLOTS_ENV, "").strip():
        return 0
    return max(0, min(4, os.cpu_count() or 1) - 1)


def _gpus() -> tuple[str, ...]:
    # Imported here: a command that only submits or lists should not wait for torch.
    from kd_core.repro import available_devices

    return tuple(name for name in available_devices() if name.startswith("cuda"))
