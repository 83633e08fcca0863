"""What was measured on a device, kept for the estimator: one file a device, lines only added.

    <home>/devices/<device>.evidence.jsonl      one EvidenceRow a line

A row carries the work of its network, so it stays true when the run that made the network is
deleted, and reading it needs no ONNX file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filelock
import numpy as np
from pydantic import Field

from kd_core.config import Settings
from kd_core.errors import ConfigError, ExportError
from kd_core.latency.devices import FOLDER, DeviceSpec, all_devices
from kd_core.latency.estimate import Evidence, Target, estimate
from kd_core.latency.work import Work


class EvidenceRow(Settings):
    """One network on one device: how long one image took.

    Attributes:
        name: Of the network, for a person.
        latency_ms: Median of one call.
        measured_at: Unix time.
        bundle: Bundle that it came with; empty for what this machine measured itself.
        run: Run that made the network; empty for a calibration network.
        work: :class:`~kd_core.latency.work.Work` as JSON.
    """

    device: str
    runtime: str
    threads: int
    precision: str
    name: str
    model_sha256: str
    latency_ms: float = Field(gt=0)
    measured_at: float
    bundle: str = ""
    run: str = ""
    work: dict[str, Any]

    @property
    def setting(self) -> tuple[str, int, str]:
        """Runtime, threads and precision: figures of different ones are never mixed."""
        return self.runtime, self.threads, self.precision

    def evidence(self) -> Evidence:
        """As the estimator takes it."""
        target = Target(self.device, self.runtime, self.threads, self.precision)
        return Evidence(Work.from_json(self.work), target, self.latency_ms)


@dataclass(frozen=True)
class Trust:
    """How good the estimates for a device are, with and without what was measured on it.

    Attributes:
        runtime: What ran the networks.
        threads: Threads inside an operator.
        precision: What it computed in.
        networks: How many were measured.
        before: Median of |estimate / measured − 1| without any measurement of this device; ``None``
            where nothing comparable exists.
        after: The same when each network is estimated from the measurements of the others;
            ``None`` for fewer than two.
    """

    runtime: str
    threads: int
    precision: str
    networks: int
    before: float | None
    after: float | None


def evidence_path(home: Path, device: str) -> Path:
    """The file of a device's measurements."""
    return home / FOLDER / f"{device}.evidence.jsonl"


def add_evidence(home: Path, device: str, rows: Sequence[EvidenceRow]) -> int:
    """Add rows that are not there yet; how many that were."""
    path = evidence_path(home, device)
    path.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(path.with_name(f".{path.name}.lock")):
        known = set(map(_identity, read_evidence(home, device)))
        new = [row for row in rows if _identity(row) not in known]
        if new:
            with path.open("a", encoding="utf-8") as file:
                file.writelines(json.dumps(row.to_json(), allow_nan=False) + "\n" for row in new)
    return len(new)


def read_evidence(home: Path, device: str) -> list[EvidenceRow]:
    """All rows of a device, oldest first; a line that cannot be read is left out."""
    path = evidence_path(home, device)
    found = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        try:
            found.append(EvidenceRow.from_json(line))
        except ConfigError:  # cut short by a full disk
            continue
    return found


def forget_evidence(home: Path, device: str) -> None:
    """Delete what was measured on a device."""
    evidence_path(home, device).unlink(missing_ok=True)


def load_evidence(home: Path, device: str) -> tuple[Evidence, ...]:
    """The newest figure of each network in each setting, as ``estimate`` takes it."""
    return tuple(row.evidence() for row in newest(read_evidence(home, device)))


def newest(rows: Iterable[EvidenceRow]) -> list[EvidenceRow]:
    """The last row of each network in each setting."""
    last = {(row.setting, row.model_sha256): row for row in rows}
    return list(last.values())


def trust(home: Path, device: str) -> list[Trust]:
    """Error of the estimates before and after the measurements, by setting."""
    rows, devices = newest(read_evidence(home, device)), all_devices(home)
    found = []
    for setting in dict.fromkeys(row.setting for row in rows):
        mine = [row.evidence() for row in rows if row.setting == setting]
        before = [_error(one, (), devices) for one in mine]
        others = [[other for other in mine if other is not one] for one in mine]
        pairs = zip(mine, others, strict=True)
        after = [_error(one, rest, devices) for one, rest in pairs if rest]
        found.append(Trust(*setting, len(mine), _median(before), _median(after)))
    return found


def _error(
    one: Evidence, evidence: Sequence[Evidence], devices: Mapping[str, DeviceSpec]
) -> float | None:
    try:
        guess = estimate(one.work, one.target, evidence, devices)
    except ExportError:  # refused: nothing comparable exists
        return None
    return abs(guess.latency_ms / one.latency_ms - 1)


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.median(known)) if known else None


def _identity(row: EvidenceRow) -> tuple[object, ...]:
    return (*row.setting, row.model_sha256, row.measured_at, row.latency_ms)
