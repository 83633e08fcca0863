"""Before a chain is started: what it will probably give, and why a step will not do.

The steps are tried on the real model without training: pruning, factors and number formats give
the same shapes and sizes whatever the weights are, so size and multiplications come out nearly
exact and the time nearly so. Accuracy is not foretold; it needs the training.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from torch import nn

from kd_core import repro
from kd_core.compress.quantise_outlook import outlook
from kd_core.compress.spec import COMPRESSORS, Subject, Workshop
from kd_core.config import (
    CompressStep,
    ComputeSettings,
    DataSettings,
    LatencySettings,
    Settings,
)
from kd_core.data import cache
from kd_core.data.library import Library
from kd_core.data.loaded import LoadedData
from kd_core.errors import KDLabError
from kd_core.export import FileContract, OnnxModel, export_onnx
from kd_core.export.contract import OPSET
from kd_core.export.onnx_export import trace_onnx
from kd_core.export.onnx_file import precision_of, write_metadata, write_model
from kd_core.latency.devices import all_devices
from kd_core.latency.estimate import Target, estimate, layer_times
from kd_core.latency.measure import measure
from kd_core.latency.work import work_of
from kd_core.models import load_checkpoint
from kd_core.text import Msg
from kd_core.train.loader import normalisation

TRIED_IMAGES = 8
CALIBRATION_IMAGES = 32
"""Enough for ranges that only sizes and times are taken from."""

QUICK = LatencySettings(warmup=2, repeats=10, batch=2)
MOST = 0.5
"""Share of the time from which one kind of layer is said to decide it."""


Heard = Callable[[int, int], None]
Write = Callable[[nn.Module, Path, FileContract, NDArray[np.float32]], object]


class Ask(Settings):
    """What is to be foretold.

    Attributes:
        home: Of the store; data sets and a person's own devices are there.
        file: ONNX file that the chain begins with.
        checkpoint: Its network; empty for a file alone.
        on_file: Whether the checkpoint is only the float parent of the file.
        data: The study's data.
        compute: Threads and device.
        steps: The steps.
        device: Entry of ``DEVICES``; empty for this machine.
        runtime: Of that device; empty for its default.
    """

    home: str
    file: str
    checkpoint: str = ""
    on_file: bool = False
    data: DataSettings
    compute: ComputeSettings
    steps: tuple[CompressStep, ...] = ()
    device: str = ""
    runtime: str = ""


class Expected(Settings):
    """One model on the way: the first is the origin.

    Attributes:
        method: Step that makes it; empty for the origin.
        size_bytes: The exported file.
        macs: Multiply-accumulates for one image.
        latency_ms: One image, between ``low_ms`` and ``high_ms`` where it is estimated.
        source: ``measured`` here, or ``estimated`` for a device.
        why: Messages: what decides the time, and what a person should know.
        problem: Why it cannot be made, as a message; then nothing else is known.
    """

    method: str = ""
    size_bytes: int | None = None
    macs: int | None = None
    latency_ms: float | None = None
    low_ms: float | None = None
    high_ms: float | None = None
    source: str = "measured"
    why: tuple[dict[str, Any], ...] = ()
    problem: dict[str, Any] | None = None


def preflight(ask: Ask, tick: Heard = lambda done, total: None) -> tuple[Expected, ...]:
    """The origin and each step in order; a step that cannot be done is the last.

    A changed network is only traced, which takes a tenth of the time of an export. Where that
    file will not do for a later step, all is done again with the exporter of the real run.

    Args:
        ask: What is to be foretold.
        tick: Hears how many models have been looked at, and how many there are.
    """
    repro.prepare(ask.compute, seed=0)
    traced: list[Path] = []

    def write(
        model: nn.Module, path: Path, contract: FileContract, images: NDArray[np.float32]
    ) -> None:
        traced.append(path)
        trace_only(model, path, contract, images)

    found = _walk(ask, write, tick)
    if found[-1].problem is not None and traced:
        found = _walk(ask, export_onnx, tick)
    return tuple(found)


def trace_only(
    model: nn.Module, path: Path, contract: FileContract, images: NDArray[np.float32]
) -> None:
    """A file as :func:`kd_core.export.export_onnx` writes it, whose answers nothing checks.

    Raises:
        ExportError: ``export_failed``.
    """
    traced = trace_onnx(model, images)
    write_metadata(traced, contract.change(opset=OPSET))
    write_model(traced, path)


def _walk(ask: Ask, write: Write, tick: Heard) -> list[Expected]:
    subject, total = subject_for(ask), len(ask.steps) + 1
    tick(0, total)
    found = [_look(ask, subject.file, "")]
    data = _data(ask)
    with tempfile.TemporaryDirectory() as folder:
        for number, step in enumerate(ask.steps, start=1):
            tick(number, total)
            why = COMPRESSORS[step.method].refuses(subject, _params(step))
            if why is not None:
                found.append(Expected(method=step.method, problem=why.to_json()))
                break
            place = Path(folder) / str(number)
            try:
                reason = [] if ask.device else _integers(ask, subject, step)
                subject = _try(ask, subject, step, place, data, write)
                found.append(_look(ask, subject.file, step.method, reason))
            except KDLabError as error:
                found.append(Expected(method=step.method, problem=error.msg.to_json()))
                break
    return found


def refusals(ask: Ask) -> dict[str, dict[str, Any] | None]:
    """Why each method cannot be applied to the origin, with its usual parameters."""
    subject = subject_for(ask)
    found = {name: spec.refuses(subject, spec.defaults()) for name, spec in COMPRESSORS.items()}
    return {name: None if why is None else why.to_json() for name, why in found.items()}


def subject_for(ask: Ask) -> Subject:
    """The origin as a step finds it."""
    network = load_checkpoint(Path(ask.checkpoint)).eval() if ask.checkpoint else None
    return Subject(file=Path(ask.file), network=network, on_file=ask.on_file)


def _params(step: CompressStep) -> dict[str, Any]:
    return COMPRESSORS[step.method].check(step.params)


def _data(ask: Ask) -> LoadedData:
    dataset = Library(Path(ask.home)).get(ask.data.dataset)
    return cache.load(dataset, ask.data.size, Path(ask.home) / "cache")


def _try(
    ask: Ask, subject: Subject, step: CompressStep, place: Path, data: LoadedData, write: Write
) -> Subject:
    """The step without its training."""
    (place / "shop").mkdir(parents=True)
    mean, std = normalisation(data, ask.data)
    shop = Workshop(
        data=data,
        mean=mean,
        std=std,
        folder=place / "shop",
        threads=ask.compute.threads,
        tune=None if step.tune is None else lambda network, share: network,
    )
    spec, params = COMPRESSORS[step.method], _params(step)
    if "images" in params:
        params["images"] = min(params["images"], CALIBRATION_IMAGES)
    made = spec.apply(subject, shop, params)
    if made.file is not None:
        return Subject(made.file, made.network or subject.network, on_file=True)
    assert made.network is not None  # a step changes one or the other
    contract = OnnxModel(subject.file).contract
    file = place / "model.onnx"
    images = shop.images("val" if len(data.parts.get("val", ())) else "train", TRIED_IMAGES)
    write(made.network.eval(), file, contract, np.asarray(images, np.float32))
    return Subject(file, made.network)


def _integers(ask: Ask, subject: Subject, step: CompressStep) -> list[Msg]:
    """Why integers will help on this machine, or not."""
    whole_file = COMPRESSORS[step.method].family == "quantise" and step.method.startswith("int8")
    if not whole_file or precision_of(onnx.load_model(subject.file)) != "fp32":
        return []
    return [outlook(subject.file, ask.compute.threads).msg]


def _look(ask: Ask, file: Path, method: str, reason: Sequence[Msg] = ()) -> Expected:
    work = work_of(file)
    facts: dict[str, Any] = {
        "method": method,
        "size_bytes": file.stat().st_size,
        "macs": work.macs,
    }
    devices = all_devices(Path(ask.home))
    if not ask.device:
        figures = measure(file, QUICK.change(threads=ask.compute.threads))[0]
        told = tuple(message.to_json() for message in reason)
        return Expected(**facts, latency_ms=figures.latency_ms_p50, why=told)
    target = Target(ask.device, ask.runtime)
    found = estimate(work, target, devices=devices)
    why = [*reasons(layer_times(work, target, devices), work.precision), *found.why]
    return Expected(
        **facts,
        latency_ms=found.latency_ms,
        low_ms=found.low_ms,
        high_ms=found.high_ms,
        source="estimated",
        why=tuple(message.to_json() for message in why),
    )


def reasons(layers: list[dict[str, Any]], precision: str) -> list[Msg]:
    """What decides the time: the kind of layer that takes most of it.

    >>> rows = [{"kind": "depthwise", "share": 0.87}, {"kind": "linear", "share": 0.13}]
    >>> [message.id for message in reasons(rows, "int8")]
    ['preflight.share', 'preflight.int8_little']
    """
    shares: dict[str, float] = {}
    for layer in layers:
        shares[layer["kind"]] = shares.get(layer["kind"], 0.0) + layer["share"]
    if not shares:
        return []
    kind = max(shares, key=lambda name: shares[name])
    found = [Msg("preflight.share", {"share": shares[kind], "kind": Msg(f"preflight.kind.{kind}")})]
    slow = sum(share for name, share in shares.items() if name in LITTLE_BY_INT8)
    if precision == "int8" and slow >= MOST:
        found.append(Msg("preflight.int8_little", {"share": slow}))
    return found


LITTLE_BY_INT8 = ("depthwise", "pool", "elementwise", "activation", "norm", "memory")
"""Kinds of layer that move numbers more than they multiply them."""
