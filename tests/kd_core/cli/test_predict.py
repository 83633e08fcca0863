import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image

from kd_core.cli import main
from kd_core.cli.predict import top
from kd_core.export.contract import FileContract
from kd_core.study import devices
from kd_core.study.records import RECORD, write_json
from kd_core.study.store import Store
from kd_core.study.submit import submit
from tests.helpers_jobs import run_all, study

CLASSES = ("red", "green", "blue")
SCALE = 10.0


def colour_model(path, classes=CLASSES, task="classification", **point):
    """An ONNX file whose logits are ten times the mean of each channel, one a class."""
    contract = FileContract(
        classes=classes, mean=(0, 0, 0), std=(1, 1, 1), size=8, channels=3, task=task, **point
    )
    nodes = [
        helper.make_node("ReduceMean", ["images", "axes"], ["means"], keepdims=0),
        helper.make_node("Mul", ["means", "scale"], ["all"]),
        helper.make_node("Slice", ["all", "from", "to", "axis"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 3, 8, 8])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", len(classes)])],
        [
            helper.make_tensor("from", TensorProto.INT64, [1], [0]),
            helper.make_tensor("to", TensorProto.INT64, [1], [len(classes)]),
            helper.make_tensor("axis", TensorProto.INT64, [1], [1]),
            helper.make_tensor("axes", TensorProto.INT64, [2], [2, 3]),
            helper.make_tensor("scale", TensorProto.FLOAT, [], [SCALE]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    helper.set_model_props(model, contract.to_metadata())
    onnx.save(model, path)


@pytest.fixture
def run():
    """A finished run whose model tells colours apart."""
    store = Store()
    submit(store, study(0), "ana")
    run_id = run_all(store)[-1]
    colour_model(store.home.run(run_id) / "models" / "main" / "model.onnx")
    return run_id


def paint(path, colour):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (20, 12), colour).save(path)
    return path


def answer(capsys, *arguments, code=0):
    assert main(["predict", *map(str, arguments), "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_probabilities_are_those_of_the_file(run, tmp_path, capsys):
    told = answer(capsys, run, paint(tmp_path / "x.png", (255, 51, 0)))
    logits = SCALE * np.array([1.0, 0.2, 0.0])
    expected = np.exp(logits) / np.exp(logits).sum()
    (image,) = told["images"]
    got = [image["probabilities"][name] for name in CLASSES]
    np.testing.assert_allclose(got, expected, rtol=1e-5)
    assert told["by_folder"] == {}
    assert told["classes"] == list(CLASSES)


def test_the_files_own_operating_point_is_used(run, tmp_path, capsys):
    file = Store().home.run(run) / "models" / "main" / "model.onnx"
    colour_model(
        file, ("red", "green"), threshold=0.9, calibration={"method": "temperature", "T": 4}
    )
    told = answer(capsys, run, paint(tmp_path / "x.png", (102, 255, 0)))
    (image,) = told["images"]
    green = 1 / (1 + np.exp(-SCALE * 0.6 / 4))
    assert image["probabilities"]["green"] == pytest.approx(green, rel=1e-5)
    assert (image["answer"], top(image)[0]) == ("red", "green")  # 0.82 is below its threshold


def test_accuracy_where_folder_names_are_classes(run, tmp_path, capsys):
    paint(tmp_path / "set" / "red" / "1.png", (250, 0, 0))
    paint(tmp_path / "set" / "red" / "2.png", (0, 250, 0))  # wrong on purpose
    paint(tmp_path / "set" / "blue" / "3.png", (0, 0, 250))
    paint(tmp_path / "set" / "unsorted" / "4.png", (0, 0, 250))
    told = answer(capsys, run, tmp_path / "set")
    assert told["by_folder"] == {"n": 3, "accuracy": pytest.approx(2 / 3)}
    assert len(told["images"]) == 4
    assert main(["predict", run, str(tmp_path / "set")]) == 0
    out = capsys.readouterr()
    assert "0.667 on 3 images" in out.out
    assert "red/1.png" in out.out
    assert "no diagnosis" in out.err


def test_more_images_than_one_batch(run, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("kd_core.cli.predict.BATCH", 2)
    files = [paint(tmp_path / f"{i}.png", (i * 50, 255 - i * 50, 0)) for i in range(5)]
    told = answer(capsys, run, *files)
    assert [image["file"] for image in told["images"]] == [str(file) for file in files]
    assert [top(image)[0] for image in told["images"]] == ["green"] * 3 + ["red"] * 2


def test_grey_images_are_fed_as_the_model_expects(run, tmp_path, capsys):
    Image.new("L", (9, 9), 100).save(tmp_path / "grey.png")
    told = answer(capsys, run, tmp_path / "grey.png")
    assert list(told["images"][0]["probabilities"].values()) == pytest.approx([1 / 3] * 3)


def test_what_is_no_image_is_left_out_and_listed(run, tmp_path, capsys):
    (tmp_path / "text.png").write_text("not an image")
    good = paint(tmp_path / "good.png", (255, 0, 0))
    told = answer(capsys, run, tmp_path / "text.png", good)
    assert len(told["images"]) == 1
    assert [item["file"] for item in told["unreadable"]] == [str(tmp_path / "text.png")]


def test_several_labels_have_probabilities_of_their_own(run, tmp_path, capsys):
    store = Store()
    colour_model(store.home.run(run) / "models" / "main" / "model.onnx", task="multilabel")
    told = answer(capsys, run, paint(tmp_path / "red" / "x.png", (255, 0, 0)))
    probabilities = told["images"][0]["probabilities"]
    assert probabilities["red"] == pytest.approx(1 / (1 + np.exp(-SCALE)))
    assert probabilities["blue"] == pytest.approx(0.5)
    assert told["by_folder"] == {}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["nowhere.png"], "path_missing"),
        (["empty"], "images_missing"),
        (["x.png", "--model", "pruned"], "model_unknown"),
    ],
)
def test_what_cannot_be_done_is_said(run, tmp_path, capsys, monkeypatch, arguments, code):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    paint(tmp_path / "x.png", (1, 2, 3))
    assert answer(capsys, run, *arguments, code=1)["error"]["code"] == code


def test_a_run_must_be_finished(tmp_path, capsys):
    store = Store()
    submit(store, study(0), "ana")
    told = answer(capsys, store.runs()[0].id, paint(tmp_path / "x.png", (1, 2, 3)), code=1)
    assert told["error"]["code"] == "run_unfinished"


def test_the_student_answers_whatever_the_run_leaves_beside_it(run, tmp_path, capsys):
    store = Store()
    record = store.record(run)
    folder = store.home.run(run)
    names = ("model", "peer-1")  # a student and who learnt with it
    for name, classes in zip(names, (CLASSES, CLASSES[::-1]), strict=True):
        (folder / "models" / name).mkdir()
        colour_model(folder / "models" / name / "model.onnx", classes)
    models = tuple(record.models[0].change(name=name) for name in names)
    write_json(folder / RECORD, record.change(models=models).to_json())
    told = answer(capsys, run, paint(tmp_path / "red" / "x.png", (255, 0, 0)))
    assert told["model"] == "model"
    assert devices._model_name(store.record(run), None) == "model"


def test_a_run_that_makes_no_model_is_told(run, tmp_path, capsys):
    store = Store()
    empty = store.record(run).change(models=())
    write_json(store.home.run(run) / RECORD, empty.to_json())
    told = answer(capsys, run, paint(tmp_path / "x.png", (1, 2, 3)), code=1)
    assert told["error"]["code"] == "model_missing"
