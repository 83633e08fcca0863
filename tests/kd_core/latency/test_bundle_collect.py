import json

import pytest

from kd_core.latency import bundle_collect
from kd_core.latency.bundle import Bench, BundleModel, build_bundle
from kd_core.latency.bundle_records import ResultFile, seal_of
from tests.helpers_devices import conv_file, run_script, unzipped
from tests.kd_core.latency.test_bundle_tools import TRT_NEW


@pytest.fixture
def bundle(tmp_path):
    model = BundleModel(conv_file(tmp_path / "model.onnx"), "small net")
    bench = Bench("jetson_orin_nano", "tensorrt", "fp16")
    content, issued = build_bundle([model], bench, lambda msg: msg.id)
    return unzipped(content, tmp_path / "device"), issued


def test_the_tools_words_and_answers_go_into_one_sealed_file(bundle):
    folder, issued = bundle
    (folder / "out").mkdir()
    (folder / "out" / "01.log").write_text(TRT_NEW)
    answers = [{"name": "logits", "dimensions": "1x3", "values": [1.0, 2.0, 3.0]}]
    (folder / "out" / "01.json").write_text(json.dumps(answers))
    done = run_script(folder, "collect.py")
    assert done.returncode == 0, done.stdout + done.stderr
    data = json.loads((folder / "result.json").read_text())
    result = ResultFile.from_json(data)
    assert result.seal == seal_of(data, issued.key)
    assert result.scripts == issued.scripts
    (one,) = result.results
    assert one.tool == "trtexec"
    assert "median = 1.48 ms" in one.log
    assert one.outputs == ((1.0, 2.0, 3.0),)


def test_a_tool_that_wrote_nothing_is_told(bundle):
    folder, _ = bundle
    done = run_script(folder, "collect.py")
    assert done.returncode == 1
    data = json.loads((folder / "result.json").read_text())
    assert (data["results"], len(data["failed"])) == ([], 1)


def test_a_long_log_keeps_its_ends(bundle, monkeypatch):
    folder, _ = bundle
    (folder / "out").mkdir()
    lines = [f"line {number}" for number in range(5000)]
    (folder / "out" / "01.log").write_text("\n".join(lines))
    monkeypatch.setattr(bundle_collect, "HERE", folder)
    model = json.loads((folder / "bundle.json").read_text())["models"][0]
    kept = bundle_collect.output_of(model)["log"].splitlines()
    assert (kept[0], kept[-1]) == ("line 0", "line 4999")
    assert len(kept) < 1000
