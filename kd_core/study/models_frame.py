"""All finished models of some studies as one data frame: read once, then filtered in memory.

One pass over the answers; ``models_cache.py`` keeps what was read, so that only runs that finished
since (:func:`frame_version`) are read again. Columns:

    study, run, key, arm, role, seed, name, parent, step, architecture, precision, sha256,
    params, macs, size_bytes                   as in ``records.ModelRecord``
    origin                                     arm that a chain of compression begins with
    shape                                      equal for models that cost the same (:func:`shape`)
    set.<setting>                              what was chosen, for parallel coordinates
    at.<item>                                  what must be equal before models may be ranked
    value.<metric>, low.<metric>, high.<metric>   validation scores with their 95 % interval

The frame is shared: whoever changes it copies it first.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from kd_core.study.folds import place_of
from kd_core.study.protocol import protocol_items
from kd_core.study.store import Store

Version = tuple[Any, ...]

MODEL_COLUMNS = (
    "name", "role", "architecture", "parent", "step", "params", "macs", "size_bytes",
    "precision", "sha256",
)  # fmt: skip
ENDS = ("value.", "low.", "high.")
RUN_COLUMNS = ("study", "run", "key", "seed", "dataset")

_PLACES = """
    SELECT ms.study, r.id, m.name, r.ended,
        (SELECT n.parent FROM needs n WHERE n.run = r.id AND n.name = 'origin')
    FROM members ms JOIN runs r ON r.id = ms.run JOIN models m ON m.run = r.id
    WHERE r.status = 'finished' AND ms.study IN ({marks})
    ORDER BY ms.study, r.position, m.step, m.name != 'model', m.name
"""
_CONFIGS = "SELECT run, config FROM configs WHERE run IN ({marks})"
_MODELS = """
    SELECT r.id, r.key, r.seed, r.dataset, {models}, m.scores
    FROM runs r JOIN models m ON m.run = r.id WHERE r.id IN ({marks})
"""
AT_ONCE = 500
"""Runs asked for in one query: SQLite allows only so many parameters."""
_VERSION = """
    SELECT (SELECT COUNT(*) FROM runs WHERE status = 'finished'),
        (SELECT MAX(ended) FROM runs WHERE status = 'finished'),
        (SELECT MAX(id) FROM measurements), (SELECT COUNT(*) FROM members),
        (SELECT COUNT(test_opened_at) FROM studies)
