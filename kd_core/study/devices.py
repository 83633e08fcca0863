"""Packs, bundles and results of the models in a store.

    pack(store, run)               a deploy pack of a finished model
    issue(store, models, bench)    a bench bundle, remembered under its id
    take_in(store, content)        a result of such a bundle: measurements beside the records,
                                   and evidence for the estimator

Images of the data set go into a pack or a bundle only where ``with_images`` says so.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kd_core.data import cache
from kd_core.data.library import Library
from kd_core.errors import ModelError, StoreError, UploadError
from kd_core.evaluate.predictions import read_predictions
from kd_core.evaluate.temperature import METHOD, fit_temperature
from kd_core.latency.bundle import Bench, BundleModel, build_bundle
from kd_core.latency.bundle_records import BUNDLE_ID, Issued, IssuedModel
from kd_core.latency.devices import all_devices
from kd_core.latency.import_result import Accepted, check_result
from kd_core.latency.own_evidence import EvidenceRow, add_evidence
from kd_core.latency.pack import PackSource, Say, build_pack
from kd_core.latency.records import Measurement
from kd_core.study.folders import disk_errors
from kd_core.study.records import RunRecord, write_json
from kd_core.study.store import Store
from kd_core.study.window import window_of

BUNDLES = "devices/bundles"
IMAGES = 4  # of the validation part, where they are asked for


@dataclass(frozen=True)
class TakenIn:
    """What a result added.

    Attributes:
        issued: The bundle it belongs to.
        measurements: Of models in the store: run, model, figure.
        evidence: How many figures of single images the estimator can learn from.
    """

    issued: Issued
    measurements: tuple[tuple[str, str, Measurement], ...]
    evidence: int


# --- out ----------------------------------------------------------------------------------------


def pack(
    store: Store, run_id: str, say: Say, model: str | None = None, with_images: bool = False
) -> tuple[bytes, str]:
    """A deploy pack of a finished run's model, and a name for the file.

    Args:
        store: Where the run is.
        run_id: The run.
        say: Renders a message.
        model: Which of its models; the last of its chain when ``None``.
        with_images: Add a few validation images to the golden ones.

    Raises:
        StoreError: ``run_unknown``, ``run_unfinished``.
        ModelError: ``model_unknown``.
        ExportError: As :func:`~kd_core.latency.pack.build_pack`.
    """
    record = finished(store, run_id)
    name = _model_name(record, model)
    title = _title(record, name)
    images = _image_files(store, record) if with_images else {}
    source = PackSource(
        file=model_file(store, run_id, name),
        name=title,
        run=run_id,
        window=window_of(record, store.home.root),
        calibration=_calibration(store, record, name),
        images=images,
    )
    return build_pack(source, say), f"{title}-pack.zip"


def bundle_model(
    store: Store, run_id: str, model: str | None = None, with_images: bool = False
) -> BundleModel:
    """A finished run's model for a bundle.

    Raises:
        StoreError: ``run_unknown``, ``run_unfinished``.
        ModelError: ``model_unknown``.
    """
    record = finished(store, run_id)
    name = _model_name(record, model)
    return BundleModel(
        file=model_file(store, run_id, name),
        name=_title(record, name),
        run=run_id,
        model=name,
        pixels=_pixels(store, record) if with_images else None,
    )


def issue(
    store: Store, models: Sequence[BundleModel], bench: Bench, say: Say, device_title: str = ""
) -> tuple[bytes, Issued]:
    """A bench bundle, remembered so that its result is known again.

    Raises:
        ExportError: As :func:`~kd_core.latency.bundle.build_bundle`.
        StoreError: ``disk_full``.
    """
    content, issued = build_bundle(models, bench, say, device_title)
    path = _issued_path(store, issued.bundle)
    with disk_errors(path):
        write_json(path, issued.to_json())
    return content, issued


def finished(store: Store, run_id: str) -> RunRecord:
    """The record of a finished run.

    Raises:
        StoreError: ``run_unknown``, ``run_unfinished``.
    """
    row = store.run(run_id)
    if row.status != "finished":
        raise StoreError(
            "run_unfinished", run=row.id, state={"id": f"status.{row.status}", "params": {}}
        )
    return store.record(run_id)


def model_file(store: Store, run_id: str, model: str) -> Path:
    """The ONNX file of a model."""
    return store.folder(run_id) / "models" / model / "model.onnx"


def _model_name(record: RunRecord, wanted: str | None) -> str:
    names = [model.name for model in record.models]
    if wanted is None:
        return record.last_model
    if wanted not in names:
        raise ModelError("model_unknown", name=wanted, known=names)
    return wanted


def _title(record: RunRecord, model: str) -> str:
    key = record.settings.key
    return key if len(record.models) == 1 else f"{key}-{model}"


def _calibration(store: Store, record: RunRecord, model: str) -> dict[str, float | str] | None:
    """A temperature from the validation predictions, for a file without an operating point.

    The file says it first: ``None`` leaves it to the file.
    """
    from kd_core.export.onnx_model import OnnxModel

    contract = OnnxModel(model_file(store, record.run_id, model)).contract
    if contract.calibration or contract.threshold is not None:
        return None
    path = store.folder(record.run_id) / "predictions" / f"{model}-val.parquet"
    fitted = fit_temperature(read_predictions(path)) if path.is_file() else None
    return None if fitted is None else {"method": METHOD, "T": fitted}


def _pixels(store: Store, record: RunRecord) -> NDArray[np.uint8]:
    """A few validation images as the network sees them, (n, C, S, S)."""
    root = store.home.root
    data = cache.load(Library(root).get(record.data.name), record.data.size, root / "cache")
    return np.ascontiguousarray(data.parts["val"].images[:IMAGES])


def _image_files(store: Store, record: RunRecord) -> dict[str, bytes]:
    files = {}
    for number, pixels in enumerate(_pixels(store, record), 1):
        buffer = io.BytesIO()
        Image.fromarray(pixels.transpose(1, 2, 0).squeeze()).save(buffer, "PNG")
        files[f"val_{number}.png"] = buffer.getvalue()
    return files


# --- in -----------------------------------------------------------------------------------------


def take_in(
    store: Store,
    content: bytes,
    may: Callable[[str], bool] = lambda owner: True,
    may_teach: Callable[[str], bool] = lambda device: True,
) -> TakenIn:
    """Add a result of one of this store's bundles: all of it, or nothing.

    Args:
        store: Where the models are.
        content: The result file.
        may: Whether whoever brings it may add to the bundles and runs of this owner.
        may_teach: Whether they may change what everybody's estimates for this device learn from.

    Raises:
        UploadError: As :func:`~kd_core.latency.import_result.check_result`, ``bundle_owner``,
            ``result_owner``, ``result_shared``, ``result_known``, ``result_gone``.
    """
    device_of = all_devices(store.home.root).get
    issued, accepted = check_result(content, lambda bundle: read_issued(store, bundle), device_of)
    if not may(issued.owner):
        raise UploadError("bundle_owner", bundle=issued.bundle)
    ours = [one for one in accepted if not one.model.calibration]
    for one in ours:
        _check_ours(store, one.model, may)
    fresh = 0
    if may_teach(issued.device):
        rows = [_evidence(one, issued) for one in accepted if one.measurement.batch == 1]
        fresh = add_evidence(store.home.root, issued.device, [row for row in rows if row])
    elif not ours:
        raise UploadError("result_shared", device=issued.device)
    new = [one for one in ours if not _was_added(store, one)]
    if not new and not fresh:
        raise UploadError("result_known")
    for one in new:
        store.add_measurement(one.model.run, one.model.model, _body(one.measurement))
    return TakenIn(
        issued, tuple((one.model.run, one.model.model, one.measurement) for one in new), fresh
    )


def read_issued(store: Store, bundle: str) -> Issued | None:
    """What was remembered of a bundle; ``None`` if this store never issued it."""
    path = _issued_path(store, bundle)
    if not re.fullmatch(BUNDLE_ID, bundle) or not path.is_file():
        return None
    return Issued.from_json(json.loads(path.read_text(encoding="utf-8")))


def _issued_path(store: Store, bundle: str) -> Path:
    return store.home.root / BUNDLES / f"{bundle}.json"


def _check_ours(store: Store, model: IssuedModel, may: Callable[[str], bool]) -> None:
    """Whether a model is still here, and may be added to.

    Raises:
        UploadError: ``result_gone``, ``result_owner``.
    """
    rows = store.models(run=model.run)
    if not any(row.name == model.model and row.sha256 == model.sha256 for row in rows):
        raise UploadError("result_gone", name=model.name)
    if not may(store.run(model.run).owner):
        raise UploadError("result_owner", name=model.name)


def _was_added(store: Store, one: Accepted) -> bool:
    body = _body(one.measurement)
    return any(
        row.model == one.model.model and row.body.get("bundle") == body["bundle"]
        and all(row.body.get(name) == value for name, value in body.items())
        for row in store.measurements(run=one.model.run)
    )  # fmt: skip


def _body(measurement: Measurement) -> dict[str, object]:
    return measurement.to_json() | {"at": measurement.measured_at}


def _evidence(one: Accepted, issued: Issued) -> EvidenceRow | None:
    if not one.model.work:
        return None
    return EvidenceRow(
        device=issued.device,
        runtime=issued.runtime,
        threads=one.measurement.threads,
        precision=one.measurement.precision,
        name=one.model.name,
        model_sha256=one.model.sha256,
        latency_ms=one.measurement.latency_ms_p50,
        measured_at=one.measurement.measured_at,
        bundle=issued.bundle,
        run=one.model.run,
        work=one.model.work,
    )
