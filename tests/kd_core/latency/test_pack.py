import io
import json
import zipfile

import pytest

from kd_core.data.windows import Window
from kd_core.errors import ExportError
from kd_core.latency.golden import golden_images
from kd_core.latency.pack import PackSource, build_pack, zip_of
from tests.helpers_devices import CLASSES, conv_file, names_in


def say(msg):
    return f"{msg.id} {dict(msg.params)}"


def read(content, name):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.read(name)


@pytest.fixture
def file(tmp_path):
    return conv_file(tmp_path / "model.onnx", threshold=0.3)


def test_a_pack_holds_all_that_a_prediction_needs(file):
    content = build_pack(PackSource(file, "small", "r1", Window(kind="full")), say)
    assert {"README.md", "predict.py", "model.onnx", "pack.json"} < set(names_in(content))
    assert read(content, "model.onnx") == file.read_bytes()
    assert read(content, "labels.txt").decode().split() == list(CLASSES)
    pack = json.loads(read(content, "pack.json"))
    assert (pack["size"], pack["channels"], pack["threshold"]) == (12, 3, 0.3)
    assert pack["window"]["kind"] == "full"
    assert pack["calibration"] is None
    assert "pack.readme" in read(content, "README.md").decode()


def test_calibration_of_the_caller_comes_before_the_files_own(tmp_path):
    own = {"method": "temperature", "T": 2.0}
    path = conv_file(tmp_path / "own.onnx", calibration=own)
    pack = json.loads(read(build_pack(PackSource(path, "x"), say), "pack.json"))
    assert pack["calibration"] == own
    better = {"method": "temperature", "T": 3.0}
    pack = json.loads(read(build_pack(PackSource(path, "x", calibration=better), say), "pack.json"))
    assert pack["calibration"] == better


def test_only_drawn_images_are_inside_unless_others_are_handed_over(file):
    drawn = {f"golden/{name}" for name in golden_images()}
    content = build_pack(PackSource(file, "small"), say)
    golden = {name for name in names_in(content) if name.startswith("golden/")}
    assert golden == drawn | {"golden/expected.json", "golden/pixels.npz"}
    for name in drawn:
        assert read(content, name) == golden_images()[name.removeprefix("golden/")]
    assert "pack.images.drawn" in read(content, "README.md").decode()
    own = {"val_1.png": golden_images()["tiny.png"]}
    with_images = build_pack(PackSource(file, "small", images=own), say)
    assert "golden/val_1.png" in names_in(with_images)
    assert "pack.images.own" in read(with_images, "README.md").decode()


def test_a_window_that_only_dicom_has_gets_no_deep_image(file):
    content = build_pack(PackSource(file, "x", window=Window(kind="stored")), say)
    assert "golden/deep.png" not in names_in(content)


def test_a_file_that_says_nothing_of_itself_is_refused(tmp_path):
    with pytest.raises(ExportError, match="file_missing"):
        build_pack(PackSource(tmp_path / "none.onnx", "x"), say)


def test_equal_files_give_equal_zips():
    assert zip_of({"a": b"1", "b": b"2"}) == zip_of({"a": b"1", "b": b"2"})
