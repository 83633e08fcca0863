"""The machine at hand as a device: it measures the calibration networks, when it is quiet.

A training run beside it would make every figure wrong, so nothing is measured while ``busy`` says
that one is at work, and a figure during which one began is thrown away and measured again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

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
    rows = []
    for done, (name, path) in enumerate(files.items()):
        work = work_of(path).to_json()
        for threads in threads_here():

            def wait(done: int = done, name: str = name) -> None:
                while busy():
                    _end_if(stop)
                    tick(Step("wait", done, total, name))
                    time.sleep(poll_s)
                _end_if(stop)
                tick(Step("measure", done, total, name))

            figure = _measure(path, standard.change(threads=threads), busy, wait)
            rows.append(_row(name, figure, work))
    if not (home / "devices" / f"{THIS_MACHINE}.json").exists():
        save_device(home, THIS_MACHINE, this_machine(), owner_of(home, THIS_MACHINE))
    added = add_evidence(home, THIS_MACHINE, rows)
    tick(Step("measure", total, total))
    return added


def _measure(
    path: Path, settings: LatencySettings, busy: Callable[[], bool], wait: Callable[[], None]
) -> Measurement:
    """A figure during which no run was training."""
    for _ in range(ATTEMPTS):
        wait()
        figure = measure(path, settings, batches=(1,))[0]
        if not busy():
            return figure
    raise JobError("calibrate_busy", attempts=ATTEMPTS)


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
