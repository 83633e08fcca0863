import json

from kd_core.cli import main
from kd_core.study import mlflow_export


def test_the_answer_says_how_many_and_where(monkeypatch, tmp_path, capsys) -> None:
    asked = []
    monkeypatch.setattr(
        mlflow_export, "export_mlflow", lambda store, study, to: asked.append((study, to)) or 3
    )
    assert main(["mlflow", "s1", "--to", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["models"] == 3
    assert asked == [("s1", tmp_path)]


def test_an_unknown_study_is_one_sentence(monkeypatch, tmp_path, capsys) -> None:
    monkeypatch.setattr(mlflow_export, "available", lambda: True)
    assert main(["mlflow", "nonsense", "--to", str(tmp_path), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "study_unknown"
