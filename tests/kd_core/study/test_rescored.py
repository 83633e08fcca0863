"""Records from before rare labels were left out say the same on every page as new ones."""

import json
from dataclasses import replace

import numpy as np
import pytest

from kd_core.evaluate.predictions import Predictions, write_predictions
from kd_core.evaluate.scores import score
from kd_core.study.collect import collect
from kd_core.study.models_frame import read_frame
from kd_core.study.protocol import counted_name
from kd_core.study.records import score_record
from kd_core.study.rescored import DONE, current_scores, validation_file
from kd_core.study.results import by_arm, results, seed_values
from kd_core.study.store import Store
from tests.helpers_app import finished_study

__all__ = ["finished_study"]
N = 60


def answers(rare: int = 2) -> Predictions:
    """Two labels, the second of which only ``rare`` images have."""
    rng = np.random.default_rng(0)
    truth = np.stack([np.arange(N) % 2, np.arange(N) < rare], 1).astype(np.float32)
    logits = (truth - 0.5 + rng.normal(size=(N, 2))).astype(np.float32)
    return Predictions(tuple(map(str, range(N))), truth, logits, "val", 0, ("often", "rare"),
                       "multilabel")  # fmt: skip


def recorded(found: Predictions) -> dict:
    return {name: score_record(one).to_json() for name, one in score(found).items()}


def older(found: Predictions) -> dict:
    """Scores as they were recorded when every label counted in a mean."""
    doubled = replace(  # each image three times: no label is rare
        found,
        ids=tuple(f"{name}-{k}" for k in range(3) for name in found.ids),
        targets=np.tile(found.targets, (3, 1)),
        logits=np.tile(found.logits, (3, 1)),
    )
    return {name: {**one, "low": None, "high": None} for name, one in recorded(doubled).items()}


def test_means_are_made_as_today_and_nothing_else_changes(tmp_path) -> None:
    file = tmp_path / "model-val.parquet"
    write_predictions(file, answers())
    old, new = older(answers()), recorded(answers())
    found = current_scores(old, file)
    assert found["macro_auc"] == new["macro_auc"]
    assert found["macro_auc"]["value"] != pytest.approx(old["macro_auc"]["value"])
    assert found["macro_auc"]["left_out"] == ["rare"]
    per_label = "sensitivity:rare"
    assert found[per_label] == old[per_label]
    assert counted_name({"data": {}}, found) == counted_name({"data": {}}, new) == "without rare"


def test_what_is_new_common_or_without_predictions_stays(tmp_path) -> None:
    file = tmp_path / "model-val.parquet"
    old = older(answers())
    assert current_scores(old, file) == old
    file.write_bytes(b"no parquet")
    assert current_scores(old, file) == old
    write_predictions(file, answers(rare=20))
    assert current_scores(old, file) == old
    new = recorded(answers())
    assert current_scores(new, file) == new


def test_results_and_trade_offs_agree_on_a_record_from_before(home, finished_study) -> None:
    store = Store(home)
    collect(store, finished_study)
    study = store.studies()[0].id
    group = by_arm(results(store, study))["baseline"]
    one = answers()
    write_predictions(validation_file(group[0].folder, "model"), one)
    old = older(one)
    with store.db.write() as db:  # as a store of before has it
        run = group[0].run.id
        db.execute("UPDATE models SET scores = ? WHERE run = ?", [json.dumps(old), run])
        db.execute("DELETE FROM meta WHERE key = ?", [DONE])
        db.execute("UPDATE configs SET config = json_set(config, '$.data.data_hash', 'other')"
                   " WHERE run = ?", [run])  # fmt: skip
    store.close()
    store = Store(home)
    expected = score(one)["macro_auc"]
    group = by_arm(results(store, study))["baseline"]
    assert group[0].scores["macro_auc"].value == pytest.approx(expected.value)
    assert group[0].scores["macro_auc"].low == pytest.approx(expected.low)
    assert seed_values(group, "macro_auc")[0] == pytest.approx(expected.value)
    frame = read_frame(store, [study])
    row = frame[frame["run"] == group[0].run.id].iloc[0]
    assert row["value.macro_auc"] == pytest.approx(expected.value)
    assert row["at.counted"] == "without rare"
    (mark,) = store.db.rows("SELECT value FROM meta WHERE key = ?", [DONE])
    assert mark == ("rare-labels-1",)


def test_a_store_without_models_is_not_written(home) -> None:
    Store(home).close()
    assert Store(home).db.rows("SELECT * FROM meta WHERE key = ?", [DONE]) == []
