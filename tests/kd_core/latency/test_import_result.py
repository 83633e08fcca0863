import json

import pytest

from kd_core.errors import ExportError, UploadError
from kd_core.latency import import_result as module
from kd_core.latency.bundle import Bench, BundleModel, build_bundle
from kd_core.latency.devices import DEVICES
from kd_core.latency.import_result import check_result
from tests.helpers_devices import (
    MACHINE,
    RUN,
    changed,
    conv_file,
    measured,
    result_of,
    sealed,
)
from tests.kd_core.latency.test_bundle_tools import ST_NEW, TRT_NEW


def issue(tmp_path, device="raspberry_pi_4", runtime="onnxruntime", precision=""):
    model = BundleModel(conv_file(tmp_path / "model.onnx"), "small net", "r1", "main")
    return build_bundle([model], Bench(device, runtime, precision), lambda msg: msg.id)[1]


@pytest.fixture
def issued(tmp_path):
    return issue(tmp_path)


@pytest.fixture
def good(issued):
    return result_of(issued, [measured(issued)])


def refused(content, issued, code, device_of=DEVICES._entries.get):
    with pytest.raises(UploadError) as error:
        check_result(content, {issued.bundle: issued}.get, device_of)
    assert error.value.code == code
    return error.value.fields


def test_a_good_result_becomes_measurements_with_their_circumstances(good, issued):
    found, (one,) = check_result(good, {issued.bundle: issued}.get, DEVICES._entries.get)
    assert found == issued
    figure = one.measurement
    assert (figure.target_device, figure.runtime, figure.threads) == (
        "raspberry_pi_4", "onnxruntime", 4
    )  # fmt: skip
    assert (figure.latency_ms_p50, figure.latency_ms_p95, figure.repeats) == (2.0, 2.5, 50)
    assert (figure.cpu, figure.governor, figure.temperature_c) == ("BCM2711", "ondemand", 61.0)
    assert figure.bundle == issued.bundle
    assert figure.parity_max_abs_difference == 0
    assert figure.preprocess_ms_p50 is None  # the device had no Pillow


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{", b"\xff\x00", b"null", b'{"format": "other"}', b"[" * 100_000]
)
def test_what_is_no_result_is_refused(content, issued):
    refused(content, issued, "result_not_json")


def test_size_and_version_are_limited(good, issued, monkeypatch):
    assert refused(sealed(good, issued.key, version=99), issued, "result_newer")["version"] == 99
    monkeypatch.setattr(module, "LARGEST_BYTES", 100)
    refused(good, issued, "result_too_large")


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"extra": 1}, "extra"),
        ({"machine": {**MACHINE, "cores": 0}}, "machine.cores"),
        ({"bundle": "../../etc"}, "bundle"),
        ({"seal": 5}, "seal"),
    ],
)
def test_the_form_is_strict(good, issued, values, field):
    assert field in refused(changed(good, **values), issued, "result_form")["field"]


def test_a_foreign_result_is_refused(good, issued):
    with pytest.raises(UploadError, match="result_foreign"):
        check_result(good, lambda bundle: None)


def test_a_changed_result_is_refused_even_with_another_key(good, issued):
    data = json.loads(good)
    data["results"][0]["runs"][0]["latency_ms_p50"] = 1.9
    refused(json.dumps(data).encode(), issued, "result_changed")
    refused(sealed(good, "00" * 32), issued, "result_changed")


def test_a_result_moved_to_another_device_is_refused(good, issued):
    refused(sealed(good, issued.key, device="raspberry_pi_5"), issued, "result_changed")
    refused(sealed(good, issued.key, runtime="tensorrt"), issued, "result_changed")


def test_changed_scripts_are_refused(good, issued):
    scripts = {**issued.scripts, "bench.py": "0" * 64}
    assert refused(sealed(good, issued.key, scripts=scripts), issued, "result_script") == {
        "name": "bench.py"
    }
    refused(sealed(good, issued.key, scripts={}), issued, "result_script")


