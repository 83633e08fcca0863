"""From the image file to the answer: the parts of the time of one stored model on a device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kd_core.errors import ExportError, KDLabError
from kd_core.latency.devices import DeviceSpec
from kd_core.latency.estimate import Estimate, Evidence, Target, estimate
from kd_core.latency.records import Measurement
from kd_core.latency.stages import Format, Stage, stages
from kd_core.latency.work import Work
from kd_core.study.store import Store


@dataclass(frozen=True)
class Picture:
    """What is read, and what a network makes of it.

    Attributes:
        source_px: Side of the image in the file.
        form: Format of the file.
        size: Side that the network sees.
        channels: Its channels.
        classes: Outputs of the network.
    """

    source_px: int
    form: Format
    size: int
    channels: int
    classes: int


def newest_measurement(store: Store, run: str, model: str, target: Target) -> Measurement | None:
    """The newest measurement of single images on a device; ``None`` where there is none."""
    for row in reversed(store.measurements(run=run)):
        figures = {name: row.body[name] for name in row.body if name not in ("model", "at")}
        if row.model != model or figures.get("batch") != 1:
            continue
        found = Measurement.from_json(figures)
        wanted = (target.runtime or found.runtime, target.threads or found.threads)
        if found.target_device == target.device and (found.runtime, found.threads) == wanted:
            return found
    return None


def parts_of(
    network: Estimate | Measurement, device: DeviceSpec | None, picture: Picture
) -> tuple[Stage, ...]:
    """All parts in their order; the network alone where nothing is assumed to decode images.

    Args:
        network: The network's own time.
        device: The device; ``None`` for the machine at hand.
        picture: What is read.
    """
    channels, classes = picture.channels, picture.classes
    try:
        return stages(
            network, device, picture.source_px, picture.size, channels, classes, picture.form
        )
    except ExportError as error:
        if error.code != "stages_microcontroller":
            raise
    # any computer's parts: only the network's own is kept
    found = stages(network, None, picture.source_px, picture.size, channels, classes, picture.form)
    return tuple(part for part in found if part.name == "network")


def network_time(
    work: Work | None,
    measured: Measurement | None,
    target: Target,
    devices: Mapping[str, DeviceSpec],
    evidence: Sequence[Evidence] = (),
) -> Estimate | Measurement | None:
    """Measured where it was measured, else estimated; ``None`` where an estimate is refused."""
    if measured is not None or work is None or target.device not in devices:
        return measured
    try:
        return estimate(work, target, evidence, devices)
    except KDLabError:
        return None
