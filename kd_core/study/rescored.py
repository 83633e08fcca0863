"""Means over classes in records older than the rule on rare labels, made anew for the index.

A mean over classes leaves out those that hardly anybody has (:mod:`kd_core.evaluate.rare`). A
record from before that rule has the mean over all. Pages that compute from predictions would then
differ from pages that read the record, and old models from new ones. Records are never edited; so
the index, which everything reads, has these means computed once more from the stored predictions
of the validation part, when a record is entered and once for a store from before.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kd_core.errors import KDLabError
from kd_core.study.database import Database
from kd_core.study.folders import Home
from kd_core.study.records import score_record

if TYPE_CHECKING:
    from kd_core.evaluate.predictions import Predictions

DONE = "scores"
"""Key in the table ``meta``: which rule the scores of the index follow."""

RULE = "rare-labels-1"
_MODELS = "SELECT m.run, m.name, m.scores, c.config FROM models m JOIN configs c ON c.run = m.run"


def current_scores(scores: Mapping[str, Any], file: Path) -> dict[str, Any]:
    """Scores as JSON, with means over classes as they are made today.

    Args:
        scores: By metric, as in a record.
        file: Predictions of the validation part; without them nothing changes.
    """
    if any(one.get("left_out") for one in scores.values()):
        return dict(scores)
    found = _read(file)
    if found is None or not _rare(found):
        return dict(scores)
    from kd_core.evaluate.metrics import METRICS
    from kd_core.evaluate.scores import score

    names = [name for name in scores if name in METRICS and METRICS[name].averages(found.task)]
    made = score(found, names)
    return {**scores, **{name: score_record(made[name]).to_json() for name in names}}


def validation_file(folder: Path, model: str) -> Path:
    """Where a run's folder has a model's predictions of the validation part."""
    return folder / "predictions" / f"{model}-val.parquet"


def bring_up_to_date(db: Database, home: Home) -> int:
    """Enter the scores of today for a store from before; how many models changed.

    A store that was done, or has no models, costs one query. Images of one data set and fold are
    the same for all its models, so whether anything is rare is looked up once for each.
    """
    if db.rows("SELECT value FROM meta WHERE key = ?", [DONE]) == [(RULE,)]:
        return 0
    rows = db.rows(_MODELS)
    if not rows:
        return 0
    changed = list(_changed(rows, home))
    with db.write() as writer:
        writer.executemany("UPDATE models SET scores = ? WHERE run = ? AND name = ?", changed)
        writer.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", [DONE, RULE])
    return len(changed)


def _changed(rows: list[tuple[Any, ...]], home: Home) -> Iterator[tuple[str, str, str]]:
    rare: dict[tuple[Any, ...], bool] = {}
    for run, name, text, config in rows:
        data = json.loads(config)["data"]
        place = tuple(data.get(item) for item in ("dataset", "data_hash", "fold", "folds"))
        file = validation_file(home.where(run), name)
        if place not in rare:
            found = _read(file)
            if found is None:
                continue
            rare[place] = _rare(found)
        if rare[place]:
            scores = json.dumps(current_scores(json.loads(text), file))
            if scores != text:
                yield scores, run, name


def _rare(found: Predictions) -> bool:
    from kd_core.evaluate.rare import left_out

    return bool(left_out(found))


def _read(file: Path) -> Predictions | None:
    """Statistics take seconds to import, and a store is opened by every command: so only here."""
    from kd_core.evaluate.predictions import read_predictions

    try:
        return read_predictions(file) if file.is_file() else None
    except KDLabError:  # what cannot be read keeps the figures of its record
        return None
