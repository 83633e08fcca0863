import json

import pytest

from kd_core.cli import main
from kd_core.latency.own_devices import save_device, this_machine
from kd_core.study.store import Store
from tests.helpers_devices import changed, conv_file, finished_run, run_script, unzipped


@pytest.fixture
def run(home):
    store = Store(home)
    found = finished_run(store)
    store.close()
    save_device(home, "my_box", this_machine())
    return found


def answer(capsys, *arguments, code=0):
    assert main([*map(str, arguments), "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_a_pack_is_written_once(run, tmp_path, capsys):
    to = tmp_path / "out" / "pack.zip"
    found = answer(capsys, "pack", run, "--to", to)
    assert found["size_bytes"] == to.stat().st_size
    folder = unzipped(to.read_bytes(), tmp_path / "device")
    assert run_script(folder, "predict.py", "--check").returncode == 0
    assert answer(capsys, "pack", run, "--to", to, code=1)["error"]["code"] == "export_exists"


def test_a_pack_says_what_predict_says(run, tmp_path, capsys):
    pack = tmp_path / "pack.zip"
    answer(capsys, "pack", run, "--to", pack)
    folder = unzipped(pack.read_bytes(), tmp_path / "device")
    images = sorted((folder / "golden").glob("*.*g"))
    assert len(images) > 5
    ours = answer(capsys, "predict", run, *images)["images"]
    done = run_script(folder, "predict.py", "--json", *map(str, images))
    theirs = json.loads(done.stdout)
    for mine, other in zip(ours, theirs, strict=True):
        assert mine["file"] == other["file"]
        assert mine["probabilities"] == pytest.approx(other["probabilities"], abs=1e-6)


def test_from_a_bundle_to_a_measurement(run, tmp_path, capsys):
    to = tmp_path / "bundle.zip"
    made = answer(capsys, "bundle", run, "--device", "my_box", "--to", to)
    assert (made["device"], made["runtime"], len(made["models"])) == ("my_box", "onnxruntime", 1)
    folder = unzipped(to.read_bytes(), tmp_path / "device")
    told = json.loads((folder / "bundle.json").read_text())
    short = {**told, "warmup": 1, "repeats": 5, "threads": [1]}
    (folder / "bundle.json").write_text(json.dumps(short))
    assert run_script(folder, "bench.py").returncode == 0
    result = folder / "result.json"
    spoilt = tmp_path / "spoilt.json"
    spoilt.write_bytes(changed(result.read_bytes(), device="raspberry_pi_4"))
    refused = answer(capsys, "measurements", spoilt, code=1)
    assert refused["error"]["code"] == "result_changed"
    assert "changed after it was written" in refused["error"]["message"]
    (found,) = answer(capsys, "measurements", result)["results"]
    assert (found["device"], found["evidence"]) == ("my_box", 1)
    assert found["measurements"][0]["run"] == run
    assert found["trust"][0]["networks"] == 1
    assert answer(capsys, "measurements", result, code=1)["error"]["code"] == "result_known"


def test_a_table_for_a_person(run, tmp_path, capsys, monkeypatch):
    from kd_core.latency import own_networks

    file = conv_file(tmp_path / "c.onnx")
    monkeypatch.setattr(own_networks, "calibration_files", lambda cache, progress: {"c@12": file})
    to = tmp_path / "calibration.zip"
    assert main(["bundle", "--calibration", "--device", "my_box", "--to", str(to)]) == 0
    folder = unzipped(to.read_bytes(), tmp_path / "device")
    assert json.loads((folder / "bundle.json").read_text())["models"][0]["name"] == "c@12"
    capsys.readouterr()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("bundle", "--device", "no_such_thing", "--to", "x.zip"), "own_device_unknown"),
        (("bundle", "--device", "my_box", "--to", "x.zip"), "bundle_empty"),
        (("bundle", "r0000", "--device", "my_box", "--to", "x.zip"), "run_unknown"),
        (("pack", "r0000", "--to", "x.zip"), "run_unknown"),
        (("measurements", "none.json"), "upload_missing"),
    ],
)
def test_what_is_not_there_is_told(run, capsys, arguments, code):
    assert answer(capsys, *arguments, code=1)["error"]["code"] == code


def test_calibration_of_this_machine(home, capsys, monkeypatch):
    from kd_core.latency import own_calibrate

    monkeypatch.setattr(own_calibrate, "calibrate", lambda root, busy, tick, stop: 0)
    assert answer(capsys, "calibrate") == {
        "ok": True, "device": "this_machine", "evidence": 0, "trust": []
    }  # fmt: skip
