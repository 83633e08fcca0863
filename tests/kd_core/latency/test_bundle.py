import io
import json
import zipfile

import numpy as np
import pytest

from kd_core.errors import ExportError
from kd_core.latency import bundle as module
from kd_core.latency.bundle import Bench, BundleModel, build_bundle
from kd_core.latency.golden import golden_pixels
from kd_core.latency.work import Work, work_of
from tests.helpers_devices import conv_file, names_in


def say(msg):
    return f"{msg.id} {dict(msg.params)}"


def build(model, bench, **more):
    content, issued = build_bundle([model], bench, say, **more)
    archive = zipfile.ZipFile(io.BytesIO(content))
    return archive, json.loads(archive.read("bundle.json")), issued


@pytest.fixture
def model(tmp_path):
    return BundleModel(conv_file(tmp_path / "model.onnx"), "small net", run="r1", model="main")


def test_for_onnx_runtime_it_holds_two_scripts_models_and_drawn_pixels(model):
    archive, told, issued = build(model, Bench("raspberry_pi_4"), device_title="Pi 4")
    assert set(archive.namelist()) == {
        "bench.py", "probe.py", "bundle.json", "README.md", "models/01.onnx", "golden/01.npy"
    }  # fmt: skip
    pixels = np.load(io.BytesIO(archive.read("golden/01.npy")))
    assert np.array_equal(pixels, golden_pixels(module.GOLDEN, 12, 3))
    assert told["key"] == issued.key
    assert (told["device"], told["runtime"], told["protocol"]) == (
        "raspberry_pi_4", "onnxruntime", 1
    )  # fmt: skip
    assert (told["warmup"], told["repeats"], told["batches"]) == (10, 50, [1])
    readme = archive.read("README.md").decode()
    assert "Pi 4" in readme
    assert "pack.images.drawn" in readme


def test_what_is_remembered_is_what_was_sent(model):
    _, told, issued = build(model, Bench("raspberry_pi_4", owner="ana"))
    (known,) = issued.models
    assert (issued.owner, known.run, known.model, known.precision) == ("ana", "r1", "main", "fp32")
    assert not known.calibration
    assert np.shape(known.outputs) == (module.GOLDEN, 3)
    assert told["models"][0]["sha256"] == known.sha256
    work = Work.from_json(known.work)
    assert work.macs == known.macs == work_of(model.file).macs == 12 * 12 * 3 * 3 * 9


def test_every_bundle_has_an_id_and_a_key_of_its_own(model):
    first, second = (build(model, Bench("raspberry_pi_4"))[2] for _ in range(2))
    assert first.bundle != second.bundle
    assert first.key != second.key


def test_pixels_of_the_data_set_only_when_handed_over(model, tmp_path):
    own = np.full((2, 3, 12, 12), 7, np.uint8)
    with_images = BundleModel(model.file, "small", pixels=own)
    archive, _, _ = build(with_images, Bench("raspberry_pi_4"))
    assert np.array_equal(np.load(io.BytesIO(archive.read("golden/01.npy"))), own)
    assert "pack.images.own" in archive.read("README.md").decode()


@pytest.mark.parametrize(
    ("runtime", "precision", "line"),
    [
        ("tensorrt", "fp16", "trtexec --onnx=models/01.onnx --shapes=images:1x3x12x12 --fp16"),
        ("stm32cube_ai", "int8", "stedgeai validate --model models/01.onnx"),
    ],
)
def test_for_a_makers_tool_it_holds_command_lines_and_normalised_inputs(
    model, runtime, precision, line
):
    archive, told, issued = build(model, Bench("d", runtime, precision))
    assert line in archive.read("run.sh").decode()
    assert "collect.py" in archive.namelist()
    assert "bench.py" not in archive.namelist()
    images = np.load(io.BytesIO(archive.read("golden/01.npy")))
    assert images.dtype == np.float32
    first = np.frombuffer(archive.read("golden/01.bin"), np.float32).reshape(1, 3, 12, 12)
    assert np.array_equal(first, images[:1])
    assert images == pytest.approx(
        (golden_pixels(module.GOLDEN, 12, 3) / 255 - 0.4) / 0.2, abs=1e-5
    )
    assert issued.models[0].precision == precision
    assert told["models"][0]["log"].startswith("out/01")


def test_what_cannot_be_bundled_is_refused(model, monkeypatch):
    with pytest.raises(ExportError, match="bundle_runtime"):
        build_bundle([model], Bench("d", "ncnn"), say)
    with pytest.raises(ExportError, match="bundle_empty"):
        build_bundle([], Bench("d"), say)
    monkeypatch.setattr(module, "LARGEST_BYTES", 10)
    with pytest.raises(ExportError, match="bundle_too_large"):
        build_bundle([model], Bench("d"), say)


def test_a_network_that_the_estimator_cannot_read_is_measured_all_the_same(model, monkeypatch):
    def refuse(content):
        raise ExportError("estimate_shapes")

    monkeypatch.setattr(module, "work_of", refuse)
    _, _, issued = build(model, Bench("d"))
    assert issued.models[0].work == {}
    assert issued.models[0].macs is None


def test_several_models_have_files_of_their_own(model, tmp_path):
    other = BundleModel(conv_file(tmp_path / "other.onnx", seed=1), "other")
    content, issued = build_bundle([model, other, model], Bench("d"), say)
    assert len(issued.models) == 2  # the same file once
    assert {"models/01.onnx", "models/02.onnx"} <= set(names_in(content))
    assert len({known.sha256 for known in issued.models}) == 2


def test_a_bundle_for_a_gpu_tells_the_scripts_to_use_it(model):
    _, told, issued = build(model, Bench("nvidia_t4", gpu=True))
    assert (told["gpu"], told["threads"]) == (True, [1])
    on_cpu = build(model, Bench("raspberry_pi_4"))
    assert on_cpu[1]["gpu"] is False
    # a GPU adds in another order
    assert issued.models[0].tolerance > on_cpu[2].models[0].tolerance
