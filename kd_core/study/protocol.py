"""What must be equal before two numbers may be ranked against each other.

Teachers, files of a person's own and compressed teachers have recipes of their own: for them the
data, its division into parts and the operating rule are what must be equal. Students of one
comparison share the recipe as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

DATA_ITEMS = ("data_hash", "dataset", "size", "normalise", "folds", "operating", "counted")
RECIPE_ITEMS = (
    "augment", "budget", "batch_size", "optimizer", "lr", "weight_decay", "schedule",
    "imbalance", "views", "select_metric", "threads",
)  # fmt: skip
OWN_RECIPE = ("teacher", "imported")


def protocol_items(
    config: Mapping[str, Any],
    recipe: Mapping[str, Any],
    scores: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """Items by name; those of the recipe are ``None`` where a model has one of its own.

    Args:
        config: A run's settings as JSON.
        recipe: The settings of the run whose recipe counts: its own, or that of the model which
            was compressed.
        scores: The model's validation scores as JSON.
    """
    data, train = config["data"], recipe["train"]
    items: dict[str, Any] = {name: data[name] for name in DATA_ITEMS[:4]}
    items["folds"] = f"{data['folds']} folds" if data.get("folds") else "own"
    items["operating"] = operating_name(config.get("operating"))
    items["counted"] = counted_name(config, scores or {})
    if recipe["role"] in (*OWN_RECIPE, "compressed"):
        return {**items, **dict.fromkeys(RECIPE_ITEMS)}
    steps, views = train["steps"], recipe.get("views")
    return {
        **items,
        "augment": data["augment"],
        "budget": f"{steps} steps" if steps else f"{train['epochs']} epochs",
        "views": "live" if views is None else str(views),
        "threads": recipe["compute"]["threads"],
        **{name: train[name] for name in RECIPE_ITEMS if name in train},
    }


def counted_name(config: Mapping[str, Any], scores: Mapping[str, Mapping[str, Any]]) -> str:
    """What a mean over classes is over, in short: two records of different means are no equals.

    A record from before rare labels were left out has the mean over all. Folds have each their own
    images, and their figures are pooled.

    >>> counted_name({"data": {}}, {"macro_auc": {"left_out": ["rare"]}, "accuracy": {}})
    'without rare'
    """
    left = {name for score in scores.values() for name in score.get("left_out") or ()}
    return (
        "all" if not left or config["data"].get("folds") else f"without {', '.join(sorted(left))}"
    )


def operating_name(rule: Mapping[str, Any] | None) -> str:
    """An operating rule in short; runs from before there were rules have none.

    >>> operating_name({"calibration": "temperature", "rule": "sensitivity", "value": 0.9})
    'temperature, sensitivity 0.9'
    """
    if rule is None:
        return "none"
    parts = [] if rule["calibration"] == "none" else [rule["calibration"]]
    if rule["rule"] != "none":
        value = "" if rule["rule"] == "youden" else f" {rule['value']:g}"
        parts.append(f"{rule['rule']}{value}")
    return ", ".join(parts) or "none"


def differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Items in which two models differ, with both values; what one of them has of its own is free.

    >>> differing({"lr": 0.1, "views": "8", "size": 64}, {"lr": 0.2, "views": None, "size": 64})
    {'lr': ('0.1', '0.2')}
    """
    return {
        name: (str(value), str(other[name]))
        for name, value in one.items()
        if None not in (value, other.get(name)) and value != other[name]
    }


@dataclass(frozen=True)
class Comparable:
    """Which models may be ranked together.

    Attributes:
        groups: Rows of the frame, the largest group first; models with a recipe of their own are
            in every group of their data.
        differs: For each item that is not equal everywhere, its values.
    """

    groups: tuple[np.ndarray, ...]
    differs: dict[str, tuple[str, ...]]


def comparable(frame: pd.DataFrame) -> Comparable:
    """Groups of equal protocol.

    >>> rows = [{"at.size": 64, "at.lr": 0.1}, {"at.size": 64, "at.lr": 0.2}, {"at.size": 64}]
    >>> found = comparable(pd.DataFrame(rows))
    >>> [group.tolist() for group in found.groups], found.differs
    ([[0, 2], [1, 2]], {'lr': ('0.1', '0.2')})
    """
    columns = [name for name in frame.columns if str(name).startswith("at.")]
    names = [str(name).removeprefix("at.") for name in columns]
    recipes = [c for c, n in zip(columns, names, strict=True) if n not in DATA_ITEMS]
    data = [c for c, n in zip(columns, names, strict=True) if n in DATA_ITEMS]
    if not len(frame):
        return Comparable((), {})
    of_data = _codes(frame, data)
    of_recipe = _codes(frame, recipes)
    free = frame[recipes].isna().all(axis=1).to_numpy() if recipes else np.ones(len(frame), bool)
    groups = []
    for code in np.unique(of_data):
        here = of_data == code
        bound = here & ~free
        found = [(bound & (of_recipe == r)) | (here & free) for r in np.unique(of_recipe[bound])]
        groups += found or [here]
    rows = sorted((np.flatnonzero(mask) for mask in groups), key=len, reverse=True)
    values = {n: frame[c].dropna().unique() for c, n in zip(columns, names, strict=True)}
    differs = {n: tuple(map(str, found)) for n, found in values.items() if len(found) > 1}
    return Comparable(tuple(rows), differs)


def _codes(frame: pd.DataFrame, columns: list[Any]) -> np.ndarray:
    """Equal numbers for rows that are equal in these columns."""
    code = np.zeros(len(frame), dtype=np.int64)
    for column in columns:
        part, values = pd.factorize(frame[column], use_na_sentinel=True)
        code = np.unique(code * (len(values) + 1) + part + 1, return_inverse=True)[1]
    return code
