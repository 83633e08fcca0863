import json

import numpy as np
import pytest

from kd_core.config import ModelSettings
from kd_core.export.onnx_export import trace_onnx
from kd_core.latency.work import work_of
from kd_core.models import MODELS, build_model
from kd_core.models.profile import profile
from kd_core.study import designer
from kd_core.study.designer import Request, designs, networks, ready, resized, start

TINY = ModelSettings(name="tiny_cnn", params={"width": 4, "depth": 1, "block": "separable"})


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(designer, "networks", lambda families: [TINY])


def test_every_student_family_is_there_and_widths_are_legal() -> None:
    found = networks()
    students = {name for name, entry in MODELS.items() if "student" in entry.roles}
    assert {model.name for model in found} == students
    for model in found:
        MODELS[model.name].check(model.params)
    assert len({m.params["width"] for m in networks(("tiny_cnn",))}) >= 4


def test_one_graph_serves_all_sizes_that_share_its_first_layers() -> None:
    network = build_model(TINY, 2, channels=3, size=96, seed=0).eval()
    traced = trace_onnx(network, np.zeros((1, 3, 96, 96), np.float32))
    for size in (64, 96):
        assert work_of(resized(traced, size)).macs == profile(network, 3, size).macs


def test_designs_are_found_and_kept(few, tmp_path, monkeypatch) -> None:
    request = Request(home=str(tmp_path), outputs=2, sizes=(28, 64, 96))
    assert not ready(request)
    seen = []
    first = designs(request, lambda done, n: seen.append((done, n)))
    assert [d.size for d in first] == [28, 64, 96]
    assert seen == [(1, 2), (2, 2)]  # 28 px has other first layers
    assert first[1].work.macs < first[2].work.macs
    assert ready(request)
    monkeypatch.setattr(designer, "build_model", None)
    assert designs(request) == first


def test_what_cannot_be_built_is_left_out_and_not_tried_again(few, tmp_path, monkeypatch) -> None:
    from kd_core.errors import ModelError

    def refuse(*_, **__):
        raise ModelError("size_too_small", model="x", size=1, smallest=2)

    monkeypatch.setattr(designer, "build_model", refuse)
    request = Request(home=str(tmp_path), sizes=(64,))
    assert designs(request) == []
    assert ready(request)


def test_the_process_reports_how_far_it_is(tmp_path) -> None:
    request = Request(home=str(tmp_path), sizes=(64,), families=("squeezenet1_1",))
    with start(request) as process:
        lines = [json.loads(line) for line in process.stdout]
    assert process.returncode == 0
    assert lines[-1] == {"done": 1, "total": 1}
    assert ready(request)