"""


def frame_version(store: Store) -> Version:
    """Changes whenever a run finishes, is deleted, is shown elsewhere, or is measured again.

    It also changes when the test part of a study is opened.
    """
    return (str(store.home.root), *store.db.rows(_VERSION)[0])


class PlaceOf(NamedTuple):
    """Where one model stands, and what its row was read from."""

    study: str
    run: str
    name: str
    ended: float | None
    origin: str | None

    @property
    def stamp(self) -> str:
        """Equal as long as the row is: a finished record is never edited."""
        return f"{self.run}|{self.name}|{self.ended}|{self.origin}"


def places(store: Store, studies: Sequence[str]) -> list[PlaceOf]:
    """Finished models of these studies in order; a run that two of them show stands once."""
    if not studies:
        return []
    sql = _PLACES.format(marks=", ".join("?" * len(studies)))
    found = map(PlaceOf._make, store.db.rows(sql, list(studies)))
    return list({(place.run, place.name): place for place in reversed(list(found))}.values())[::-1]


def read_frame(store: Store, studies: Sequence[str]) -> pd.DataFrame:
    """Finished models of these studies, one row each; a run that two of them show stands once."""
    wanted = places(store, studies)
    return of_places(read_rows(store, wanted), wanted)


def read_rows(store: Store, wanted: Sequence[PlaceOf]) -> pd.DataFrame:
    """Rows of these models without their study, with a column ``stamp``; slow for many."""
    columns = _Columns()
    runs = list(dict.fromkeys(place.run for place in wanted))
    for start in range(0, len(runs), AT_ONCE):
        some = set(runs[start : start + AT_ONCE])
        _read(store, [place for place in wanted if place.run in some], columns)
    return columns.frame()


def of_places(rows: pd.DataFrame, wanted: Sequence[PlaceOf]) -> pd.DataFrame:
    """The rows of these models in their order, with their studies.

    Args:
        rows: From :func:`read_rows`, possibly with more than is wanted.
        wanted: All of them among the rows.
    """
    if not wanted:
        return pd.DataFrame(columns=[*RUN_COLUMNS, *MODEL_COLUMNS, "arm"])
    at = {stamp: place for place, stamp in enumerate(rows["stamp"])}
    frame = rows.take([at[place.stamp] for place in wanted]).reset_index(drop=True)
    frame = frame.drop(columns=["stamp"])
    scores = [c for c in frame.columns if str(c).startswith(ENDS)]
    nobody = [c for c, none in zip(scores, frame[scores].isna().all(), strict=True) if none]
    frame = frame.drop(columns=nobody)  # scores of another study's task
    frame.insert(0, "study", [place.study for place in wanted])
    return frame


def _read(store: Store, wanted: Sequence[PlaceOf], columns: _Columns) -> None:
    runs = list(dict.fromkeys(place.run for place in wanted))
    origins = [place.origin for place in wanted if place.origin is not None]
    asked = list(dict.fromkeys([*runs, *origins]))
    sql = _CONFIGS.format(marks=", ".join("?" * len(asked)))
    configs = {run: json.loads(config) for run, config in store.db.rows(sql, asked)}
    models = ", ".join(f"m.{name}" for name in MODEL_COLUMNS)
    sql = _MODELS.format(models=models, marks=", ".join("?" * len(runs)))
    names = ("run", *RUN_COLUMNS[2:], *MODEL_COLUMNS)
    found = {}
    for *values, scores in store.db.rows(sql, runs):
        row = dict(zip(names, values, strict=True))
        found[row["run"], row["name"]] = (row, scores)
    for place in wanted:
        if (place.run, place.name) not in found or place.run not in configs:
            continue  # deleted since
        row, scores = found[place.run, place.name]
        _add(columns, place, row, json.loads(scores), configs)


def _add(
    columns: _Columns,
    place: PlaceOf,
    row: dict[str, Any],
    scores: Mapping[str, Mapping[str, Any]],
    configs: Mapping[str, Mapping[str, Any]],
) -> None:
    config = configs[place.run]
    origin = configs.get(place.origin) if place.origin else None
    row["arm"] = _place(row)
    row["shape"] = shape(row, config["data"]["size"])
    row["origin"] = _arm(origin)
    columns.add({"stamp": place.stamp, **row})
    columns.add(settings_of(config))
    columns.add(_items(config, origin, scores))
    columns.add_scores(scores)
    columns.rows += 1


class _Columns:
    """Rows taken apart as they come: a frame of a hundred columns is made far quicker so."""

    def __init__(self) -> None:
        self.rows = 0
        self.columns: dict[str, list[Any]] = {}

    def add(self, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            column = self.columns.get(name)
            if column is None:
                column = self.columns[name] = [None] * self.rows
            elif len(column) < self.rows:
                column += [None] * (self.rows - len(column))
            column.append(value)

    def add_scores(self, scores: Mapping[str, Mapping[str, Any]]) -> None:
        for end in ("value", "low", "high"):
            self.add({f"{end}.{name}": score[end] for name, score in scores.items()})

    def frame(self) -> pd.DataFrame:
        for column in self.columns.values():
            column += [None] * (self.rows - len(column))
        return pd.DataFrame(
            {
                name: np.array(column, float) if name.startswith(ENDS) else column
                for name, column in self.columns.items()
            }
        )


def shape(model: Mapping[str, Any], size: int) -> str:
    """Names what a model costs: equal for seeds and arms that share a network and a way there.

    A foreign file (no number of parameters) stands for itself; a step of a chain is named by its
    own step, since two ways to INT8 leave different operators.
    """
    if model["params"] is None:
        return str(model["sha256"])
    way = model["name"] if model["step"] else ""
    facts = (model["architecture"], model["params"], model["macs"], model["precision"], size, way)
    return "|".join(map(str, facts))


def settings_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """What a person chose for a run, short and flat; ``None`` where it has no meaning."""
    distil, losses = config.get("distil") or {}, (config.get("distil") or {}).get("losses") or []
    chain = config.get("chain") or {}
    temperatures = [term["params"]["T"] for term in losses if "T" in term["params"]]
    train = config["train"] if config["role"] != "compressed" else {}
    return {
        "set.size": config["data"]["size"],
        "set.losses": "+".join(term["name"] for term in losses) or None,
        "set.alpha": distil.get("alpha"),
        "set.T": temperatures[0] if temperatures else None,
        "set.lr": train.get("lr"),
        "set.epochs": train.get("epochs"),
        "set.batch_size": train.get("batch_size"),
        "set.chain": "+".join(step["method"] for step in chain.get("steps", ())) or None,
    }


def _items(
    config: Mapping[str, Any],
    origin: Mapping[str, Any] | None,
    scores: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """Protocol of a run; one that was compressed has the recipe of what it was made from."""
    recipe = origin if config["role"] == "compressed" and origin is not None else config
    return {f"at.{name}": value for name, value in protocol_items(config, recipe, scores).items()}


def _place(row: Mapping[str, Any]) -> str:
    """The arm; of what a run leaves beside its own model, ``<arm>/<model>``."""
    arm = place_of(str(row["key"]), row["seed"])[0]
    return f"{arm}/{row['name']}" if row["parent"] and not row["step"] else arm


def _arm(config: Mapping[str, Any] | None) -> str | None:
    return None if config is None else place_of(str(config["key"]), config["seed"])[0]


def metrics_in(frame: pd.DataFrame) -> list[str]:
    """Scores that these models have, those by class (``sensitivity:ring``) included."""
    names = [str(name) for name in frame.columns]
    return [name.removeprefix("value.") for name in names if name.startswith("value.")]


def model_file(store: Store, run: str, name: str) -> Path:
    """The exported file of a model."""
    return store.folder(run) / "models" / name / "model.onnx"
