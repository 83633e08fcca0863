"""``kd-lab export RUN --target …``: one model as a file for a certain runtime."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kd_core.cli.screen import Screen
from kd_core.errors import StoreError
from kd_core.study.folders import disk_errors
from kd_core.study.store import Store
from kd_core.text import Msg


def add_options(command: Any, screen: Screen) -> None:
    """Add ``--target``, ``--model`` and ``--batch``."""
    command.add_argument("--target", metavar="TARGET", help=screen.text("cli.export.target"))
    command.add_argument("--model", metavar="NAME", help=screen.text("cli.export.model"))
    command.add_argument("--batch", type=int, default=1, help=screen.text("cli.export.batch"))


def export_target(arguments: argparse.Namespace, screen: Screen) -> Mapping[str, Any]:
    """Write ``<model>-<target>.onnx``.

    Raises:
        StoreError: ``run_unknown``, ``run_unfinished``, ``run_has_no_model``, ``export_exists``.
        UploadError: The file is unsafe or no image model.
        ExportError: The target does not take it; see :mod:`kd_core.export.targets`.
    """
    from kd_core.export.targets import EXPORT_TARGETS, export_for

    source, name = _source(arguments)
    title = Msg(EXPORT_TARGETS.text_id(arguments.target, "title"))
    EXPORT_TARGETS[arguments.target]  # an unknown one is refused before a folder is made
    path = arguments.to / f"{name}-{arguments.target}.onnx"
    if path.exists():
        raise StoreError("export_exists", path=str(path))
    with disk_errors(arguments.to):
        path.parent.mkdir(parents=True, exist_ok=True)
        export_for(source, arguments.target, path, arguments.batch)
    screen.line("cli.export.written", file=str(path), target=title)
    return {"run": arguments.run, "target": arguments.target, "files": [str(path)]}


def _source(arguments: argparse.Namespace) -> tuple[Path, str]:
    """The file to write for the target, and what to call it."""
    own = Path(arguments.run)
    if own.suffix == ".onnx" and own.is_file():
        return own, own.stem
    with contextlib.closing(Store()) as store:
        row = store.run(arguments.run)
        if row.status != "finished":
            state = Msg(f"status.{row.status}").to_json()
            raise StoreError("run_unfinished", run=row.id, state=state)
        record = store.record(row.id)
        folder = store.folder(row.id)
    names = [model.name for model in record.models]
    name = arguments.model or record.last_model
    if name not in names:
        raise StoreError("run_has_no_model", name=name, known=names)
    from kd_core.study.model_files import model_folder  # brings torch: "kd-lab list" must not wait

    return model_folder(folder, name) / "model.onnx", f"{row.key}-{name}"
