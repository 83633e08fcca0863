import csv
import json

import numpy as np
import pytest

from kd_core.cli import main
from kd_core.evaluate.predictions import Predictions, read_predictions, write_predictions
from kd_core.study.store import Store
from kd_core.study.submit import submit
from tests.helpers_jobs import by_key, run_all, run_here, study


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def finished(store):
    """A study with three finished runs; the student has predictions."""
    study_id = submit(store, study(0), "ana")
    run_all(store)
    run = by_key(store, study_id)["distilled-s0"]
    for part in ("val", "test"):
        made = Predictions(
            ids=("a", "b"),
            targets=np.array([0, 1]),
            logits=np.array([[2, 0], [0, 1]], np.float32),
            part=part,
            seed=0,
            patients=None,
            groups={},
            classes=("x", "y"),
            task="classification",
        )
        path = store.home.run(run.id) / "predictions" / f"main-{part}.parquet"
        path.parent.mkdir(exist_ok=True)
        write_predictions(path, made)
    return run


def answer(capsys, *arguments, code=0):
    assert main([*map(str, arguments), "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_an_empty_store_lists_nothing(capsys):
    assert answer(capsys, "list") == {"ok": True, "studies": [], "runs": []}


def test_list_shows_studies_and_runs(store, finished, capsys):
    other = submit(store, study(1, steps=4), "rui")
    told = answer(capsys, "list")
    assert [row["id"] for row in told["studies"]] == [other, finished.study]
    assert len(told["runs"]) == 6
    assert {row["status"] for row in told["runs"]} == {"finished", "queued", "waiting"}
    assert len(answer(capsys, "list", "--study", other)["runs"]) == 3
    assert len(answer(capsys, "list", "--limit", 2)["runs"]) == 2
    assert main(["list"]) == 0
    out = capsys.readouterr().out
    assert finished.id in out
    assert "status." not in out


def test_show_gives_the_record(store, finished, capsys):
    told = answer(capsys, "show", finished.id)
    assert told["record"] == store.record(finished.id).to_json()
    assert told["settings"] == store.settings(finished.id).to_json()
    assert told["measurements"][0]["model"] == "main"
    assert main(["show", finished.id]) == 0
    out = capsys.readouterr().out
    assert "balanced_accuracy" in out
    assert "0.500" in out


def test_show_gives_the_scores_that_pages_show(store, finished, capsys):
    (model,) = store.models(run=finished.id)
    scores = json.loads(model.scores_json)
    scores["balanced_accuracy"] |= {"value": 0.875, "left_out": ["rare"]}
    with store.db.write() as db:  # as the index has it for a record from before
        sql = "UPDATE models SET scores = ? WHERE run = ?"
        db.execute(sql, [json.dumps(scores), finished.id])
    (told,) = answer(capsys, "show", finished.id)["record"]["models"]
    assert told["scores"]["balanced_accuracy"]["value"] == 0.875
    assert told["scores"]["balanced_accuracy"]["left_out"] == ["rare"]
    assert main(["show", finished.id]) == 0
    assert "0.875" in capsys.readouterr().out


def test_show_says_why_a_run_failed(store, capsys):
    submit(store, study(0, do="nan"), "ana")
    failed = run_here(store)
    run_all(store)
    failed = next(row for row in store.runs() if row.status == "failed")
    told = answer(capsys, "show", failed.id)
    assert told["record"] is None
    assert told["run"]["error"]["code"] == "loss_nan"


def test_export_copies_a_run_without_what_is_sealed(store, finished, tmp_path, capsys):
    told = answer(capsys, "export", finished.id, "--to", tmp_path / "out")
    names = {path.split("/out/")[1] for path in told["files"]}
    assert {"record.json", "models/main/model.onnx", "predictions/main-val.csv"} <= names
    assert not [name for name in names if "test" in name]
    for name in names:
        assert (tmp_path / "out" / name).is_file()
    table = (tmp_path / "out" / "predictions" / "main-val.csv").read_text().splitlines()
    assert len([*csv.DictReader(table)]) == 2


def test_export_has_everything_once_the_test_is_open(store, finished, tmp_path, capsys):
    store.open_test(finished.study, by="ana")
    answer(capsys, "export", finished.id, "--to", tmp_path / "out")
    copied = read_predictions(tmp_path / "out" / "predictions" / "main-test.parquet")
    assert copied.ids == ("a", "b")


def test_an_exported_run_whose_test_is_open_can_be_collected(store, finished, tmp_path, capsys):
    answer(capsys, "export", finished.id, "--to", tmp_path / "out" / finished.id)
    elsewhere = Store(tmp_path / "elsewhere")
    from kd_core.study.collect import collect

    assert collect(elsewhere, tmp_path / "out").added == (finished.id,)


def test_export_overwrites_nothing(finished, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("precious")
    told = answer(capsys, "export", finished.id, "--to", tmp_path / "out", code=1)
    assert told["error"]["code"] == "export_exists"
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]


def test_an_unfinished_run_is_not_exported(store, tmp_path, capsys):
    submit(store, study(0), "ana")
    run = store.runs()[0]
    told = answer(capsys, "export", run.id, "--to", tmp_path / "out", code=1)
    assert told["error"]["code"] == "run_unfinished"
    assert "status." not in told["error"]["message"]
    assert not (tmp_path / "out").exists()
