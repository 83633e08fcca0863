"""What a user waits for: decode the image, resize it, run the network, read the answer.

The network is a small part of it where images are large. What surrounds it was timed with Pillow on
one core (``data/stages.csv``, by ``stages_measure.py``) and grows with the pixels::

    decode ms = a + b · source²
    resize ms = a + b · source² + c · size²
    post ms   = a + b · K

Another device differs by something between the ratio of the clocks (plain code) and the ratio of
what one core reaches in convolutions (vector code); its middle is their geometric mean, and the
band covers both. That is as good as a data sheet: tier C.
"""

from __future__ import annotations

import csv
import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from kd_core.errors import ExportError
from kd_core.latency.devices import DEVICES, DeviceSpec, RuntimeChoice
from kd_core.latency.estimate import Estimate
from kd_core.latency.estimate_known import known
from kd_core.text import Msg

if TYPE_CHECKING:
    from kd_core.latency.records import Measurement

StageName = Literal["decode", "resize", "network", "post"]
STAGES: tuple[StageName, ...] = get_args(StageName)
Format = Literal["jpeg", "png"]
ROWS = Path(__file__).with_name("data") / "stages.csv"
REFERENCE = "cloud_x86_avx2"
"""The device that the rows were timed on."""
CONTENT = 1.5
"""Images of one size differ by up to this factor in what they take, either way."""
ELSEWHERE = 1.3
"""Widening of the band between the two ratios of speed."""
PROBE_FORMAT: Format = "png"
"""What a measurement of this machine decodes."""
HERE = "stages.why.here"
HOST = 3.0
"""The same either way, where a host is assumed that nothing is known of."""


@dataclass(frozen=True)
class Stage:
    """One part of the time from the file to the answer.

    Attributes:
        name: ``decode``, ``resize`` (with the normalisation), ``network`` or ``post``.
        latency_ms: Its time.
        low_ms: Lower end of the band; the time itself where it was measured.
        high_ms: Upper end of the band; the time that 95 % stay within where it was measured.
        source: Measured or estimated.
        why: Where the figure is from.
    """

    name: StageName
    latency_ms: float
    low_ms: float
    high_ms: float
    source: Literal["measured", "estimated"]
    why: Msg

    def to_json(self) -> dict[str, Any]:
        """JSON-safe dictionary."""
        return {
            "name": self.name,
            "latency_ms": self.latency_ms,
            "band_ms": [self.low_ms, self.high_ms],
            "source": self.source,
            "why": self.why.to_json(),
        }


def stages(
    network: Estimate | Measurement,
    device: DeviceSpec | str | None,
    source_px: int,
    size: int,
    channels: int,
    classes: int = 2,
    image_format: Format = PROBE_FORMAT,
) -> tuple[Stage, ...]:
    """The parts of the time for one image, in their order.

    Args:
        network: The time of the network: an estimate, or a measurement, whose own times of the
            other parts are taken where it has them.
        device: The device or the name of a built-in one; ``None`` for a measured machine that is
            no listed device.
        source_px: Side of the image in the file, in pixels.
        size: Side of the image that the network sees.
        channels: Its channels, 1 or 3.
        classes: Outputs of the network.
        image_format: Format of the file.

    Raises:
        ExportError: ``estimate_device``; ``stages_microcontroller``: nothing is assumed to decode
            images there.
    """
    spec, name = _device(network, device)
    if spec is not None and spec.kind == "microcontroller":
        raise ExportError("stages_microcontroller", device=name)
    of: dict[StageName, float] = {
        "decode": cost_ms("decode", image_format, channels, source_px),
        "resize": cost_ms("resize", "", channels, source_px, size),
        "post": cost_ms("post", classes=classes),
    }
    speed = UNKNOWN if spec is None else _speed(name, spec)
    parts = {key: _estimated(key, ms, speed) for key, ms in of.items()}
    if isinstance(network, Estimate):
        why = Msg("stages.why.network", {"tier": network.tier})
        low, high = network.low_ms, network.high_ms
        parts["network"] = Stage("network", network.latency_ms, low, high, "estimated", why)
    else:
        parts["network"] = _measured("network", network.latency_ms_p50, network.latency_ms_p95)
        parts |= _own(network, of, source_px, channels, image_format)
    return tuple(parts[name] for name in STAGES)


def whole(parts: Sequence[Stage]) -> tuple[float, float, float]:
    """Sum of the times, and of the ends of their bands: milliseconds."""
    return (
        sum(part.latency_ms for part in parts),
        sum(part.low_ms for part in parts),
        sum(part.high_ms for part in parts),
    )


def _device(
    network: Estimate | Measurement, device: DeviceSpec | str | None
) -> tuple[DeviceSpec | None, str]:
    own = network.target.device if isinstance(network, Estimate) else network.target_device
    if isinstance(device, DeviceSpec):
        return device, own
    if device is None:
        return None, own
    if device not in DEVICES:
        raise ExportError("estimate_device", device=device)
    return DEVICES[device], device


# ---------------------------------------------------------------- the timed core


