"""``kd-lab run``: carry out the study that the page shows under "Configuration"."""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from kd_core.cli.screen import Screen
from kd_core.config import DataSettings, StudySettings
from kd_core.errors import ConfigError, DataError
from kd_core.events import Log
from kd_core.text import Msg

if TYPE_CHECKING:  # these import torch, which takes seconds
    from kd_core.data.library import Library
    from kd_core.jobs import Jobs

LOOK_S = 0.3  # seconds between two looks at the store
STOP_S = 60.0  # how long Ctrl-C waits for runs to obey; then the next start tidies up


def add_commands(add: Any, screen: Screen) -> None:
    """Add ``run``."""
    command = add("run", run)
    command.add_argument("config", metavar="CONFIG.json", help=screen.text("cli.run.config"))
    command.add_argument("--again", action="store_true", help=screen.text("cli.run.again"))


def run(arguments: argparse.Namespace, screen: Screen) -> Mapping[str, Any]:
    """Submit a study and follow it to its end.

    Another process may be the one that runs the store's queue; then this one only looks on.

    Raises:
        ConfigError: ``config_missing``, and those of the settings.
        DataError: ``data_hash_unknown``.
    """
    from kd_core.data.library import Library
    from kd_core.jobs import connect

    settings = StudySettings.from_json(read_config(arguments.config))
    with contextlib.closing(connect()) as jobs:
        tied = settings.change(data=tie(settings.data, Library(jobs.store.home.root)))
        plugins = [str(Path(plugin).resolve()) for plugin in arguments.plugin]
        study = jobs.submit(tied, reuse=not arguments.again, plugins=plugins)
        screen.note("cli.run.submitted", study=study)
        try:
            follow(jobs, study, screen)
        except KeyboardInterrupt:
            screen.note("cli.run.stopping")
            jobs.request_study(study, "cancel")
            jobs.wait(study, timeout_s=STOP_S)
            raise
        return report(jobs, study, screen)


def read_config(name: str) -> str:
    """The text of a configuration file; ``-`` is standard input.

    Raises:
        ConfigError: ``config_missing``.
    """
    if name == "-":
        return sys.stdin.read()
    try:
        return Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("config_missing", path=name, detail=str(error)) from None


def tie(settings: DataSettings, library: Library) -> DataSettings:
    """The settings with the data set of this library that they mean.

    A hash says more than a name: a data set that has another name here is found by it, and one of
    the same name with other content is refused.

    Raises:
        DataError: ``data_hash_unknown``, and those of the library.
    """
    wanted = settings.data_hash
    if not wanted:
        return settings.change(data_hash=library.get(settings.dataset).hash)
    names = sorted(library.names(), key=lambda name: name != settings.dataset)
    for name in names:
        if library.get(name).hash == wanted:
            return settings.change(dataset=name)
    raise DataError("data_hash_unknown", name=settings.dataset, hash=wanted[:12])


def follow(jobs: Jobs, study: str, screen: Screen) -> None:
    """Show a study's progress until none of its runs waits or runs."""
    from kd_core.study.rows import ACTIVE

    states: dict[str, str] = {}
    offsets: dict[str, int] = {}
    with screen.bar(study, unit="run") as bar:
        while True:
            rows = jobs.store.runs(study=study)
            for row in rows:
                if states.get(row.id) != row.status and row.status not in ("queued", "waiting"):
                    state = Msg(f"status.{row.status}")
                    screen.note("cli.run.state", run=row.key, id=row.id, state=state)
                states[row.id] = row.status
                offsets[row.id] = _warnings(jobs, row.id, offsets.get(row.id, 0), screen)
            _draw(bar, rows, screen)
            if not any(row.status in ACTIVE for row in rows):
                return
            time.sleep(LOOK_S)


def _warnings(jobs: Jobs, run_id: str, after: int, screen: Screen) -> int:
    """Show what a run warned of since the last look."""
    found = jobs.store.events(run_id, after)
    for event in found.events:
        if isinstance(event, Log) and event.level == "warning":
            screen.note(Msg.from_json(event.msg))
    return found.offset


def _draw(bar: tqdm[Any], rows: list[Any], screen: Screen) -> None:
    bar.total = len(rows)
    bar.n = sum(row.status not in ("queued", "waiting", "running") for row in rows)
    running = [row for row in rows if row.status == "running" and row.stage]
    parts = [
        screen.text(
            "cli.run.progress",
            run=row.key,
            stage=Msg(f"stage.{row.stage}"),
            share=(row.done or 0) / max(1, row.total or 1),
            left=row.left_s,
        )
        for row in running
    ]
    bar.set_postfix_str(" · ".join(parts), refresh=True)


def report(jobs: Jobs, study: str, screen: Screen) -> Mapping[str, Any]:
    """A study's models, for a person and as data; not ``ok`` unless every run has finished."""
    from kd_core.study.results import results

    rows = jobs.store.runs(study=study)
    found = results(jobs.store, study)
    metric = next((_metric(jobs, result.run.id) for result in found), "")
    lines = []
    for result in found:
        latency, score = result.latency(), result.scores.get(metric)
        lines.append(
            (
                result.run.id,
                result.label,
                "–" if score is None or score.value is None else f"{score.value:.3f}",
                screen.catalogue.number(result.model.size_bytes, "bytes"),
                "–" if latency is None else screen.catalogue.number(latency.latency_ms_p50, "ms"),
            )
        )
    screen.line("cli.run.validation", study=study, metric=metric)
    headings = ("run", "name", "score", "size", "latency")
    screen.table([f"cli.column.{name}" for name in headings], lines)
    for row in rows:
        if row.error is not None:
            screen.note("cli.run.failed", run=row.key, error=row.error.msg)
    return {
        "ok": all(row.status == "finished" for row in rows),
        "study": study,
        "select_metric": metric,
        "runs": [
            {
                "id": row.id,
                "key": row.key,
                "role": row.role,
                "seed": row.seed,
                "status": row.status,
                "error": row.error.to_json() if row.error else None,
                "models": [_model(result) for result in found if result.run.id == row.id],
            }
            for row in rows
        ],
    }


def _metric(jobs: Jobs, run_id: str) -> str:
    training = jobs.store.record(run_id).training
    return training.select_metric if training else ""


def _model(result: Any) -> dict[str, Any]:
    """One model of a report; the scores are those of the validation part."""
    latency = result.latency()
    return {
        "name": result.model.name,
        "role": result.model.role,
        "method": result.model.method,
        "precision": result.model.precision,
        "params": result.model.params,
        "size_bytes": result.model.size_bytes,
        "macs": result.model.macs,
        "latency": None if latency is None else latency.to_json(),
        "validation": {name: score.to_json() for name, score in result.scores.items()},
    }
