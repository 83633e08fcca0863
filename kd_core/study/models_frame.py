"""All finished models of some studies as one data frame: read once, then filtered in memory.

One query and one pass over the answers, so that ten thousand runs are there within a second, and
only when something has finished since (:func:`frame_version`). Columns:

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
from typing import Any

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
RUN_COLUMNS = ("study", "run", "key", "seed", "dataset")

_SELECT = """
    SELECT ms.study, r.id, r.key, r.seed, r.dataset, {models}, m.scores, c.config,
        (SELECT n.parent FROM needs n WHERE n.run = r.id AND n.name = 'origin')
    FROM members ms JOIN runs r ON r.id = ms.run JOIN models m ON m.run = r.id
        JOIN configs c ON c.run = r.id
    WHERE r.status = 'finished' AND ms.study IN ({studies})
    ORDER BY ms.study, r.position, m.step, m.parent NOT NULL, m.name
"""
_VERSION = """
    SELECT (SELECT COUNT(*) FROM runs WHERE status = 'finished'),
        (SELECT MAX(ended) FROM runs WHERE status = 'finished'),
        (SELECT MAX(id) FROM measurements), (SELECT COUNT(*) FROM members)
"""


def frame_version(store: Store) -> Version:
    """Changes whenever a run finishes, is deleted, is shown elsewhere, or is measured again."""
    return (str(store.home.root), *store.db.rows(_VERSION)[0])


def read_frame(store: Store, studies: Sequence[str]) -> pd.DataFrame:
    """Finished models of these studies, one row each; a run that two of them show stands once."""
    models = ", ".join(f"m.{name}" for name in MODEL_COLUMNS)
    sql = _SELECT.format(models=models, studies=", ".join("?" * len(studies)))
    answers = store.db.rows(sql, list(studies)) if studies else []
    columns = _Columns()
    configs: dict[str, dict[str, Any]] = {}
    seen: set[tuple[str, str]] = set()
    for *values, scores, config, origin in answers:
        row = dict(zip((*RUN_COLUMNS, *MODEL_COLUMNS), values, strict=True))
        run = row["run"]
        if (run, row["name"]) in seen:
            continue
        seen.add((run, row["name"]))
        if run not in configs:
            configs[run] = json.loads(config)
        row["arm"] = _place(row)
        row["shape"] = shape(row, configs[run]["data"]["size"])
        row["origin"] = _arm(configs.get(origin))
        columns.add(row)
        columns.add(settings_of(configs[run]))
        columns.add(_items(configs[run], configs.get(origin)))
        columns.add_scores(json.loads(scores))
        columns.rows += 1
    frame = columns.frame()
    return frame if len(frame) else pd.DataFrame(columns=[*RUN_COLUMNS, *MODEL_COLUMNS, "arm"])


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
        ends = ("value.", "low.", "high.")
        return pd.DataFrame(
            {
                name: np.array(column, float) if name.startswith(ends) else column
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


def _items(config: Mapping[str, Any], origin: Mapping[str, Any] | None) -> dict[str, Any]:
    """Protocol of a run; one that was compressed has the recipe of what it was made from."""
    recipe = origin if config["role"] == "compressed" and origin is not None else config
    return {f"at.{name}": value for name, value in protocol_items(config, recipe).items()}


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
