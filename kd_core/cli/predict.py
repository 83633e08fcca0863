"""``kd-lab predict``: what a run's exported ONNX file says of images."""

from __future__ import annotations

import argparse
import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kd_core.cli.screen import Screen
from kd_core.errors import DataError, ModelError, StoreError
from kd_core.study.records import RunRecord
from kd_core.study.store import Store

if TYPE_CHECKING:  # these import torch, which takes seconds
    from kd_core.data.windows import Window
    from kd_core.export.onnx_model import OnnxModel
    from kd_core.slides.answers import Answers

BATCH = 64
SHOWN = 3  # classes an image in the table for a person; JSON has all


def add_commands(add: Any, screen: Screen) -> None:
    """Add ``predict``."""
    command = add("predict", predict)
    command.add_argument("run", metavar="RUN", help=screen.text("cli.argument.run"))
    command.add_argument(
        "images",
        nargs="+",
        type=Path,
        metavar="IMAGE_OR_FOLDER",
        help=screen.text("cli.predict.images"),
    )
    command.add_argument("--model", metavar="NAME", help=screen.text("cli.predict.model"))
    command.add_argument("--threads", type=int, default=1, help=screen.text("cli.predict.threads"))


def predict(arguments: argparse.Namespace, screen: Screen) -> Mapping[str, Any]:
    """Probabilities and answer of each image, and accuracy where folder names are classes.

    Both are at the file's own operating point: calibrated and thresholded where it says so.

    Raises:
        StoreError: ``run_unknown``, ``run_unfinished``.
        ModelError: ``model_unknown``.
        DataError: ``path_missing``, ``images_missing``.
        ExportError: The file is missing or cannot be run.
    """
    from kd_core.export.onnx_model import OnnxModel
    from kd_core.study.window import window_of

    with contextlib.closing(Store()) as store:
        row = store.run(arguments.run)
        if row.status != "finished":
            state = {"id": f"status.{row.status}", "params": {}}
            raise StoreError("run_unfinished", run=row.id, state=state)
        record, folder, root = store.record(row.id), store.folder(row.id), store.home.root
    name = _model_name(record, arguments.model)
    model = OnnxModel(folder / "models" / name / "model.onnx", threads=arguments.threads)
    files = find_images(arguments.images)
    if not files:
        raise DataError("images_missing", paths=[str(path) for path in arguments.images])
    window = window_of(record, root)
    images: list[dict[str, Any]] = []
    unreadable: list[dict[str, Any]] = []
    with screen.bar(name, total=len(files), unit="image") as bar:
        for start in range(0, len(files), BATCH):
            some = files[start : start + BATCH]
            images += _predict_some(model, some, window, unreadable)
            bar.update(len(some))
    _show(images, screen)
    for item in unreadable:
        screen.note("cli.predict.unreadable", file=item["file"], error=item["error"])
    accuracy = accuracy_by_folder(images) if model.contract.task == "classification" else {}
    if accuracy:
        screen.line("cli.predict.accuracy", **accuracy)
    screen.note("cli.predict.notice")
    return {
        "run": record.run_id,
        "model": name,
        "task": model.contract.task,
        "classes": model.contract.classes,
        "images": images,
        "unreadable": unreadable,
        "by_folder": accuracy,
    }


def _model_name(record: RunRecord, wanted: str | None) -> str:
    names = [model.name for model in record.models]
    if wanted is None:
        return record.last_model
    if wanted not in names:
        raise ModelError("model_unknown", name=wanted, known=names)
    return wanted


def find_images(paths: Sequence[Path]) -> list[Path]:
    """The paths themselves, with folders replaced by the images below them.

    Raises:
        DataError: ``path_missing``.
    """
    for path in paths:
        if not path.exists():
            raise DataError("path_missing", path=str(path))
    return [file for path in paths for file in (_below(path) if path.is_dir() else [path])]


def _below(folder: Path) -> Iterator[Path]:
    from kd_core.data.sources.files import is_dicom_file, is_image_file, list_files

    names = list_files(folder, lambda path: is_image_file(path) or is_dicom_file(path))
    yield from (folder / name for name in names)


def _predict_some(
    model: OnnxModel, files: Sequence[Path], window: Window, unreadable: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Answers for some files; those that cannot be read are added to ``unreadable``."""
    from kd_core.data.images import prepare_image, read_image

    contract = model.contract
    readable, prepared = [], []
    for file in files:
        try:
            image = read_image(file, window)
        except DataError as error:
            unreadable.append({"file": str(file), "error": error.msg.to_json()})
            continue
        readable.append(file)
        prepared.append(prepare_image(image, contract.size, contract.channels))
    if not readable:
        return []
    found = answers(model, np.stack(prepared))
    return [
        {
            "file": str(file),
            "probabilities": dict(zip(contract.classes, map(float, row), strict=True)),
            "answer": said,
            "folder": file.parent.name if file.parent.name in contract.classes else None,
        }
        for file, row, said in zip(readable, found.probabilities, found.names(), strict=True)
    ]


def answers(model: OnnxModel, images: NDArray[np.uint8]) -> Answers:
    """What the file says of prepared images (n, C, S, S)."""
    from kd_core.slides.answers import read_answers

    return read_answers(model.predict_uint8(images), model.contract)


def accuracy_by_folder(images: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Share of images whose answer is the name of their folder; empty if none has one.

    >>> accuracy_by_folder([{"folder": "a", "answer": "a"}, {"folder": "b", "answer": "a"},
    ...                     {"folder": None, "answer": "a"}])
    {'n': 2, 'accuracy': 0.5}
    """
    known = [image for image in images if image["folder"] is not None]
    if not known:
        return {}
    right = sum(image["answer"] == image["folder"] for image in known)
    return {"n": len(known), "accuracy": right / len(known)}


def top(image: Mapping[str, Any]) -> list[str]:
    """Classes of an image, the likeliest first."""
    found: Mapping[str, float] = image["probabilities"]
    return sorted(found, key=lambda name: -found[name])


def _show(images: Sequence[Mapping[str, Any]], screen: Screen) -> None:
    common = os.path.commonpath([image["file"] for image in images]) if len(images) > 1 else ""
    rows = []
    for image in images:
        best = top(image)[:SHOWN]
        shares = [screen.catalogue.number(image["probabilities"][name], "percent") for name in best]
        answer = ", ".join(f"{name} {share}" for name, share in zip(best, shares, strict=True))
        name = os.path.relpath(image["file"], common) if common else image["file"]
        rows.append((name, image["answer"] or "–", answer))
    screen.table([f"cli.column.{n}" for n in ("image", "answer", "probability")], rows)
