import json

from kd_core.cli import main
from kd_core.study.collect import collect
from kd_core.study.predictions_out import read
from kd_core.study.store import Store
from tests.helpers_code import ROOT


def answer(capsys, *arguments, code=0):
    assert main([*map(str, arguments), "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_one_table_of_a_study(home, tmp_path, capsys) -> None:
    store = Store(home)
    collect(store, ROOT / "sample_data" / "study")
    study = store.studies()[0].id
    told = answer(capsys, "export-predictions", study, "--to", tmp_path / "all.parquet")
    assert told["rows"] == len(read(tmp_path / "all.parquet").frame)
    assert not told["opened"]
    told = answer(
        capsys, "export-predictions", study, "--to", tmp_path / "x.csv", "--part", "test", code=1
    )
    assert told["error"]["code"] == "test_sealed"
    assert not (tmp_path / "x.csv").exists()
