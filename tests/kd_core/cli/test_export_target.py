import json

import pytest

from kd_core.cli import main
from kd_core.export import OnnxModel
from tests.helpers_data import tiny_data
from tests.helpers_onnx import small_file


@pytest.fixture
def file(tmp_path):
    return small_file(tmp_path / "mine.onnx", tiny_data())


def test_an_own_file_for_a_target(file, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["export", str(file), "--to", str(out), "--target", "stm32", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["files"] == [str(out / "mine-stm32.onnx")]
    assert OnnxModel(out / "mine-stm32.onnx").contract == OnnxModel(file).contract


def test_what_exists_is_not_replaced(file, tmp_path, capsys):
    (tmp_path / "mine-stm32.onnx").write_text("precious")
    assert main(["export", str(file), "--to", str(tmp_path), "--target", "stm32"]) == 1
    assert (tmp_path / "mine-stm32.onnx").read_text() == "precious"


@pytest.mark.parametrize("target", ["toaster", "stm32"])
def test_unknown_targets_and_runs_are_said_in_a_sentence(tmp_path, capsys, target):
    assert main(["export", "nothing", "--to", str(tmp_path / "out"), "--target", target]) == 1
    assert capsys.readouterr().err.strip()
    assert not (tmp_path / "out").exists()
