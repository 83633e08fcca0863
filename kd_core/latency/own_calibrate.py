"""The machine at hand as a device: it measures the calibration networks, when it is quiet.

A training run beside it would make every figure wrong, so nothing is measured while ``busy`` says
that one is at work, and a figure during which one began is thrown away and measured again.

Other programs are seen from the figures themselves: all networks are measured in turn, at least
twice, so that a slow minute does not hit one network alone. Disturbances only ever add time, so of
several medians the smallest counts; it is believed when a second one, of another round, is within
10 % of it, and when other programs left the processors alone both times. What is not believed is
measured again in the next round, and left out in the end; where that is much, nothing is kept.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import psutil

from kd_core.config import LatencySettings
from kd_core.errors import JobError
from kd_core.latency.measure import measure
from kd_core.latency.own_devices import (
    THIS_MACHINE,
    owner_of,
    save_device,
    this_machine,
    threads_here,
)
from kd_core.latency.own_evidence import EvidenceRow, add_evidence
from kd_core.latency.own_networks import NETWORKS, CalibrationNetwork, calibration_files
from kd_core.latency.records import Measurement
from kd_core.latency.work import work_of

POLL_S = 2.0
ATTEMPTS = 3
MOST_ROUNDS = 4
AGREE = 0.10
"""How far the two smallest medians of a network may lie apart."""
CROWDED = 0.25
"""Share of the processors' time that other programs may take during a figure that is believed."""
ENOUGH = 0.7
"""Share of the figures that must be believed for any to be kept."""


class Job(NamedTuple):
    """One network at one number of threads."""

    name: str
    path: Path
    threads: int


class Figure(NamedTuple):
    """One figure, and the share of the processors that others took meanwhile."""

    measured: Measurement
    others: float


@dataclass(frozen=True)
class Step:
    """How far it is.

    Attributes:
        stage: ``export``, ``wait`` (a run is training) or ``measure``.
        done: Networks that are through.
        total: All of them.
        name: The network at hand.
    """

    stage: str
    done: int
    total: int
    name: str = ""


def calibrate(
    home: Path,
    busy: Callable[[], bool],
    tick: Callable[[Step], None] = lambda step: None,
    stop: Callable[[], bool] = lambda: False,
    networks: Sequence[CalibrationNetwork] = NETWORKS,
    settings: LatencySettings | None = None,
    poll_s: float = POLL_S,
) -> int:
    """Measure the calibration networks here and keep the figures as evidence.

    Args:
        home: Folder of the store.
        busy: Whether a run is training now.
        tick: Told about every step.
        stop: True once it shall end.
        networks: Which ones.
        settings: Warm-up and repeats; the defaults when ``None``.
        poll_s: Seconds between two looks whether training is over.

    Returns:
        How many figures were added.

    Raises:
        JobError: ``cancelled``, or ``calibrate_busy`` if training always came in between.
        ExportError: A network cannot be exported or measured.
    """
    total = len(networks)
    files = calibration_files(
        home / "cache", tuple(networks), lambda done, _: tick(Step("export", done, total))
    )
    standard = settings or LatencySettings()
    jobs = [Job(name, path, n) for name, path in files.items() for n in threads_here()]
    figures: dict[Job, list[Figure]] = {job: [] for job in jobs}
    for turn in range(MOST_ROUNDS):
        for place, job in enumerate(jobs):
            if believed(figures[job]) is not None:
                continue
            done = min(total - 1, (turn * len(jobs) + place) * total // (2 * len(jobs)))

            def wait(done: int = done, name: str = job.name) -> None:
                while busy():
                    _end_if(stop)
                    tick(Step("wait", done, total, name))
                    time.sleep(poll_s)
                _end_if(stop)
                tick(Step("measure", done, total, name))

            set_to = standard.change(threads=job.threads)
            figures[job].append(_measure(job.path, set_to, busy, wait))
    added = add_evidence(home, THIS_MACHINE, _rows(figures))
    if not (home / "devices" / f"{THIS_MACHINE}.json").exists():
        save_device(home, THIS_MACHINE, this_machine(), owner_of(home, THIS_MACHINE))
    tick(Step("measure", total, total))
    return added


def _rows(figures: dict[Job, list[Figure]]) -> list[EvidenceRow]:
    """What is believed, or the error that it is too little."""
    best = {job: found for job, each in figures.items() if (found := believed(each)) is not None}
    if len(best) < ENOUGH * len(figures):
        others = max(figure.others for each in figures.values() for figure in each)
        raise JobError(
            "calibrate_noisy", left_out=len(figures) - len(best), of=len(figures), others=others,
            agree=AGREE,
        )  # fmt: skip
    return [_row(job.name, found, work_of(job.path).to_json()) for job, found in best.items()]


def believed(figures: Sequence[Figure]) -> Measurement | None:
    """The figure with the smallest median, if another round confirms it; else ``None``."""
    quiet = [figure.measured for figure in figures if figure.others <= CROWDED]
    if len(quiet) < 2:
        return None
    first, second, *_ = sorted(quiet, key=lambda one: one.latency_ms_p50)
    return first if second.latency_ms_p50 <= (1 + AGREE) * first.latency_ms_p50 else None


def _measure(
    path: Path, settings: LatencySettings, busy: Callable[[], bool], wait: Callable[[], None]
) -> Figure:
    """A figure during which no run was training."""
    for _ in range(ATTEMPTS):
        wait()
        before = _spent()
        measured = measure(path, settings, batches=(1,))[0]
        if not busy():
            return Figure(measured, others_share(before, _spent()))
    raise JobError("calibrate_busy", attempts=ATTEMPTS)


class Spent(NamedTuple):
    """Seconds of all processors: altogether, busy, and busy for this process and its children."""

    total: float
    busy: float
    own: float


def _spent() -> Spent:
    machine, own = psutil.cpu_times(), psutil.Process().cpu_times()
    total = sum(machine) - getattr(machine, "guest", 0) - getattr(machine, "guest_nice", 0)
    idle = machine.idle + getattr(machine, "iowait", 0)
    children = getattr(own, "children_user", 0) + getattr(own, "children_system", 0)
    return Spent(total, total - idle, own.user + own.system + children)


def others_share(before: Spent, after: Spent) -> float:
    """Share of the processors' time that went to other programs.

    >>> others_share(Spent(0, 0, 0), Spent(total=20, busy=12, own=10))
    0.1
    """
    total = after.total - before.total
    others = (after.busy - before.busy) - (after.own - before.own)
    return max(0.0, others) / total if total > 0 else 0.0


def _end_if(stop: Callable[[], bool]) -> None:
    if stop():
        raise JobError("cancelled")


def _row(name: str, figure: Measurement, work: dict[str, object]) -> EvidenceRow:
    return EvidenceRow(
        device=THIS_MACHINE,
        runtime=figure.runtime,
        threads=figure.threads,
        precision=figure.precision,
        name=name,
        model_sha256=figure.model_sha256,
        latency_ms=figure.latency_ms_p50,
        measured_at=figure.measured_at,
        work=work,
    )
