import json
import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from kd_core.data.doctor import CHECKS, SEVERITIES, Exam, Finding, SourceFacts, examine
from kd_core.data.doctor.exam import CheckSpec
from kd_core.errors import ConfigError
from kd_core.registry import Registry
from tests.helpers_data import tiny_data
from tests.kd_core.data.doctor.conftest import make_data, make_part, readable

REAL = os.environ.get("KDLAB_REAL_DATA", "")


@pytest.mark.parametrize("task", ["classification", "multilabel"])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_check_runs_on_every_kind_of_data(task, channels):
    steps = []
    findings = examine(
        tiny_data(task, channels=channels),
        SourceFacts({"a.png": "image_broken"}),
        progress=lambda *step: steps.append(step),
    )
    assert steps == [(i, len(CHECKS)) for i in range(len(CHECKS) + 1)]
    assert len(findings) >= len(CHECKS)
    order = [SEVERITIES.index(finding.severity) for finding in findings]
    assert order == sorted(order)
    for finding in findings:
        json.dumps(readable(finding).to_json(), allow_nan=False)


def test_the_same_seed_gives_the_same_findings():
    data = tiny_data(n=60)
    assert examine(data) == examine(data)


def test_an_external_set_has_only_a_test_part():
    data = tiny_data()
    external = make_data({"test": data.parts["test"]}, data.classes)
    codes = {finding.code for finding in examine(external)}
    assert "test_small" in codes
    assert not codes & {"shortcut_ok", "labels_ok", "patients_ok", "duplicates_ok"}


def test_an_empty_part_is_no_part():
    data = tiny_data()
    empty = make_part(np.zeros((0, 3, 16, 16)), np.zeros(0, np.int64))
    exam = Exam(make_data({**data.parts, "val": empty}, data.classes))
    assert list(exam.parts) == ["train", "test"]
    assert examine(exam.data)


def test_only_some_checks():
    assert [f.code for f in examine(tiny_data(), only=["unreadable"])] == ["unreadable_ok"]
    with pytest.raises(ConfigError) as caught:
        examine(tiny_data(), only=["unredable"])
    assert caught.value.fields["near"] == ["unreadable"]


def test_a_check_is_one_entry(monkeypatch):
    checks = Registry("check")
    checks.add("mine", CheckSpec(fn=lambda exam: [Finding("mine", "ok", {"seed": exam.seed})]))
    monkeypatch.setattr(sys.modules["kd_core.data.doctor.exam"], "CHECKS", checks)
    assert examine(tiny_data(), seed=3) == [Finding("mine", "ok", {"seed": 3})]


def test_labels_are_a_matrix_for_every_task():
    exam = Exam(tiny_data(n=6))
    np.testing.assert_array_equal(exam.labels("train"), np.eye(3)[[0, 1, 2, 0, 1, 2]])
    multi = tiny_data("multilabel")
    assert Exam(multi).labels("train").shape == (48, 3)


def test_a_large_part_is_sampled(monkeypatch):
    monkeypatch.setattr(sys.modules["kd_core.data.doctor.exam"], "_PROBE_IMAGES", 40)
    exam = Exam(tiny_data(n=100))
    assert exam.frame.images == 40
    assert len(set(exam._sample("train", 40).tolist())) == 40


@pytest.mark.skipif(not REAL, reason="KDLAB_REAL_DATA is not set")
@pytest.mark.parametrize(
    ("name", "severity", "low", "high"),
    [("covid_cxr", "alarm", 0.97, 1.0), ("malaria_cells", "ok", 0.6, 0.72)],
)
def test_the_shortcut_probe_on_real_images(name, severity, low, high):
    (finding,) = examine(real_folder(Path(REAL) / name), only=["shortcut"])
    assert finding.severity == severity
    assert low < finding.evidence["auc"] < high
    if severity == "alarm":
        assert finding.evidence["class_name"] == "covid"


@pytest.mark.skipif(not REAL, reason="KDLAB_REAL_DATA is not set")
def test_the_whole_examination_of_real_images_is_quick_and_calm():
    start = time.perf_counter()
    findings = examine(real_folder(Path(REAL) / "malaria_cells"))
    assert time.perf_counter() - start < 60
    assert {finding.code for finding in findings if finding.severity != "ok"} <= {
        "test_limited",
        "patients_unknown",
    }


def real_folder(root, size=64):
    """An image folder with parts, read by Pillow alone."""
    from PIL import Image

    classes = tuple(sorted(p.name for p in (root / "train").iterdir()))
    parts = {}
    for part in ("train", "val", "test"):
        paths = [(k, p) for k, c in enumerate(classes) for p in sorted((root / part / c).iterdir())]
        pixels = []
        for _, path in paths:
            with Image.open(path) as image:
                array = np.asarray(image.resize((size, size), Image.Resampling.BILINEAR))
            pixels.append(array.reshape(size, size, -1).transpose(2, 0, 1))
        parts[part] = make_part(np.stack(pixels), np.array([k for k, _ in paths]), part)
    return make_data(parts, classes)