def test_a_result_of_another_family_of_processors_is_refused(good, issued):
    pc = {**MACHINE, "machine": "x86_64", "cpu": "EPYC"}
    assert refused(sealed(good, issued.key, machine=pc), issued, "result_machine")["cpu"] == "EPYC"
    check_result(
        sealed(good, issued.key, machine=pc), {issued.bundle: issued}.get
    )  # unknown device


def test_a_model_that_was_not_in_the_bundle_is_refused(issued):
    refused(result_of(issued, [measured(issued, sha256="0" * 64)]), issued, "result_model")


def test_other_answers_are_refused(issued):
    outputs = issued.models[0].to_json()["outputs"]
    outputs[0][0] += 0.5
    fields = refused(
        result_of(issued, [measured(issued, outputs=outputs)]), issued, "result_answers"
    )
    assert fields["gap"] == pytest.approx(0.5)
    refused(result_of(issued, [measured(issued, outputs=outputs[:1])]), issued, "result_answers")
    refused(result_of(issued, [measured(issued, outputs=[])]), issued, "result_answers")


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        ({"latency_ms_p50": 0.0}, "latency_ms_p50"),
        ({"latency_ms_p50": -1.0}, "latency_ms_p50"),
        ({"latency_ms_p50": 1e9, "latency_ms_p95": 1e9}, "latency_ms_p50"),
        ({"latency_ms_p95": 1.9}, "latency_ms_p95"),
        ({"repeats": 4}, "repeats"),
        ({"images_per_s": 5000.0}, "images_per_s"),
        ({"latency_ms_p50": 1e-9, "images_per_s": 1e12}, "latency_ms_p50"),  # 4e13 MAC in 1 ms
    ],
)
def test_figures_that_cannot_be_true_are_refused(issued, wrong, what):
    content = result_of(issued, [measured(issued, runs=[{**RUN, **wrong}])])
    assert refused(content, issued, "result_implausible")["what"] == what


def test_a_result_without_any_figure_says_why(issued):
    failed = [{"sha256": "0" * 64, "error": "no memory"}]
    assert (
        refused(result_of(issued, [], failed=failed), issued, "result_empty")["reason"]
        == "no memory"
    )
    refused(result_of(issued, []), issued, "result_empty")


# --- makers' tools ------------------------------------------------------------------------------


def by_tool(issued, tool, log, rows=1):
    (model,) = issued.models
    outputs = model.to_json()["outputs"][:rows]
    one = {"tool": tool, "log": log, "outputs": outputs, "measured_at": 1000.0}
    return result_of(issued, [{"sha256": model.sha256, **one}])


def test_tensorrt_is_taken_from_the_tools_own_words(tmp_path):
    issued = issue(tmp_path, "jetson_orin_nano", "tensorrt", "fp16")
    _, (one,) = check_result(by_tool(issued, "trtexec", TRT_NEW), {issued.bundle: issued}.get)
    figure = one.measurement
    assert (figure.runtime, figure.precision, figure.runtime_version) == (
        "tensorrt", "fp16", "100300"
    )  # fmt: skip
    assert (figure.latency_ms_p50, figure.latency_ms_p95, figure.cpu) == (1.48, 1.65, "Orin")
    refused(by_tool(issued, "trtexec", TRT_NEW, rows=0), issued, "result_answers")
    refused(by_tool(issued, "stedgeai", ST_NEW), issued, "result_changed")
    with pytest.raises(ExportError, match="tool_log_unreadable"):
        check_result(by_tool(issued, "trtexec", "nothing"), {issued.bundle: issued}.get)


def test_stm32_is_believed_only_with_sts_own_comparison(tmp_path):
    issued = issue(tmp_path, "stm32h747", "stm32cube_ai", "int8")
    content = by_tool(issued, "stedgeai", ST_NEW, rows=0)
    _, (one,) = check_result(content, {issued.bundle: issued}.get, DEVICES._entries.get)
    assert (one.measurement.latency_ms_p50, one.measurement.runtime) == (12.345, "stm32cube_ai")
    far = ST_NEW.replace("0.000351000", "0.900000000")
    assert refused(by_tool(issued, "stedgeai", far, 0), issued, "result_answers")["gap"] == 0.9
    refused(by_tool(issued, "stedgeai", ST_NEW.split("Evaluation")[0], 0), issued, "result_answers")
