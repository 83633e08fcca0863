import json
import sys

import pytest

from kd_core.latency import bundle_bench
from kd_core.latency.bundle import Bench, BundleModel, build_bundle
from kd_core.latency.bundle_records import ResultFile, seal_of
from tests.helpers_devices import conv_file, run_script, unzipped


def quick(folder):
    """The bundle with few repeats, so that the test is short."""
    path = folder / "bundle.json"
    data = json.loads(path.read_text())
    path.write_text(json.dumps({**data, "warmup": 2, "repeats": 5, "threads": [1]}))
    return folder


@pytest.fixture
def bundle(tmp_path):
    model = BundleModel(conv_file(tmp_path / "model.onnx"), "small net")
    content, issued = build_bundle([model], Bench("raspberry_pi_4"), lambda msg: msg.id)
    return quick(unzipped(content, tmp_path / "device")), issued


def test_it_measures_and_seals_with_nothing_of_ours(bundle):
    folder, issued = bundle
    done = run_script(folder, "bench.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr.splitlines()[-1] == "[]"
    assert "small net" in done.stdout
    assert "equal" in done.stdout
    data = json.loads((folder / "result.json").read_text())
    result = ResultFile.from_json(data)
    assert result.seal == seal_of(data, issued.key)
    assert result.scripts == issued.scripts
    (one,) = result.results
    assert one.runs[0].latency_ms_p50 > 0
    assert (one.runs[0].batch, one.runs[0].warmup, one.runs[0].repeats) == (1, 2, 5)


def test_other_answers_are_told(bundle):
    folder, _ = bundle
    path = folder / "bundle.json"
    data = json.loads(path.read_text())
    data["models"][0]["outputs"][0][0] += 1
    path.write_text(json.dumps(data))
    assert "DIFFERENT" in run_script(folder, "bench.py").stdout


def test_another_model_is_not_measured(bundle):
    folder, _ = bundle
    conv_file(folder / "models" / "01.onnx", seed=9)
    done = run_script(folder, "bench.py")
    assert done.returncode != 0
    assert "not the file" in done.stderr


def test_without_a_wheel_it_says_what_to_do(bundle, monkeypatch, capsys):
    folder, _ = bundle
    monkeypatch.setattr(bundle_bench, "HERE", folder)
    monkeypatch.setattr(sys, "argv", ["bench.py"])
    monkeypatch.setitem(sys.modules, "onnxruntime", None)  # as if it were not installed
    assert bundle_bench.main() == 2
    said = capsys.readouterr().out
    assert "64-bit" in said
    assert "Raspberry Pi" in said


def test_a_model_that_fails_is_told_and_the_others_go_on(bundle, monkeypatch):
    folder, _ = bundle
    (folder / "probe.py").write_text("raise SystemExit('no memory')")
    done = run_script(folder, "bench.py")
    assert done.returncode == 1
    assert "failed: no memory" in done.stdout
    data = json.loads((folder / "result.json").read_text())
    assert (len(data["results"]), len(data["failed"])) == (0, 1)


def test_threads_are_those_that_are_there(monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    assert bundle_bench.useful([1, 4]) == [1]
    assert bundle_bench.useful([4, 8]) == [4]
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    assert bundle_bench.useful([1, 4]) == [1, 4]


def test_circumstances_are_read_where_they_are(tmp_path, monkeypatch):
    cpu, thermal = tmp_path / "cpufreq", tmp_path / "thermal"
    for path, text in {
        cpu / "scaling_governor": "ondemand\n",
        cpu / "scaling_cur_freq": "1500000\n",
        thermal / "thermal_zone0" / "temp": "45250\n",
        thermal / "thermal_zone1" / "temp": "61000\n",
    }.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(bundle_bench, "CPU", cpu)
    monkeypatch.setattr(bundle_bench, "THERMAL", thermal)
    assert bundle_bench.circumstances() == {
        "governor": "ondemand",
        "frequency_mhz": 1500.0,
        "temperature_c": 61.0,
    }
    monkeypatch.setattr(bundle_bench, "CPU", tmp_path / "none")
    monkeypatch.setattr(bundle_bench, "THERMAL", tmp_path / "none")
    assert bundle_bench.circumstances()["temperature_c"] is None
