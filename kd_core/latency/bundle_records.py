"""What a bench bundle holds, what the dashboard remembers of it, and what comes back.

The dashboard keeps an :class:`Issued` record of every bundle it hands out; the bundle carries its
id and key. A :class:`ResultFile` names the bundle and carries a seal made with the key, so a
result of another dashboard, or one that was changed by hand or on the way, is told apart. (Whoever
has the bundle has the key: this finds changes, it does not stop a forger.)
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any, Literal

from pydantic import Field

from kd_core.config import Settings
from kd_core.latency.records import EnergyMethod

VERSION = 1
BUNDLE_ID = r"b[0-9a-f]{12}"
SHA256 = r"^[0-9a-f]{64}$"
Name = Field(max_length=120)


class IssuedModel(Settings):
    """One model of a bundle.

    Attributes:
        name: For a person.
        file: Its place in the bundle.
        run: Run that made it; empty for a calibration network.
        model: Its name in that run.
        size: Side of its images in pixels.
        outputs: Its answers to the bundle's pixels, (n, K).
        tolerance: How far an answer may be from them.
        macs: Multiply-accumulates of one image, ``None`` where unknown.
        work: What the estimator has to know of it.
    """

    sha256: str = Field(pattern=SHA256)
    name: str
    file: str
    run: str = ""
    model: str = ""
    precision: str
    size: int
    channels: int
    size_bytes: int
    outputs: tuple[tuple[float, ...], ...]
    tolerance: float
    macs: int | None = None
    work: dict[str, Any] = Field(default_factory=dict)

    @property
    def calibration(self) -> bool:
        """Whether it is one of the networks that make a device known."""
        return not self.run


class Issued(Settings):
    """A bundle that was handed out.

    Attributes:
        bundle: Its id.
        key: Secret of the bundle, 64 hex digits.
        device: Where it shall be measured.
        runtime: What shall run it.
        precision: What the runtime shall compute in; empty: what the file says.
        owner: Who asked for it.
        created: Unix time.
        scripts: Hashes of the scripts in it.
    """

    version: int = VERSION
    bundle: str = Field(pattern=f"^{BUNDLE_ID}$")
    key: str = Field(pattern=SHA256)
    device: str
    runtime: str
    precision: str = ""
    owner: str = ""
    created: float
    scripts: dict[str, str]
    models: tuple[IssuedModel, ...]


# ---------------------------------------------------------------- what comes back


class MachineInfo(Settings):
    """What a device says that it is."""

    cpu: str = Name
    cores: int = Field(ge=1, le=4096)
    machine: str = Name
    os: str = Field(max_length=300)
    python: str = Name


class RunFigures(Settings):
    """One batch size, as ``probe.py`` prints it."""

    batch: int = Field(ge=1, le=4096)
    warmup: int = Field(ge=0, le=1_000_000)
    repeats: int = Field(ge=1, le=1_000_000)
    latency_ms_p50: float
    latency_ms_p95: float
    images_per_s: float
    peak_memory_bytes: int | None = None
    energy_mj: float | None = Field(default=None, ge=0)
    energy_method: EnergyMethod = ""


class MeasuredModel(Settings):
    """One model at one number of threads, measured by ``bench.py``."""

    sha256: str = Field(pattern=SHA256)
    outputs: tuple[tuple[float, ...], ...] = Field(max_length=64)
    threads: int = Field(ge=1, le=4096)
    runtime_version: str = Name
    load_ms: float = Field(ge=0)
    baseline_memory_bytes: int | None = None
    preprocess_ms_p50: float | None = Field(default=None, ge=0)
    preprocess_ms_p95: float | None = Field(default=None, ge=0)
    preprocess_source_px: int | None = None
    decode_ms_p50: float | None = Field(default=None, ge=0)
    answer_ms_p50: float | None = Field(default=None, ge=0)
    runs: tuple[RunFigures, ...] = Field(min_length=1, max_length=8)
    measured_at: float = Field(ge=0)
    governor: str = Name
    frequency_mhz: float | None = None
    temperature_c: float | None = None


class ToolOutput(Settings):
    """One model, as a maker's tool wrote it down."""

    sha256: str = Field(pattern=SHA256)
    tool: Literal["trtexec", "stedgeai"]
    log: str = Field(max_length=400_000)
    outputs: tuple[tuple[float, ...], ...] = Field(default=(), max_length=64)
    measured_at: float = Field(ge=0)


class FailedModel(Settings):
    """A model that could not be measured, and why."""

    sha256: str = Field(pattern=SHA256)
    threads: int = 0
    error: str = Field(max_length=400)


class ResultFile(Settings):
    """What ``bench.py`` or ``collect.py`` writes."""

    format: Literal["kdlab-result"]
    version: int
    bundle: str = Field(pattern=f"^{BUNDLE_ID}$")
    device: str = Name
    runtime: str = Name
    scripts: dict[str, str] = Field(max_length=8)
    machine: MachineInfo
    results: tuple[MeasuredModel | ToolOutput, ...] = Field(max_length=2000)
    failed: tuple[FailedModel, ...] = Field(default=(), max_length=2000)
    seal: str = Field(pattern=SHA256)


def seal_of(content: dict[str, Any], key: str) -> str:
    """HMAC-SHA-256 of a result without its seal, as canonical JSON; 64 hex digits.

    >>> seal_of({"a": 1, "seal": "x"}, "00") == seal_of({"a": 1}, "00")
    True
    """
    rest = {name: value for name, value in content.items() if name != "seal"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hmac.new(bytes.fromhex(key), text.encode(), hashlib.sha256).hexdigest()
