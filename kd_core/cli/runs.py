"""``kd-lab list``, ``show`` and ``export``: what was run, and taking it along."""

from __future__ import annotations

import argparse
import contextlib
import shutil
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from kd_core.cli import predictions
from kd_core.cli.export_target import add_options, export_target
from kd_core.cli.screen import Screen
from kd_core.errors import StoreError
from kd_core.study.folders import disk_errors
from kd_core.study.records import RunRecord
from kd_core.study.rows import RunRow
from kd_core.study.store import Store
from kd_core.text import Msg

PREDICTIONS = "predictions"
CHECKPOINT = "checkpoint.pt"


def add_commands(add: Any, screen: Screen) -> None:
    """Add ``list``, ``show`` and ``export``."""
    command = add("list", list_runs)
    command.add_argument("--study", metavar="STUDY", help=screen.text("cli.list.study"))
    command.add_argument("--limit", type=int, default=50, help=screen.text("cli.list.limit"))
    command = add("show", show)
    command.add_argument("run", metavar="RUN", help=screen.text("cli.argument.run"))
    command = add("export", export)
    command.add_argument("run", metavar="RUN", help=screen.text("cli.argument.run"))
    command.add_argument(
        "--to", type=Path, required=True, metavar="DIR", help=screen.text("cli.export.to")
    )
    add_options(command, screen)
    predictions.add_commands(add, screen)


def list_runs(arguments: argparse.Namespace, screen: Screen) -> Mapping[str, Any]:
    """Studies and runs, newest first."""
    with contextlib.closing(Store()) as store:
        studies = {row.id: row for row in store.studies()}
        rows = store.runs(study=arguments.study, limit=arguments.limit)
    screen.table(
        [f"cli.column.{name}" for name in ("run", "name", "status", "data", "model", "made")],
        [
            (
                row.id,
                row.key,
                screen.text(f"status.{row.status}"),
                row.dataset,
                row.model,
                datetime.fromtimestamp(row.created).strftime("%Y-%m-%d %H:%M"),
            )
            for row in rows
        ],
    )
    shown = [arguments.study] if arguments.study else list(studies)
    return {
        "studies": [
            {
                "id": study.id,
                "name": study.name,
                "created": study.created,
                "data_hash": study.data_hash,
                "runs": study.runs,
                "active": study.active,
                "finished": study.finished,
                "test_opened_at": study.test_opened_at,
            }
            for study in (studies[study_id] for study_id in shown if study_id in studies)
        ],
        "runs": [summary(row) for row in rows],
    }


def summary(row: RunRow) -> dict[str, Any]:
    """A run without its configuration."""
    names = ("id", "study", "key", "role", "seed", "status", "dataset", "model", "created")
    return {
        **{name: getattr(row, name) for name in names},
        "error": row.error.to_json() if row.error else None,
    }


def show(arguments: argparse.Namespace, screen: Screen) -> Mapping[str, Any]:
    """One run: its record once it is finished, else its configuration and state.

    Scores are those that pages show, also where the stored record is from before
    rare labels were left out of means over classes.

    Raises:
        StoreError: ``run_unknown``, ``record_missing``, ``record_unreadable``.
    """
    with contextlib.closing(Store()) as store:
        row = store.run(arguments.run)
        settings = store.settings(row.id)
        record = _as_shown(store, row) if row.status == "finished" else None
        measured = store.measurements(run=row.id)
        folder = store.folder(row.id)
    screen.line("cli.show.head", run=row.key, id=row.id, state=screen.text(f"status.{row.status}"))
    screen.line("cli.show.folder", folder=str(folder))
    if row.error:
        screen.line(row.error.msg)
    for model in record.models if record else ():
        screen.line(
            "cli.show.model", name=model.name, model=model.architecture, size=model.size_bytes
        )
        scores = [
            (name, *(screen.catalogue.number(v, "score") for v in (s.value, s.low, s.high)))
            for name, s in model.scores.items()
        ]
        headings = ("metric", "score", "low", "high")
        screen.table([f"cli.column.{name}" for name in headings], scores)
        for finding in model.truth.findings if model.truth else ():
            screen.line(Msg.from_json(finding.msg))
    return {
        "run": summary(row),
        "folder": str(folder),
        "settings": settings.to_json(),
        "record": record.to_json() if record else None,
        "measurements": [{"model": m.model, "at": m.at, **m.body} for m in measured],
    }


def _as_shown(store: Store, row: RunRow) -> RunRecord:
    """A finished run's record with the scores of the index."""
    record = store.record(row.id)
    scores = {model.name: model.scores for model in store.models(run=row.id)}
    models = (model.change(scores=scores.get(model.name, model.scores)) for model in record.models)
    return record.change(models=tuple(models))


def export(arguments: argparse.Namespace, screen: Screen) -> Mapping[str, Any]:
    """Copy a finished run: ONNX files, record, curves and predictions, also as CSV.

    Predictions of the test part stay sealed until a study that shows the run has opened it.

    Raises:
        StoreError: ``run_unknown``, ``run_unfinished``, ``export_exists``, ``disk_full``.
    """
    if arguments.target:
        return export_target(arguments, screen)
    from kd_core.evaluate.predictions import read_predictions
    from kd_core.study.results import arm_of
    from kd_core.study.seal import seal_of

    target: Path = arguments.to
    with contextlib.closing(Store()) as store:
        row = store.run(arguments.run)
        if row.status != "finished":
            raise StoreError("run_unfinished", run=row.id, state=_state(row))
        folder = store.folder(row.id)
        seals = [seal_of(store, study) for study in store.studies_of(row.id)]
        allowed = {
            model.name
            for model in store.models(run=row.id)
            if any(seal.allows(arm_of(row, model)) for seal in seals)
        }
    opened = bool(allowed)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise StoreError("export_exists", path=str(target))
    files = []
    with disk_errors(target):
        for path in _files(folder, allowed):
            copy = target / path.relative_to(folder)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
            files.append(copy)
            if copy.parent.name == PREDICTIONS:
                table = copy.with_suffix(".csv")
                read_predictions(copy).to_frame().to_csv(table, index=False)
                files.append(table)
    screen.line("cli.export.done", n=len(files), folder=str(target))
    if not opened:
        screen.note("cli.export.sealed")
    return {"run": row.id, "to": str(target), "files": [str(path) for path in files]}


def _files(folder: Path, allowed: Collection[str]) -> Iterator[Path]:
    """Files of a run that may be taken along; sealed ones only of the models that are allowed."""
    for path in sorted(folder.rglob("*")):
        if path.name == CHECKPOINT:
            continue  # only for going on with training; as large as several models
        sealed = path.parent.name == PREDICTIONS and not path.stem.endswith("-val")
        known = any(path.stem.startswith((f"{m}-test", f"{m}-external-")) for m in allowed)
        if path.is_file() and (known or not sealed):
            yield path


def _state(row: RunRow) -> dict[str, Any]:
    return {"id": f"status.{row.status}", "params": {}}
