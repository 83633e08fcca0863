"""How many settings were tried for a method, counted from the store: equal tuning or not.

A method that was tried with nine temperatures and a baseline that was tried once are no equals:
the best of nine looks better than it is. Seeds and folds of one setting are one trial.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from kd_core.config import DistilSettings
from kd_core.study.folds import place_of
from kd_core.study.store import Store

ALONE = "alone"
USUAL = str(DistilSettings().mode)
"""Mode of records from before there was a choice."""
APART = ("data_hash", "fold", "folds", "external")
"""Of the data settings, what makes no other trial: which images a setting is tried on."""
_SELECT = """
    SELECT c.config FROM runs r JOIN configs c ON c.run = r.id
    JOIN studies s ON s.id = r.study
    WHERE r.status = 'finished' AND r.role IN ('baseline', 'student') AND s.data_hash = ?
        AND (s.owner = ? OR r.id IN (SELECT run FROM members WHERE study = ?))
"""

_MEMBERS = """
    SELECT m.key, r.seed, c.config FROM members m JOIN runs r ON r.id = m.run
    JOIN configs c ON c.run = r.id
    WHERE m.study = ? AND r.status = 'finished' AND r.role IN ('baseline', 'student')
    ORDER BY r.position
"""


def trials(store: Store, study_id: str) -> dict[str, int]:
    """Settings that this study's owner tried on its data, by arm of the study.

    Counted are finished runs whose method is that of the arm: the same student and the same kind of
    losses, whatever their weights, temperatures and recipe.

    Raises:
        StoreError: ``study_unknown``.
    """
    study = store.study(study_id)
    rows = store.db.rows(_SELECT, [study.data_hash, study.owner, study_id])
    tried: dict[str, set[str]] = {}
    for (text,) in rows:
        config = json.loads(text)
        tried.setdefault(method_of(config), set()).add(setting_of(config))
    return {
        place_of(key, seed)[0]: len(tried[method_of(json.loads(text))])
        for key, seed, text in store.db.rows(_MEMBERS, [study_id])
    }


def method_of(config: Mapping[str, Any]) -> str:
    """What is tuned, as canonical text: the student, its mode and the names of its losses."""
    distil = config.get("distil") or {"mode": ALONE}
    mode = distil.get("mode", USUAL)
    losses = [] if mode == ALONE else sorted(loss["name"] for loss in distil["losses"])
    model = {name: config["model"][name] for name in ("name", "params")}
    return json.dumps([model, config["data"]["size"], mode, losses], sort_keys=True)


def setting_of(config: Mapping[str, Any]) -> str:
    """One trial, as canonical text: recipe and distillation without seed, folds and test sets."""
    data = {name: value for name, value in config["data"].items() if name not in APART}
    parts = [data, config["model"], config["train"], config.get("views")]
    distil = config.get("distil")
    taught = distil if distil is not None and distil.get("mode") != ALONE else None
    return json.dumps([*parts, taught], sort_keys=True)


def equal(counts: Mapping[str, int]) -> bool:
    """Whether all were tried equally often.

    >>> equal({"baseline": 1, "kd": 1}), equal({"baseline": 1, "kd": 9})
    (True, False)
    """
    return len(set(counts.values())) <= 1
