import io
import json

import numpy as np
import pytest
from PIL import Image

from kd_core.data.images import prepare_image, read_image
from kd_core.data.windows import Window
from kd_core.evaluate.decide import calibrated_logits, decided, to_probabilities
from kd_core.latency import pack_predict
from kd_core.latency.golden import drawn, golden_images
from kd_core.latency.pack import PackSource, build_pack
from tests.helpers_devices import conv_file, run_script, unzipped

WINDOWS = [Window(), Window(kind="full"), Window(kind="fixed", low=2000, high=20000)]


@pytest.fixture
def make(tmp_path):
    def pack(**contract):
        file = conv_file(tmp_path / "model.onnx", **contract)
        return unzipped(build_pack(PackSource(file, "small"), lambda msg: msg.id), tmp_path / "p")

    return pack


@pytest.mark.parametrize("window", WINDOWS, ids=lambda window: window.kind)
@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_are_those_of_the_dashboard(window, channels):
    for name, data in golden_images().items():
        ours = prepare_image(read_image(data, window), 12, channels)
        theirs = pack_predict.resize(pack_predict.read_image(data, window.to_json()), 12, channels)
        assert np.array_equal(ours, theirs), name


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I", "F", "I;16"])
def test_every_mode_is_read_as_the_dashboard_reads_it(mode):
    grey = drawn(33, 21).mean(2)
    if mode in ("I", "F", "I;16"):
        kinds = {"I": np.int32, "F": np.float32, "I;16": np.uint16}
        image = Image.fromarray((grey * 99).astype(kinds[mode]))
    else:
        image = Image.fromarray(drawn(33, 21)).convert(mode)
    buffer = io.BytesIO()
    image.save(buffer, "TIFF")
    data = buffer.getvalue()
    ours = read_image(data, Window())
    assert np.array_equal(ours, pack_predict.read_image(data, Window().to_json()))


def test_colour_with_many_bits_is_refused_as_on_the_dashboard():
    import imagecodecs

    deep = imagecodecs.png_encode((drawn(9, 9).astype(np.uint16)) * 200)
    with pytest.raises(SystemExit, match="more than 8 bits"):
        pack_predict.read_image(deep, Window().to_json())


def test_check_succeeds_here_and_needs_nothing_of_ours(make):
    done = run_script(make(), "predict.py", "--check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "9 of 9" in done.stdout
    assert done.stderr.splitlines()[-1] == "[]"


def test_check_finds_another_resize(make):
    folder = make()
    script = folder / "predict.py"
    text = script.read_text()
    assert "Resampling.BILINEAR" in text
    script.write_text(text.replace("Resampling.BILINEAR", "Resampling.NEAREST"))
    done = run_script(folder, "predict.py", "--check")
    assert done.returncode == 1
    assert "WRONG" in done.stdout


def test_check_finds_another_model(make, tmp_path):
    folder = make()
    conv_file(folder / "model.onnx", seed=5)
    done = run_script(folder, "predict.py", "--check")
    assert done.returncode != 0
    assert "not the file" in done.stderr


def test_calibration_changes_how_sure_it_is_and_not_what_it_says(make):
    folder = make(calibration={"method": "temperature", "T": 4.0})
    done = run_script(folder, "predict.py", "--json", "golden/photo.jpg")
    (answer,) = json.loads(done.stdout)
    plain, soft = answer["probabilities"], answer["calibrated"]
    assert max(soft, key=soft.get) == max(plain, key=plain.get) == answer["answer"][0]
    assert max(soft.values()) < max(plain.values())
    logits = np.log(list(plain.values()))
    expected = np.exp(logits / 4) / np.exp(logits / 4).sum()
    assert list(soft.values()) == pytest.approx(expected, abs=1e-5)


def test_labels_have_thresholds(make):
    folder = make(task="multilabel", threshold=(0.0, 1.1, 0.0))
    done = run_script(folder, "predict.py", "--json", "golden/photo.jpg")
    (answer,) = json.loads(done.stdout)
    assert answer["answer"] == ["red", "blue"]


@pytest.mark.parametrize("task", ["classification", "multilabel"])
def test_a_platt_line_and_a_threshold_are_those_of_the_dashboard(make, task):
    model = pack_predict.Model(make())
    several = task == "multilabel"
    a, b, cut = ([1.5, 0.5], [-0.7, 0.2], [0.9, 0.6]) if several else (1.5, -0.7, 0.8)
    calibration = {"method": "platt", "a": a, "b": b}
    changes = {"task": task, "classes": ["x", "y"], "calibration": calibration, "threshold": cut}
    model.pack = {**model.pack, **changes}
    logits = np.array([0.2, 1.9])
    ours = to_probabilities(calibrated_logits(logits[None], task, calibration), task)
    theirs = pack_predict.to_probabilities(model.calibrated(logits), task)
    np.testing.assert_allclose(theirs, ours[0])
    said = decided(ours, task, cut)[0]
    names = [n for n, there in zip("xy", said, strict=True) if there] if several else ["xy"[said]]
    assert model.decide(theirs) == names
