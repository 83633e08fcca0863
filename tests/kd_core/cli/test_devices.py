import json

import onnx
import pytest

from kd_core.cli import main
from tests.kd_core.latency.helpers_onnx import network


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("KDLAB_HOME", str(tmp_path / "home"))


@pytest.fixture
def model(tmp_path):
    onnx.save(network(width=16, size=32), tmp_path / "model.onnx")
    return tmp_path / "model.onnx"


def ask(capsys, *arguments):
    code = main([*map(str, arguments), "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_devices_are_listed_with_runtimes_and_tiers(capsys):
    code, answer = ask(capsys, "devices")
    assert code == 0
    listed = {each["name"]: each for each in answer["devices"]}
    assert len(listed) >= 30
    runtimes = {each["name"]: each["tier"] for each in listed["raspberry_pi_4"]["runtimes"]}
    assert runtimes["ncnn"] == "A"


def test_an_estimate_has_time_band_tier_memory_energy_and_why(capsys, model):
    more = ("--runtime", "ncnn", "--threads", 4, "--precision", "ncnn_default")
    code, answer = ask(capsys, "estimate", model, "--device", "raspberry_pi_4", *more)
    assert code == 0
    low, high = answer["band_ms"]
    assert 0 < low < answer["latency_ms"] < high
    assert answer["tier"] == "A"
    assert answer["ram_bytes"] > answer["weights_bytes"] > 0
    assert answer["flash_bytes"] > 0
    assert len(answer["energy_mj"]) == 2
    assert all(sentence and "estimate." not in sentence for sentence in answer["why"])


def test_a_reference_gives_the_speed_up(capsys, model):
    code, answer = ask(capsys, "estimate", model, "--device", "jetson_nano", "--reference", model)
    assert code == 0
    assert answer["speed_up"] == {"ratio": 1.0, "band": [1.0, 1.0]}


def test_a_broken_file_gets_one_sentence(capsys, tmp_path):
    (tmp_path / "broken.onnx").write_bytes(b"nothing of the sort")
    code, answer = ask(capsys, "estimate", tmp_path / "broken.onnx", "--device", "raspberry_pi_4")
    assert code == 1
    assert answer["error"]["code"] == "estimate_unreadable"
    assert answer["error"]["message"].endswith(".")