def cost_ms(
    step: str,
    image_format: str = "",
    channels: int = 0,
    source_px: int = 0,
    size: int = 0,
    classes: int = 0,
) -> float:
    """Milliseconds of one step on the core that was timed.

    >>> cost_ms("decode", "jpeg", 3, 2000) > 3 * cost_ms("decode", "jpeg", 3, 1000)
    True
    """
    a, b, c = _constants()[step, image_format, channels]
    return a + b * (classes if step == "post" else source_px**2) + c * size**2


@functools.lru_cache(maxsize=1)
def _constants(path: Path = ROWS) -> Mapping[tuple[str, str, int], tuple[float, float, float]]:
    """a, b and c of each step: least squares of the relative error, none below zero."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    cases = {(row["step"], row["format"], int(row["channels"])) for row in rows}
    found = {}
    for case in cases:
        mine = [r for r in rows if (r["step"], r["format"], int(r["channels"])) == case]
        found[case] = _least_squares(mine)
    return found


def _least_squares(rows: Sequence[Mapping[str, str]]) -> tuple[float, float, float]:
    ms = np.array([float(row["cpu_ms"]) for row in rows])  # (n,)
    grows = [float(row["classes"]) or float(row["source_px"]) ** 2 for row in rows]
    small = [float(row["size"]) ** 2 for row in rows]
    terms = np.stack([np.ones(len(rows)), grows, small], axis=1) / ms[:, None]  # (n, 3)
    used = [place for place in range(3) if terms[:, place].any()]
    scale = terms.max(axis=0)
    while True:
        solved = np.linalg.lstsq(terms[:, used] / scale[used], np.ones(len(rows)), rcond=None)[0]
        if (solved >= 0).all():
            break
        used.pop(int(solved.argmin()))
    result = np.zeros(3)
    result[used] = solved / scale[used]
    a, b, c = map(float, result)
    return a, b, c


# ---------------------------------------------------------------- other devices


@dataclass(frozen=True)
class Speed:
    """How many times faster than the timed core: most likely, least, most; and why."""

    likely: float
    low: float
    high: float
    why: Msg


UNKNOWN = Speed(1.0, 1 / HOST, HOST, Msg("stages.why.host"))


@functools.lru_cache(maxsize=256)
def _speed(name: str, device: DeviceSpec) -> Speed:
    if name == REFERENCE:
        return Speed(1.0, 1.0, 1.0, Msg("stages.why.timed"))
    if not device.cores or not device.ghz:
        return UNKNOWN
    reference = DEVICES[REFERENCE]
    clock = device.ghz / reference.ghz
    vector = _one_core(name, device) / _one_core(REFERENCE, reference)
    low, high = min(clock, vector) / ELSEWHERE, max(clock, vector) * ELSEWHERE
    return Speed(math.sqrt(clock * vector), low, high, Msg("stages.why.scaled"))


def _one_core(name: str, device: DeviceSpec) -> float:
    """What one core reaches in convolutions, in GFLOPS: fitted or from the data sheet."""
    choice = device.runtime("onnxruntime") or RuntimeChoice("onnxruntime", (1,), ("fp32",))
    rate = math.exp(known(name, device, choice, 1, "fp32").rates.theta[0])
    return min(rate, device.ghz * device.flops_per_cycle)


def _estimated(name: StageName, ms: float, speed: Speed) -> Stage:
    content = 1.2 if name == "post" else CONTENT
    return Stage(
        name,
        ms / speed.likely,
        ms / speed.high / content,
        ms / speed.low * content,
        "estimated",
        speed.why,
    )


# ---------------------------------------------------------------- measured parts


def _measured(name: StageName, p50_ms: float, p95_ms: float, why: str = "measured") -> Stage:
    return Stage(name, p50_ms, p50_ms, max(p50_ms, p95_ms), "measured", Msg(f"stages.why.{why}"))


def _own(
    found: Measurement, of: Mapping[StageName, float], source_px: int, channels: int, form: str
) -> dict[StageName, Stage]:
    """The parts that were measured beside the network; of another image, scaled by its pixels."""
    result: dict[StageName, Stage] = {}
    if found.answer_ms_p50 is not None:
        result["post"] = _measured("post", found.answer_ms_p50, found.answer_ms_p50)
    side, both, p95 = found.preprocess_source_px, found.preprocess_ms_p50, found.preprocess_ms_p95
    if not side or not both:
        return result
    decode = cost_ms("decode", PROBE_FORMAT, channels, side)
    resize = cost_ms("resize", "", channels, side, found.size)
    share = decode / (decode + resize)
    why = "together"
    if found.decode_ms_p50 is not None:
        share, why = min(1.0, found.decode_ms_p50 / both), "measured"
    same = (side, PROBE_FORMAT) == (source_px, form)
    parts: tuple[tuple[StageName, float, float], ...] = (
        ("decode", share, decode),
        ("resize", 1 - share, resize),
    )
    for name, part, timed in parts:
        ms = both * part
        if same:
            result[name] = _measured(name, ms, (p95 or both) * part, why)
        else:
            scaled = of[name] * ms / timed
            result[name] = Stage(
                name, scaled, scaled / CONTENT, scaled * CONTENT, "estimated", Msg(HERE)
            )
    return result
